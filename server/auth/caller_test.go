package auth_test

import (
	"crypto/x509"
	"encoding/pem"
	"errors"
	"os"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/open-destinations/destinations/server/auth"
	"github.com/open-destinations/destinations/server/auth/authtest"
)

// untilExpired waits for the end of a caller, which must come of itself.
func untilExpired(t *testing.T, c *auth.Caller) {
	t.Helper()
	over := make(chan error, 1)
	defer c.WhenEnded(func(err error) { over <- err })()
	select {
	case err := <-over:
		if !errors.Is(err, auth.ErrCredential) || !strings.Contains(err.Error(), "expired") {
			t.Errorf("got %v", err)
		}
	case <-time.After(10 * time.Second):
		t.Error("he goes on")
	}
}

// A token whose end is brought forward while it is used ends then, and not when it was to end.
func TestAnEndThatComesNearerCounts(t *testing.T) {
	w := newWorld(t)
	token := w.token("ci", time.Now().Add(time.Hour))
	g := w.gate()
	caller, err := g.Enter(t.Context(), bearer(token), auth.Send)
	must(t, err)
	defer caller.Leave()
	text, err := os.ReadFile(w.store.Path)
	must(t, err)
	soon := time.Now().Add(2 * time.Second).UTC().Format(time.RFC3339)
	w.write("tokens.json", regexp.MustCompile(`"expires": "[^"]*"`).ReplaceAllString(string(text), `"expires": "`+soon+`"`))
	g.Reload()
	untilExpired(t, caller)
}

// A client certificate counts no longer than the authority between it and the one that is
// trusted.
func TestACertificateEndsWithItsAuthority(t *testing.T) {
	w := newWorld(t)
	g := w.gate()
	between := w.ca.Under("between", time.Now().Add(2*time.Second))
	shown := (&world{t: t, ca: between}).shown(authtest.Certificate{URI: "spiffe://shop.example/ci"})
	block, _ := pem.Decode(between.PEM)
	certificate, err := x509.ParseCertificate(block.Bytes)
	must(t, err)
	shown.Certificates = append(shown.Certificates, certificate)
	caller, err := g.Enter(t.Context(), shown, auth.Send)
	must(t, err)
	defer caller.Leave()
	untilExpired(t, caller)
}

// An authority that is taken away counts no more, also while the service's own certificate
// can't be read.
func TestABrokenCertificateKeepsNoAuthorityTrusted(t *testing.T) {
	w := newWorld(t)
	g := w.gate()
	caller, err := g.Enter(t.Context(), w.shown(authtest.Certificate{URI: "spiffe://shop.example/ci"}), auth.Send)
	must(t, err)
	defer caller.Leave()
	w.write("key.pem", "")
	w.write("ca.pem", string(authtest.NewCA(t, "next").PEM))
	g.Reload()
	if err := ended(caller); !errors.Is(err, auth.ErrCredential) {
		t.Errorf("got %v", err)
	}
}
