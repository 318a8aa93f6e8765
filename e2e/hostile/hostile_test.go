package hostile_test

import (
	"context"
	"os"
	"testing"
	"time"

	"google.golang.org/grpc/codes"

	"github.com/open-destinations/destinations/e2e/harness"
	"github.com/open-destinations/destinations/e2e/hostile"
	"github.com/open-destinations/destinations/e2e/stage"
)

// bins are the programs under test. TestMain sets them before the first test.
var bins harness.Binaries

func TestMain(m *testing.M) {
	os.Exit(harness.RunTests(m, func(_ string, built harness.Binaries) { bins = built }))
}

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
	"rapid reset":                  hostile.Closed,
	"rapid reset by callers":       codes.ResourceExhausted.String(),
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
	s := besiege(t, stage.Params{Dir: t.TempDir()})
	for _, attack := range hostile.All() {
		progress := s.good.Progress()
		long := lasting
		if wants[attack.Name] == codes.Unavailable.String() {
			long = lastingLong
		}
		short, end := context.WithTimeout(s.ctx, long)
		seen := &hostile.Seen{}
		attack.Run(short, hostile.Attacker{Target: s.Service.Target, Token: s.Access.Token("bad"), Seen: seen})
		end()
		s.goesOn(attack.Name, progress)
		s.fits(attack.Name, seen)
		s.letsGo(attack.Name)
		if want := wants[attack.Name]; seen.Connections() == 0 || want != "" && seen.Answers()[want] == 0 {
			t.Errorf("%s: %d connections, answered %v, want some of %q", attack.Name, seen.Connections(), seen.Answers(), want)
		}
	}
	s.ends()
}
