package batcher

import "sync/atomic"

// memory is the budget of all shards for what batches hold. It is a count and not
// a lock: a shard that finds it used up stops reading, and is woken when enough
// of it is free again.
//
// Tables (of duplicates, and of events whose bytes are in the journal alone) take a
// part of it that nobody can wait for: they make the room for batches smaller.
// Batches keep a quarter whatever their size, since nothing would be delivered
// without it.
type memory struct {
	limit   int64
	tables  atomic.Int64
	used    atomic.Int64         // by batches
	parts   [shares]atomic.Int64 // of used
	starved atomic.Int64         // shards that have stopped reading
	wake    func()               // tells every shard to look again; set before the shards start
}

// share is a part of what is charged, by how it comes free.
type share int

const (
	shareOpen    share = iota // open batches: when they have been closed and are in S3
	shareClosed               // closed batches on their way to S3, and bytes on their way into a file: by themselves
	shareFilling              // closed batches that are being read again: when that is done
	shareFailed               // closed batches that S3 did not take: when a later try succeeds
	shares
	shareTables // not of batches
)

// room is what batches may hold.
func (m *memory) room() int64 { return max(m.limit-m.tables.Load(), m.limit/4) }

// chargeTables adds n bytes, or gives them back if n is negative, of a table.
func (m *memory) chargeTables(n int64) {
	if m.tables.Add(n); n < 0 && m.starved.Load() > 0 {
		m.wake()
	}
}

// resumeBelow is where reading goes on after it was stopped: so far below the limit
// that shards do not stop and go with every object, and not further, because what
// lies between them is memory that open batches could grow in.
func (m *memory) resumeBelow() int64 { room := m.room(); return room - room/16 }

// closeBelow and closeUpTo say when batches are closed for want of memory, and how
// many: so that uploads do not run out of work, and shards do not look for their
// largest batches with every object. What is closed is memory that open batches
// could grow in, too.
func (m *memory) closeBelow() int64 { return m.room() / 16 }
func (m *memory) closeUpTo() int64  { return m.room() / 8 }

// charge adds n bytes to a share, or gives them back if n is negative.
func (m *memory) charge(n int64, to share) {
	if to == shareTables {
		m.chargeTables(n)
		return
	}
	m.add(n, to)
	if after := m.used.Add(n); fell(after, n, m.resumeBelow()) {
		m.wake()
	}
}

// move lets n bytes that are charged to one share belong to another one.
func (m *memory) move(n int64, from, to share) {
	if from == shareTables || to == shareTables {
		m.charge(n, to)
		m.charge(-n, from)
		return
	}
	m.add(n, to)
	m.add(-n, from)
}

// add changes a share, and wakes the shards that may wait for just that.
func (m *memory) add(n int64, to share) {
	after := m.parts[to].Add(n)
	if to == shareClosed && fell(after, n, m.closeBelow()) || to == shareOpen && fell(after, n, m.closeUpTo()) {
		m.wake()
	}
}

// fell reports whether a number that was changed by n fell below a mark by it.
func fell(after, n, mark int64) bool { return after < mark && after-n >= mark }

// wantsClosing reports whether batches have to be closed for memory to come free:
// not if enough is on its way to S3 already, or every event would become an object.
func (m *memory) wantsClosing() bool { return m.parts[shareClosed].Load() < m.closeBelow() }

// closedEnough reports whether no more has to be closed, once it was wanted.
func (m *memory) closedEnough() bool { return m.parts[shareClosed].Load() >= m.closeUpTo() }

// wantsEviction reports whether what is used will not come free by closing or
// delivering: hardly anything is open or on its way to S3. Nor is it what S3 does not take
// that fills the memory: that comes free when its destinations are blocked, and what is read
// on meanwhile for those that are being filled would only add to it.
func (m *memory) wantsEviction() bool {
	filling := m.parts[shareFilling].Load()
	return !m.resume() && m.used.Load()-filling < m.resumeBelow() && m.wantsClosing() && m.parts[shareOpen].Load() < m.closeUpTo()
}

// muchIsFilling reports whether half of the budget is held by batches that are being read
// again, of all shards together.
func (m *memory) muchIsFilling() bool { return m.parts[shareFilling].Load() >= m.room()/2 }

// short reports whether a shard that reads has to close batches and stop: the
// budget is used up, or another shard waits for it to become free, which may be
// waiting for what this one holds.
func (m *memory) short() bool {
	return m.used.Load() >= m.room() || m.starved.Load() > 0 && !m.resume()
}

// tight reports whether half of the budget is used, so that it pays to hold less
// uncompressed.
func (m *memory) tight() bool { return m.used.Load() >= m.room()/2 }

func (m *memory) resume() bool { return m.used.Load() < m.resumeBelow() }

// starve notes that a shard has stopped reading, and wakes those that may hold what
// it waits for; feed notes that it reads again or has ended.
func (m *memory) starve() {
	if m.starved.Add(1) == 1 {
		m.wake()
	}
}

func (m *memory) feed() { m.starved.Add(-1) }
