package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/open-destinations/destinations/e2e/faultproxy"
	"github.com/open-destinations/destinations/e2e/harness"
	"github.com/open-destinations/destinations/e2e/stage"
	"github.com/open-destinations/destinations/e2e/traffic"
)

const (
	expiredWindow   = 10 * time.Second
	expiredPrefixes = 1000
	expiredClients  = 16

	// A third of the answers is not taken, so for two events there is one that is sent
	// again.
	expiredForget = 1.0 / 3

	// Events are larger here, so that what a record adds to them is little.
	expiredEventBytes = 1000

	// The journal may be read twice, with what its records add to payload.
	mostReads = 2.2
)

// expiredParams says what to send.
type expiredParams struct {
	duration time.Duration
	rate     int // events a second
}

func expiredDefaults() expiredParams { return expiredParams{duration: time.Minute, rate: 10_000} }

// expiredResult is the line of expired.
type expiredResult struct {
	Bench        string `json:"bench"`
	Destinations int    `json:"destinations"`
	Acknowledged uint64 `json:"acknowledged"`
	Lost         uint64 `json:"lost"`
	Duplicated   uint64 `json:"duplicated"`
	// AgainPart is how many events were sent again although they had been accepted, by
	// those that were acknowledged.
	AgainPart float64 `json:"again_part"`
	// LogReads is how often the journal was read: what the service's system calls have
	// read, but for what came over connections, by the payload that was accepted, also a
	// second time. What records add to payload counts as reading.
	LogReads float64 `json:"log_reads"`
	// LogReadsBefore is the part of it that was read before S3 took the credentials
	// again.
	LogReadsBefore float64 `json:"log_reads_before"`
	PayloadMiB     float64 `json:"payload_mib"`
	// CuredAfterS is from when S3 took the credentials again to the last object.
	CuredAfterS float64 `json:"cured_after_s"`
	RSSMiB      float64 `json:"rss_mib"`
}

// expired lets the credentials expire, sends, and cures them.
func expired(ctx context.Context, t *trial, p expiredParams) (err error) {
	s, err := t.open(ctx, stage.Params{Buckets: []string{"bench"}, Args: []string{"--window", expiredWindow.String()}})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	s.Faults.SetRules(faultproxy.Rule{Name: "expired", Fault: faultproxy.Answer(403, "ExpiredToken")})
	made := traffic.NewCorpus(stage.Spread(expiredPrefixes, "bench"), expiredEventBytes, expiredEventBytes)
	for range expiredClients {
		_, err := s.Join(traffic.Params{
			Corpus: made, Stream: true, RequestEvents: 50, Outstanding: 2, Rate: float64(p.rate) / expiredClients, Forget: expiredForget,
		})
		if err != nil {
			return err
		}
	}
	say("sending for %v while the credentials have expired", p.duration)
	if _, err := s.Watch(ctx, p.duration); err != nil {
		return err
	}
	if err := s.Drain(ctx); err != nil {
		return err
	}
	if _, err := s.Watch(ctx, 2*expiredWindow); err != nil {
		return err
	}
	return expiredCure(ctx, s)
}

// expiredCure cures the credentials, waits for everything, and prints the line.
func expiredCure(ctx context.Context, s *stage.Stage) error {
	before, err := diskRead(s)
	if err != nil {
		return err
	}
	say("S3 takes the credentials again, after %d answers that it does not", s.Faults.Done()["expired"])
	cured := time.Now()
	s.Faults.SetRules()
	if err := s.Redrive(ctx); err != nil {
		return err
	}
	tally, err := s.ReadBack(ctx, traffic.TallyParams{Buckets: []string{"bench"}, Clients: s.Clients, Order: true})
	if err != nil {
		return err
	}
	after, err := diskRead(s)
	if err != nil {
		return err
	}
	peak, err := harness.ReadUsage(s.Service.PID())
	if err != nil {
		return err
	}
	if err := s.Finish(ctx, tally); err != nil {
		return err
	}
	r, sums := tally.Result(), sumOf(s.Clients)
	payload := float64(r.Acknowledged+sums.again) * expiredEventBytes
	line := expiredResult{
		Bench: "expired", Destinations: expiredPrefixes, Acknowledged: r.Acknowledged, Lost: r.Lost, Duplicated: r.Duplicated,
		AgainPart: round(float64(sums.again)/float64(r.Acknowledged), 2),
		LogReads:  round(float64(after)/payload, 2), LogReadsBefore: round(float64(before)/payload, 2),
		PayloadMiB: mib(int64(payload)), CuredAfterS: round(r.Last.Sub(cured).Seconds(), 1), RSSMiB: mib(peak.PeakRSS),
	}
	if err := printLine(line); err != nil {
		return err
	}
	err = tally.Check()
	if line.LogReads > mostReads {
		err = errors.Join(err, fmt.Errorf("the journal was read %v times", line.LogReads))
	}
	if len(sums.rejected) > 0 {
		err = errors.Join(err, fmt.Errorf("events were rejected: %v", sums.rejected))
	}
	return err
}

// diskRead is how many bytes the service has read from files: what its system calls
// have read without what came over connections. What it reads at its start is next to
// nothing.
func diskRead(s *stage.Stage) (int64, error) {
	u, err := harness.ReadUsage(s.Service.PID())
	return u.Read - int64(s.Front.Counts().ToTarget) - int64(s.Back.Counts().ToClient), err
}
