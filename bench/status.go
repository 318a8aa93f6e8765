package main

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"

	"github.com/open-destinations/destinations/e2e/harness"
	"github.com/open-destinations/destinations/e2e/stage"
	"github.com/open-destinations/destinations/e2e/traffic"
	destinationsv1 "github.com/open-destinations/destinations/gen/destinations/v1"
)

const (
	statusWindow   = 30 * time.Second
	statusStreams  = 8
	statusPrefixes = 100
	statusAskers   = 10  // who ask together
	statusEvery    = 100 // GetDelivery a second
	statusWatchers = 50
	statusTokens   = 2000                   // receipts that are asked for, the newest
	statusReceipt  = 100 * time.Millisecond // between two of those
)

// statusParams says what to send.
type statusParams struct {
	duration time.Duration
	rate     int // events a second; 0 = as many as are taken
	rounds   int // each with and without questions
}

func statusDefaults() statusParams {
	return statusParams{duration: 40 * time.Second, rounds: 3}
}

// statusResult is the line of status.
type statusResult struct {
	Bench  string `json:"bench"`
	Rate   int    `json:"rate"`
	Rounds int    `json:"rounds"`
	// AsksPerS are the calls of GetDelivery a second, Watchers the calls of
	// WatchDeliveries beside them, each of everything.
	AsksPerS float64 `json:"asks_s"`
	Watchers int     `json:"watchers"`
	// AskP50MS and AskP99MS are of the time of a GetDelivery. Changes is what all watchers
	// were told.
	AskP50MS float64 `json:"ask_p50_ms"`
	AskP99MS float64 `json:"ask_p99_ms"`
	Changes  uint64  `json:"changes"`
	// WithoutCPU and WithCPU are what the service used, seconds of CPU for a GB of payload, in
	// each round; CostPercent is by how much more it used in all. CoresWith is how many
	// cores it used with questions.
	WithoutCPU  []float64 `json:"without_cpu_s_gb"`
	WithCPU     []float64 `json:"with_cpu_s_gb"`
	CostPercent float64   `json:"cost_percent"`
	CoresWith   float64   `json:"cores_with"`
	Lost        uint64    `json:"lost"`
	Duplicated  uint64    `json:"duplicated"`
}

// statusCost measures what questions cost beside a load, in rounds with and without, in turn.
func statusCost(ctx context.Context, t *trial, p statusParams) error {
	line := statusResult{Bench: "status", Rate: p.rate, Rounds: p.rounds, Watchers: statusWatchers}
	var without, with used
	asked := &questions{}
	for round := range p.rounds {
		for _, ask := range []bool{false, true} {
			say("round %d of %d, with questions: %v", round+1, p.rounds, ask)
			var of *questions
			if ask {
				of = asked
			}
			now, tally, err := statusRun(ctx, t, p, of)
			if err != nil {
				return err
			}
			line.Lost, line.Duplicated = line.Lost+tally.Lost, line.Duplicated+tally.Duplicated
			if ask {
				with = used{with.cpu + now.cpu, with.gb + now.gb}
				line.WithCPU = append(line.WithCPU, round2(now.each()))
			} else {
				without = used{without.cpu + now.cpu, without.gb + now.gb}
				line.WithoutCPU = append(line.WithoutCPU, round2(now.each()))
			}
		}
	}
	slices.Sort(asked.latencies)
	line.AsksPerS = round2(float64(len(asked.latencies)) / (p.duration.Seconds() * float64(p.rounds)))
	line.AskP50MS = round(percentile(asked.latencies, 0.5).Seconds()*1e3, 2)
	line.AskP99MS = round(percentile(asked.latencies, 0.99).Seconds()*1e3, 2)
	line.Changes, line.CostPercent = asked.changes, round2(100*(with.each()/without.each()-1))
	line.CoresWith = round2(with.cpu / (p.duration.Seconds() * float64(p.rounds)))
	err := asked.err
	if line.Changes == 0 || len(asked.latencies) == 0 {
		err = errors.Join(err, errors.New("nobody was told anything: the run shows nothing"))
	}
	return errors.Join(printLine(line), err)
}

// used is what a run used for what it did.
type used struct {
	cpu float64 // seconds
	gb  float64 // of payload that was acknowledged
}

// each is the seconds for a GB.
func (u used) each() float64 { return u.cpu / max(u.gb, 1e-9) }

func round2(f float64) float64 { return round(f, 2) }

