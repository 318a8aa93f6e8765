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
	minPause       = time.Millisecond
	maxPause       = 50 * time.Millisecond
)

// memory is the budget of all streams together for the requests that they have in
// hand and the records made of them. Before it receives, a stream takes a place of
// the size that its last request had, and a new one that of what others have sent,
// since nobody knows how large the next one is. Nobody knows either whether one comes
// at all: an idle stream loses its place to others, and when its request comes at
// last it is let in. So the budget may be passed by one request for each stream, and
// is not by streams that send alike and all the time, which is what uses it up. By what
// idle streams are known to send it may be passed by as much again and no more: beyond that
// those of the largest requests are ended, while others wait. A
// request that is larger than the budget gets in like any other.
//
// What is charged comes free when appends are answered, which is up to the disk
// alone, or when a caller reads his answers; who does not is given up while others
// wait, see unread. So no two streams wait for each other.
type memory struct {
	limit   int64
	used    atomic.Int64
	shares  *shares
	streams atomic.Int64 // open
	usual   atomic.Int64 // size of the larger ones of recent requests; at first the largest possible
	swept   atomic.Int64 // when idle places were last looked for, Unix time in nanoseconds
	arrived func() int64 // grows while requests arrive, also those that are not whole

	places struct {
		sync.Mutex
		all map[*place]struct{} // one for each stream that receives

		arrived int64     // when idle places were last looked for
		silent  time.Time // since when nothing has arrived
	}
	orphans struct {
		sync.Mutex
		requests []*request // of streams that have ended, with appends under way; in the order in which the streams ended
	}
}

// newMemory returns a budget for requests of whose size, before any has come, only
// the largest possible is known.
func newMemory(limit, largest int64, arrived func() int64, weigh func(tenant string) int) *memory {
	m := &memory{limit: limit, arrived: arrived, shares: newShares(weigh)}
	m.usual.Store(largest)
	m.places.all = make(map[*place]struct{})
	return m
}

// charge takes n bytes for a tenant; it never waits.
func (m *memory) charge(of *share, n int64) {
	m.used.Add(n)
	of.used.Add(n)
}

// release gives n bytes back.
func (m *memory) release(of *share, n int64) { m.charge(of, -n) }

// grant is what becomes of a stream that waits for a place.
type grant int

const (
	nothing  grant = iota // there was no room for as long as a stream waits, or it stops
	lastLook              // likewise, but it may see whether anything comes at all
	room                  // it has a place
)

// wait reserves a place when there is room. A stream for which there was none in
// time may have a last look, if few others have one: an end of the stream needs no
// memory, and one that is only idle is not to be ended.
//
// Who waits looks again and again instead of being woken: when many wait for
// little, each of them gets in at some time, and they do not get in together.
func (m *memory) wait(p *place, stop <-chan struct{}) grant {
	if m.reserve(p) {
		return room
	}
	patience := time.NewTimer(memoryPatience)
	defer patience.Stop()
	for pause := minPause; ; pause = min(2*pause, maxPause) {
		m.reap()
		m.sweep()
		if m.reserve(p) {
			return room
		}
		select {
		case <-time.After(pause):
		case <-patience.C:
			if m.look(p) {
				return lastLook
			}
			return nothing
		case <-stop:
			return nothing
		}
	}
}

// enter counts a stream in, until it leaves.
func (m *memory) enter(of *share) {
	m.streams.Add(1)
	m.shares.enter(of)
}

// namesShare is how much of the names that it has seen a stream may remember, in
// bytes: its part of a quarter of the budget, which is not charged.
func (m *memory) namesShare() int {
	share := m.limit / 4 / max(1, m.streams.Load())
	return int(max(minKnownBytes, min(share, maxKnownBytes)))
}

// leave counts a stream out, and takes over what it has not settled. The records are
// the journal's until their appends are answered, and stay charged until then: else
// a caller who gives up and comes again, while the disk does not answer, would fill
// the memory with what he has given up.
func (m *memory) leave(of *share, requests []*request) {
	m.streams.Add(-1)
	m.shares.leave(of)
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
		m.release(requests[0].share, requests[0].cost)
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
