package batcher

import (
	"container/list"
	"sync"
	"sync/atomic"
	"time"

	"github.com/cenkalti/backoff/v5"

	"github.com/open-destinations/destinations/uploader"
)

// subject is something that all destinations share.
type subject int

const (
	subjectEndpoint subject = iota
	subjectCredentials
	subjects
	subjectNone subject = -1 // a destination is blocked for what is its own
)

func (s subject) String() string { return [...]string{"endpoint", "credentials"}[s] }

// conditionProbeMax bounds the pauses between two probes of what all share: it is one
// request, and everything waits for it.
const conditionProbeMax = 15 * time.Second

// conditions is how the endpoint and the credentials are. It is one object of all
// shards.
//
// Only credentials that S3 refuses are known to be wrong by one answer. An endpoint is
// taken for down when a destination has failed for long and most of the others fail
// too, in most of the buckets. Either is probed with the key of one destination that waits for it.
type conditions struct {
	cfg  *Config
	wake func()                 // tells every shard to look again
	down [subjects]atomic.Bool  // mu's state, to be looked at in passing
	wait [subjects]atomic.Int64 // destinations that wait
	// freed counts how often one was found to work again: the shards look through
	// those that wait when that has changed.
	freed atomic.Uint64

	mu struct {
		sync.Mutex
		state [subjects]condition
		tried map[string]*list.Element // of recent, by the name of a destination
		// recent are the last outcomes of the destinations that were tried lately, the
		// oldest first; failing counts those that failed as all do if the endpoint is down.
		recent    list.List
		failing   int
		perBucket map[string]int // how many of recent are of a bucket
		// buckets are those whose last answer was none or one that a wait may cure: that error.
		buckets map[string]error
	}
}

// worked notes that S3 has taken an object: everything works.
func (c *conditions) worked() {
	for s := range subjects {
		if c.down[s].Load() {
			c.probed(s, nil, time.Time{})
		}
	}
}

// condition is how one subject is.
type condition struct {
	since   time.Time // it has been blocked; zero = it works
	code    string
	message string
	pause   *backoff.ExponentialBackOff
	nextTry time.Time
	probing bool
}

// outcome is the last one of a destination.
type outcome struct {
	name, bucket string
	at           time.Time
	failed       bool // as all do if the endpoint is down
	stored       bool
}

func newConditions(cfg *Config, wake func()) *conditions {
	c := &conditions{cfg: cfg, wake: wake}
	c.mu.tried, c.mu.perBucket, c.mu.buckets = map[string]*list.Element{}, map[string]int{}, map[string]error{}
	return c
}

// blocked is a subject that everything has to wait for now, or subjectNone.
func (c *conditions) blocked() subject {
	for s := subjects - 1; s >= 0; s-- {
		if c.down[s].Load() {
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
	c.mu.tried[d.name] = c.mu.recent.PushBack(outcome{d.name, d.bucket, now, failed, err == nil})
	c.mu.perBucket[d.bucket]++
	if failed {
		c.mu.failing++
	}
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
	if o.failed {
		c.mu.failing--
	}
}

// mostFail reports whether most of the destinations that were tried lately have failed
// and not succeeded since, and so have most of the buckets: one with many prefixes does not
// speak for all.
func (c *conditions) mostFail() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.mu.failing <= c.mu.recent.Len()/2 {
		return false
	}
	buckets := 0
	for bucket := range c.mu.perBucket {
		if c.mu.buckets[bucket] != nil {
			buckets++
		}
	}
	return buckets > len(c.mu.perBucket)/2
}

// block lets everything wait for a subject. It reports whether it was not blocked
// before.
func (c *conditions) block(s subject, err error, now time.Time) (news bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if news = c.mu.state[s].since.IsZero(); !news {
		return false
	}
	pause := backoff.NewExponentialBackOff()
	pause.InitialInterval, pause.MaxInterval = c.cfg.RetryMin, min(c.cfg.ProbeMax, conditionProbeMax)
	c.mu.state[s] = condition{since: now, pause: pause, nextTry: now.Add(pause.NextBackOff())}
	c.mu.state[s].code, c.mu.state[s].message = describe(err)
	c.down[s].Store(true)
	return true
}

// claim reports whether the caller is to probe s now, and tell probed.
func (c *conditions) claim(s subject, now time.Time) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	state := &c.mu.state[s]
	if state.since.IsZero() || state.probing || now.Before(state.nextTry) {
		return false
	}
	state.probing = true
	return true
}

// nextTry is when s is to be probed; zero if it is not blocked or being probed.
func (c *conditions) nextTry(s subject) time.Time {
	if !c.down[s].Load() {
		return time.Time{}
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.mu.state[s].probing {
		return time.Time{}
	}
	return c.mu.state[s].nextTry
}

// probed takes the outcome of a probe that was claimed, and reports whether s works.
func (c *conditions) probed(s subject, err error, now time.Time) (works bool) {
	c.mu.Lock()
	state := &c.mu.state[s]
	if works = state.since.IsZero() || s.worksBy(err); works {
		*state = condition{}
		clear(c.mu.buckets)
		c.down[s].Store(false)
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
	c.mu.Lock()
	c.mu.state[s].nextTry = time.Time{}
	c.mu.Unlock()
	c.wake()
}

// giveUp ends a claim without a probe: its shard ends.
func (c *conditions) giveUp(s subject) {
	c.mu.Lock()
	c.mu.state[s].probing = false
	c.mu.Unlock()
	c.wake()
}

// worksBy reports whether an answer shows that s works, though it may be a refusal.
func (s subject) worksBy(err error) bool {
	if err == nil {
		return true
	}
	switch uploader.Classify(err) {
	case uploader.ClassTransient:
		return false
	case uploader.ClassCredentials:
		return s == subjectEndpoint
	}
	return true
}
