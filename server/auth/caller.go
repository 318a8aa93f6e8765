package auth

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"
)

// Caller is somebody who was let in, until he leaves. His methods may be called
// together.
type Caller struct {
	gate       *Gate // nil = nobody is authenticated
	principal  string
	credential credential
	roles      Role // of which he has needed one
	grant      atomic.Pointer[Grant]
	ended      context.Context // nil = never
	end        context.CancelCauseFunc

	judging sync.Mutex  // one judgement at a time, so that the last says what counts
	expires time.Time   // of the credential; zero = never; guarded by judging
	expiry  *time.Timer // ends him then; nil = none; guarded by judging
}

// everybody is the caller while nobody is authenticated.
var everybody = func() *Caller {
	c := &Caller{}
	c.grant.Store(open)
	return c
}()

// Everybody is the caller while nobody is authenticated: he may everything, of the
// tenant [DefaultTenant].
func Everybody() *Caller { return everybody }

// enter begins the judging of a caller who may come in with a grant.
func (c *Caller) enter(grant *Grant) {
	c.grant.Store(grant)
	c.ended, c.end = context.WithCancelCause(context.Background())
	g := c.gate
	g.mu.Lock()
	g.mu.inside[c] = struct{}{}
	g.mu.Unlock()
	// What has changed between the judgement and the entry was not seen by either.
	c.judge()
}

// Principal is who he is; empty while nobody is authenticated.
func (c *Caller) Principal() string { return c.principal }

// Grant is what he may now. It is another one as soon as anything granted has changed,
// so who keeps what it said compares the pointer.
func (c *Caller) Grant() *Grant { return c.grant.Load() }

// Tenant is whose events he sends. It never changes: he who comes to another tenant
// has to enter anew.
func (c *Caller) Tenant() string { return c.grant.Load().Tenant }

// WhenEnded calls f, in a goroutine of its own, with the reason when he may not go on:
// an error of this package. stop takes that back.
func (c *Caller) WhenEnded(f func(error)) (stop func() bool) {
	if c.ended == nil {
		return func() bool { return true }
	}
	return context.AfterFunc(c.ended, func() {
		if why := context.Cause(c.ended); !errors.Is(why, errLeft) {
			f(why)
		}
	})
}

// Leave ends the judging.
func (c *Caller) Leave() {
	if c.ended == nil {
		return
	}
	g := c.gate
	g.mu.Lock()
	delete(g.mu.inside, c)
	g.mu.Unlock()
	c.end(errLeft)
	c.judging.Lock()
	defer c.judging.Unlock()
	c.expireLocked(time.Time{})
}

// errLeft ends what has ended anyway.
var errLeft = errors.New("the caller has left")

// judge looks at the caller again with what counts now.
func (c *Caller) judge() {
	c.judging.Lock()
	defer c.judging.Unlock()
	if c.ended.Err() != nil {
		return
	}
	expires, err := c.credential.still()
	if err != nil {
		c.end(err)
		return
	}
	c.expireLocked(expires)
	grant, err := c.gate.grantOf(c.principal, c.roles)
	switch {
	case err != nil:
		c.end(err)
	case grant.Tenant != c.Tenant():
		c.end(fmt.Errorf("%w any more as it did: its tenant has changed", ErrNotGranted))
	default:
		c.grant.Store(grant)
	}
}

// expireLocked ends the caller at a time; zero = never.
func (c *Caller) expireLocked(at time.Time) {
	if at.Equal(c.expires) {
		return
	}
	if c.expiry != nil {
		c.expiry.Stop()
		c.expiry = nil
	}
	if c.expires = at; !at.IsZero() {
		c.expiry = time.AfterFunc(time.Until(at), func() {
			c.end(fmt.Errorf("%w any more: it has expired", ErrCredential))
		})
	}
}

// judgeAnew judges everybody who is inside.
func (g *Gate) judgeAnew() {
	g.mu.Lock()
	inside := make([]*Caller, 0, len(g.mu.inside))
	for c := range g.mu.inside {
		inside = append(inside, c)
	}
	g.mu.Unlock()
	for _, c := range inside {
		c.judge()
	}
}
