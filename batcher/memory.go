package batcher

import "sync/atomic"

// memory is the budget of all shards for what batches hold. It is a count and not
// a lock: a shard that finds it used up stops reading, and is woken when enough
// of it is free again.
type memory struct {
	limit   int64
	used    atomic.Int64
	closed  atomic.Int64 // what of it closed batches hold: it comes free when they are in S3
	starved atomic.Int64 // shards that have stopped reading
	wake    func()       // tells every shard to look again; set before the shards start
}

// resumeBelow is where reading goes on after it was stopped: so far below the limit
// that shards do not stop and go with every object, and not further, because what
// lies between them is memory that open batches could grow in.
func (m *memory) resumeBelow() int64 { return m.limit - m.limit/16 }

// closeBelow and closeUpTo say when batches are closed for want of memory, and how
// many: so that uploads do not run out of work, and shards do not look for their
// largest batches with every object. What is closed is memory that open batches
// could grow in, too.
func (m *memory) closeBelow() int64 { return m.limit / 16 }
func (m *memory) closeUpTo() int64  { return m.limit / 8 }

// charge adds n bytes, or gives them back if n is negative, of a batch that is closed
// or not.
func (m *memory) charge(n int64, closed bool) {
	if closed {
		m.close(n)
	}
	if after := m.used.Add(n); fell(after, n, m.resumeBelow()) {
		m.wake()
	}
}

// close notes that n bytes that are charged belong to closed batches now, or no more.
func (m *memory) close(n int64) {
	if after := m.closed.Add(n); fell(after, n, m.closeBelow()) {
		m.wake()
	}
}

// fell reports whether a number that was changed by n fell below a mark by it.
func fell(after, n, mark int64) bool { return after < mark && after-n >= mark }

// wantsClosing reports whether batches have to be closed for memory to come free:
// not if enough is on its way to S3 already, or every event would become an object.
func (m *memory) wantsClosing() bool { return m.closed.Load() < m.closeBelow() }

// closedEnough reports whether no more has to be closed, once it was wanted.
func (m *memory) closedEnough() bool { return m.closed.Load() >= m.closeUpTo() }

// short reports whether a shard that reads has to close batches and stop: the
// budget is used up, or another shard waits for it to become free, which may be
// waiting for what this one holds.
func (m *memory) short() bool {
	return m.used.Load() >= m.limit || m.starved.Load() > 0 && !m.resume()
}

// tight reports whether half of the budget is used, so that it pays to hold less
// uncompressed.
func (m *memory) tight() bool { return m.used.Load() >= m.limit/2 }

func (m *memory) resume() bool { return m.used.Load() < m.resumeBelow() }

// starve notes that a shard has stopped reading, and wakes those that may hold what
// it waits for; feed notes that it reads again or has ended.
func (m *memory) starve() {
	if m.starved.Add(1) == 1 {
		m.wake()
	}
}

func (m *memory) feed() { m.starved.Add(-1) }