// statusRun sends for a while, with questions or without, and returns what the service used
// meanwhile.
func statusRun(ctx context.Context, t *trial, p statusParams, q *questions) (u used, result traffic.Result, err error) {
	s, err := t.open(ctx, stage.Params{Buckets: []string{"bench", "asked"}, Direct: true, Args: []string{"--window", statusWindow.String()}})
	if err != nil {
		return u, result, err
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	conn, err := grpc.NewClient(s.Service.Target, grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		return u, result, err
	}
	defer conn.Close()
	made := traffic.NewCorpus(stage.Spread(statusPrefixes, "bench"), trialEventBytes, trialEventBytes)
	for range statusStreams {
		_, err := s.Join(traffic.Params{Corpus: made, Stream: true, RequestEvents: 100, Outstanding: 32, Rate: float64(p.rate) / statusStreams})
		if err != nil {
			return u, result, err
		}
	}
	meter, err := harness.StartMeter(s.Service.PID())
	if err != nil {
		return u, result, err
	}
	asking, stop := context.WithCancel(ctx)
	var running sync.WaitGroup
	receipts := &receipts{}
	running.Go(func() { receipts.send(asking, conn) }) // beside both, so that they differ in the questions alone
	if q != nil {
		q.start(asking, conn, receipts, &running)
	}
	_, err = s.Watch(ctx, p.duration)
	u.gb = float64(s.Progress()) * trialEventBytes / 1e9
	_ = meter.Stop()
	u.cpu = meter.Until(time.Now()).CPU.Seconds()
	stop()
	running.Wait()
	if err = errors.Join(err, receipts.err); err != nil {
		return u, result, err
	}
	if err := errors.Join(s.Drain(ctx), s.Flush(ctx)); err != nil {
		return u, result, err
	}
	tally, err := s.ReadBack(ctx, traffic.TallyParams{Buckets: []string{"bench"}, Clients: s.Clients, Order: true})
	if err != nil {
		return u, result, err
	}
	if err := s.Finish(ctx, tally); err != nil {
		return u, result, err
	}
	return u, tally.Result(), tally.Check()
}

// receipts are the newest receipts of events that are sent one by one.
type receipts struct {
	mu     sync.Mutex // guards tokens
	tokens []string
	err    error // of send; only when that has returned
}

// send sends events to some destinations until ctx ends.
func (r *receipts) send(ctx context.Context, conn *grpc.ClientConn) {
	tick := time.NewTicker(statusReceipt)
	defer tick.Stop()
	client := destinationsv1.NewDestinationsClient(conn)
	for n := 0; ; n++ {
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
		prefix := fmt.Sprintf("p%d/", n%10)
		answer, err := sendOne(ctx, client, &destinationsv1.SendS3Request{
			Bucket: "asked", Prefix: prefix, Events: []*destinationsv1.S3Event{{Payload: fmt.Appendf(nil, `{"n":%d}`, n)}},
		})
		if ctx.Err() != nil {
			return
		}
		if err != nil {
			r.err = err
			return
		}
		r.mu.Lock()
		for _, one := range answer.GetReceipts() {
			r.tokens = append(r.tokens, one.GetToken())
		}
		r.tokens = r.tokens[max(0, len(r.tokens)-statusTokens):]
		r.mu.Unlock()
	}
}

func sendOne(ctx context.Context, client destinationsv1.DestinationsClient, request *destinationsv1.SendS3Request) (*destinationsv1.SendS3Response, error) {
	call, err := client.SendS3(ctx)
	if err != nil {
		return nil, err
	}
	_ = call.Send(request) // the answer says why not
	return call.CloseAndRecv()
}

// one is any of the receipts; "" if there is none yet.
func (r *receipts) one() string {
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.tokens) == 0 {
		return ""
	}
	return r.tokens[rand.IntN(len(r.tokens))]
}

// questions are those who ask, and what they were told in all rounds.
type questions struct {
	mu        sync.Mutex // guards all that follows
	latencies []time.Duration
	changes   uint64
	err       error
}

// start lets them ask until ctx ends.
func (q *questions) start(ctx context.Context, conn *grpc.ClientConn, of *receipts, running *sync.WaitGroup) {
	client := destinationsv1.NewDeliveriesClient(conn)
	for range statusAskers {
		running.Go(func() { q.note(ctx, q.ask(ctx, client, of)) })
	}
	for range statusWatchers {
		running.Go(func() { q.note(ctx, q.watch(ctx, client)) })
	}
}

// note notes an error that is not the end.
func (q *questions) note(ctx context.Context, err error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if ctx.Err() == nil {
		q.err = errors.Join(q.err, err)
	}
}

func (q *questions) ask(ctx context.Context, client destinationsv1.DeliveriesClient, of *receipts) error {
	tick := time.NewTicker(time.Second * statusAskers / statusEvery)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
		case <-ctx.Done():
			return nil
		}
		token := of.one()
		if token == "" {
			continue
		}
		began := time.Now()
		if _, err := client.GetDelivery(ctx, &destinationsv1.GetDeliveryRequest{Tokens: []string{token}}); err != nil {
			return err
		}
		q.mu.Lock()
		q.latencies = append(q.latencies, time.Since(began))
		q.mu.Unlock()
	}
}

func (q *questions) watch(ctx context.Context, client destinationsv1.DeliveriesClient) error {
	call, err := client.WatchDeliveries(ctx, &destinationsv1.WatchDeliveriesRequest{})
	if err != nil {
		return err
	}
	for {
		m, err := call.Recv()
		if err != nil {
			return err
		}
		if m.GetDelivery() != nil {
			q.mu.Lock()
			q.changes++
			q.mu.Unlock()
		}
	}
}
