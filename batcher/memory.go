package batcher

import "sync/atomic"

// memory is the budget of all shards for what batches hold. It is a count and not
// a lock: a shard that finds it used up stops reading, and is woken when enough
// of it is free again.
type memory struct {
	limit int64
	used  atomic.Int64
	wake  func() // tells every shard to look again; set before the shards start
}

// resumeBelow is where reading goes on after it was stopped: well below the limit,
// so that shards do not stop and go with every object.
func (m *memory) resumeBelow() int64 { return m.limit / 4 * 3 }

func (m *memory) add(n int64) { m.used.Add(n) }

func (m *memory) sub(n int64) {
	before := m.used.Add(-n) + n
	if before >= m.resumeBelow() && before-n < m.resumeBelow() {
		m.wake()
	}
}

func (m *memory) short() bool  { return m.used.Load() >= m.limit }
func (m *memory) resume() bool { return m.used.Load() < m.resumeBelow() }
