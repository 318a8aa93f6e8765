package main

import (
	"context"
	"errors"
	"fmt"
	"os/exec"
	"path/filepath"
	"time"

	"github.com/open-destinations/destinations/e2e/harness"
	"github.com/open-destinations/destinations/e2e/stage"
	"github.com/open-destinations/destinations/e2e/traffic"
)

const (
	backlogEventBytes = 1000
	backlogPrefixes   = 100
	backlogClients    = 8

	// What a start with a backlog is held to.
	backlogReady = 2 * time.Second
	backlogMBs   = 150
)

// backlogParams says how much there is to replay.
type backlogParams struct {
	mib int // of payload
}

func backlogDefaults() backlogParams { return backlogParams{mib: 5 << 10} }

// backlogResult is the line of backlog.
type backlogResult struct {
	Bench string `json:"bench"`
	// PayloadMiB is what was acknowledged while S3 was away.
	PayloadMiB float64 `json:"payload_mib"`
	// ReadyS is from the start of the process until /readyz says that it is ready.
	ReadyS float64 `json:"ready_s"`
	// ReplayMBs is payload, MB (10^6) a second, from the start of the process to the
	// last object in the bucket.
	ReplayMBs    float64 `json:"replay_mb_s"`
	CPUPerGB     float64 `json:"cpu_s_per_gb"`
	RSSMiB       float64 `json:"rss_mib"`
	Objects      int     `json:"objects"`
	Acknowledged uint64  `json:"acknowledged"`
	Lost         uint64  `json:"lost"`
	Duplicated   uint64  `json:"duplicated"`
}

// backlog fills the journal, kills the service, and starts it anew.
func backlog(ctx context.Context, t *trial, p backlogParams) (err error) {
	if p.mib < 1 {
		return fmt.Errorf("--mib: %d, must be at least 1", p.mib)
	}
	s, err := t.open(ctx, stage.Params{Buckets: []string{"bench"}, Direct: true, Args: []string{
		// Large enough for a whole backlog not to be parked.
		"--window", "30s", "--journal-quota", fmt.Sprintf("%dMiB", 5*p.mib+1024),
	}})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	s.Back.Refuse()
	if err := fill(ctx, s, uint64(p.mib)<<20); err != nil {
		return err
	}
	s.Service.Kill()
	// From the disk, as after an outage of the machine.
	if err := forgetFiles(ctx, filepath.Join(s.DataDir(), "*", "*.seg")); err != nil {
		return err
	}
	s.Back.Pass()
	say("starting the service again")
	began := time.Now()
	if err := s.LaunchReady(ctx); err != nil {
		return err
	}
	return backlogVerdict(ctx, s, began, time.Since(began))
}

// fill sends until so many bytes of payload are acknowledged.
func fill(ctx context.Context, s *stage.Stage, payload uint64) error {
	made := traffic.NewCorpus(stage.Spread(backlogPrefixes, "bench"), backlogEventBytes, backlogEventBytes)
	for range backlogClients {
		_, err := s.Join(traffic.Params{Corpus: made, Stream: true, RequestEvents: 250, Outstanding: 32})
		if err != nil {
			return err
		}
	}
	say("filling the journal with %d MiB while S3 is away", payload>>20)
	for s.Progress()*backlogEventBytes < payload {
		if _, err := s.Watch(ctx, 100*time.Millisecond); err != nil {
			return err
		}
	}
	return s.Drain(ctx)
}

// forgetFiles has the kernel forget what it holds of files in memory.
func forgetFiles(ctx context.Context, pattern string) error {
	files, err := filepath.Glob(pattern)
	if err != nil {
		return err
	}
	for _, f := range files {
		out, err := exec.CommandContext(ctx, "dd", "of="+f, "oflag=nocache", "conv=notrunc,fdatasync", "count=0").CombinedOutput()
		if err != nil {
			return fmt.Errorf("have %s forgotten: %w: %s", f, err, out)
		}
	}
	return nil
}

// backlogVerdict waits for everything, and prints the line.
func backlogVerdict(ctx context.Context, s *stage.Stage, began time.Time, ready time.Duration) error {
	meter, err := harness.StartMeter(s.Service.PID())
	if err != nil {
		return err
	}
	defer meter.Stop()
	if err := s.Flush(ctx); err != nil {
		return err
	}
	// Reading back takes the CPU that it delivers with.
	if err := s.Idle(ctx); err != nil {
		return err
	}
	_ = meter.Stop()
	tally, err := s.ReadBack(ctx, traffic.TallyParams{Buckets: []string{"bench"}, Clients: s.Clients, Order: true})
	if err != nil {
		return err
	}
	if err := s.Finish(ctx, tally); err != nil {
		return err
	}
	r, usage := tally.Result(), meter.Until(time.Now())
	payload := float64(r.Acknowledged) * backlogEventBytes
	line := backlogResult{
		Bench: "backlog", PayloadMiB: mib(int64(payload)), ReadyS: round(ready.Seconds(), 2),
		ReplayMBs: round(payload/1e6/r.Last.Sub(began).Seconds(), 1), CPUPerGB: round(usage.CPU.Seconds()/(payload/1e9), 2),
		RSSMiB: mib(usage.PeakRSS), Objects: r.Objects, Acknowledged: r.Acknowledged, Lost: r.Lost, Duplicated: r.Duplicated,
	}
	err = errors.Join(printLine(line), tally.Check())
	if ready > backlogReady {
		err = errors.Join(err, fmt.Errorf("the service was ready after %v, later than %v", ready.Round(time.Millisecond), backlogReady))
	}
	if line.ReplayMBs < backlogMBs {
		err = errors.Join(err, fmt.Errorf("the backlog was delivered at %v MB/s, less than %d", line.ReplayMBs, backlogMBs))
	}
	return err
}
