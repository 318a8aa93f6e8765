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
	badWindow      = 30 * time.Second
	goodPrefixes   = 950
	goodClients    = 4
	deniedPrefixes = 17
	failedPrefixes = 17
	silentPrefixes = 16
	badPrefixes    = deniedPrefixes + failedPrefixes + silentPrefixes

	// What the others may feel of the bad ones: their freshness by so much longer, and so
	// much more.
	badFactor = 1.2
	badRest   = time.Second
)

// badParams says what to send.
type badParams struct {
	duration time.Duration
	rate     int // events a second, to all destinations together
}

func badDefaults() badParams { return badParams{duration: 2 * time.Minute, rate: 20_000} }

// badResult is the line of bad. "Without" is the run in which S3 was sound. The
// acknowledged events of the bad destinations are delivered too, when S3 is sound again.
type badResult struct {
	Bench        string `json:"bench"`
	Destinations int    `json:"destinations"`
	Bad          int    `json:"bad"`
	// FreshnessP99S is the age of the other destinations' events, from their first
	// send, when their object appears; LimitS is what it was held to: 1.2 times that
	// without, and a second.
	FreshnessP99SWithout float64 `json:"freshness_p99_s_without"`
	FreshnessP99S        float64 `json:"freshness_p99_s"`
	LimitS               float64 `json:"freshness_limit_s"`
	AckP99MSWithout      float64 `json:"ack_p99_ms_without"`
	AckP99MS             float64 `json:"ack_p99_ms"`
	// Refused counts sends to the others that were not taken: rejected events and
	// calls that ended early. It is 0, or there is no line.
	Refused uint64 `json:"refused"`
	// BadRejected is how many events for bad destinations were rejected.
	BadRejected  uint64  `json:"bad_rejected"`
	CPUSWithout  float64 `json:"cpu_s_without"`
	CPUS         float64 `json:"cpu_s"`
	RSSMiB       float64 `json:"rss_mib"`
	Acknowledged uint64  `json:"acknowledged"`
	Lost         uint64  `json:"lost"`
	Duplicated   uint64  `json:"duplicated"`
}

// badRun is what one of the two runs found.
type badRun struct {
	good, bad   sums
	fresh       time.Duration // of the good ones
	usage       harness.Usage
	goodR, badR traffic.Result
}

// bad runs without bad destinations and with them, and compares.
func bad(ctx context.Context, t *trial, p badParams) error {
	without, err := badOnce(ctx, t, p)
	if err != nil {
		return fmt.Errorf("without: %w", err)
	}
	with, err := badOnce(ctx, t, p,
		faultproxy.Rule{Bucket: "bench-denied", Fault: faultproxy.Answer(403, "AccessDenied")},
		faultproxy.Rule{Bucket: "bench-failed", Fault: faultproxy.Answer(503, "ServiceUnavailable")},
		faultproxy.Rule{Bucket: "bench-silent", Fault: faultproxy.Hang()})
	if err != nil {
		return fmt.Errorf("with: %w", err)
	}
	limit := time.Duration(badFactor*float64(without.fresh)) + badRest
	line := badResult{
		Bench: "bad", Destinations: goodPrefixes + badPrefixes, Bad: badPrefixes,
		FreshnessP99SWithout: without.fresh.Seconds(), FreshnessP99S: with.fresh.Seconds(), LimitS: round(limit.Seconds(), 2),
		AckP99MSWithout: without.good.ms(0.99), AckP99MS: with.good.ms(0.99),
		CPUSWithout: round(without.usage.CPU.Seconds(), 2), CPUS: round(with.usage.CPU.Seconds(), 2), RSSMiB: mib(with.usage.PeakRSS),
		Acknowledged: with.goodR.Acknowledged + with.badR.Acknowledged,
	}
	for _, n := range with.bad.rejected {
		line.BadRejected += n
	}
	if err := printLine(line); err != nil {
		return err
	}
	if with.fresh > limit {
		return fmt.Errorf("the others' freshness was %v at the 99th percentile, more than %v", with.fresh, limit)
	}
	return nil
}

// badOnce is a run with rules for S3. It returns when everything is delivered, that of
// the bad destinations when the rules hold no more.
func badOnce(ctx context.Context, t *trial, p badParams, rules ...faultproxy.Rule) (r badRun, err error) {
	buckets := []string{"bench-good", "bench-denied", "bench-failed", "bench-silent"}
	s, err := t.open(ctx, stage.Params{Buckets: buckets, Args: []string{"--window", badWindow.String()}})
	if err != nil {
		return r, err
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	s.Faults.SetRules(rules...)
	meter, err := harness.StartMeter(s.Service.PID())
	if err != nil {
		return r, err
	}
	defer meter.Stop()
	good, sick, err := joinBad(s, p)
	if err != nil {
		return r, err
	}
	say("sending for %v, %d rules for S3", p.duration, len(rules))
	if _, err := s.Watch(ctx, p.duration); err != nil {
		return r, err
	}
	if err := s.Drain(ctx); err != nil {
		return r, err
	}
	say("waiting for the windows to end")
	if _, err := s.Watch(ctx, badWindow+badWindow/2); err != nil {
		return r, err
	}
	goodTally, err := s.ReadBack(ctx, traffic.TallyParams{Buckets: buckets[:1], Clients: good, Order: true})
	if err != nil {
		return r, err
	}
	_ = meter.Stop()
	r.usage, r.fresh = meter.Until(time.Now()), goodTally.Freshness(0.99)
	s.Faults.SetRules()
	if err := s.Redrive(ctx); err != nil {
		return r, err
	}
	say("waiting for what was held back")
	badTally, err := s.ReadBack(ctx, traffic.TallyParams{Buckets: buckets[1:], Clients: sick, Order: true})
	if err != nil {
		return r, err
	}
	if err := s.Finish(ctx, goodTally, badTally); err != nil {
		return r, err
	}
	r.good, r.bad, r.goodR, r.badR = sumOf(good), sumOf(sick), goodTally.Result(), badTally.Result()
	err = errors.Join(goodTally.Check(), badTally.Check())
	if len(r.good.rejected) > 0 || len(r.good.ends) > 0 {
		err = errors.Join(err, fmt.Errorf("sends to the good destinations were refused: %v, %v", r.good.rejected, r.good.ends))
	}
	return r, err
}

// joinBad adds the clients of the good destinations and that of the bad ones.
func joinBad(s *stage.Stage, p badParams) (good, bad []*traffic.Client, err error) {
	each := float64(p.rate) / (goodPrefixes + badPrefixes)
	params := traffic.Params{
		Corpus: traffic.NewCorpus(stage.Spread(goodPrefixes, "bench-good"), trialEventBytes, trialEventBytes),
		Stream: true, RequestEvents: 50, Outstanding: 64, Rate: each * goodPrefixes / goodClients,
	}
	for range goodClients {
		c, err := s.Join(params)
		if err != nil {
			return nil, nil, err
		}
		good = append(good, c)
	}
	sick := append(stage.Spread(deniedPrefixes, "bench-denied"), stage.Spread(failedPrefixes, "bench-failed")...)
	sick = append(sick, stage.Spread(silentPrefixes, "bench-silent")...)
	params.Corpus, params.Rate = traffic.NewCorpus(sick, trialEventBytes, trialEventBytes), each*badPrefixes
	c, err := s.Join(params)
	return good, []*traffic.Client{c}, err
}
