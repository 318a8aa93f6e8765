package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"slices"
	"time"

	"github.com/open-destinations/destinations/e2e/harness"
	"github.com/open-destinations/destinations/e2e/stage"
	"github.com/open-destinations/destinations/e2e/traffic"
)

const (
	// Events of trials are of this size.
	trialEventBytes = 400

	// restMiB is what the service may use beside its --memory.
	restMiB = 128
)

// trial is a run in which something is broken.
type trial struct {
	name   string
	seed   uint64
	folder *folder
	bins   harness.Binaries
}

// run builds, plays, and cleans up unless something is wrong.
func (t *trial) run(ctx context.Context, play func(context.Context, *trial) error) (err error) {
	if t.folder, err = openFolder(); err != nil {
		return err
	}
	defer t.folder.close()
	sayMachine(t.folder)
	say("seed %d", t.seed)
	if t.bins, err = harness.Build(ctx, t.folder.root, t.folder.bin(), func(step string) { say("%s", step) }); err != nil {
		return err
	}
	err = play(ctx, t)
	switch {
	case ctx.Err() != nil:
		return errors.New("interrupted")
	case err != nil:
		return fmt.Errorf("%s: %w\n(journal, objects and logs are left in %s)", t.name, err, t.folder.path)
	}
	return t.folder.clear()
}

// open clears the folder and sets the stage in it. The service is started with args,
// and is ready.
func (t *trial) open(ctx context.Context, p stage.Params) (*stage.Stage, error) {
	if err := t.folder.clear(); err != nil {
		return nil, err
	}
	if err := os.Mkdir(t.folder.stage(), 0o755); err != nil {
		return nil, fmt.Errorf("make the stage's folder: %w", err)
	}
	p.Dir, p.Bins, p.Seed = t.folder.stage(), t.bins, t.seed
	s, err := stage.Open(ctx, p)
	if err != nil {
		return nil, err
	}
	if err := s.LaunchReady(ctx); err != nil {
		return nil, errors.Join(err, s.Close())
	}
	return s, nil
}

// sums is what clients did together.
type sums struct {
	acknowledged, again uint64
	rejected            map[string]uint64
	ends                map[traffic.End]uint64
	latencies           []time.Duration // sorted
}

// sumOf adds up clients that have ended.
func sumOf(clients []*traffic.Client) sums {
	s := sums{rejected: map[string]uint64{}, ends: map[traffic.End]uint64{}}
	for _, c := range clients {
		stats := c.Stats()
		s.acknowledged += c.Acknowledged()
		s.again += stats.AcceptedAgain
		s.latencies = append(s.latencies, stats.Latencies...)
		for code, n := range stats.Rejected {
			s.rejected[code] += n
		}
		for end, n := range stats.Ends {
			s.ends[end] += n
		}
	}
	slices.Sort(s.latencies)
	return s
}

// ms is a part of the latencies for a line.
func (s sums) ms(part float64) float64 { return round(percentile(s.latencies, part).Seconds()*1e3, 2) }

// mib is bytes for a line.
func mib(bytes int64) float64 { return round(float64(bytes)/(1<<20), 1) }

// printLine prints a line of JSON.
func printLine(line any) error {
	b, err := json.Marshal(line)
	if err != nil {
		return fmt.Errorf("encode the result: %w", err)
	}
	_, err = fmt.Printf("%s\n", b)
	return err
}
