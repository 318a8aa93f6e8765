package auth_test

import (
	"context"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/open-destinations/destinations/server/auth"
	"github.com/open-destinations/destinations/server/auth/authtest"
)

// quick is a context in which nobody is kept waiting for his failures.
func quick(t *testing.T) context.Context {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	return ctx
}

func TestWhoIsLetIn(t *testing.T) {
	w := newWorld(t)
	w.config.CertNames = []string{auth.NameURI, auth.NameDNS, auth.NameCN}
	token, unnamed, expired := w.token("ci", time.Time{}), w.token("x", time.Time{}), w.token("ci", time.Now().Add(-time.Minute))
	g := w.gate()
	other := &world{t: t, ca: authtest.NewCA(t, "others")}
	for name, c := range map[string]struct {
		shown     auth.Presented
		roles     auth.Role
		principal string // of who is let in
		err       error
	}{
		"token":                  {shown: bearer(token), roles: auth.Send, principal: "token:ci"},
		"one of several roles":   {shown: bearer(token), roles: auth.Send | auth.Inspect, principal: "token:ci"},
		"no role needed":         {shown: bearer(token), principal: "token:ci"},
		"URI":                    {shown: w.shown(authtest.Certificate{URI: "spiffe://shop.example/ci", DNS: "x", CN: "y"}), roles: auth.Send, principal: "uri:spiffe://shop.example/ci"},
		"DNS":                    {shown: w.shown(authtest.Certificate{DNS: "ci.shop", CN: "y"}), roles: auth.Send, principal: "dns:ci.shop"},
		"CN":                     {shown: w.shown(authtest.Certificate{CN: "ci"}), roles: auth.Send, principal: "cn:ci"},
		"nothing":                {roles: auth.Send, err: auth.ErrNoCredential},
		"another role":           {shown: bearer(token), roles: auth.Operate, err: auth.ErrRole},
		"no grant":               {shown: bearer(unnamed), roles: auth.Send, err: auth.ErrNotGranted},
		"expired token":          {shown: bearer(expired), roles: auth.Send, err: auth.ErrCredential},
		"wrong token":            {shown: bearer("dst_" + strings.Repeat("0", 60)), roles: auth.Send, err: auth.ErrCredential},
		"JWT without an issuer":  {shown: bearer("a.b.c"), roles: auth.Send, err: auth.ErrCredential},
		"another's certificate":  {shown: other.shown(authtest.Certificate{URI: "spiffe://shop.example/ci"}), roles: auth.Send, err: auth.ErrCredential},
		"expired certificate":    {shown: w.shown(authtest.Certificate{URI: "spiffe://shop.example/ci", NotAfter: time.Now().Add(-time.Minute)}), roles: auth.Send, err: auth.ErrCredential},
		"a server's certificate": {shown: w.shown(authtest.Certificate{URI: "spiffe://shop.example/ci", Server: true}), roles: auth.Send, err: auth.ErrCredential},
		"two names":              {shown: w.shown(authtest.Certificate{DNS: "ci.shop", MoreDNS: []string{"b.shop"}}), roles: auth.Send, err: auth.ErrCredential},
		"two common names":       {shown: w.shown(authtest.Certificate{CN: "x", MoreCN: "ci"}), roles: auth.Send, err: auth.ErrCredential},
		"no name":                {shown: w.shown(authtest.Certificate{}), roles: auth.Send, err: auth.ErrCredential},
		"a bad token, a good certificate": {
			shown: auth.Presented{Bearer: "dst_x", Certificates: w.shown(authtest.Certificate{CN: "ci"}).Certificates}, roles: auth.Send, err: auth.ErrCredential,
		},
	} {
		caller, err := g.Enter(quick(t), c.shown, c.roles)
		if !errors.Is(err, c.err) || (err == nil) != (c.err == nil) {
			t.Errorf("%s: got %v, want %v", name, err, c.err)
			continue
		}
		if err == nil {
			if caller.Principal() != c.principal || caller.Tenant() != "acme" || !caller.Grant().Covers("acme", "logs/a/") || caller.Grant().Covers("acme", "") {
				t.Errorf("%s: got %q of %q", name, caller.Principal(), caller.Tenant())
			}
			caller.Leave()
		}
	}
}

// A name that only one kind of name may have is none of another kind.
func TestOnlyConfiguredNamesCount(t *testing.T) {
	w := newWorld(t)
	g := w.gate() // URIs alone
	if _, err := g.Enter(quick(t), w.shown(authtest.Certificate{CN: "ci", DNS: "ci.shop"}), auth.Send); !errors.Is(err, auth.ErrCredential) {
		t.Errorf("got %v, want %v", err, auth.ErrCredential)
	}
}

