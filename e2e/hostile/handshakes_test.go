package hostile_test

import (
	"context"
	"crypto/tls"
	"net"
	"sync"
	"testing"
	"time"

	"github.com/open-destinations/destinations/e2e/hostile"
	"github.com/open-destinations/destinations/e2e/stage"
	"github.com/open-destinations/destinations/server/auth/authtest"
)

// Bounds of those who never become callers: see docs/hardening.md.
const (
	mostOfAddress = 1000
	shake         = 3 * time.Second // with gRPC
	shakePages    = 5 * time.Second // with the admin pages
	scheduling    = time.Second     // on a machine that has other things to do
)

// TestSlowHandshakes attacks a service that speaks TLS with handshakes that do not come to an
// end. Few are cut off in time; of many from one address so many are left as it may have.
func TestSlowHandshakes(t *testing.T) {
	ca := authtest.NewCA(t, "hostile")
	issued := ca.Issue(authtest.Certificate{Server: true})
	path := authtest.Write(t, t.TempDir(), map[string][]byte{"cert.pem": issued.Cert, "key.pem": issued.Key})
	s := besiege(t, stage.Params{
		Dir: t.TempDir(), CA: ca.Pool(), Args: []string{"--tls-cert", path("cert.pem"), "--tls-key", path("key.pem")},
	})
	attacker := func(target, protocol string, from net.IP) hostile.Attacker {
		known := &tls.Config{RootCAs: ca.Pool(), MinVersion: tls.VersionTLS13, ServerName: "localhost", NextProtos: []string{protocol}}
		return hostile.Attacker{Target: target, TLS: known, From: from, Seen: &hostile.Seen{}}
	}

	progress := s.good.Progress()
	var grpc, pages []hostile.Attacker
	for i := range hostile.Handshakes() {
		grpc = append(grpc, attacker(s.Service.Target, "h2", net.IPv4(127, 0, 1, byte(i))))
		pages = append(pages, attacker(s.Service.Admin, "http/1.1", net.IPv4(127, 0, 2, byte(i))))
	}
	s.shakes(shakePages+scheduling, append(grpc, pages...)...)
	s.goesOn("handshakes from many addresses", progress)
	for i, attack := range hostile.Handshakes() {
		s.cutOff(attack.Name, grpc[i].Seen, shake)
		s.cutOff(attack.Name+", to the pages", pages[i].Seen, shakePages)
	}
	s.letsGo("handshakes from many addresses")

	progress = s.good.Progress()
	same := attacker(s.Service.Target, "h2", nil)
	open := s.shakes(lasting, same, same, same, same, same)
	s.goesOn("handshakes from one address", progress)
	s.fits("handshakes from one address", same.Seen)
	if open < s.descriptors+mostOfAddress*9/10 || open > s.descriptors+mostOfAddress+20 {
		t.Errorf("up to %d descriptors are open under %d handshakes of one address, %d before, want %d more", open, same.Seen.Connections(), s.descriptors, mostOfAddress)
	}
	s.letsGo("handshakes from one address")
	s.ends()
}

// shakes attacks with all handshakes at once, each of another attacker and round again, and
// returns how many descriptors the service had at most.
func (s *siege) shakes(lasting time.Duration, attackers ...hostile.Attacker) (open int) {
	ctx, end := context.WithTimeout(s.ctx, lasting)
	defer end()
	var all sync.WaitGroup
	kinds := hostile.Handshakes()
	for i, a := range attackers {
		all.Go(func() { kinds[i%len(kinds)].Run(ctx, a) })
	}
	for look := time.NewTicker(20 * time.Millisecond); ctx.Err() == nil; {
		select {
		case <-look.C:
			open = max(open, s.open())
		case <-ctx.Done():
			look.Stop()
		}
	}
	all.Wait()
	return open
}

// cutOff says whether connections of an attack were closed in time, and not before.
func (s *siege) cutOff(attack string, seen *hostile.Seen, after time.Duration) {
	s.t.Helper()
	s.fits(attack, seen)
	if d := seen.Longest(); d < after-scheduling || d > after+scheduling {
		s.t.Errorf("%s: connections were closed after %v (none is 0s), want %v", attack, d, after)
	}
}
