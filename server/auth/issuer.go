package auth

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
)

// IssuerConfig says whose JWTs are taken, and which of them.
type IssuerConfig struct {
	URL        string        // of the issuer, https or on this machine; its keys are found by OpenID Connect discovery
	Audience   string        // that a token must name
	Claim      string        // whose text is the principal's name, such as sub
	Algorithms []string      // of signatures that are taken; only asymmetric ones
	ClockSkew  time.Duration // by which the issuer's clock may be wrong
	Client     *http.Client  // nil = one with a timeout of 10 s
}

// Algorithms of signatures that can be taken: those whose keys an issuer publishes.
var Algorithms = []string{"RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA"}

const (
	// keysFor is how long an issuer's keys are used before they are asked for again, so
	// that one that it has withdrawn does not count for ever.
	keysFor = 5 * time.Minute
	// keysPause is how long they are not asked for again because of a token whose
	// signature they do not fit: strangers can send those.
	keysPause = 10 * time.Second
	// firstKeysPause is the same while none are known.
	firstKeysPause = time.Second
	// askFor is how long an issuer may take for both of its answers.
	askFor = 10 * time.Second
	// maxKeysBytes is the size of the longest answer of an issuer that is read.
	maxKeysBytes = 1 << 20
	// maxClockSkew is as long as most tokens last.
	maxClockSkew = 5 * time.Minute
)

// validate returns every problem of the configuration, joined, or nil.
func (c IssuerConfig) validate() error {
	var problems []error
	at, err := url.Parse(c.URL)
	switch {
	case err != nil || at.Host == "":
		problems = append(problems, fmt.Errorf("--oidc-issuer: %q is not a URL", c.URL))
	case !unforged(at):
		problems = append(problems, fmt.Errorf("--oidc-issuer: %s: must be https, or on this machine", c.URL))
	}
	if c.Audience == "" {
		problems = append(problems, errors.New("--oidc-audience: missing: a token that the issuer has given for somebody else would let him in"))
	}
	if c.Claim == "" {
		problems = append(problems, errors.New("--oidc-claim: empty"))
	}
	if len(c.Algorithms) == 0 {
		problems = append(problems, errors.New("--oidc-algorithms: none"))
	}
	for _, name := range c.Algorithms {
		if !slices.Contains(Algorithms, name) {
			problems = append(problems, fmt.Errorf("--oidc-algorithms: %q: must be of %s", name, strings.Join(Algorithms, ", ")))
		}
	}
	if c.ClockSkew < 0 || c.ClockSkew > maxClockSkew {
		problems = append(problems, fmt.Errorf("--oidc-clock-skew: %v, must be 0 to %v", c.ClockSkew, maxClockSkew))
	}
	return errors.Join(problems...)
}

// unforged reports whether nobody on the way can answer in the place of an address.
func unforged(at *url.URL) bool {
	return at.Scheme == "https" || at.Scheme == "http" && isLocal(at.Hostname())
}

// errForged is why an address that an issuer names is not asked.
var errForged = errors.New("must be https, or on this machine: who is on the way could give keys of his own")

// follow is how far redirections are followed.
func follow(to *http.Request, via []*http.Request) error {
	switch {
	case !unforged(to.URL):
		return errForged
	case len(via) >= 10:
		return errors.New("10 redirections")
	}
	return nil
}

func isLocal(host string) bool { return host == "localhost" || host == "127.0.0.1" || host == "::1" }

// Issuer judges the JWTs of one OpenID Connect issuer.
type Issuer struct {
	config   IssuerConfig
	client   *http.Client
	verifier *oidc.IDTokenVerifier
	keys     atomic.Pointer[issuerKeys] // nil until they are known

	asking chan struct{} // holds one while the issuer is asked
	asked  time.Time     // when it had been asked the last time; guarded by asking
}

// issuerKeys are the keys that the issuer has published.
type issuerKeys struct {
	oidc.KeySet
	text string // as they stood there
}

func newIssuer(c IssuerConfig) (*Issuer, error) {
	if err := c.validate(); err != nil {
		return nil, err
	}
	i := &Issuer{config: c, client: c.Client, asking: make(chan struct{}, 1)}
	if i.client == nil {
		i.client = &http.Client{Timeout: askFor, CheckRedirect: follow}
	}
	i.verifier = oidc.NewVerifier(c.URL, i, &oidc.Config{
		ClientID:             c.Audience,
		SupportedSigningAlgs: c.Algorithms,
		Now:                  func() time.Time { return time.Now().Add(-c.ClockSkew) },
	})
	return i, nil
}

