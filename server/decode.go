package server

import (
	"errors"
	"sync"
	"unicode/utf8"

	"google.golang.org/grpc/mem"
	"google.golang.org/protobuf/encoding/protowire"
)

// incoming is a decoded request of either call: a SendS3Request is a
// StreamS3Request without receipts. It is decoded by hand, since the generated code
// would allocate and copy every field of every event; a fuzz test holds the two
// equal. All bytes in it lie in the buffer that it was received in, and are gone
// with release.
type incoming struct {
	events         []event
	bucket, prefix []byte
	sequence       uint64
	settled        uint64
	senderID       []byte
	receipts       bool

	buffer mem.Buffer // nil if there is nothing to free
}

// event is an S3Event.
type event struct {
	id, bucket, prefix, payload, traceparent, tracestate []byte

	hasPrefix bool
}

// Numbers of the fields.
const (
	requestEvents   = 1
	requestBucket   = 2
	requestPrefix   = 3
	requestSequence = 4
	requestSettled  = 5
	requestSenderID = 6
	requestReceipts = 7

	eventID          = 1
	eventBucket      = 2
	eventPrefix      = 3
	eventPayload     = 4
	eventTraceparent = 5
	eventTracestate  = 6
)

var (
	errNotUTF8     = errors.New("a string is not UTF-8")
	errFieldNumber = errors.New("invalid field number")
)

// maxSpareEvents is the largest room for events that is kept for another request.
const maxSpareEvents = 1024

var spareIncoming = sync.Pool{New: func() any { return new(incoming) }}

// release gives the request's memory back. Nothing in it may be used any more.
func (in *incoming) release() {
	if in.buffer != nil {
		in.buffer.Free()
	}
	events := in.events[:0]
	if cap(events) > maxSpareEvents {
		events = nil
	}
	*in = incoming{events: events}
	spareIncoming.Put(in)
}

// field is a field of a message as it stands on the wire. Of the value, the one
// that goes with the type is set.
type field struct {
	number protowire.Number
	bytes  []byte
	varint uint64
	typ    protowire.Type
}

// nextField cuts the first field off a message.
func nextField(b []byte) (f field, rest []byte, err error) {
	number, typ, n := protowire.ConsumeTag(b)
	if n < 0 {
		return f, nil, protowire.ParseError(n)
	}
	if number > protowire.MaxValidNumber {
		return f, nil, errFieldNumber
	}
	f.number, f.typ = number, typ
	b = b[n:]
	switch typ {
	case protowire.BytesType:
		f.bytes, n = protowire.ConsumeBytes(b)
	case protowire.VarintType:
		f.varint, n = protowire.ConsumeVarint(b)
	default:
		n = protowire.ConsumeFieldValue(number, typ, b)
	}
	if n < 0 {
		return f, nil, protowire.ParseError(n)
	}
	return f, b[n:], nil
}

// decode reads a request out of b. What it does not know it skips, also a field
// that is known by another type.
func (in *incoming) decode(b []byte) error {
	for len(b) > 0 {
		f, rest, err := nextField(b)
		if err == nil {
			err = in.set(f)
		}
		if err != nil {
			return err
		}
		b = rest
	}
	return nil
}

func (in *incoming) set(f field) error {
	switch f.typ {
	case protowire.VarintType:
		switch f.number {
		case requestSequence:
			in.sequence = f.varint
		case requestSettled:
			in.settled = f.varint
		case requestReceipts:
			in.receipts = protowire.DecodeBool(f.varint)
		}
	case protowire.BytesType:
		switch f.number {
		case requestEvents:
			in.events = append(in.events, event{})
			return in.events[len(in.events)-1].decode(f.bytes)
		case requestBucket:
			return setString(&in.bucket, f.bytes)
		case requestPrefix:
			return setString(&in.prefix, f.bytes)
		case requestSenderID:
			in.senderID = f.bytes
		}
	}
	return nil
}

func (e *event) decode(b []byte) error {
	for len(b) > 0 {
		f, rest, err := nextField(b)
		if err == nil && f.typ == protowire.BytesType {
			err = e.set(f)
		}
		if err != nil {
			return err
		}
		b = rest
	}
	return nil
}

func (e *event) set(f field) error {
	switch f.number {
	case eventID:
		return setString(&e.id, f.bytes)
	case eventBucket:
		return setString(&e.bucket, f.bytes)
	case eventPrefix:
		e.hasPrefix = true
		return setString(&e.prefix, f.bytes)
	case eventPayload:
		e.payload = f.bytes
	case eventTraceparent:
		return setString(&e.traceparent, f.bytes)
	case eventTracestate:
		return setString(&e.tracestate, f.bytes)
	}
	return nil
}

func setString(to *[]byte, s []byte) error {
	if !utf8.Valid(s) {
		return errNotUTF8
	}
	*to = s
	return nil
}
