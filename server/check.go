package server

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"golang.org/x/time/rate"

	destinationsv1 "github.com/open-destinations/destinations/gen/destinations/v1"
)

// ErrChecksBusy says that so many checks of a tenant are under way that no other begins now.
var ErrChecksBusy = fmt.Errorf("too many checks of the tenant are under way: %w", errRateExceeded)

// ErrRoleARNInvalid says that what a caller calls a role is none.
var ErrRoleARNInvalid = errors.New("role_arn is invalid")

// CheckParams says what is to be checked.
type CheckParams struct {
	Tenant, Bucket, Prefix string // the prefix is completed
	RoleARN                string // who is to be granted what is missing; "" = not said
	SeesAll                bool   // who asks sees what was said of credentials that all tenants share
}

// Checker finds out what can really be done at a destination.
type Checker interface {
	// Check does what Operations.CheckDestination says. An error wraps ctx's if ctx has
	// ended, [ErrRoleARNInvalid], [ErrChecksBusy], or [journal.ErrClosed] if the process is stopping. Any
	// number of callers may call together.
	Check(ctx context.Context, p CheckParams) (*destinationsv1.Diagnosis, error)
}

// CheckDestination implements destinations.v1.Operations.CheckDestination.
func (o operations) CheckDestination(ctx context.Context, request *destinationsv1.CheckDestinationRequest) (*destinationsv1.CheckDestinationResponse, error) {
	response := &destinationsv1.CheckDestinationResponse{}
	err := o.run(ctx, "check destination", func(ctx context.Context) error {
		what, err := named(ctx, request)
		if err != nil {
			return err
		}
		caller := callerOf(ctx)
		leave, err := o.server.checks.enter(ctx, caller.Principal(), what.Tenant)
		if err != nil {
			return err
		}
		defer leave()
		response.Diagnosis, err = o.server.checker.Check(ctx, CheckParams{
			Tenant: what.Tenant, Bucket: what.Bucket, Prefix: what.Prefix,
			RoleARN: request.GetRoleArn(), SeesAll: caller.Grant().ReachesAll(),
		})
		return err
	})
	if err != nil {
		return nil, err
	}
	return response, nil
}

// Bounds of checks and of challenges that callers ask for: each of them asks S3 for some
// things, and holds up no delivery, but whoever may ask must not be able to have a bucket's
// requests throttled, nor to fill somebody's bucket with challenges.
const (
	maxChecks       = 16          // under way at a time, of all callers
	maxChecksTenant = 4           // of those, at one tenant's destinations: a bucket may hang
	checksAtOnce    = 10          // of one caller, after a pause
	checkEvery      = time.Second // of one caller, in the long run
	maxCheckers     = 10_000      // callers whose checks are counted
)

// checks bounds the checks and challenges that callers ask for.
type checks struct {
	slots chan struct{}

	mu       sync.Mutex
	limiters map[string]*rate.Limiter // by principal; guarded by mu
	tenants  map[string]int           // checks that wait or are under way, by tenant; guarded by mu
}

func newChecks() *checks {
	return &checks{slots: make(chan struct{}, maxChecks), limiters: map[string]*rate.Limiter{}, tenants: map[string]int{}}
}

// ask counts something that a caller wants to have S3 asked. One who has asked too often is
// refused.
func (c *checks) ask(principal string) error {
	if wait := c.ahead(principal, time.Now()); wait > 0 {
		return fmt.Errorf("a caller has %d checks or challenges at once, and then one in %v: %w", checksAtOnce, checkEvery, &rateError{wait})
	}
	return nil
}

// enter waits for a place for a caller's check, which leave gives back. A caller who has
// asked too often is refused, and who asks for a tenant that has its part under way.
func (c *checks) enter(ctx context.Context, principal, tenant string) (leave func(), err error) {
	if err := c.ask(principal); err != nil {
		return nil, err
	}
	if !c.begin(tenant) {
		return nil, fmt.Errorf("%d checks of tenant %q are under way, at most %d: %w", maxChecksTenant, tenant, maxChecksTenant, &rateError{checkEvery})
	}
	select {
	case c.slots <- struct{}{}:
		return func() { <-c.slots; c.end(tenant) }, nil
	case <-ctx.Done():
		c.end(tenant)
		return nil, context.Cause(ctx)
	}
}

func (c *checks) begin(tenant string) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.tenants[tenant] == maxChecksTenant {
		return false
	}
	c.tenants[tenant]++
	return true
}

func (c *checks) end(tenant string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.tenants[tenant]--; c.tenants[tenant] == 0 {
		delete(c.tenants, tenant)
	}
}

// ahead takes a check of a caller, or returns for how long he has to wait.
func (c *checks) ahead(principal string, now time.Time) time.Duration {
	c.mu.Lock()
	defer c.mu.Unlock()
	limiter, ok := c.limiters[principal]
	if !ok {
		c.forgetLocked(now)
		limiter = rate.NewLimiter(rate.Every(checkEvery), checksAtOnce)
		c.limiters[principal] = limiter
	}
	if limiter.AllowN(now, 1) {
		return 0
	}
	return time.Duration((1 - limiter.TokensAt(now)) * float64(checkEvery))
}

// forgetLocked makes room for another caller: those go that have not asked for a while,
// and if there are none, any one.
func (c *checks) forgetLocked(now time.Time) {
	if len(c.limiters) < maxCheckers {
		return
	}
	for principal, limiter := range c.limiters {
		if limiter.TokensAt(now) >= checksAtOnce {
			delete(c.limiters, principal)
		}
	}
	for principal := range c.limiters {
		if len(c.limiters) < maxCheckers {
			return
		}
		delete(c.limiters, principal)
	}
}
