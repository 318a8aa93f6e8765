package batcher

import (
	"crypto/sha256"
	"sync/atomic"
	"time"
)

// idBytes is what is charged for the place of an id, in bytes: its entry and its
// place in the map.
const idBytes = 92

// ids is where the events with an id were that a shard has read within the last
// window of log time. The oldest goes first, when the window has passed, or to
// keep within the bound.
type ids struct {
	most   int // 0 = none is known
	window time.Duration
	early  *atomic.Uint64 // those forgotten before their window had passed

	// Each id has a number, growing, modulo 2^32. Those from first to next-1 are
	// known; that of number n stands in ring[n % len(ring)], a power of two.
	known       map[idHash]uint32 // its number
	ring        []idEntry
	first, next uint32
	key         [sha256.Size]byte // nobody outside can choose ids that are taken for another's
	scratch     []byte
}

// idHash stands for a destination and an id in it.
type idHash [16]byte

type idEntry struct {
	hash idHash
	at   position // of the first event that had it
	seen int64    // log time when that was read
}

func newIDs(most int, window time.Duration, journalID [16]byte, early *atomic.Uint64) *ids {
	return &ids{
		most: most, window: window, early: early, known: map[idHash]uint32{},
		key: sha256.Sum256(append([]byte("ids of events "), journalID[:]...)),
	}
}

// hash is that of an id in the destination of a name; see name.
func (t *ids) hash(destination string, id []byte) idHash {
	t.scratch = append(append(append(t.scratch[:0], t.key[:]...), destination...), id...)
	sum := sha256.Sum256(t.scratch)
	return idHash(sum[:])
}

// take notes that the event at a position has an id, and reports whether no earlier
// one has it.
func (t *ids) take(destination string, id []byte, at position, now int64) bool {
	if t.most == 0 {
		return true
	}
	h := t.hash(destination, id)
	if n, ok := t.known[h]; ok {
		return !t.entry(n).at.less(at)
	}
	t.add(idEntry{hash: h, at: at, seen: now})
	return true
}

func (t *ids) entry(n uint32) *idEntry { return &t.ring[n&uint32(len(t.ring)-1)] }

// len is how many are known.
func (t *ids) len() int { return int(t.next - t.first) }

// bytes is what is charged for them.
func (t *ids) bytes() int64 { return idBytes * int64(len(t.ring)) }

// add notes an id that is not known, behind the others.
func (t *ids) add(e idEntry) {
	if t.len() >= t.most {
		t.early.Add(1)
		t.forgetOldest()
	}
	if t.len() == len(t.ring) {
		t.grow()
	}
	*t.entry(t.next) = e
	t.known[e.hash] = t.next
	t.next++
}

func (t *ids) grow() {
	grown := ids{ring: make([]idEntry, max(2*len(t.ring), 64))}
	for n := t.first; n != t.next; n++ {
		*grown.entry(n) = *t.entry(n)
	}
	t.ring = grown.ring
}

// expire forgets those whose window has passed.
func (t *ids) expire(now int64) {
	for t.first != t.next && t.entry(t.first).seen < now-int64(t.window) {
		t.forgetOldest()
	}
}

func (t *ids) forgetOldest() {
	delete(t.known, t.entry(t.first).hash)
	t.first++
}
