package auth_test

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/open-destinations/destinations/server/auth"
	"github.com/open-destinations/destinations/server/auth/authtest"
)

// world is a folder with what a gate needs.
type world struct {
	t      *testing.T
	dir    string
	ca     *authtest.CA
	store  auth.TokenStore
	config auth.Config
	audit  buffer
	log    buffer
}

// buffer is what several goroutines write into.
type buffer struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (b *buffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.Write(p)
}

func (b *buffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.String()
}

const worldGrants = `
grants:
  - principals: ["token:ci", "uri:spiffe://shop.example/ci", "dns:ci.shop", "cn:ci", "oidc:ci"]
    tenant: acme
    roles: [send]
    destinations: [{bucket: acme, prefixes: ["logs/*"]}]
`

// newWorld has tokens, certificates of every kind and grants.
func newWorld(t *testing.T) *world {
	t.Helper()
	w := &world{t: t, dir: t.TempDir(), ca: authtest.NewCA(t, "clients")}
	server := w.ca.Issue(authtest.Certificate{Server: true})
	at := authtest.Write(t, w.dir, map[string][]byte{
		"cert.pem": server.Cert, "key.pem": server.Key, "ca.pem": w.ca.PEM, "grants.yaml": []byte(worldGrants),
	})
	w.store = auth.TokenStore{Path: at("tokens.json")}
	_, _, err := w.store.Create("somebody", time.Time{})
	must(t, err)
	w.config = auth.Config{
		CertFile: at("cert.pem"), KeyFile: at("key.pem"), ClientCAFile: at("ca.pem"), CertNames: []string{auth.NameURI},
		TokensFile: w.store.Path, GrantsFile: at("grants.yaml"),
	}
	return w
}

func (w *world) gate() *auth.Gate {
	w.t.Helper()
	g, err := auth.New(w.config, auth.NewAudit(&w.audit, slog.New(slog.DiscardHandler)), slog.New(slog.NewTextHandler(&w.log, nil)))
	must(w.t, err)
	return g
}

// write replaces a file of the world.
func (w *world) write(name, text string) {
	w.t.Helper()
	must(w.t, os.WriteFile(filepath.Join(w.dir, name), []byte(text), 0o600))
}

// token makes a token.
func (w *world) token(name string, expires time.Time) string {
	w.t.Helper()
	secret, _, err := w.store.Create(name, expires)
	must(w.t, err)
	return secret
}

func bearer(token string) auth.Presented {
	return auth.Presented{Bearer: token, Address: "192.0.2.1:1000"}
}

// shown is a client certificate as a handshake leaves it.
func (w *world) shown(c authtest.Certificate) auth.Presented {
	w.t.Helper()
	certificate, err := x509.ParseCertificate(w.ca.Issue(c).Pair.Certificate[0])
	must(w.t, err)
	return auth.Presented{Certificates: []*x509.Certificate{certificate}, Address: "192.0.2.1:1000"}
}

// ended is why a caller may not go on; nil if he may.
func ended(c *auth.Caller) error {
	why := make(chan error, 1)
	defer c.WhenEnded(func(err error) { why <- err })()
	select {
	case err := <-why:
		return err
	case <-time.After(50 * time.Millisecond):
		return nil
	}
}

// handshake connects over TLS, and returns what the server saw of the client and the
// client of the server.
func handshake(t *testing.T, server, client *tls.Config) (ofClient, ofServer tls.ConnectionState, err error) {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	defer listener.Close()
	served := make(chan error, 1)
	go func() {
		conn, err := listener.Accept()
		if err != nil {
			served <- err
			return
		}
		defer conn.Close()
		over := tls.Server(conn, server)
		if err = over.HandshakeContext(context.Background()); err == nil {
			ofClient = over.ConnectionState()
			_, err = over.Write([]byte("x"))
		}
		served <- err
	}()
	conn, err := tls.Dial("tcp", listener.Addr().String(), client)
	if err == nil {
		ofServer = conn.ConnectionState()
		_, err = io.ReadAll(conn)
		conn.Close()
	}
	return ofClient, ofServer, errors.Join(err, <-served)
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
