package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"sync"
	"time"

	"google.golang.org/grpc"

	"github.com/open-destinations/destinations/e2e/stage"
	"github.com/open-destinations/destinations/e2e/traffic"
	destinationsv1 "github.com/open-destinations/destinations/gen/destinations/v1"
)

const (
	// Connections are cut once in so long, on average.
	cutClients = 400 * time.Millisecond
	cutS3      = 700 * time.Millisecond

	// The service lives for a random time up to this, counted from when it is ready
	// or, in some of its lives, from its start.
	lifetime      = 1500 * time.Millisecond
	earlyPart     = 0.2
	earlyLifetime = 300 * time.Millisecond

	// Each client sends so many events a second, and does not take so many of the
	// answers.
	killsRate   = 500
	killsForget = 0.02
)

// killsParams says what the command line asks for.
type killsParams struct {
	kills int
	open  bool // the service lets everybody in
}

// killsGrants are of two principals of one tenant, and of the stage.
const killsGrants = `
grants:
  - {principals: ["token:a", "token:b"], tenant: kills, roles: [send], destinations: [{bucket: "*", prefixes: ["*"]}]}
  - {principals: ["token:stage"], tenant: "*", roles: [inspect, operate], destinations: [{bucket: "*", prefixes: ["*"]}]}
`

// killsResult is the line.
type killsResult struct {
	kills, replayed, resent, dropped uint64
	blocked                          uint64 // times that a destination was; not printed
	receipts                         traffic.ReceiptsResult
	traffic.Result
}

// String is the line as it is printed.
func (r killsResult) String() string {
	return fmt.Sprintf("kills=%d acknowledged=%d lost=%d duplicated=%d acked_per_kill=%d replayed_seals=%d resent=%d dropped_duplicates=%d receipts=%d receipts_delivered=%d events_in_their_objects=%d events_not_there=%d",
		r.kills, r.Acknowledged, r.Lost, r.Duplicated, r.perKill(), r.replayed, r.resent, r.dropped,
		r.receipts.Receipts, r.receipts.Delivered, r.receipts.Events, r.receipts.Wrong)
}

func (r killsResult) perKill() uint64 { return r.Acknowledged / max(r.kills, 1) }

// check fails unless the run has proven something: nothing was lost or duplicated
// although everything has happened that might have done it.
func (r killsResult) check() error {
	var errs []error
	for _, c := range []struct {
		name string
		n    uint64
		zero bool
	}{
		{"kills", r.kills, false}, {"acknowledged", r.Acknowledged, false}, {"lost", r.Lost, true}, {"duplicated", r.Duplicated, true},
		{"acked_per_kill", r.perKill(), false}, {"replayed_seals", r.replayed, false}, {"resent", r.resent, false},
		{"dropped_duplicates", r.dropped, false}, {"blocked", r.blocked, false},
		{"receipts", r.receipts.Receipts, false}, {"receipts that are not delivered", r.receipts.Receipts - r.receipts.Delivered, true},
		{"events_in_their_objects", r.receipts.Events, false}, {"events_not_there", r.receipts.Wrong, true},
	} {
		if (c.n == 0) != c.zero {
			errs = append(errs, fmt.Errorf("%s is %d", c.name, c.n))
		}
	}
	return errors.Join(errs...)
}

// kills kills the service again and again while it is sent to.
func kills(ctx context.Context, at site, p killsParams) (err error) {
	if p.kills < 1 {
		return fmt.Errorf("--kills: %d, must be at least 1", p.kills)
	}
	at.say("seed %d", at.seed)
	buckets := append([]string{"kills-a", "kills-b"}, sickBuckets[:]...)
	access := stage.Params{Grants: killsGrants, Names: []string{"a", "b"}}
	if p.open {
		access = stage.Params{}
	}
	r, err := newRun(ctx, at, access, buckets, "--window", "1s", "--block-after", "1s", "--journal-quota", "1GiB")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, r.Close()) }()
	made := traffic.NewCorpus(stage.Spread(125, buckets...), 60, 700)
	for i := range 4 {
		_, err := r.Join(traffic.Params{
			Corpus: made, Stream: i%2 == 0, IDs: i >= 2, Show: r.Access.As([]string{"a", "b"}[i%2]),
			RequestEvents: 10, Outstanding: 16, Rate: killsRate, Forget: killsForget, Receipts: true,
		})
		if err != nil {
			return err
		}
	}
	if err := r.killAgainAndAgain(ctx, p.kills); err != nil {
		return err
	}
	return r.killsVerdict(ctx, p)
}