// verify judges a JWT. Its errors wrap [ErrCredential] or [ErrIssuerUnavailable].
func (i *Issuer) verify(ctx context.Context, shown string) (credential, error) {
	if i.keys.Load() == nil {
		if _, err := i.refresh(ctx, firstKeysPause); i.keys.Load() == nil {
			return credential{}, fmt.Errorf("%w: %w", ErrIssuerUnavailable, err)
		}
	}
	token, err := i.verifier.Verify(ctx, shown)
	if err != nil {
		return credential{}, fmt.Errorf("%w: %w", ErrCredential, err)
	}
	name, err := i.nameIn(token)
	if err != nil {
		return credential{}, fmt.Errorf("%w: %w", ErrCredential, err)
	}
	return credential{principal: "oidc:" + name, still: func() (time.Time, error) {
		// With the keys of now: none is asked for on behalf of a stream.
		if _, err := i.keys.Load().VerifySignature(context.Background(), shown); err != nil {
			return time.Time{}, fmt.Errorf("%w: %w", ErrCredential, err)
		}
		return token.Expiry.Add(i.config.ClockSkew), nil
	}}, nil
}

// claimEmail is the claim that counts only beside another one.
const claimEmail = "email"

// nameIn is the principal's name in a token, whose beginning of validity is judged,
// too: the library allows five minutes.
func (i *Issuer) nameIn(token *oidc.IDToken) (string, error) {
	var claims map[string]json.RawMessage
	if err := token.Claims(&claims); err != nil {
		return "", err
	}
	if from, ok := claims["nbf"]; ok {
		var seconds float64
		if err := json.Unmarshal(from, &seconds); err != nil {
			return "", fmt.Errorf("claim nbf: %w", err)
		}
		if time.Unix(int64(seconds), 0).After(time.Now().Add(i.config.ClockSkew)) {
			return "", errors.New("the token is not valid yet")
		}
	}
	if i.config.Claim == claimEmail {
		// Some issuers let everybody write any address into his account.
		var verified bool
		if err := json.Unmarshal(claims["email_verified"], &verified); err != nil || !verified {
			return "", errors.New("the issuer has not verified the address: claim email_verified is not true")
		}
	}
	var name string
	if err := json.Unmarshal(claims[i.config.Claim], &name); err != nil || name == "" {
		return "", fmt.Errorf("claim %s is no text, or empty", i.config.Claim)
	}
	return name, nil
}

// VerifySignature implements [oidc.KeySet] with the keys that are known, and with what
// the issuer says now if they do not fit: it may have a new one.
func (i *Issuer) VerifySignature(ctx context.Context, jwt string) ([]byte, error) {
	known := i.keys.Load()
	if payload, err := known.VerifySignature(ctx, jwt); err == nil {
		return payload, nil
	}
	_, err := i.refresh(ctx, keysPause)
	if now := i.keys.Load(); now != known {
		return now.VerifySignature(ctx, jwt)
	}
	return nil, errors.Join(errors.New("none of the issuer's keys fits the signature"), err)
}

// errAskedJustNow is why the issuer is not asked.
var errAskedJustNow = errors.New("it was asked a moment ago")

// refresh asks the issuer for its keys, unless that was done less than a pause ago. It
// reports whether they are others than before. What was known stays if it fails. It goes
// on when ctx has ended: a stranger who gives up at once would keep everybody from them. Who
// comes meanwhile waits for it until his ctx ends, and does not ask again: an issuer that
// hangs would be asked for each of them in turn.
func (i *Issuer) refresh(ctx context.Context, pause time.Duration) (changed bool, err error) {
	select {
	case i.asking <- struct{}{}: // also for who has gone, if nobody asks
	default:
		select {
		case i.asking <- struct{}{}:
		case <-ctx.Done():
			return false, context.Cause(ctx)
		}
	}
	defer func() { <-i.asking }()
	if !i.asked.IsZero() && time.Since(i.asked) < pause {
		return false, errAskedJustNow
	}
	defer func() { i.asked = time.Now() }()
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), askFor)
	defer cancel()
	keys, err := i.fetch(ctx)
	if err != nil {
		return false, fmt.Errorf("issuer %s: %w", i.config.URL, err)
	}
	if before := i.keys.Load(); before != nil && before.text == keys.text {
		return false, nil
	}
	i.keys.Store(keys)
	return true, nil
}

// fetch finds the keys by discovery, which checks that the issuer calls itself so.
func (i *Issuer) fetch(ctx context.Context) (*issuerKeys, error) {
	ctx = oidc.ClientContext(ctx, i.client)
	provider, err := oidc.NewProvider(ctx, i.config.URL)
	if err != nil {
		return nil, err
	}
	var found struct {
		JWKS string `json:"jwks_uri"`
	}
	if err := provider.Claims(&found); err != nil {
		return nil, err
	}
	if at, err := url.Parse(found.JWKS); err != nil || !unforged(at) {
		return nil, fmt.Errorf("jwks_uri %q: %w", found.JWKS, errForged)
	}
	return i.readKeys(ctx, found.JWKS)
}
