package auth_test

import (
	"context"
	"crypto/rand"
	"crypto/rsa"
	"errors"
	"log/slog"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/open-destinations/destinations/server/auth"
	"github.com/open-destinations/destinations/server/auth/authtest"
)

// withIssuer adds an issuer to a world.
func (w *world) withIssuer() *authtest.Issuer {
	issuer := authtest.NewIssuer(w.t)
	client := &http.Client{Timeout: 5 * time.Second, Transport: &http.Transport{DisableKeepAlives: true}}
	w.config.Issuer = &auth.IssuerConfig{
		URL: issuer.URL, Audience: "destinations", Claim: "sub", Algorithms: []string{"RS256", "ES256"}, ClockSkew: 30 * time.Second, Client: client,
	}
	return issuer
}

func TestWhichJWTsAreTaken(t *testing.T) {
	w := newWorld(t)
	issuer := w.withIssuer()
	g := w.gate()
	foreign, err := rsa.GenerateKey(rand.Reader, 2048)
	must(t, err)
	at := func(d time.Duration) int64 { return time.Now().Add(d).Unix() }
	claims := func(changes map[string]any) map[string]any { return issuer.Claims("ci", "destinations", changes) }
	good := issuer.Sign(claims(nil))
	tampered := strings.Split(good, ".")
	tampered[1] = strings.Split(issuer.Sign(issuer.Claims("root", "destinations", nil)), ".")[1]
	for name, c := range map[string]struct {
		token string
		err   error
	}{
		"good":                      {good, nil},
		"several audiences":         {issuer.Sign(claims(map[string]any{"aud": []string{"a", "destinations"}})), nil},
		"expired within the skew":   {issuer.Sign(claims(map[string]any{"exp": at(-10 * time.Second)})), nil},
		"valid soon, within it":     {issuer.Sign(claims(map[string]any{"nbf": at(10 * time.Second)})), nil},
		"expired":                   {issuer.Sign(claims(map[string]any{"exp": at(-time.Minute)})), auth.ErrCredential},
		"not valid yet":             {issuer.Sign(claims(map[string]any{"nbf": at(time.Minute)})), auth.ErrCredential},
		"without an end":            {issuer.Sign(claims(map[string]any{"exp": nil})), auth.ErrCredential},
		"for somebody else":         {issuer.Sign(claims(map[string]any{"aud": "billing"})), auth.ErrCredential},
		"for nobody":                {issuer.Sign(claims(map[string]any{"aud": nil})), auth.ErrCredential},
		"of another issuer":         {issuer.Sign(claims(map[string]any{"iss": "https://issuer.example"})), auth.ErrCredential},
		"signed by somebody else":   {authtest.SignWith(t, foreign, claims(nil)), auth.ErrCredential},
		"alg none":                  {issuer.None(claims(nil)), auth.ErrCredential},
		"HMAC with the public key":  {issuer.Confused(claims(nil), false), auth.ErrCredential},
		"the same, of the DER":      {issuer.Confused(claims(nil), true), auth.ErrCredential},
		"another one's claims":      {strings.Join(tampered, "."), auth.ErrCredential},
		"no subject":                {issuer.Sign(claims(map[string]any{"sub": nil})), auth.ErrCredential},
		"a subject that is no text": {issuer.Sign(claims(map[string]any{"sub": 7})), auth.ErrCredential},
		"a subject with a line end": {issuer.Sign(claims(map[string]any{"sub": "ci\n"})), auth.ErrCredential},
		"nobody whom a grant names": {issuer.Sign(claims(map[string]any{"sub": "anna"})), auth.ErrNotGranted},
		"without its signature":     {good[:strings.LastIndex(good, ".")+1], auth.ErrCredential},
		"no JWT":                    {"x", auth.ErrCredential},
	} {
		caller, err := g.Enter(quick(t), bearer(c.token), auth.Send)
		if !errors.Is(err, c.err) || (err == nil) != (c.err == nil) {
			t.Errorf("%s: got %v, want %v", name, err, c.err)
			continue
		}
		if err == nil {
			if caller.Principal() != "oidc:ci" {
				t.Errorf("%s: got %q", name, caller.Principal())
			}
			caller.Leave()
		}
	}
	if issuer.Asked() > 2 {
		t.Errorf("strangers had the issuer asked %d times", issuer.Asked())
	}
}

