package server

import (
	"context"
	"encoding/binary"
	"math"
	"math/rand/v2"

	"google.golang.org/grpc/metadata"
)

// tracing decides, once and at the receipt, which events are traced. What it decides
// stands in the journal with the event, so that whichever process delivers it knows.
type tracing struct {
	call      [traceContextBytes]byte // the call's, if it has one
	callState []byte
	hasCall   bool
	threshold uint64 // events without any context are sampled when a random number is below
	contexts  Contexts
}

// Contexts counts events by where their trace contexts are from.
type Contexts struct {
	Event   int // their own traceparent
	Call    int // the metadata of their call, which has a traceparent that is sampled
	Root    int // sampled here
	None    int // nowhere: not traced
	Invalid int // nowhere, or not their own: that was not valid
}

// newTracing is for the events of one call. ratio is which part of the events without a
// context is sampled.
func newTracing(ctx context.Context, ratio float64) tracing {
	t := tracing{threshold: thresholdOf(ratio)}
	md, _ := metadata.FromIncomingContext(ctx)
	parents, states := md.Get("traceparent"), md.Get("tracestate")
	if len(parents) != 1 {
		return t
	}
	if t.call, t.hasCall = parseTraceparent(parents[0]); t.hasCall && len(states) == 1 && len(states[0]) <= maxTracestateBytes {
		t.callState = []byte(states[0])
	}
	return t
}

// thresholdOf is below what part of all numbers a ratio is.
func thresholdOf(ratio float64) uint64 {
	if ratio >= 1 {
		return math.MaxUint64
	}
	return uint64(ratio * (1 << 63) * 2)
}

// decide gives an accepted event its trace context: its own; else the call's, which is
// journalled only if it is sampled, since it would be of no use; else, for some, one that
// begins here, with a span id of zeros. What is not valid counts as absent.
func (t *tracing) decide(e *recordEvent, in *event) {
	if len(in.traceparent) > 0 {
		if e.trace(in.traceparent, in.tracestate); e.traced {
			t.contexts.Event++
			return
		}
	}
	source := &t.contexts.None
	switch {
	case t.hasCall && t.call[traceContextBytes-1]&sampledFlag != 0:
		e.traceContext, e.tracestate, e.traced = t.call, t.callState, true
		source = &t.contexts.Call
	case t.hasCall: // whoever calls does not want to see it
	case t.threshold > 0 && rand.Uint64() < t.threshold:
		e.begin()
		source = &t.contexts.Root
	}
	if len(in.traceparent) > 0 {
		source = &t.contexts.Invalid
	}
	*source++
}

// take returns what was counted since it was last called.
func (t *tracing) take() Contexts {
	c := t.contexts
	t.contexts = Contexts{}
	return c
}

// begin makes the event the first of a trace.
func (e *recordEvent) begin() {
	binary.BigEndian.PutUint64(e.traceContext[:], rand.Uint64())
	binary.BigEndian.PutUint64(e.traceContext[8:], rand.Uint64()|1) // not all zeros
	e.traceContext[traceContextBytes-1] = sampledFlag | randomTraceIDFlag
	e.traced = true
}

// sampled reports whether the event is traced and somebody wants to see it.
func (e *recordEvent) sampled() bool {
	return e.traced && e.traceContext[traceContextBytes-1]&sampledFlag != 0
}

// tracedCost is what is kept for an accepted event that is sampled, beside its
// tracestate.
const tracedCost = 96

// Traced is an accepted event that is sampled.
type Traced struct {
	// Context is trace id (16 bytes), span id (8) of what sent it, and W3C flags (1). A
	// span id of zeros: the event begins the trace.
	Context [traceContextBytes]byte
	State   string // tracestate
	// Partition, Offset and Index are its position in the journal.
	Partition int
	Offset    uint64
	Index     uint32

	part int // of the request
}

// sample keeps an accepted event for who watches, if it is sampled.
func (r *request) sample(e *recordEvent, most int) {
	switch {
	case most == 0 || !e.sampled():
	case len(r.traced) == most:
		r.tracedOmitted++
	default:
		r.traced = append(r.traced, Traced{
			Context: e.traceContext, State: string(e.tracestate), Partition: r.parts[e.part].partition, Index: r.parts[e.part].accepted - 1, part: e.part,
		})
		r.cost += tracedCost + int64(len(e.tracestate))
	}
}

// placed are the events that were kept, with their offsets; those that were lost are
// left out.
func (r *request) placed() []Traced {
	placed := r.traced[:0]
	for _, t := range r.traced {
		if p := &r.parts[t.part]; !p.lost {
			t.Offset = p.offset
			placed = append(placed, t)
		}
	}
	return placed
}
