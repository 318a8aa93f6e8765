package batcher

import (
	"errors"
	"fmt"

	"google.golang.org/protobuf/encoding/protowire"

	journalv1 "github.com/open-destinations/destinations/gen/destinations/journal/v1"
)

// Numbers of the fields of destinations.journal.v1 that the fold reads by hand.
const (
	fieldEventsReceived     = 1
	fieldEventsPrincipal    = 2
	fieldEventsSenderID     = 3
	fieldEventsSequence     = 4
	fieldEventsSettled      = 5
	fieldEventsDestinations = 6
	fieldEventsEvents       = 7

	fieldEventDestination = 1
	fieldEventIndex       = 2
	fieldEventID          = 3
	fieldEventTrace       = 4
	fieldEventTracestate  = 5
	fieldEventPayload     = 6
)

// eventsRecord is a decoded journalv1.Events, as much of it as the fold needs.
// Decoding copies no payload and, once its slices have grown, allocates nothing:
// every event of the service passes here. All slices alias the record.
type eventsRecord struct {
	received          int64
	principal         []byte
	senderID          []byte
	sequence, settled uint64
	destinations      [][]byte // encoded journalv1.Destination messages
	events            []eventRecord
}

type eventRecord struct {
	destination uint32
	index       uint32 // in its request
	id          []byte
	trace       []byte // trace context: see Traced.Context
	state       []byte // tracestate
	payload     []byte
}

var errRecord = errors.New("not a valid Events record")

// decode reads rec into r, which it resets.
func (r *eventsRecord) decode(rec []byte) error {
	*r = eventsRecord{destinations: r.destinations[:0], events: r.events[:0]}
	err := eachField(rec, func(f field) error {
		switch {
		case f.is(fieldEventsReceived, protowire.VarintType):
			r.received = int64(f.varint)
		case f.is(fieldEventsPrincipal, protowire.BytesType):
			r.principal = f.data
		case f.is(fieldEventsSenderID, protowire.BytesType):
			r.senderID = f.data
		case f.is(fieldEventsSequence, protowire.VarintType):
			r.sequence = f.varint
		case f.is(fieldEventsSettled, protowire.VarintType):
			r.settled = f.varint
		case f.is(fieldEventsDestinations, protowire.BytesType):
			r.destinations = append(r.destinations, f.data)
		case f.is(fieldEventsEvents, protowire.BytesType):
			e, err := decodeEvent(f.data)
			if err != nil {
				return err
			}
			r.events = append(r.events, e)
		}
		return nil
	})
	if err != nil {
		return err
	}
	for i := range r.events {
		if int(r.events[i].destination) >= len(r.destinations) {
			return fmt.Errorf("%w: event %d is of destination %d of %d", errRecord, i, r.events[i].destination, len(r.destinations))
		}
	}
	return nil
}

func decodeEvent(b []byte) (e eventRecord, err error) {
	err = eachField(b, func(f field) error {
		switch {
		case f.is(fieldEventDestination, protowire.VarintType):
			e.destination = uint32(f.varint)
		case f.is(fieldEventIndex, protowire.VarintType):
			e.index = uint32(f.varint)
		case f.is(fieldEventID, protowire.BytesType):
			e.id = f.data
		case f.is(fieldEventTrace, protowire.BytesType):
			e.trace = f.data
		case f.is(fieldEventTracestate, protowire.BytesType):
			e.state = f.data
		case f.is(fieldEventPayload, protowire.BytesType):
			e.payload = f.data
		}
		return nil
	})
	return e, err
}

// field is one field of an encoded message.
type field struct {
	num    protowire.Number
	typ    protowire.Type
	varint uint64 // if typ is VarintType
	data   []byte // if typ is BytesType
}

func (f *field) is(num protowire.Number, typ protowire.Type) bool {
	return f.num == num && f.typ == typ
}

// eachField calls visit for every field of the encoded message b.
func eachField(b []byte, visit func(field) error) error {
	for len(b) > 0 {
		var f field
		var n int
		if f.num, f.typ, n = protowire.ConsumeTag(b); n < 0 {
			return fmt.Errorf("%w: %w", errRecord, protowire.ParseError(n))
		}
		b = b[n:]
		switch f.typ {
		case protowire.VarintType:
			f.varint, n = protowire.ConsumeVarint(b)
		case protowire.BytesType:
			f.data, n = protowire.ConsumeBytes(b)
		default:
			n = protowire.ConsumeFieldValue(f.num, f.typ, b)
		}
		if n < 0 {
			return fmt.Errorf("%w: field %d: %w", errRecord, f.num, protowire.ParseError(n))
		}
		b = b[n:]
		if err := visit(f); err != nil {
			return err
		}
	}
	return nil
}

// name is what a destination is found by: its parts, each behind its length, so
// that no two destinations share a name.
func name(tenant, bucket, prefix string) string {
	b := make([]byte, 0, len(tenant)+len(bucket)+len(prefix)+6)
	b = protowire.AppendString(b, tenant)
	b = protowire.AppendString(b, bucket)
	b = protowire.AppendString(b, prefix)
	return string(b)
}

func nameOf(d *journalv1.Destination) string {
	return name(d.GetTenant(), d.GetBucket(), d.GetPrefix())
}

// appendName appends to dst the name of the destination in the encoded message d.
func appendName(dst, d []byte) ([]byte, error) {
	var parts [3][]byte
	err := eachField(d, func(f field) error {
		if f.num >= 1 && f.num <= 3 && f.typ == protowire.BytesType {
			parts[f.num-1] = f.data
		}
		return nil
	})
	for _, p := range parts {
		dst = protowire.AppendBytes(dst, p)
	}
	return dst, err
}
