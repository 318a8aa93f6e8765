package auth

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"sync/atomic"
	"time"
	"unicode"
	"unicode/utf8"
)

// Config says by what callers are known. An empty path is a file that there is not.
type Config struct {
	CertFile, KeyFile string   // the service's certificate with its chain, and its key
	ClientCAFile      string   // authorities whose client certificates count
	CertNames         []string // kinds of names in them: see [NameURI]
	TokensFile        string   // opaque tokens: see [TokenStore]
	Issuer            *IssuerConfig
	GrantsFile        string
}

// Authenticates reports whether callers can show anything.
func (c *Config) Authenticates() bool {
	return c.ClientCAFile != "" || c.TokensFile != "" || c.Issuer != nil
}

// Gate lets callers in. Its methods may be called together.
type Gate struct {
	log          *slog.Logger
	audit        *Audit
	certificates *Certificates // nil = no TLS
	tokens       *Tokens       // nil = none
	issuer       *Issuer       // nil = none
	grants       atomic.Pointer[Grants]
	onGrants     atomic.Pointer[func()] // nil = nobody is told
	delays       *Delays
	sources      []*source // looked at by one goroutine at a time; guarded by reloading
	reloading    sync.Mutex
	open         bool // nobody is authenticated

	mu struct {
		sync.Mutex
		inside map[*Caller]struct{}
	}
}

// New returns a gate, or every problem of the files that it needs. It asks no issuer yet:
// see [Gate.Run].
func New(c Config, audit *Audit, log *slog.Logger) (*Gate, error) {
	g := &Gate{log: log, audit: audit, delays: NewDelays(), open: !c.Authenticates()}
	g.mu.inside = map[*Caller]struct{}{}
	g.grants.Store(&Grants{})
	problems := []error{g.useCertificates(&c)}
	if c.TokensFile != "" {
		g.tokens = &Tokens{}
		g.sources = append(g.sources, &source{name: "--tokens", paths: []string{c.TokensFile}, most: maxTokensBytes,
			load: func(texts [][]byte) error { return g.tokens.load(texts[0]) }})
	}
	if c.Issuer != nil {
		issuer, err := newIssuer(*c.Issuer)
		g.issuer = issuer
		problems = append(problems, err)
	}
	if c.GrantsFile != "" {
		g.sources = append(g.sources, &source{name: "--grants", paths: []string{c.GrantsFile}, most: maxGrantsBytes, load: g.loadGrants})
	}
	for _, s := range g.sources {
		problems = append(problems, s.first())
	}
	if err := errors.Join(problems...); err != nil {
		return nil, err
	}
	return g, nil
}

func (g *Gate) useCertificates(c *Config) (err error) {
	if c.CertFile == "" {
		return nil
	}
	if g.certificates, err = newCertificates(c.CertNames); err != nil {
		return fmt.Errorf("--tls-client-names: %w", err)
	}
	g.sources = append(g.sources, &source{
		name: "--tls-cert, --tls-key", paths: []string{c.CertFile, c.KeyFile}, most: maxGrantsBytes,
		load: func(texts [][]byte) error { return g.certificates.loadOwn(texts[0], texts[1]) },
	})
	if c.ClientCAFile != "" {
		g.sources = append(g.sources, &source{
			name: "--tls-client-ca", paths: []string{c.ClientCAFile}, most: maxGrantsBytes,
			load: func(texts [][]byte) error { return g.certificates.loadAuthorities(texts[0]) },
		})
	}
	return nil
}

func (g *Gate) loadGrants(texts [][]byte) error {
	grants, err := ParseGrants(texts[0])
	if err != nil {
		return err
	}
	g.grants.Store(grants)
	if f := g.onGrants.Load(); f != nil {
		(*f)()
	}
	return nil
}

// OnGrants lets f be called whenever the grants file says something else from now on, in
// the place of what was to be called before. It must not wait for anything.
func (g *Gate) OnGrants(f func()) { g.onGrants.Store(&f) }

// Certificates are the service's, for its TLS; nil = it has none.
func (g *Gate) Certificates() *Certificates { return g.certificates }

// Open reports whether everybody is let in, unasked.
func (g *Gate) Open() bool { return g.open }

// TenantOf is what the grants file says of a tenant, with the defaults.
func (g *Gate) TenantOf(name string) Tenant { return g.grants.Load().TenantOf(name) }