func TestWhoIsInsideIsJudgedAnew(t *testing.T) {
	for name, c := range map[string]struct {
		change func(w *world)
		ends   error // nil = he goes on
		covers bool  // the place that he could reach before
	}{
		"revoked":             {change: func(w *world) { _, err := w.store.Revoke("ci"); must(w.t, err) }, ends: auth.ErrCredential},
		"grant taken away":    {change: func(w *world) { w.write("grants.yaml", "grants: []\n") }, ends: auth.ErrNotGranted},
		"role taken away":     {change: func(w *world) { w.write("grants.yaml", strings.Replace(worldGrants, "[send]", "[inspect]", 1)) }, ends: auth.ErrRole},
		"another tenant":      {change: func(w *world) { w.write("grants.yaml", strings.Replace(worldGrants, "acme\n", "b\n", 1)) }, ends: auth.ErrNotGranted},
		"another place":       {change: func(w *world) { w.write("grants.yaml", strings.Replace(worldGrants, "logs/*", "x", 1)) }},
		"another one's":       {change: func(w *world) { _, err := w.store.Revoke("somebody"); must(w.t, err) }, covers: true},
		"a broken file":       {change: func(w *world) { w.write("grants.yaml", "grants: {") }, covers: true},
		"a file that is gone": {change: func(w *world) { must(w.t, os.Remove(w.config.GrantsFile)) }, covers: true},
		"nothing":             {change: func(*world) {}, covers: true},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			token := w.token("ci", time.Time{})
			g := w.gate()
			caller, err := g.Enter(t.Context(), bearer(token), auth.Send)
			must(t, err)
			defer caller.Leave()
			c.change(w)
			g.Reload()
			if err := ended(caller); !errors.Is(err, c.ends) || (err == nil) != (c.ends == nil) {
				t.Fatalf("got %v, want %v", err, c.ends)
			}
			if c.ends == nil && caller.Grant().Covers("acme", "logs/") != c.covers {
				t.Errorf("got covers %v, want %v", !c.covers, c.covers)
			}
		})
	}
}

// A file that is broken is told of once, and counts again once it is mended.
func TestABrokenFileIsSaidOnce(t *testing.T) {
	w := newWorld(t)
	g := w.gate()
	w.write("grants.yaml", "grants: {")
	for range 3 {
		g.Reload()
	}
	if n := strings.Count(w.log.String(), "what it said before holds"); n != 1 {
		t.Errorf("got %d complaints, want 1:\n%s", n, w.log.String())
	}
	w.write("grants.yaml", worldGrants+"\n# mended\n")
	g.Reload()
	if !strings.Contains(w.log.String(), "a file that has changed was read") || !strings.Contains(w.audit.String(), `"what":"--grants"`) {
		t.Errorf("got log %s\naudit %s", w.log.String(), w.audit.String())
	}
}

// Who is told of another grants file is told when it counts, and of no other change.
func TestAnotherGrantsFileIsTold(t *testing.T) {
	w := newWorld(t)
	g := w.gate()
	var told []int
	g.OnGrants(func() { told = append(told, g.TenantOf("acme").Weight) })
	for _, text := range []string{worldGrants, "tenants: {acme: {weight: 5}}" + worldGrants, "tenants: {acme: {weight: 0}}" + worldGrants} {
		w.write("grants.yaml", text)
		g.Reload()
	}
	_, _, err := w.store.Create("else", time.Time{})
	must(t, err)
	g.Reload()
	if !slices.Equal(told, []int{5}) {
		t.Errorf("was told of weights %v, want 5 alone", told)
	}
}

// Files are looked at by themselves, well within the five seconds that are promised.
func TestFilesAreLookedAtByThemselves(t *testing.T) {
	w := newWorld(t)
	token := w.token("ci", time.Time{})
	g := w.gate()
	ctx, stop := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() { defer close(done); g.Run(ctx) }()
	defer func() { stop(); <-done }()
	caller, err := g.Enter(t.Context(), bearer(token), auth.Send)
	must(t, err)
	defer caller.Leave()
	over := make(chan error, 1)
	defer caller.WhenEnded(func(err error) { over <- err })()
	_, err = w.store.Revoke("ci")
	must(t, err)
	select {
	case err := <-over:
		if !errors.Is(err, auth.ErrCredential) {
			t.Errorf("got %v", err)
		}
	case <-time.After(5 * time.Second):
		t.Error("the caller goes on five seconds after his token was revoked")
	}
}

func TestACredentialThatExpiresEndsTheCall(t *testing.T) {
	w := newWorld(t)
	g := w.gate()
	for _, show := range []func(until time.Time) auth.Presented{
		func(until time.Time) auth.Presented {
			token := w.token("ci", until)
			g.Reload()
			return bearer(token)
		},
		func(until time.Time) auth.Presented {
			return w.shown(authtest.Certificate{URI: "spiffe://shop.example/ci", NotAfter: until})
		},
	} {
		caller, err := g.Enter(t.Context(), show(time.Now().Add(2*time.Second)), auth.Send)
		must(t, err)
		over := make(chan error, 1)
		caller.WhenEnded(func(err error) { over <- err })
		if err := <-over; !errors.Is(err, auth.ErrCredential) || !strings.Contains(err.Error(), "expired") {
			t.Errorf("got %v", err)
		}
		caller.Leave()
	}
}

