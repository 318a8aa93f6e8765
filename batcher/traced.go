package batcher

import (
	"encoding/binary"
	"math"
)

// Traced is a sampled event of a batch, or several of one context.
type Traced struct {
	// Context is trace id (16 bytes), span id (8) of what sent it, and W3C flags (1). A
	// span id of zeros: the event begins the trace.
	Context [contextBytes]byte
	State   string // tracestate
	ID      string // the event's own
	// Offset and Index are its position in the partition's log of events.
	Offset uint64
	Index  uint32
	// Received is its receipt, Unix nanoseconds; of several the earliest.
	Received int64
	// More is 0 for a single event. Otherwise this is the last one of that many which were
	// not kept one by one.
	More uint64
}

const (
	contextBytes   = 25
	traceIDBytes   = 16
	parentBytes    = traceIDBytes + 8
	sampledFlag    = 0x01
	maxPerTrace    = 100 // events of one trace in one batch that are kept one by one; and groups of others
	tracedBytes    = 128 // charged for one, beside its strings
	traceBytes     = 96  // charged for a trace
	everyTraceKept = math.MaxUint64
)

// traced keeps which events of a batch are sampled, until it is delivered. Of each trace
// it keeps the first events, and counts the others by where they were sent. If there are
// too many all the same, it keeps some of the traces whole, and which ones depends on their
// ids alone: so all events of a trace in all objects, and again in a replay.
type traced struct {
	most    int    // that are kept; 0 = none
	below   uint64 // traces are kept whose hash is not above
	all     []Traced
	traces  map[[traceIDBytes]byte]*trace
	omitted uint64 // sampled events of traces that are not kept
	bytes   int64  // charged for
}

// trace is what is kept of one.
type trace struct {
	single int                       // events
	groups map[[parentBytes]byte]int // places in all of those that stand for several
	first  int                       // place of the first group
}

// isSampled reports whether somebody wants to see the event.
func (e *eventRecord) isSampled() bool {
	return len(e.trace) == contextBytes && e.trace[contextBytes-1]&sampledFlag != 0
}

// add keeps a sampled event, and returns by how many bytes the memory has grown.
func (t *traced) add(at position, received int64, e *eventRecord) (grown int64) {
	id := [traceIDBytes]byte(e.trace)
	if t.traces == nil {
		t.traces, t.below = map[[traceIDBytes]byte]*trace{}, everyTraceKept
	}
	if hashOf(id) > t.below {
		t.omitted++
		return 0
	}
	before := t.bytes
	of := t.traces[id]
	if of == nil {
		of = &trace{}
		t.traces[id] = of
		t.bytes += traceBytes
	}
	if of.single < maxPerTrace {
		of.single++
		t.keep(at, received, e, string(e.id))
	} else {
		t.group(of, at, received, e)
	}
	for len(t.all) > t.most && t.below > 0 {
		t.halve()
	}
	return t.bytes - before
}

// keep adds an entry for an event.
func (t *traced) keep(at position, received int64, e *eventRecord, id string) {
	t.all = append(t.all, Traced{
		Context: [contextBytes]byte(e.trace), State: string(e.state), ID: id,
		Offset: at.offset, Index: at.index, Received: received,
	})
	t.bytes += t.all[len(t.all)-1].size()
}

// group counts an event of a trace that has enough of them.
func (t *traced) group(of *trace, at position, received int64, e *eventRecord) {
	parent := [parentBytes]byte(e.trace)
	place, ok := of.groups[parent]
	switch {
	case !ok && len(of.groups) == maxPerTrace:
		place = of.first
	case !ok:
		if of.groups == nil {
			of.groups, of.first = map[[parentBytes]byte]int{}, len(t.all)
		}
		place = len(t.all)
		of.groups[parent] = place
		t.keep(at, received, e, "")
	}
	g := &t.all[place]
	g.More++
	g.Received = min(g.Received, received)
	g.Offset, g.Index = at.offset, at.index
}

// halve keeps half of the traces. One that is alone is not divided: there is room for
// any.
func (t *traced) halve() {
	t.below /= 2
	kept := t.all[:0]
	for id := range t.traces {
		if hashOf(id) > t.below {
			delete(t.traces, id)
			t.bytes -= traceBytes
		} else {
			t.traces[id].groups = nil
		}
	}
	for _, e := range t.all {
		id := [traceIDBytes]byte(e.Context[:])
		of := t.traces[id]
		if of == nil {
			t.omitted += max(1, e.More)
			t.bytes -= e.size()
			continue
		}
		if e.More > 0 {
			if of.groups == nil {
				of.groups, of.first = map[[parentBytes]byte]int{}, len(kept)
			}
			of.groups[[parentBytes]byte(e.Context[:])] = len(kept)
		}
		kept = append(kept, e)
	}
	clear(t.all[len(kept):])
	t.all = kept
}

// hashOf spreads trace ids, which their makers need not have done.
func hashOf(id [traceIDBytes]byte) uint64 {
	h := binary.BigEndian.Uint64(id[:8]) ^ binary.BigEndian.Uint64(id[8:])*0x9e3779b97f4a7c15
	h = (h ^ h>>30) * 0xbf58476d1ce4e5b9
	h = (h ^ h>>27) * 0x94d049bb133111eb
	return h ^ h>>31
}

// size is what e is charged for.
func (e *Traced) size() int64 { return tracedBytes + int64(len(e.State)+len(e.ID)) }