// Enter lets a caller in who may do one of the roles' things; without roles, one who is
// known and has a grant. He must leave. The error wraps one of this package's; one of
// a credential comes late, and the later the more of them the same host has had.
func (g *Gate) Enter(ctx context.Context, shown Presented, roles Role) (*Caller, error) {
	if g.open {
		return Everybody(), nil
	}
	c, err := g.verify(ctx, shown)
	if err != nil {
		if errors.Is(err, ErrCredential) {
			g.delays.Fail(ctx, shown.Address)
		}
		return nil, err
	}
	grant, err := g.grantOf(c.principal, roles)
	caller := &Caller{gate: g, principal: c.principal, credential: c, roles: roles}
	if err != nil {
		return caller, err // who he is, for the log
	}
	caller.enter(grant)
	return caller, nil
}

func (g *Gate) verify(ctx context.Context, shown Presented) (c credential, err error) {
	switch {
	case shown.Bearer != "" && isOpaque(shown.Bearer) && g.tokens != nil:
		c, err = g.tokens.verify(ctx, shown.Bearer)
	case shown.Bearer != "" && !isOpaque(shown.Bearer) && g.issuer != nil:
		c, err = g.issuer.verify(ctx, shown.Bearer)
	case shown.Bearer != "":
		return c, fmt.Errorf("%w: bearer tokens of this kind are not taken", ErrCredential)
	case len(shown.Certificates) > 0 && g.certificates.authenticates():
		c, err = g.certificates.verify(shown.Certificates)
	default:
		return c, ErrNoCredential
	}
	if err == nil && !speakable(c.principal) {
		err = fmt.Errorf("%w: the name is longer than %d bytes or not printable", ErrCredential, maxPrincipalBytes)
	}
	return c, err
}

// maxPrincipalBytes is the size of the longest principal: it stands in every record of
// the journal.
const maxPrincipalBytes = 512

func speakable(principal string) bool {
	return len(principal) <= maxPrincipalBytes && utf8.ValidString(principal) &&
		!strings.ContainsFunc(principal, func(r rune) bool { return !unicode.IsPrint(r) })
}

func (g *Gate) grantOf(principal string, roles Role) (*Grant, error) {
	grant := g.grants.Load().Of(principal)
	switch {
	case grant == nil:
		return nil, fmt.Errorf("%w: %s", ErrNotGranted, principal)
	case roles != 0 && !grant.Has(roles):
		return grant, fmt.Errorf("%w: %s", ErrRole, roles)
	}
	return grant, nil
}

// reloadEvery is how often files are looked at.
const reloadEvery = time.Second

// Run looks at the files and asks the issuer for its keys until ctx ends. It returns
// when both have come to their end.
func (g *Gate) Run(ctx context.Context) {
	var running sync.WaitGroup
	defer running.Wait()
	running.Go(func() { every(ctx, func() { g.look(false) }) })
	if g.issuer != nil {
		// An issuer that does not answer must not hold up a revocation.
		running.Go(func() {
			g.askIssuer(ctx)
			every(ctx, func() { g.askIssuer(ctx) })
		})
	}
}

// every calls f again and again until ctx ends.
func every(ctx context.Context, f func()) {
	look := time.NewTicker(reloadEvery)
	defer look.Stop()
	for {
		select {
		case <-look.C:
			f()
		case <-ctx.Done():
			return
		}
	}
}

// askIssuer asks for the keys when it is time: soon while there are none.
func (g *Gate) askIssuer(ctx context.Context) {
	pause := keysFor
	if g.issuer.keys.Load() == nil {
		pause = firstKeysPause
	}
	changed, err := g.issuer.refresh(ctx, pause)
	switch {
	case errors.Is(err, errAskedJustNow), ctx.Err() != nil:
	case err != nil:
		g.log.Warn("the keys of --oidc-issuer could not be had", "error", err)
	case changed:
		g.log.Info("keys of --oidc-issuer read", "issuer", g.issuer.config.URL)
		g.audit.Change("--oidc-issuer")
		g.judgeAnew()
	}
}

// Reload looks at the files now, which nobody is writing, and judges everybody anew who is
// inside if they have changed.
func (g *Gate) Reload() { g.look(true) }

// look is Reload for files that are known to be whole, or may be half-written.
func (g *Gate) look(whole bool) {
	g.reloading.Lock()
	defer g.reloading.Unlock()
	changed := false
	for _, s := range g.sources {
		if s.again(g.log, whole) {
			changed = true
			g.audit.Change(s.name)
		}
	}
	if changed {
		g.judgeAnew()
	}
}
