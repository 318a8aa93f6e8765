package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"google.golang.org/grpc/codes"

	"github.com/open-destinations/destinations/e2e/stage"
	"github.com/open-destinations/destinations/e2e/traffic"
)

const (
	tenantsWindow = 10 * time.Second
	// What is granted, events a second, and what is offered of it.
	floodGranted   = 2_000
	floodTimes     = 50
	floodClients   = 20
	smallGranted   = 10_000
	smallPart      = 10
	smallClients   = 2
	tenantPrefixes = 50
)

// tenantsGrants has a rate for each of the two.
var tenantsGrants = fmt.Sprintf(`
tenants:
  flood: {events-per-second: %d}
  small: {events-per-second: %d}
grants:
  - {principals: ["token:flood"], tenant: flood, roles: [send], destinations: [{bucket: bench-flood, prefixes: ["*"]}]}
  - {principals: ["token:small"], tenant: small, roles: [send], destinations: [{bucket: bench-small, prefixes: ["*"]}]}
  - {principals: ["token:stage"], tenant: "*", roles: [inspect, operate], destinations: [{bucket: "*", prefixes: ["*"]}]}
`, floodGranted, smallGranted)

// tenantsParams says how long to send.
type tenantsParams struct{ duration time.Duration }

func tenantsDefaults() tenantsParams { return tenantsParams{duration: 30 * time.Second} }

// tenantsResult is the line of tenants. "Without" is the run in which the small tenant is
// alone. Both are granted a rate; the small one sends a tenth of it, the flood 50 times
// its own.
type tenantsResult struct {
	Bench string `json:"bench"`
	// Rates are events a second: offered by the small tenant, and acknowledged to it while
	// it sent.
	SmallOffered      float64 `json:"small_offered_per_s"`
	SmallAckedWithout float64 `json:"small_acked_per_s_without"`
	SmallAcked        float64 `json:"small_acked_per_s"`
	// Freshness is the age of the small tenant's events, from their first send, when their
	// object appears.
	FreshnessP99SWithout float64 `json:"small_freshness_p99_s_without"`
	FreshnessP99S        float64 `json:"small_freshness_p99_s"`
	AckP99MSWithout      float64 `json:"small_ack_p99_ms_without"`
	AckP99MS             float64 `json:"small_ack_p99_ms"`
	// The flood's, and the calls of it that were ended because of its rate.
	FloodOffered float64 `json:"flood_offered_per_s"`
	FloodGranted float64 `json:"flood_granted_per_s"`
	FloodAcked   float64 `json:"flood_acked_per_s"`
	FloodRefused uint64  `json:"flood_refused_calls"`
	Acknowledged uint64  `json:"acknowledged"`
	Lost         uint64  `json:"lost"`
	Duplicated   uint64  `json:"duplicated"`
}

// tenantsRun is what one of the two runs found.
type tenantsRun struct {
	small, flood           sums
	smallAcked, floodAcked float64 // a second
	fresh                  time.Duration
	acknowledged           uint64
}

// tenants runs without the flood and with it, and compares.
func tenants(ctx context.Context, t *trial, p tenantsParams) error {
	without, err := tenantsOnce(ctx, t, p, 0)
	if err != nil {
		return fmt.Errorf("without: %w", err)
	}
	with, err := tenantsOnce(ctx, t, p, floodClients)
	if err != nil {
		return fmt.Errorf("with: %w", err)
	}
	line := tenantsResult{
		Bench: "tenants", SmallOffered: smallGranted / smallPart, SmallAckedWithout: without.smallAcked, SmallAcked: with.smallAcked,
		FreshnessP99SWithout: without.fresh.Seconds(), FreshnessP99S: with.fresh.Seconds(),
		AckP99MSWithout: without.small.ms(0.99), AckP99MS: with.small.ms(0.99),
		FloodOffered: floodGranted * floodTimes, FloodGranted: floodGranted, FloodAcked: with.floodAcked,
		FloodRefused: with.flood.ends[rateEnd], Acknowledged: with.acknowledged,
	}
	return printLine(line)
}

