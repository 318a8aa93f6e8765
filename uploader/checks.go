package uploader

import (
	"errors"
	"fmt"
	"sync"
)

// maxChecksTenant is how many checks of one tenant's destinations are under way at a time:
// they go on when nobody waits for them any more.
const maxChecksTenant = 8

// ErrChecksBusy says that so many checks of a tenant are under way that no other begins.
var ErrChecksBusy = errors.New("too many checks of the tenant are under way")

// checks are the checks under way: one of a destination at a time.
type checks struct {
	mu      sync.Mutex
	by      map[checkOf]*checkRun // guarded by mu
	tenants map[string]int        // how many each has; guarded by mu
}

// checkOf is what is checked.
type checkOf struct{ tenant, bucket, prefix string }

// checkRun is a check under way. found is set before done is closed.
type checkRun struct {
	done  chan struct{}
	found *Diagnosis
}

// join returns the check of a destination, which it starts if there is none, in a
// goroutine that Close joins. Its caller counts as running, so the count that is raised
// here is not zero. The error wraps ErrChecksBusy.
func (c *checks) join(u *Uploader, of checkOf) (*checkRun, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if run, ok := c.by[of]; ok {
		return run, nil
	}
	if c.tenants[of.tenant] == maxChecksTenant {
		return nil, fmt.Errorf("%w: %d", ErrChecksBusy, maxChecksTenant)
	}
	run := &checkRun{done: make(chan struct{})}
	if c.by == nil {
		c.by, c.tenants = map[checkOf]*checkRun{}, map[string]int{}
	}
	c.by[of] = run
	c.tenants[of.tenant]++
	u.running.Go(func() {
		run.found = u.check(u.ctx, of)
		c.mu.Lock()
		defer c.mu.Unlock()
		delete(c.by, of)
		if c.tenants[of.tenant]--; c.tenants[of.tenant] == 0 {
			delete(c.tenants, of.tenant)
		}
		close(run.done)
	})
	return run, nil
}