func TestWhatIsWrongAtTheStartIsRefused(t *testing.T) {
	for name, c := range map[string]struct {
		spoil func(w *world)
		want  string
	}{
		"grants":        {func(w *world) { w.write("grants.yaml", "x: 1") }, "--grants: line 1: field x not found"},
		"no grants":     {func(w *world) { must(w.t, os.Remove(w.config.GrantsFile)) }, "--grants: open"},
		"tokens":        {func(w *world) { w.write("tokens.json", "{}") }, "--tokens: version 0"},
		"another's key": {func(w *world) { w.write("key.pem", string(w.ca.Issue(authtest.Certificate{}).Key)) }, "--tls-cert, --tls-key: tls: private key does not match"},
		"no authority":  {func(w *world) { w.write("ca.pem", "x") }, "no certificate of an authority"},
		"half a bundle": {func(w *world) { w.write("ca.pem", string(w.ca.PEM)+string(authtest.NewCA(w.t, "x").PEM)[:300]) }, "--tls-client-ca: ends with a certificate that can't be read"},
		"names":         {func(w *world) { w.config.CertNames = []string{"uri", "uri"} }, "--tls-client-names"},
		"a folder":      {func(w *world) { w.config.GrantsFile = w.dir }, "not a regular file"},
		"issuer": {func(w *world) {
			w.config.Issuer = &auth.IssuerConfig{URL: "http://issuer.example", Claim: "sub", Algorithms: []string{"HS256"}}
		},
			"--oidc-issuer: http://issuer.example: must be https"},
	} {
		w := newWorld(t)
		c.spoil(w)
		if _, err := auth.New(w.config, nil, slog.New(slog.DiscardHandler)); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: got %v, want %q", name, err, c.want)
		}
	}
}

// Without any way to be known everybody is let in, as on a machine of one's own.
func TestWithoutAuthenticationEverybodyIsLetIn(t *testing.T) {
	g, err := auth.New(auth.Config{}, nil, slog.New(slog.DiscardHandler))
	must(t, err)
	caller, err := g.Enter(t.Context(), auth.Presented{}, auth.Operate)
	must(t, err)
	if caller.Tenant() != auth.DefaultTenant || caller.Principal() != "" || !caller.Grant().Covers("a", "") || ended(caller) != nil {
		t.Errorf("got %q of %q", caller.Principal(), caller.Tenant())
	}
	caller.Leave()
}

// A certificate is rotated without a restart, and so are the authorities.
func TestCertificatesAreRotated(t *testing.T) {
	w := newWorld(t)
	g := w.gate()
	server := g.Certificates().TLS("h2")
	old := w.ca
	// seen is the serial number of the server's certificate, and whether the server has
	// seen one of the client.
	seen := func(trusts *authtest.CA, client authtest.Issued) (serial string, known bool) {
		ofClient, ofServer, err := handshake(t, server, client.Config(trusts))
		must(t, err)
		return ofServer.PeerCertificates[0].SerialNumber.String(), len(ofClient.VerifiedChains) == 1
	}
	client := old.Issue(authtest.Certificate{URI: "spiffe://shop.example/ci"})
	before, known := seen(old, client)
	if !known {
		t.Fatal("the client's certificate was not seen")
	}
	shown := w.shown(authtest.Certificate{URI: "spiffe://shop.example/ci"})
	caller, err := g.Enter(t.Context(), shown, auth.Send)
	must(t, err)
	defer caller.Leave()

	next := authtest.NewCA(t, "next")
	issued := next.Issue(authtest.Certificate{Server: true})
	w.write("cert.pem", string(issued.Cert)) // half of it is there: nothing changes
	g.Reload()
	if again, known := seen(old, client); again != before || !known {
		t.Errorf("while the key is another's: got %s, %v, want %s", again, known, before)
	}
	w.write("key.pem", string(issued.Key))
	w.write("ca.pem", string(next.PEM))
	g.Reload()
	if after, known := seen(next, next.Issue(authtest.Certificate{URI: "spiffe://shop.example/ci"})); after == before || !known {
		t.Errorf("got %s, %v, want another certificate than %s", after, known, before)
	}
	if _, known := seen(next, client); known {
		t.Error("a client of the old authority is known")
	}
	if err := ended(caller); !errors.Is(err, auth.ErrCredential) {
		t.Errorf("a caller with a certificate of the old authority: got %v", err)
	}
}

func TestTLSIsNoOlderThan13(t *testing.T) {
	w := newWorld(t)
	client := w.ca.Issue(authtest.Certificate{URI: "spiffe://shop.example/ci"}).Config(w.ca)
	client.MaxVersion = client.MinVersion - 1
	client.MinVersion = client.MaxVersion
	if _, _, err := handshake(t, w.gate().Certificates().TLS("h2"), client); err == nil {
		t.Error("TLS 1.2 gets through")
	}
}

// The example that stands in the documentation is one.
func TestTheExampleOfTheDocumentation(t *testing.T) {
	text, err := os.ReadFile(filepath.Join("..", "..", "docs", "grants.example.yaml"))
	must(t, err)
	g, err := auth.ParseGrants(text)
	must(t, err)
	if g.Count() < 3 {
		t.Errorf("got %d grants", g.Count())
	}
}
