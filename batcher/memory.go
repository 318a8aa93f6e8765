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

// resumeBelow is where reading goes on after it was stopped: well below the limit,
// so that shards do not stop and go with every object.
func (m *memory) resumeBelow() int64 { return m.limit / 4 * 3 }

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
	if after := m.closed.Add(n); fell(after, n, m.limit/4) {
		m.wake()
	}
}

// fell reports whether a number that was changed by n fell below a mark by it.
func fell(after, n, mark int64) bool { return after < mark && after-n >= mark }

// wantsClosing reports whether batches have to be closed for memory to come free:
// not if enough is on its way to S3 already, or every event would become an object.
func (m *memory) wantsClosing() bool { return m.closed.Load() < m.limit/4 }

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
