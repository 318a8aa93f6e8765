package uploader

import "sync"

// checks are the checks under way: one of a destination at a time.
type checks struct {
	mu sync.Mutex
	by map[checkOf]*checkRun // guarded by mu
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
// here is not zero.
func (c *checks) join(u *Uploader, of checkOf) *checkRun {
	c.mu.Lock()
	defer c.mu.Unlock()
	if run, ok := c.by[of]; ok {
		return run
	}
	run := &checkRun{done: make(chan struct{})}
	if c.by == nil {
		c.by = map[checkOf]*checkRun{}
	}
	c.by[of] = run
	u.running.Go(func() {
		run.found = u.check(u.ctx, of)
		c.mu.Lock()
		defer c.mu.Unlock()
		delete(c.by, of)
		close(run.done)
	})
	return run
}
