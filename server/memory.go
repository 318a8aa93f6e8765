package server

import (
	"sync"
	"sync/atomic"
	"time"
)

// eventCost is what an event that was decoded in place takes beside its bytes.
const eventCost = 160

// How long a stream waits for memory before it is told to come back later, and how
// often it looks meanwhile.
const (
	memoryPatience = 10 * time.Second
	firstLook      = time.Millisecond
	lastLook       = 50 * time.Millisecond
)

// memory is the budget of all streams together for the requests that they have in
// hand and the records made of them. A stream asks before it receives, when nobody
// knows yet how large the next request is; so the budget may be passed by one
// request for each stream that was receiving when it was used up. A request that is
// larger than the budget gets in like any other.
//
// What is charged comes free when appends are answered, which is up to the disk
// alone, or when a caller reads his answers; who does not is given up while others
// wait, see unread. So no two streams wait for each other.
type memory struct {
	limit   int64
	used    atomic.Int64
	streams atomic.Int64 // open

	orphans struct {
		sync.Mutex
		requests []*request // of streams that have ended, with appends under way; in the order in which the streams ended
	}
}

func newMemory(limit int64) *memory { return &memory{limit: limit} }

// free reports whether there is room.
func (m *memory) free() bool { return m.used.Load() < m.limit }

// charge takes n bytes; it never waits.
func (m *memory) charge(n int64) { m.used.Add(n) }

// release gives n bytes back.
func (m *memory) release(n int64) { m.used.Add(-n) }

// wait returns true when there is room, and false when there was none for as long
// as a stream waits, or stop is closed.
//
// Who waits looks again and again instead of being woken: when many wait for
// little, each of them gets in at some time, and they do not get in together.
func (m *memory) wait(stop <-chan struct{}) bool {
	if m.free() {
		return true
	}
	patience := time.NewTimer(memoryPatience)
	defer patience.Stop()
	for pause := firstLook; ; pause = min(2*pause, lastLook) {
		m.reap()
		if m.free() {
			return true
		}
		select {
		case <-time.After(pause):
		case <-patience.C:
			return false
		case <-stop:
			return false
		}
	}
}

// enter counts a stream in, until it leaves.
func (m *memory) enter() { m.streams.Add(1) }

// namesShare is how much of the names that it has seen a stream may remember, in
// bytes: its part of a quarter of the budget, which is not charged.
func (m *memory) namesShare() int {
	share := m.limit / 4 / max(1, m.streams.Load())
	return int(max(minKnownBytes, min(share, maxKnownBytes)))
}

// leave counts a stream out, and takes over what a stream that ends has not settled. The records are the
// journal's until their appends are answered, and stay charged until then: else a
// caller who gives up and comes again, while the disk does not answer, would fill
// the memory with what he has given up.
func (m *memory) leave(requests []*request) {
	m.streams.Add(-1)
	if len(requests) > 0 {
		m.orphans.Lock()
		m.orphans.requests = append(m.orphans.requests, requests...)
		m.orphans.Unlock()
	}
	m.reap()
}

// reap releases what was left behind and is answered, as far as nothing older is
// not.
func (m *memory) reap() {
	m.orphans.Lock()
	defer m.orphans.Unlock()
	requests := m.orphans.requests
	for len(requests) > 0 && requests[0].waiting() == nil {
		m.release(requests[0].cost)
		requests[0] = nil
		requests = requests[1:]
	}
	if len(requests) == 0 {
		requests = nil
	}
	m.orphans.requests = requests
}

// size is what a request that was received is charged with until it is taken.
func (in *incoming) size() int64 {
	size := int64(len(in.events)) * eventCost
	if in.buffer != nil {
		size += int64(in.buffer.Len())
	}
	return size
}