// killAgainAndAgain gives the service so many lives, and then one that lasts, in which
// everything is answered.
func (r *run) killAgainAndAgain(ctx context.Context, n int) error {
	cutting, stop := context.WithCancel(ctx)
	var cutters sync.WaitGroup
	defer cutters.Wait()
	defer stop()
	cutters.Go(func() { r.Front.CutSometimes(cutting, rand.New(rand.NewPCG(r.at.seed, 1)), cutClients) })
	cutters.Go(func() { r.Back.CutSometimes(cutting, rand.New(rand.NewPCG(r.at.seed, 2)), cutS3) })
	random := rand.New(rand.NewPCG(r.at.seed, 3))
	ill := sickness{random: rand.New(rand.NewPCG(r.at.seed, 4))}
	for life := 1; life <= n; life++ {
		r.Faults.SetRules(ill.next()...)
		if err := r.liveAndDie(ctx, random); err != nil {
			return fmt.Errorf("life %d: %w", life, err)
		}
		if life%20 == 0 || life == n {
			r.at.say("%d kills, %d events answered", life, r.Progress())
		}
	}
	r.Faults.SetRules()
	if err := r.LaunchReady(ctx); err != nil {
		return err
	}
	stop() // what still has no answer gets it sooner
	return r.Drain(ctx)
}

// liveAndDie starts the service and kills it.
func (r *run) liveAndDie(ctx context.Context, random *rand.Rand) error {
	early := random.Float64() < earlyPart
	lasting := time.Duration(random.Float64() * float64(lifetime))
	if early {
		lasting = time.Duration(random.Float64() * float64(earlyLifetime))
		if err := r.Launch(); err != nil {
			return err
		}
	} else if err := r.LaunchReady(ctx); err != nil {
		return err
	}
	timer := time.NewTimer(lasting)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-r.Service.Done():
		if early && r.Clashed() {
			return nil
		}
		return r.EndedByItself()
	}
	r.Service.Kill()
	return nil
}

// killsVerdict reads everything back, and prints the line.
func (r *run) killsVerdict(ctx context.Context, p killsParams) error {
	r.at.say("reading every object back")
	if err := errors.Join(r.Flush(ctx), r.Redrive(ctx)); err != nil {
		return err
	}
	tally, receipts, err := r.readBackReceipts(ctx)
	if err != nil {
		return err
	}
	line := killsResult{kills: uint64(p.kills), Result: tally.Result(), receipts: receipts}
	for _, c := range r.Clients {
		stats := c.Stats()
		line.resent += stats.Resent
		line.dropped += stats.AcceptedAgain
		if len(stats.Rejected) > 0 {
			err = errors.Join(err, fmt.Errorf("events were rejected: %v", stats.Rejected))
		}
	}
	logged, readErr := readLog(r.LogFile())
	line.replayed, line.blocked = logged["replayed"], logged["destination blocked"]
	r.at.say("destinations blocked %d times, freed %d; passes begun %d, batches parked %d",
		line.blocked, logged["destination works again"], logged["pass begun"], logged["batch parked"])
	fmt.Fprintln(r.at.out, line)
	return errors.Join(err, readErr, tally.Check(), line.check())
}

// readBackReceipts is readBack, and asks for every receipt in between.
func (r *run) readBackReceipts(ctx context.Context) (*traffic.Tally, traffic.ReceiptsResult, error) {
	var receipts traffic.ReceiptsResult
	tally, err := r.ReadBack(ctx, traffic.TallyParams{Buckets: r.buckets, Clients: r.Clients, Order: true, Holders: true})
	if err != nil {
		return nil, receipts, err
	}
	r.at.say("asking for every receipt")
	err = r.Call(ctx, "ask for receipts", func(ctx context.Context, conn *grpc.ClientConn) (err error) {
		receipts, err = tally.CheckReceipts(ctx, destinationsv1.NewDeliveriesClient(conn))
		return err
	})
	return tally, receipts, errors.Join(err, r.Finish(ctx, tally))
}

// readLog counts the lines of a service's log by their messages, and as "replayed" the
// deliveries of what an earlier process had sealed.
func readLog(name string) (map[string]uint64, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, fmt.Errorf("read the service's log: %w", err)
	}
	defer f.Close()
	counts := make(map[string]uint64)
	lines := bufio.NewScanner(f)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		var line struct {
			Msg      string
			Replayed bool
		}
		if json.Unmarshal(lines.Bytes(), &line) != nil {
			continue // what is no line of a logger
		}
		counts[line.Msg]++
		if line.Msg == "delivered" && line.Replayed {
			counts["replayed"]++
		}
	}
	return counts, lines.Err()
}
