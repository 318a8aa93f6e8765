package server

import (
	"cmp"
	"context"
	"slices"
	"sync/atomic"
	"time"
)

// How long a stream has a place reserved in which no request arrives whole, when
// others wait: shortly if nothing at all arrives, for any stream, and else long
// enough for a large request that comes slowly.
const (
	silentAfter = 250 * time.Millisecond
	idleAfter   = 5 * time.Second
)

// place is what a stream has reserved for the request that it receives.
type place struct {
	share    *share // whose it is
	expected int64  // what the next request may take; the reader's

	since    atomic.Int64 // when it was reserved, Unix time in nanoseconds
	reserved atomic.Int64 // 0 = nothing is, or is no more
	sized    atomic.Bool  // expected is known by the request before
	lapsed   atomic.Int64 // what was reserved until others took it, if it is sized; 0 = nothing

	end context.CancelCauseFunc // tells the stream to end
}

// openPlace returns the place of a stream of a tenant, which end tells to end.
func (m *memory) openPlace(of *share, end context.CancelCauseFunc) *place {
	p := &place{share: of, end: end}
	m.places.Lock()
	defer m.places.Unlock()
	m.places.all[p] = struct{}{}
	return p
}

// closePlace ends a place that was opened.
func (m *memory) closePlace(p *place) {
	m.places.Lock()
	delete(m.places.all, p)
	m.places.Unlock()
	m.release(p.share, p.reserved.Swap(0))
}

// expect sets how large the next request may be: twice its size, since it is put
// together out of what arrives; and so little that some may receive together
// whatever they send.
func (m *memory) expect(p *place, size int64) { p.expected = min(2*size, m.limit/4) }

// reserve takes a place for the next request if there is room for it, and the tenant has
// not more than his share already.
func (m *memory) reserve(p *place) bool {
	if !p.sized.Load() {
		m.expect(p, m.usual.Load())
	}
	if m.shares.exceeds(p.share, p.expected, m.used.Load(), m.limit) {
		return false
	}
	return m.take(p, p.expected, m.limit)
}

// look takes a place for a last look, for which there is a part of the memory beyond
// the limit.
func (m *memory) look(p *place) bool { return m.take(p, m.limit/64, m.limit/4*5) }

// take takes a place of that size if there is room below a limit, or if nobody has
// anything in hand.
func (m *memory) take(p *place, size, limit int64) bool {
	if used := m.used.Add(size); used > limit && used != size {
		m.used.Add(-size)
		return false
	}
	p.share.used.Add(size)
	p.since.Store(time.Now().UnixNano())
	p.lapsed.Store(0)
	p.reserved.Store(size)
	return true
}

// receive charges a request that was received in a place, reserved or not.
func (m *memory) receive(p *place, size int64) {
	m.charge(p.share, size-p.reserved.Swap(0))
	p.lapsed.Store(0)
	m.expect(p, size)
	p.sized.Store(true)
	// Streams that do this together may undo each other's step, which is no harm.
	usual := m.usual.Load()
	m.usual.Store(max(size, usual-(usual-size)/16))
}

// full reports whether what is in hand, without the places, is all of the budget.
func (m *memory) full() bool {
	m.places.Lock()
	defer m.places.Unlock()
	held := m.used.Load()
	for p := range m.places.all {
		held -= p.reserved.Load()
	}
	return held >= m.limit
}

// sweep takes the places of idle streams, unless that was just done.
func (m *memory) sweep() {
	now := time.Now()
	if last := m.swept.Load(); now.UnixNano()-last < int64(minPause) || !m.swept.CompareAndSwap(last, now.UnixNano()) {
		return
	}
	m.places.Lock()
	defer m.places.Unlock()
	if arrived := m.arrived(); arrived != m.places.arrived {
		m.places.arrived, m.places.silent = arrived, now
	}
	after := idleAfter
	if now.Sub(m.places.silent) >= silentAfter {
		after = silentAfter
	}
	for p := range m.places.all {
		if now.UnixNano()-p.since.Load() >= int64(after) {
			taken := p.reserved.Swap(0)
			m.release(p.share, taken)
			if taken > 0 && p.sized.Load() {
				p.lapsed.Store(taken)
			}
		}
	}
	m.endIdleLocked()
}

// endIdleLocked ends streams that have lost their places, those with the largest requests first and
// of these the ones that have been idle for longest, as far as their next requests, which would
// all be let in, could be more than the budget once more. A stream that has sent nothing yet does
// not count.
func (m *memory) endIdleLocked() {
	var idle []*place
	total := int64(0)
	for p := range m.places.all {
		if n := p.lapsed.Load(); n > 0 {
			idle = append(idle, p)
			total += n
		}
	}
	if total <= m.limit {
		return
	}
	slices.SortFunc(idle, func(a, b *place) int {
		return cmp.Or(cmp.Compare(b.lapsed.Load(), a.lapsed.Load()), cmp.Compare(a.since.Load(), b.since.Load()))
	})
	for _, p := range idle {
		if total <= m.limit {
			return
		}
		total -= p.lapsed.Swap(0)
		p.end(errMemoryFull)
	}
}
