package server

import (
	"google.golang.org/protobuf/encoding/protowire"
)

// A record is a destinations.journal.v1.Events. It is encoded by hand into one
// buffer of its size, since the generated code would need a message for each event
// first; a fuzz test holds the two equal. These are the numbers of its fields.
const (
	recordReceived     = 1
	recordPrincipal    = 2
	recordSenderID     = 3
	recordSequence     = 4
	recordSettled      = 5
	recordDestinations = 6
	recordEvents       = 7

	destinationTenant = 1
	destinationBucket = 2
	destinationPrefix = 3

	recordEventDestination  = 1
	recordEventIndex        = 2
	recordEventID           = 3
	recordEventTraceContext = 4
	recordEventTracestate   = 5
	recordEventPayload      = 6
)

// header is what a record says of its request.
type header struct {
	received          int64 // Unix time in nanoseconds
	principal         string
	senderID          []byte
	sequence, settled uint64
}

// recordEvent is an accepted event on its way into a record.
type recordEvent struct {
	part         int    // of the request
	destination  uint32 // place in the record's destinations
	index        uint32 // place in the request
	id           []byte
	traced       bool
	traceContext [traceContextBytes]byte
	tracestate   []byte
	line         []byte
	size         int // encoded, without its tag and length
}

// All tags are below 16, so they take a byte each.
const tagBytes = 1

func sizeVarint(v uint64) int {
	if v == 0 {
		return 0
	}
	return tagBytes + protowire.SizeVarint(v)
}

func sizeBytes(n int) int {
	if n == 0 {
		return 0
	}
	return tagBytes + protowire.SizeBytes(n)
}

func (h *header) size() int {
	return sizeVarint(uint64(h.received)) + sizeBytes(len(h.principal)) + sizeBytes(len(h.senderID)) + sizeVarint(h.sequence) + sizeVarint(h.settled)
}

func (h *header) append(b []byte) []byte {
	b = appendVarint(b, recordReceived, uint64(h.received))
	b = appendBytes(b, recordPrincipal, h.principal)
	b = appendBytes(b, recordSenderID, h.senderID)
	b = appendVarint(b, recordSequence, h.sequence)
	return appendVarint(b, recordSettled, h.settled)
}

// bodySize is the encoded size of a destination, without its tag and length.
func (to *destination) bodySize() int {
	return sizeBytes(len(to.tenant)) + sizeBytes(len(to.bucket)) + sizeBytes(len(to.prefix))
}

func (to *destination) append(b []byte) []byte {
	b = protowire.AppendTag(b, recordDestinations, protowire.BytesType)
	b = protowire.AppendVarint(b, uint64(to.bodySize()))
	b = appendBytes(b, destinationTenant, to.tenant)
	b = appendBytes(b, destinationBucket, to.bucket)
	return appendBytes(b, destinationPrefix, to.prefix)
}

// trace takes the event's trace context, if it is valid.
func (e *recordEvent) trace(parent, state []byte) {
	if e.traceContext, e.traced = parseTraceparent(parent); e.traced && len(state) <= maxTracestateBytes {
		e.tracestate = state
	}
}

// measure sets the event's size, when all else is set.
func (e *recordEvent) measure() {
	e.size = sizeVarint(uint64(e.destination)) + sizeVarint(uint64(e.index)) + sizeBytes(len(e.id)) +
		sizeBytes(len(e.context())) + sizeBytes(len(e.tracestate)) + sizeBytes(len(e.line))
}

func (e *recordEvent) context() []byte {
	if !e.traced {
		return nil
	}
	return e.traceContext[:]
}

func (e *recordEvent) append(b []byte) []byte {
	b = protowire.AppendTag(b, recordEvents, protowire.BytesType)
	b = protowire.AppendVarint(b, uint64(e.size))
	b = appendVarint(b, recordEventDestination, uint64(e.destination))
	b = appendVarint(b, recordEventIndex, uint64(e.index))
	b = appendBytes(b, recordEventID, e.id)
	b = appendBytes(b, recordEventTraceContext, e.context())
	b = appendBytes(b, recordEventTracestate, e.tracestate)
	return appendBytes(b, recordEventPayload, e.line)
}

// appendVarint appends a field, unless it has its default.
func appendVarint(b []byte, number protowire.Number, v uint64) []byte {
	if v == 0 {
		return b
	}
	return protowire.AppendVarint(protowire.AppendTag(b, number, protowire.VarintType), v)
}

// appendBytes appends a field, unless it is empty.
func appendBytes[T []byte | string](b []byte, number protowire.Number, v T) []byte {
	if len(v) == 0 {
		return b
	}
	b = protowire.AppendVarint(protowire.AppendTag(b, number, protowire.BytesType), uint64(len(v)))
	return append(b, v...)
}
