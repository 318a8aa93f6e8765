package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/open-destinations/destinations/e2e/harness"
	"github.com/open-destinations/destinations/e2e/stage"
	"github.com/open-destinations/destinations/e2e/traffic"
)

const (
	outageClients  = 4
	outageRequests = 100 // events in a request

	// What a run is held to.
	freshWithin   = time.Minute
	mostSilence   = 10 * time.Second
	memoryForRest = 128 // MiB above --memory

	// An event whose object appears later than this behind its window is late.
	onTime = 5 * time.Second
)

// outageParams says what the command line asks for.
type outageParams struct {
	lasting time.Duration
	rate    int    // MB a second
	memory  string // of the service
	window  time.Duration
	args    []string // more of the service's

	// A short run is held to its counts, and not to what a busy machine may be too
	// slow for.
	countsOnly bool
}

// fresh is the age up to which an event is not late.
func (p outageParams) fresh() time.Duration { return p.window + onTime }

// outageResult is the line.
type outageResult struct {
	traffic.Result
	acked      float64 // bytes of payload a second during the outage
	silence    time.Duration
	usage      harness.Usage
	freshAfter time.Duration
	requests   int
	attempts   uint64
}

// String is the line as it is printed.
func (r outageResult) String() string {
	return fmt.Sprintf("acknowledged=%d lost=%d duplicated=%d outage_acked_mb_s=%.1f longest_silence_s=%.1f rss_mib=%d fresh_after_s=%.1f objects=%d requests=%d attempts=%d",
		r.Acknowledged, r.Lost, r.Duplicated, r.acked/1e6, r.silence.Seconds(), r.usage.PeakRSS>>20, r.freshAfter.Seconds(),
		r.Objects, r.requests, r.attempts)
}

// check fails unless the service did what it promises for an outage.
func (r outageResult) check(p outageParams) error {
	var errs []error
	if r.silence > mostSilence {
		errs = append(errs, fmt.Errorf("nothing was acknowledged for %v", r.silence.Round(time.Second)))
	}
	if r.freshAfter > freshWithin {
		errs = append(errs, fmt.Errorf("objects came late for %v after the outage", r.freshAfter.Round(time.Second)))
	}
	most, err := parseMiB(p.memory)
	if most += memoryForRest; err == nil && r.usage.PeakRSS>>20 > most {
		err = fmt.Errorf("the resident set was %d MiB, larger than %d", r.usage.PeakRSS>>20, most)
	}
	return errors.Join(append(errs, err)...)
}

// parseMiB reads a size that is given in MiB.
func parseMiB(size string) (n int64, err error) {
	if _, err := fmt.Sscanf(size, "%dMiB", &n); err != nil {
		return 0, fmt.Errorf("--memory: %q is not a number of MiB, as in 512MiB", size)
	}
	return n, nil
}

// outage takes S3 away while events are sent, and gives it back.
func outage(ctx context.Context, at site, p outageParams) (err error) {
	if p.lasting < time.Second || p.rate < 1 {
		return fmt.Errorf("an outage of %v at %d MB/s: want 1s and 1 at least", p.lasting, p.rate)
	}
	at.say("seed %d", at.seed)
	buckets := []string{"outage-a", "outage-b"}
	if _, err := parseMiB(p.memory); err != nil {
		return err
	}
	r, err := newRun(ctx, at, stage.Params{}, buckets, append([]string{"--window", p.window.String(), "--memory", p.memory}, p.args...)...)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, r.Close()) }()
	if err := r.LaunchReady(ctx); err != nil {
		return err
	}
	const least, most = 500, 1500 // bytes of an event
	made := traffic.NewCorpus(stage.Spread(50, buckets...), least, most)
	for range outageClients {
		_, err := r.Join(traffic.Params{
			Corpus: made, Stream: true, RequestEvents: outageRequests, Outstanding: 64,
			Rate: float64(p.rate) * 1e6 / ((least + most) / 2) / outageClients,
		})
		if err != nil {
			return err
		}
	}
	return r.goThrough(ctx, p, (least+most)/2)
}

// goThrough is the time before, during and behind the outage. Events are of so many
// bytes on average.
func (r *run) goThrough(ctx context.Context, p outageParams, eventBytes float64) error {
	meter, err := harness.StartMeter(r.Service.PID())
	if err != nil {
		return err
	}
	defer meter.Stop()
	if _, err := r.Watch(ctx, 2*p.window); err != nil {
		return err
	}
	r.at.say("S3 goes away for %v: it refuses first, and then hangs", p.lasting)
	line := outageResult{}
	before, conns, began := r.Progress(), r.Back.Counts(), time.Now()
	for _, leave := range []func(){r.Back.Refuse, r.Back.Hang} {
		leave()
		silence, err := r.Watch(ctx, p.lasting/2)
		if err != nil {
			return err
		}
		line.silence = max(line.silence, silence)
	}
	during := r.Back.Counts()
	line.attempts = during.Refused - conns.Refused + during.Connections - conns.Connections
	line.acked = float64(r.Progress()-before) * eventBytes / time.Since(began).Seconds()
	ended := time.Now()
	r.Back.Pass()
	r.at.say("S3 is back; %.1f MB/s were acknowledged without it", line.acked/1e6)
	if !p.countsOnly {
		if _, err := r.Watch(ctx, freshWithin+p.fresh()); err != nil {
			return err
		}
	}
	if err := r.Drain(ctx); err != nil {
		return err
	}
	if err := r.Flush(ctx); err != nil {
		return err
	}
	return r.outageVerdict(ctx, p, line, meter, ended)
}

// outageVerdict reads everything back, and prints the line.
func (r *run) outageVerdict(ctx context.Context, p outageParams, line outageResult, meter *harness.Meter, ended time.Time) error {
	r.at.say("reading every object back")
	tally, err := r.readBack(ctx, p.fresh())
	if err != nil {
		return err
	}
	line.Result = tally.Result()
	if line.LastLate.After(ended) {
		line.freshAfter = line.LastLate.Sub(ended)
	}
	_ = meter.Stop() // the process has ended, which its last look may have found
	line.usage = meter.Until(time.Now())
	for _, n := range r.Faults.Calls() {
		line.requests += n
	}
	fmt.Fprintln(r.at.out, line)
	if p.countsOnly {
		return tally.Check()
	}
	return errors.Join(tally.Check(), line.check(p))
}
