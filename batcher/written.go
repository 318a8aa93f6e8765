package batcher

import (
	"sync"
	"time"
)

const (
	// maxWritten is how many buckets a shard remembers to have written to. Of one that it
	// has forgotten it would take the loss for a mistake in its name.
	maxWritten = 10_000
	// writtenOverhead is charged for one of them beside its name.
	writtenOverhead = 64
	// codeNoBucket is S3's for a bucket that is not there.
	codeNoBucket = "NoSuchBucket"
)

// written are the buckets that something was delivered to.
type written struct {
	known map[string]struct{}
	order []string // of known, the one that was noted first in front
}

// bucketsWritten are the buckets that any shard knows to have written to. A bucket has
// destinations in several.
type bucketsWritten struct {
	mu sync.Mutex
	by map[string]int // how many shards know of it; guarded by mu
}

// change notes that a shard has learned of a bucket (1) or forgotten it (-1).
func (w *bucketsWritten) change(bucket string, by int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.by == nil {
		w.by = map[string]int{}
	}
	if w.by[bucket] += by; w.by[bucket] == 0 {
		delete(w.by, bucket)
	}
}

func (w *bucketsWritten) has(bucket string) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.by[bucket] > 0
}

// bucketsGone are the buckets that were written to and are not there any more, as far as
// nobody has said that they may be tried: by the names of their destinations that
// are blocked by hand, in any shard.
type bucketsGone struct {
	mu sync.Mutex
	by map[string]map[string]struct{} // guarded by mu
}

// note notes whether d is blocked by hand.
func (g *bucketsGone) note(d *destination, byHand bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if !byHand {
		if delete(g.by[d.bucket], d.name); len(g.by[d.bucket]) == 0 {
			delete(g.by, d.bucket)
		}
		return
	}
	if g.by == nil {
		g.by = map[string]map[string]struct{}{}
	}
	if g.by[d.bucket] == nil {
		g.by[d.bucket] = map[string]struct{}{}
	}
	g.by[d.bucket][d.name] = struct{}{}
}

// forgive notes that somebody wants a bucket to be tried.
func (g *bucketsGone) forgive(bucket string) {
	g.mu.Lock()
	defer g.mu.Unlock()
	delete(g.by, bucket)
}

func (g *bucketsGone) has(bucket string) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	return len(g.by[bucket]) > 0
}

// goneWithOthers blocks d by hand if its bucket is gone by what others of its destinations
// were told: one that was quiet meanwhile must not be the first to write to whoever has
// the name now.
func (s *shard) goneWithOthers(d *destination) bool {
	if !s.goneFor(d) {
		return false
	}
	if d.since.IsZero() {
		d.since = time.Now()
	}
	d.code, d.message = codeNoBucket, "the bucket was gone when another prefix of it was tried"
	s.decideBlocked(d, true)
	return true
}

// goneFor reports whether d must not be the first to write to its bucket, because that was gone. It
// may be called from any goroutine.
func (s *shard) goneFor(d *destination) bool {
	return s.gone.has(d.bucket) && !s.tenantOf(d.tenant).ExpectsOwner
}

// byHand reports whether d stays blocked until somebody asks for it: its bucket was gone, and
// nothing else would tell whose it is when there is one again.
func (s *shard) byHand(d *destination) bool {
	return d.blocked.GetByHand() && !s.tenantOf(d.tenant).ExpectsOwner
}

// tryLost lets those be probed whose bucket was gone, and of which it can be told now whose it is.
func (s *shard) tryLost(now time.Time) {
	for _, d := range s.dests {
		if d.mode == modeBlocked && d.cause == subjectNone && d.blocked.GetByHand() && d.retryAt.IsZero() && d.probe == nil && !d.deciding {
			s.planTry(d, now)
			s.setTimer(d)
		}
	}
}

// bucketVouched is the message that somebody wants a bucket that is gone to be tried.
type bucketVouched struct{ bucket string }

// vouched lets all destinations of such a bucket be probed.
func (s *shard) vouched(bucket string) {
	for _, d := range s.dests {
		if d.bucket == bucket && d.blocked.GetByHand() && !d.deciding && !s.stopping {
			d.pause = nil
			s.decideBlocked(d, false)
		}
	}
}

// wrote notes that something was delivered to a bucket.
func (s *shard) wrote(bucket string) {
	w := &s.written
	if _, ok := w.known[bucket]; ok {
		return
	}
	if w.known == nil {
		w.known = map[string]struct{}{}
	}
	if len(w.order) == maxWritten {
		s.memory.chargeTables(-w.size(w.order[0]))
		delete(w.known, w.order[0])
		s.wroteTo.change(w.order[0], -1)
		w.order = w.order[1:]
	}
	w.known[bucket] = struct{}{}
	s.wroteTo.change(bucket, 1)
	w.order = append(w.order, bucket)
	s.memory.chargeTables(w.size(bucket))
}

func (*written) size(bucket string) int64 { return int64(len(bucket) + writtenOverhead) }

// bytes is what all of them are charged for.
func (w *written) bytes() (n int64) {
	for _, bucket := range w.order {
		n += w.size(bucket)
	}
	return n
}

// lost reports whether d has last failed because its bucket is gone that was there once:
// the name may be somebody else's by the time there is a bucket again, so only
// a person can tell whether that is to get the events, or S3 if it was told whose it must be.
func (s *shard) lost(d *destination) bool {
	return d.code == codeNoBucket && s.wroteTo.has(d.bucket)
}
