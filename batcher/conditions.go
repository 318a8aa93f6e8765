package batcher

import (
	"container/list"
	"maps"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/cenkalti/backoff/v5"

	"github.com/open-destinations/destinations/uploader"
)

// conditionProbeMax bounds the pauses between two probes of what all share: it is one
// request, and everything waits for it. tenantProbeMax is that of what a tenant has of its own: there
// may be thousands of them.
const (
	conditionProbeMax = 15 * time.Second
	tenantProbeMax    = time.Minute
)

// conditions is how the endpoints and the credentials are. It is one object of all
// shards.
//
// Only credentials that S3 refuses are known to be wrong by one answer. An endpoint is
// taken for down when a destination has failed for long and most of the others of its region fail
// too, in most of the buckets. Either is probed with the key of one destination that waits for it.
type conditions struct {
	cfg      *Config
	regionOf func(bucket string) string
	own      func(tenant string) bool // whether it has credentials of its own
	wake     func()                   // tells every shard to look again
	down     atomic.Int64             // how many do not work, to be looked at in passing
	// freed counts how often one was found to work again, or a bucket not to need it: the shards look
	// through those that wait when that has changed.
	freed atomic.Uint64

	mu struct {
		sync.Mutex
		state map[subject]*condition   // those that do not work
		wait  map[subject]int          // destinations that wait
		tried map[string]*list.Element // of recent, by the name of a destination
		// recent are the last outcomes of the destinations that were tried lately, the
		// oldest first.
		recent    list.List
		regions   map[string]*regionCount // that anything was tried in
		perBucket map[string]int          // how many of recent are of a bucket
		// buckets are those whose last answer was none or one that a wait may cure: that error.
		buckets map[string]error
	}
}

// regionCount counts the recent outcomes of a region, and those that failed as all do if
// the endpoint is down.
type regionCount struct{ tried, failing int }

// worked notes that S3 has taken an object: whatever a tenant needs for its bucket works.
func (c *conditions) worked(tenant, bucket string) {
	if c.down.Load() == 0 {
		return
	}
	for _, s := range c.needs(tenant, bucket) {
		if c.isDown(s) {
			c.probed(s, nil, time.Time{})
		}
	}
}

// endpointOf is the endpoint that a bucket's requests go to.
func (c *conditions) endpointOf(bucket string) subject {
	return subject{kind: kindEndpoint, region: c.regionOf(bucket)}
}

// credentialsOf are those that a tenant's requests are signed with.
func (c *conditions) credentialsOf(tenant string) subject {
	if c.own(tenant) {
		return subject{kind: kindCredentials, tenant: tenant}
	}
	return subjectCredentials
}

// needs is what a tenant needs for a bucket.
func (c *conditions) needs(tenant, bucket string) [2]subject {
	return [2]subject{c.credentialsOf(tenant), c.endpointOf(bucket)}
}

// concerns reports whether a tenant needs a subject for a bucket.
func (c *conditions) concerns(s subject, tenant, bucket string) bool {
	needs := c.needs(tenant, bucket)
	return slices.Contains(needs[:], s)
}

// isDown reports whether a subject does not work.
func (c *conditions) isDown(s subject) bool {
	if c.down.Load() == 0 {
		return false
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.lapseLocked(s, time.Now())
	return c.mu.state[s] != nil
}

// lapseLocked forgets that a subject did not work if nobody has been waiting for it, and so found
// out whether it works, long after its time to be tried: whoever needs it next does.
func (c *conditions) lapseLocked(s subject, now time.Time) {
	state := c.mu.state[s]
	if state != nil && !state.probing && c.mu.wait[s] == 0 && now.Sub(state.nextTry) > c.cfg.RetryMax {
		delete(c.mu.state, s)
		c.down.Store(int64(len(c.mu.state)))
	}
}

// await notes that so many more destinations wait for a subject.
func (c *conditions) await(s subject, n int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.mu.wait[s] += n; c.mu.wait[s] == 0 {
		delete(c.mu.wait, s)
	}
}

// condition is how one subject is.
type condition struct {
	since   time.Time // it has been blocked
	code    string
	message string
	pause   *backoff.ExponentialBackOff
	nextTry time.Time
	probing bool
}

// outcome is the last one of a destination.
type outcome struct {
	name, bucket, region string
	at                   time.Time
	failed               bool // as all do if the endpoint is down
	stored               bool
}

func newConditions(cfg *Config, regionOf func(bucket string) string, own func(tenant string) bool, wake func()) *conditions {
	if regionOf == nil {
		regionOf = func(string) string { return "" }
	}
	c := &conditions{cfg: cfg, regionOf: regionOf, own: own, wake: wake}
	c.mu.state, c.mu.wait, c.mu.regions = map[subject]*condition{}, map[subject]int{}, map[string]*regionCount{}
	c.mu.tried, c.mu.perBucket, c.mu.buckets = map[string]*list.Element{}, map[string]int{}, map[string]error{}
	return c
}

// blocked is a subject that a tenant's bucket has to wait for now, or subjectNone.
func (c *conditions) blocked(tenant, bucket string) subject {
	if c.down.Load() == 0 {
		return subjectNone
	}
	for _, s := range c.needs(tenant, bucket) {
		if c.isDown(s) {
			return s
		}
	}
	return subjectNone
}

// note takes note of the outcome of an upload to d.
func (c *conditions) note(d *destination, err error, now time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	failed := c.answeredLocked(d.bucket, err)
	if e := c.mu.tried[d.name]; e != nil {
		c.dropLocked(e)
	}
	region := c.regionOf(d.bucket)
	c.mu.tried[d.name] = c.mu.recent.PushBack(outcome{d.name, d.bucket, region, now, failed, err == nil})
	c.mu.perBucket[d.bucket]++
	if c.mu.regions[region] == nil {
		c.mu.regions[region] = &regionCount{}
	}
	c.mu.regions[region].add(1, failed)
	for e := c.mu.recent.Front(); now.Sub(e.Value.(outcome).at) > c.cfg.BlockAfter+c.cfg.Window; e = c.mu.recent.Front() {
		c.dropLocked(e)
	}
}

// answered takes note of what S3 has answered about a bucket.
func (c *conditions) answered(bucket string, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.answeredLocked(bucket, err)
}

func (c *conditions) answeredLocked(bucket string, err error) (failed bool) {
	if failed = err != nil && uploader.Classify(err) == uploader.ClassTransient; failed {
		c.mu.buckets[bucket] = err
	} else {
		delete(c.mu.buckets, bucket)
	}
	return failed
}

// took reports whether S3 has stored something in a bucket since a time that is not long ago.
func (c *conditions) took(bucket string, since time.Time) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	for e := c.mu.recent.Back(); e != nil; e = e.Prev() {
		o := e.Value.(outcome)
		if o.at.Before(since) {
			return false
		}
		if o.stored && o.bucket == bucket {
			return true
		}
	}
	return false
}

