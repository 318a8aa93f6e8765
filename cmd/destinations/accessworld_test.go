package main

import (
	"context"
	"encoding/json"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/credentials/insecure"

	"github.com/open-destinations/destinations/server/auth"
	"github.com/open-destinations/destinations/server/auth/authtest"
	"github.com/open-destinations/destinations/uploader/uploadertest"
)

// accessWorld is a service that authenticates, with what is needed for that in a folder.
type accessWorld struct {
	*running
	t      *testing.T
	dir    string
	ca     *authtest.CA
	store  auth.TokenStore
	tokens map[string]string // files, by name
	s3     *uploadertest.S3
	sts    *uploadertest.STS
	tls    bool
}

const acmeGrants = `
grants:
  - {principals: ["token:send", "uri:spiffe://acme/send", "oidc:send"], tenant: acme, roles: [send], destinations: [{bucket: acme, prefixes: ["*"]}]}
  - {principals: ["token:inspect"], tenant: acme, roles: [inspect], destinations: [{bucket: "*", prefixes: ["*"]}]}
  - {principals: ["token:operate"], tenant: acme, roles: [operate], destinations: [{bucket: "*", prefixes: ["*"]}]}
  - {principals: ["token:other"], tenant: other, roles: [send, inspect, operate], destinations: [{bucket: other, prefixes: ["*"]}]}
  - {principals: ["token:all"], tenant: "*", roles: [inspect, operate], destinations: [{bucket: "*", prefixes: ["*"]}]}
`

// newAccessWorld starts a service with tokens, and if tls is set with certificates; args
// are more of serve.
func newAccessWorld(t *testing.T, tls bool, args ...string) *accessWorld {
	t.Helper()
	w := &accessWorld{t: t, dir: t.TempDir(), ca: authtest.NewCA(t, "test"), tokens: map[string]string{}, s3: uploadertest.NewS3(t), sts: uploadertest.NewSTS(t), tls: tls}
	server := w.ca.Issue(authtest.Certificate{Server: true})
	at := authtest.Write(t, w.dir, map[string][]byte{
		"cert.pem": server.Cert, "key.pem": server.Key, "ca.pem": w.ca.PEM, "grants.yaml": []byte(acmeGrants),
	})
	w.store = auth.TokenStore{Path: at("tokens.json")}
	for _, name := range []string{"send", "inspect", "operate", "other", "all", "nobody"} {
		w.token(name, time.Time{})
	}
	w.token("expired", time.Now().Add(-time.Hour))
	args = append(args, "--tokens", w.store.Path, "--grants", at("grants.yaml"), "--audit-log", at("audit.log"))
	if tls {
		args = append(args, "--tls-cert", at("cert.pem"), "--tls-key", at("key.pem"), "--tls-client-ca", at("ca.pem"))
	}
	p, closeAudit := w.params(args)
	w.running = start(t, p)
	t.Cleanup(closeAudit)
	return w
}

// params are of a service as serve makes it.
func (w *accessWorld) params(args []string) (serviceParams, func()) {
	w.t.Helper()
	c := parsedServe(w.t, filepath.Join(w.dir, "data"), args...)
	config, err := c.config()
	if err != nil {
		w.t.Fatal(err)
	}
	a, err := c.openAccess(os.Stdout, slog.New(slog.DiscardHandler))
	if err != nil {
		w.t.Fatal(err)
	}
	p := testParams(config, w.sts.Config(w.s3))
	p.Gate, p.Audit = a.gate, a.audit
	return p, func() {
		if err := a.close(); err != nil {
			w.t.Error(err)
		}
	}
}

// token makes a token, and a file of it.
func (w *accessWorld) token(name string, until time.Time) {
	w.t.Helper()
	secret, _, err := w.store.Create(name, until)
	if err != nil {
		w.t.Fatal(err)
	}
	w.tokens[name] = filepath.Join(w.dir, name+".token")
	if err := os.WriteFile(w.tokens[name], []byte(secret+"\n"), 0o600); err != nil {
		w.t.Fatal(err)
	}
}

// as connects as the one of a token; "" as nobody.
func (w *accessWorld) as(name string, address string) *grpc.ClientConn {
	w.t.Helper()
	flags := credentialFlags{TokenFile: w.tokens[name]}
	if w.tls {
		flags.TLSCA = filepath.Join(w.dir, "ca.pem")
	}
	options, err := flags.options(nil)
	if err != nil {
		w.t.Fatal(err)
	}
	conn, err := grpc.NewClient(address, options...)
	if err != nil {
		w.t.Fatal(err)
	}
	w.t.Cleanup(func() { conn.Close() })
	return conn
}

// audited are the entries of the audit log.
func (w *accessWorld) audited() (entries []map[string]any) {
	w.t.Helper()
	text, err := os.ReadFile(filepath.Join(w.dir, "audit.log"))
	if err != nil {
		w.t.Fatal(err)
	}
	for line := range strings.Lines(string(text)) {
		var entry map[string]any
		if err := json.Unmarshal([]byte(line), &entry); err != nil {
			w.t.Fatalf("%s: %v", line, err)
		}
		entries = append(entries, entry)
	}
	return entries
}

// withCertificate connects with a client certificate.
func (w *accessWorld) withCertificate(c authtest.Certificate) *grpc.ClientConn {
	w.t.Helper()
	conn, err := grpc.NewClient(w.listener.Addr().String(), grpc.WithTransportCredentials(credentials.NewTLS(w.ca.Issue(c).Config(w.ca))))
	if err != nil {
		w.t.Fatal(err)
	}
	w.t.Cleanup(func() { conn.Close() })
	return conn
}

// plainly connects without TLS.
func plainly(t *testing.T, address string) *grpc.ClientConn {
	t.Helper()
	conn, err := grpc.NewClient(address, grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	return conn
}

// soon is a context of a call that must not take long.
func soon(t *testing.T) context.Context {
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	t.Cleanup(cancel)
	return ctx
}