// rateEnd is how a call ends that is too far ahead of its rate.
var rateEnd = traffic.End{Code: codes.ResourceExhausted, Reason: "RATE_EXCEEDED", Hinted: true}

// tenantsOnce is a run with so many clients of the flood. It returns when everything is
// delivered.
func tenantsOnce(ctx context.Context, t *trial, p tenantsParams, floods int) (r tenantsRun, err error) {
	buckets := []string{"bench-small", "bench-flood"}
	s, err := t.open(ctx, stage.Params{
		Buckets: buckets, Direct: true, Args: []string{"--window", tenantsWindow.String()}, Grants: tenantsGrants, Names: []string{"flood", "small"},
	})
	if err != nil {
		return r, err
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	small, err := joinTenant(s, tenantClients{"small", smallClients, smallGranted / smallPart})
	if err != nil {
		return r, err
	}
	flood, err := joinTenant(s, tenantClients{"flood", floods, floodGranted * floodTimes})
	if err != nil {
		return r, err
	}
	say("sending for %v, %d clients of the flood", p.duration, floods)
	began := time.Now()
	if _, err := s.Watch(ctx, p.duration); err != nil {
		return r, err
	}
	seconds := time.Since(began).Seconds()
	r.smallAcked, r.floodAcked = round(progressOf(small)/seconds, 0), round(progressOf(flood)/seconds, 0)
	if err := s.Drain(ctx); err != nil {
		return r, err
	}
	say("waiting for the windows to end")
	smallTally, err := s.ReadBack(ctx, traffic.TallyParams{Buckets: buckets[:1], Clients: small, Order: true})
	if err != nil {
		return r, err
	}
	floodTally, err := s.ReadBack(ctx, traffic.TallyParams{Buckets: buckets[1:], Clients: flood, Order: true})
	if err != nil {
		return r, err
	}
	r.fresh = smallTally.Freshness(0.99)
	if err := s.Finish(ctx, smallTally, floodTally); err != nil {
		return r, err
	}
	r.small, r.flood = sumOf(small), sumOf(flood)
	r.acknowledged = smallTally.Result().Acknowledged + floodTally.Result().Acknowledged
	return r, errors.Join(smallTally.Check(), floodTally.Check(), onlyRates(r))
}

// tenantClients says which clients a tenant has.
type tenantClients struct {
	tenant string
	number int
	rate   int // events a second of all of them
}

func joinTenant(s *stage.Stage, p tenantClients) (clients []*traffic.Client, err error) {
	made := traffic.NewCorpus(stage.Spread(tenantPrefixes, "bench-"+p.tenant), trialEventBytes, trialEventBytes)
	for range p.number {
		c, err := s.Join(traffic.Params{
			Corpus: made, Stream: true, RequestEvents: 50, Outstanding: 64, Rate: float64(p.rate) / float64(p.number), Show: s.Access.As(p.tenant),
		})
		if err != nil {
			return nil, err
		}
		clients = append(clients, c)
	}
	return clients, nil
}

// progressOf is how many events of the clients have an answer.
func progressOf(clients []*traffic.Client) (events float64) {
	for _, c := range clients {
		events += float64(c.Progress())
	}
	return events
}

// onlyRates fails unless the small tenant was refused nothing, and the flood nothing but for
// its rate.
func onlyRates(r tenantsRun) error {
	var errs []error
	if len(r.small.rejected) > 0 || len(r.small.ends) > 0 {
		errs = append(errs, fmt.Errorf("the small tenant was refused: %v, %v", r.small.rejected, r.small.ends))
	}
	for end, n := range r.flood.ends {
		if end != rateEnd {
			errs = append(errs, fmt.Errorf("%d calls of the flood ended with %+v", n, end))
		}
	}
	return errors.Join(errs...)
}