// fails is how a bucket has failed when it was last asked; nil = it has not, or it was
// the endpoint that had.
func (c *conditions) fails(bucket string) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.mu.buckets[bucket]
}

func (c *conditions) dropLocked(e *list.Element) {
	o := c.mu.recent.Remove(e).(outcome)
	delete(c.mu.tried, o.name)
	if c.mu.perBucket[o.bucket]--; c.mu.perBucket[o.bucket] == 0 {
		delete(c.mu.perBucket, o.bucket)
	}
	c.mu.regions[o.region].add(-1, o.failed)
}

func (r *regionCount) add(n int, failed bool) {
	r.tried += n
	if failed {
		r.failing += n
	}
}

// mostFail reports whether most of the destinations of a region that were tried lately have
// failed and not succeeded since, and so have most of its buckets: one with many prefixes
// does not speak for all.
func (c *conditions) mostFail(region string) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if r := c.mu.regions[region]; r == nil || r.failing <= r.tried/2 {
		return false
	}
	buckets, fail := 0, 0
	for bucket := range c.mu.perBucket {
		if c.regionOf(bucket) != region {
			continue
		}
		buckets++
		if c.mu.buckets[bucket] != nil {
			fail++
		}
	}
	return fail > buckets/2
}

// block lets everything that needs a subject wait for it. It reports whether it was not
// blocked before.
func (c *conditions) block(s subject, err error, now time.Time) (news bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.mu.state[s] != nil {
		return false
	}
	most := conditionProbeMax
	if s.tenant != "" {
		most = tenantProbeMax
	}
	pause := backoff.NewExponentialBackOff()
	pause.InitialInterval, pause.MaxInterval = c.cfg.RetryMin, min(c.cfg.ProbeMax, most)
	state := &condition{since: now, pause: pause, nextTry: now.Add(pause.NextBackOff())}
	state.code, state.message = describe(err)
	c.mu.state[s] = state
	c.down.Store(int64(len(c.mu.state)))
	return true
}

// claim reports whether the caller is to probe s now, and tell probed.
func (c *conditions) claim(s subject, now time.Time) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	state := c.mu.state[s]
	if state == nil || state.probing || now.Before(state.nextTry) {
		return false
	}
	state.probing = true
	return true
}

// nextTry is when s is to be probed; zero if it is not blocked or being probed.
func (c *conditions) nextTry(s subject) time.Time {
	if c.down.Load() == 0 {
		return time.Time{}
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if state := c.mu.state[s]; state != nil && !state.probing {
		return state.nextTry
	}
	return time.Time{}
}

// probed takes the outcome of a probe that was claimed, and reports whether s works.
func (c *conditions) probed(s subject, err error, now time.Time) (works bool) {
	c.mu.Lock()
	state := c.mu.state[s]
	if works = state == nil || s.worksBy(err); works {
		delete(c.mu.state, s)
		c.down.Store(int64(len(c.mu.state)))
		maps.DeleteFunc(c.mu.buckets, func(bucket string, _ error) bool {
			return s == subjectCredentials || s == c.endpointOf(bucket)
		})
		c.freed.Add(1)
	} else {
		state.probing = false
		state.nextTry = now.Add(state.pause.NextBackOff())
		state.code, state.message = describe(err)
	}
	c.mu.Unlock()
	c.wake()
	return works
}

// hurry lets s be probed at once.
func (c *conditions) hurry(s subject) {
	c.change(s, func(state *condition) { state.nextTry = time.Time{} })
}

// tenantsChanged lets what waits look again whether it needs to, and what tenants have of
// their own be probed at once.
func (c *conditions) tenantsChanged() {
	c.mu.Lock()
	for s, state := range c.mu.state {
		if s.tenant != "" {
			state.nextTry = time.Time{}
		}
	}
	c.mu.Unlock()
	c.freed.Add(1)
	c.wake()
}

// giveUp ends a claim without a probe: its shard ends, or it has asked something else.
func (c *conditions) giveUp(s subject) {
	c.change(s, func(state *condition) { state.probing = false })
}

func (c *conditions) change(s subject, f func(*condition)) {
	c.mu.Lock()
	if state := c.mu.state[s]; state != nil {
		f(state)
	}
	c.mu.Unlock()
	c.wake()
}
