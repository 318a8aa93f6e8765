package hostile_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"testing"
	"time"

	"google.golang.org/grpc/codes"

	"github.com/open-destinations/destinations/e2e/harness"
	"github.com/open-destinations/destinations/e2e/hostile"
	"github.com/open-destinations/destinations/e2e/stage"
	"github.com/open-destinations/destinations/e2e/traffic"
)

// bins are the programs under test. TestMain sets them before the first test.
var bins harness.Binaries

func TestMain(m *testing.M) {
	os.Exit(harness.RunTests(m, func(_ string, built harness.Binaries) { bins = built }))
}

const grants = `
grants:
  - {principals: ["token:good"], tenant: good, roles: [send], destinations: [{bucket: hostile, prefixes: ["*"]}]}
  - {principals: ["token:bad"], tenant: bad, roles: [send, inspect], destinations: [{bucket: none, prefixes: ["*"]}]}
  - {principals: ["token:stage"], tenant: "*", roles: [inspect, operate], destinations: [{bucket: "*", prefixes: ["*"]}]}
`

// lasting is how long an attack goes on, and lastingLong one that meets a bound after a second.
const (
	lasting     = 1200 * time.Millisecond
	lastingLong = 3 * time.Second
)

// wants are answers that must be seen of attacks: one that never reached the service, or that
// was stopped by something else, proves nothing. The bounds that take longer than an attack
// lasts (3 s to be a connection of gRPC) are not among them.
var wants = map[string]string{
	"connections that say nothing": hostile.Closed,
	"headers without end":          hostile.Closed,
	"requests of strangers":        codes.Unauthenticated.String(),
	"wrong tokens":                 codes.Unauthenticated.String(),
	"compression bombs":            codes.ResourceExhausted.String(),
	"nested and unknown fields":    codes.Internal.String(),
	"idle streams":                 codes.ResourceExhausted.String(),
	"a request that trickles":      codes.Unavailable.String(),
}

// TestHostileClients attacks the service in every way, one after the other, while a client
// sends who means well: all that is acknowledged to him arrives once, none of his events is
// rejected, and the service keeps within its memory and lets go of what the attackers had.
func TestHostileClients(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), 4*time.Minute)
	defer cancel()
	s, err := stage.Open(ctx, stage.Params{
		Dir: t.TempDir(), Bins: bins, Buckets: []string{"hostile"}, Direct: true, Seed: rand.Uint64(),
		Args: []string{"--window", "1s", "--memory", "256MiB"}, Grants: grants, Names: []string{"good", "bad"},
	})
	must(t, err)
	defer func() { must(t, s.Close()) }()
	must(t, s.LaunchReady(ctx))
	good, err := s.Join(traffic.Params{
		Corpus: traffic.NewCorpus(stage.Spread(5, "hostile"), 400, 400), Stream: true, IDs: true,
		RequestEvents: 10, Outstanding: 16, Rate: 1000, Show: s.Access.As("good"),
	})
	must(t, err)
	before := open(t, s)
	for _, attack := range hostile.All() {
		progress := good.Progress()
		long := lasting
		if wants[attack.Name] == codes.Unavailable.String() {
			long = lastingLong
		}
		short, end := context.WithTimeout(ctx, long)
		seen := &hostile.Seen{}
		attack.Run(short, hostile.Attacker{Target: s.Service.Target, Token: s.Access.Token("bad"), Seen: seen})
		end()
		must(t, harness.Poll(ctx, "an answer to the good client after "+attack.Name, func() error {
			if good.Progress() > progress {
				return nil
			}
			return errors.New("there is none")
		}))
		u, err := harness.ReadUsage(s.Service.PID())
		must(t, err)
		if want := wants[attack.Name]; seen.Connections() == 0 || want != "" && seen.Answers()[want] == 0 {
			t.Errorf("%s: %d connections, answered %v, want some of %q", attack.Name, seen.Connections(), seen.Answers(), want)
		}
		t.Logf("%-30s peak %d MiB, %d connections, %v", attack.Name, u.PeakRSS>>20, seen.Connections(), seen.Answers())
		if most := int64(256+128) << 20; u.PeakRSS > most {
			t.Errorf("%s: the service has used %d MiB, want at most %d", attack.Name, u.PeakRSS>>20, most>>20)
		}
	}
	must(t, harness.Poll(ctx, "the attackers' connections to be gone", func() error {
		if n := open(t, s); n > before+20 {
			return fmt.Errorf("%d descriptors are open, %d before", n, before)
		}
		return nil
	}))
	must(t, s.Drain(ctx))
	must(t, s.Flush(ctx))
	tally, err := s.ReadBack(ctx, traffic.TallyParams{Buckets: []string{"hostile"}, Clients: s.Clients, Order: true})
	must(t, err)
	must(t, s.Finish(ctx, tally))
	must(t, tally.Check())
	if r := tally.Result(); r.Acknowledged < 1000 || len(good.Stats().Rejected) > 0 {
		t.Errorf("%d events acknowledged, rejected %v", r.Acknowledged, good.Stats().Rejected)
	}
}

// open is how many descriptors the service has.
func open(t *testing.T, s *stage.Stage) int {
	t.Helper()
	entries, err := os.ReadDir(fmt.Sprintf("/proc/%d/fd", s.Service.PID()))
	must(t, err)
	return len(entries)
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
