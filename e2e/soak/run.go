package main

import (
	"context"
	"io"
	"time"

	"github.com/open-destinations/destinations/e2e/harness"
	"github.com/open-destinations/destinations/e2e/stage"
	"github.com/open-destinations/destinations/e2e/traffic"
)

// site is where a run happens and whom it tells.
type site struct {
	dir  string // empty
	bins harness.Binaries
	seed uint64
	say  func(format string, args ...any)
	out  io.Writer // for the line of the result
}

// run is a run on its stage.
type run struct {
	*stage.Stage
	at      site
	buckets []string
}

// newRun sets the stage, for the rest as p says. The service will be started with args.
func newRun(ctx context.Context, at site, p stage.Params, buckets []string, args ...string) (*run, error) {
	p.Dir, p.Bins, p.Buckets, p.Args, p.Seed = at.dir, at.bins, buckets, args, at.seed
	s, err := stage.Open(ctx, p)
	if err != nil {
		return nil, err
	}
	return &run{Stage: s, at: at, buckets: buckets}, nil
}

// readBack waits until everything is delivered, ends the service, and says what is in
// the buckets.
func (r *run) readBack(ctx context.Context, fresh time.Duration) (*traffic.Tally, error) {
	tally, err := r.ReadBack(ctx, traffic.TallyParams{Buckets: r.buckets, Clients: r.Clients, Order: true, Fresh: fresh})
	if err != nil {
		return nil, err
	}
	return tally, r.Finish(ctx, tally)
}
