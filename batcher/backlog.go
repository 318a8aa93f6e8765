package batcher

import "slices"

// backlog is what a shard knows of the events of a destination that it has read and
// not taken: no Seal has decided them, and their bytes are in the journal alone.
type backlog struct {
	events, bytes int64 // bytes of lines, line ends included
	first, last   position
	oldest        int64 // when the first of them was received, Unix nanoseconds

	// duplicates were decided when the shard read them; no table could say so later.
	duplicates runs
}

// duplicatesBytes is charged for a run of duplicates.
const duplicatesBytes = 32

// add counts an event.
func (b *backlog) add(at position, size int, received int64) {
	if b.events == 0 {
		b.first, b.oldest = at, received
	}
	b.events++
	b.bytes += int64(size)
	b.last = at
}

// took takes an event out of the count: a pass has read it.
func (b *backlog) took(at position, size int, received int64) {
	b.events--
	b.bytes -= int64(size)
	b.first, b.oldest = at.next(), max(b.oldest, received)
}

// isDuplicate reports whether the event at p is a duplicate. It is asked in order,
// and forgets what lies before p.
func (b *backlog) isDuplicate(p position) bool {
	for len(b.duplicates) > 0 && b.duplicates[0].last.less(p) {
		b.duplicates = b.duplicates[1:]
	}
	return len(b.duplicates) > 0 && !p.less(b.duplicates[0].first)
}

// putBack counts again what an open batch holds, whose bytes are dropped.
func (b *backlog) putBack(open *batch) {
	if b.events == 0 {
		b.last = open.last
	}
	b.first, b.oldest = open.first, open.firstReceived
	b.events += open.events
	b.bytes += open.rawBytes
	b.duplicates = slices.Concat(open.excluded, b.duplicates)
}
