package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/open-destinations/destinations/e2e/harness"
	"github.com/open-destinations/destinations/e2e/hostile"
	"github.com/open-destinations/destinations/e2e/stage"
	"github.com/open-destinations/destinations/e2e/traffic"
)

// hostileRate is what the client sends who means well, events a second.
const hostileRate = 5000

// hostileGrants lets him in, and one who does not mean well.
const hostileGrants = `
grants:
  - {principals: ["token:good"], tenant: good, roles: [send], destinations: [{bucket: bench-hostile, prefixes: ["*"]}]}
  - {principals: ["token:bad"], tenant: bad, roles: [send, inspect], destinations: [{bucket: none, prefixes: ["*"]}]}
  - {principals: ["token:stage"], tenant: "*", roles: [inspect, operate], destinations: [{bucket: "*", prefixes: ["*"]}]}
`

// hostileParams says how long each attack goes on.
type hostileParams struct{ duration time.Duration }

func hostileDefaults() hostileParams { return hostileParams{duration: 5 * time.Second} }

// hostileResult is the line of an attack: how the client who means well is answered, and what
// the service uses, while it goes on. Attackers share the machine, so most of what he feels
// is the CPU that they take.
type hostileResult struct {
	Bench    string  `json:"bench"`
	Attack   string  `json:"attack"` // "none" = nobody attacks
	EventsPS float64 `json:"events_per_s"`
	AckP50MS float64 `json:"ack_p50_ms"`
	AckP99MS float64 `json:"ack_p99_ms"`
	CPUS     float64 `json:"cpu_s"`    // of the service, while it went on
	RSSMiB   float64 `json:"rss_mib"`  // of the service, its peak so far
	Rejected int     `json:"rejected"` // kinds of rejections of his events
}

// hostileTurn is one attack, and the client that sent meanwhile.
type hostileTurn struct {
	client *traffic.Client
	line   hostileResult
}

// hostileClients attacks in every way, one after the other, and without at the beginning and
// at the end.
func hostileClients(ctx context.Context, t *trial, p hostileParams) (err error) {
	s, err := t.open(ctx, stage.Params{
		Buckets: []string{"bench-hostile"}, Direct: true, Args: []string{"--window", "2s"}, Grants: hostileGrants, Names: []string{"good", "bad"},
	})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	none := hostile.Quiet()
	var turns []hostileTurn
	for _, attack := range append(append([]hostile.Attack{none}, hostile.All()...), none) {
		say("%v of %s", p.duration, attack.Name)
		turn, err := hostileOnce(ctx, s, attack, p.duration)
		if err != nil {
			return fmt.Errorf("%s: %w", attack.Name, err)
		}
		turns = append(turns, turn)
	}
	if err := s.Drain(ctx); err != nil {
		return err
	}
	tally, err := s.ReadBack(ctx, traffic.TallyParams{Buckets: []string{"bench-hostile"}, Clients: s.Clients, Order: true})
	if err != nil {
		return err
	}
	if err := errors.Join(s.Finish(ctx, tally), tally.Check()); err != nil {
		return err
	}
	for _, turn := range turns {
		of := sumOf([]*traffic.Client{turn.client})
		turn.line.AckP50MS, turn.line.AckP99MS, turn.line.Rejected = of.ms(0.5), of.ms(0.99), len(of.rejected)
		if err := printLine(turn.line); err != nil {
			return err
		}
	}
	r := tally.Result()
	say("%d events acknowledged, %d lost, %d there twice", r.Acknowledged, r.Lost, r.Duplicated)
	return nil
}

// hostileOnce attacks while a client of its own sends.
func hostileOnce(ctx context.Context, s *stage.Stage, attack hostile.Attack, lasting time.Duration) (turn hostileTurn, err error) {
	turn.line = hostileResult{Bench: "hostile", Attack: attack.Name}
	turn.client, err = s.Join(traffic.Params{
		Corpus: traffic.NewCorpus(stage.Spread(10, "bench-hostile"), trialEventBytes, trialEventBytes), Stream: true, IDs: true,
		RequestEvents: 50, Outstanding: 32, Rate: hostileRate, Show: s.Access.As("good"),
	})
	if err != nil {
		return turn, err
	}
	before, err := harness.ReadUsage(s.Service.PID())
	if err != nil {
		return turn, err
	}
	if err := attackApart(ctx, attack, hostile.Attacker{Target: s.Service.Target, Token: s.Access.Token("bad")}, lasting); err != nil {
		return turn, err
	}
	turn.line.EventsPS = round(float64(turn.client.Progress())/time.Since(before.At).Seconds(), 0)
	turn.client.Stop()
	after, err := harness.ReadUsage(s.Service.PID())
	turn.line.CPUS, turn.line.RSSMiB = round((after.CPU-before.CPU).Seconds(), 2), mib(after.PeakRSS)
	return turn, err
}