// An address that the issuer has not verified may be anybody's.
func TestOnlyVerifiedAddressesCount(t *testing.T) {
	w := newWorld(t)
	issuer := w.withIssuer()
	w.config.Issuer.Claim = "email"
	w.write("grants.yaml", strings.Replace(worldGrants, "oidc:ci", "oidc:ci@shop.example", 1))
	g := w.gate()
	for _, c := range []struct {
		verified any
		err      error
	}{{true, nil}, {false, auth.ErrCredential}, {nil, auth.ErrCredential}, {"true", auth.ErrCredential}} {
		token := issuer.Sign(issuer.Claims("7", "destinations", map[string]any{"email": "ci@shop.example", "email_verified": c.verified}))
		caller, err := g.Enter(quick(t), bearer(token), auth.Send)
		if !errors.Is(err, c.err) || (err == nil) != (c.err == nil) {
			t.Errorf("email_verified %v: got %v, want %v", c.verified, err, c.err)
		}
		if err == nil {
			caller.Leave()
		}
	}
}

func TestAnIssuersKeysAreRotated(t *testing.T) {
	w := newWorld(t)
	issuer := w.withIssuer()
	g := w.gate()
	old := issuer.Sign(issuer.Claims("ci", "destinations", nil))
	first, err := g.Enter(t.Context(), bearer(old), auth.Send)
	must(t, err)
	defer first.Leave()
	issuer.Rotate(true)
	fresh := issuer.Sign(issuer.Claims("ci", "destinations", nil))
	// The issuer was asked a moment ago; strangers could have it asked all the time.
	if _, err := g.Enter(quick(t), bearer(fresh), auth.Send); !errors.Is(err, auth.ErrCredential) {
		t.Errorf("got %v", err)
	}
	g.AskIssuer(t.Context())
	second, err := g.Enter(t.Context(), bearer(fresh), auth.Send)
	must(t, err)
	defer second.Leave()
	if err := ended(first); err != nil {
		t.Errorf("a token of the key before, which is still published: got %v", err)
	}
	issuer.Rotate(false)
	g.AskIssuer(t.Context())
	for _, caller := range []*auth.Caller{first, second} {
		if err := ended(caller); !errors.Is(err, auth.ErrCredential) {
			t.Errorf("a token of a key that was withdrawn: got %v", err)
		}
	}
}

// While an issuer can't be reached nobody comes in by it, and it is said that this will
// pass; the others do.
func TestAnIssuerThatIsAway(t *testing.T) {
	w := newWorld(t)
	issuer := w.withIssuer()
	jwt := issuer.Sign(issuer.Claims("ci", "destinations", nil))
	w.config.Issuer.URL = "http://127.0.0.1:1"
	token := w.token("ci", time.Time{})
	g, err := auth.New(w.config, nil, slog.New(slog.DiscardHandler))
	must(t, err)
	if _, err := g.Enter(t.Context(), bearer(jwt), auth.Send); !errors.Is(err, auth.ErrIssuerUnavailable) {
		t.Errorf("got %v", err)
	}
	caller, err := g.Enter(t.Context(), bearer(token), auth.Send)
	must(t, err)
	caller.Leave()
}

// Whatever a stranger shows as a JWT, it lets nobody in.
func FuzzJWT(f *testing.F) {
	f.Add("eyJhbGciOiJub25lIn0.eyJzdWIiOiJjaSJ9.")
	f.Add("a.b.c")
	f.Add("{}")
	config := auth.Config{Issuer: &auth.IssuerConfig{
		URL: "http://127.0.0.1:1", Audience: "destinations", Claim: "sub", Algorithms: auth.Algorithms,
		Client: &http.Client{Transport: unreachable{}},
	}}
	g, err := auth.New(config, nil, slog.New(slog.DiscardHandler))
	if err != nil {
		f.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	f.Fuzz(func(t *testing.T, token string) {
		if _, err := g.Enter(ctx, bearer(token), 0); err == nil {
			t.Errorf("%q lets somebody in", token)
		}
	})
}

type unreachable struct{}

func (unreachable) RoundTrip(*http.Request) (*http.Response, error) {
	return nil, errors.New("unreachable")
}
