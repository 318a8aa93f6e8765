package hostile_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"testing"
	"time"

	"github.com/open-destinations/destinations/e2e/harness"
	"github.com/open-destinations/destinations/e2e/hostile"
	"github.com/open-destinations/destinations/e2e/stage"
	"github.com/open-destinations/destinations/e2e/traffic"
)

const grants = `
grants:
  - {principals: ["token:good"], tenant: good, roles: [send], destinations: [{bucket: hostile, prefixes: ["*"]}]}
  - {principals: ["token:bad"], tenant: bad, roles: [send, inspect], destinations: [{bucket: none, prefixes: ["*"]}]}
  - {principals: ["token:stage"], tenant: "*", roles: [inspect, operate], destinations: [{bucket: "*", prefixes: ["*"]}]}
`

// most is the resident set that the service may have: its --memory, and what is beside it.
const most = (256 + 128) << 20

// siege is a service under attack, and a client who means well.
type siege struct {
	*stage.Stage
	t    *testing.T
	ctx  context.Context
	good *traffic.Client

	// Before anybody attacks.
	descriptors, goroutines int
}

// besiege starts a service, which p says more of, and the client.
func besiege(t *testing.T, p stage.Params) *siege {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 4*time.Minute)
	t.Cleanup(cancel)
	p.Bins, p.Buckets, p.Direct, p.Seed = bins, []string{"hostile"}, true, rand.Uint64()
	p.Args = append(p.Args, "--window", "1s", "--memory", "256MiB", "--pprof")
	p.Grants, p.Names = grants, []string{"good", "bad"}
	opened, err := stage.Open(ctx, p)
	must(t, err)
	t.Cleanup(func() { must(t, opened.Close()) })
	s := &siege{Stage: opened, t: t, ctx: ctx}
	must(t, s.LaunchReady(ctx))
	s.good, err = s.Join(traffic.Params{
		Corpus: traffic.NewCorpus(stage.Spread(5, "hostile"), 400, 400), Stream: true, IDs: true,
		RequestEvents: 10, Outstanding: 16, Rate: 1000, Show: s.Access.As("good"),
	})
	must(t, err)
	s.goesOn("the start", 0)
	s.descriptors = s.open()
	s.goroutines, _ = s.running()
	return s
}

// goesOn waits until more events of the client have an answer than had.
func (s *siege) goesOn(after string, had uint64) {
	s.t.Helper()
	must(s.t, harness.Poll(s.ctx, "an answer to the good client after "+after, func() error {
		if s.good.Progress() > had {
			return nil
		}
		return errors.New("there is none")
	}))
}

// fits says what an attack has met, and whether the service keeps within its memory.
func (s *siege) fits(attack string, seen *hostile.Seen) {
	s.t.Helper()
	u, err := harness.ReadUsage(s.Service.PID())
	must(s.t, err)
	s.t.Logf("%-40s peak %d MiB, %d connections, longest %v, %v", attack, u.PeakRSS>>20, seen.Connections(), seen.Longest(), seen.Answers())
	if u.PeakRSS > most {
		s.t.Errorf("%s: the service has used %d MiB, want at most %d", attack, u.PeakRSS>>20, most>>20)
	}
}

// letsGo waits until the service has nothing of the attackers' any more. Its own work takes
// some descriptors and goroutines more, and some less, whoever attacks.
func (s *siege) letsGo(after string) {
	s.t.Helper()
	const own, patience = 20, 20 * time.Second
	ctx, end := context.WithTimeout(s.ctx, patience)
	defer end()
	must(s.t, harness.Poll(ctx, "all of the attackers' to be gone after "+after, func() error {
		if n := s.open(); n > s.descriptors+own {
			return fmt.Errorf("%d descriptors are open, %d before", n, s.descriptors)
		}
		if n, what := s.running(); n > s.goroutines+own {
			return fmt.Errorf("%d goroutines run, %d before:\n%s", n, s.goroutines, what)
		}
		return nil
	}))
}

// ends reads back what the client was told is there.
func (s *siege) ends() {
	s.t.Helper()
	must(s.t, s.Drain(s.ctx))
	must(s.t, s.Flush(s.ctx))
	tally, err := s.ReadBack(s.ctx, traffic.TallyParams{Buckets: []string{"hostile"}, Clients: s.Clients, Order: true})
	must(s.t, err)
	must(s.t, s.Finish(s.ctx, tally))
	must(s.t, tally.Check())
	if r := tally.Result(); r.Acknowledged < 1000 || len(s.good.Stats().Rejected) > 0 {
		s.t.Errorf("%d events acknowledged, rejected %v", r.Acknowledged, s.good.Stats().Rejected)
	}
}

// open is how many descriptors the service has.
func (s *siege) open() int {
	s.t.Helper()
	entries, err := os.ReadDir(fmt.Sprintf("/proc/%d/fd", s.Service.PID()))
	must(s.t, err)
	return len(entries)
}

// running is how many goroutines the service has, and what most of them do.
func (s *siege) running() (n int, what string) {
	s.t.Helper()
	page, err := s.Service.Page(s.ctx, "/debug/pprof/goroutine?debug=1", s.Access.Token("stage"))
	must(s.t, err)
	_, err = fmt.Sscanf(string(page), "goroutine profile: total %d\n", &n)
	must(s.t, err)
	return n, string(page[:min(len(page), 4<<10)])
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
