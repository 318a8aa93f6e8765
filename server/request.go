package server

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"google.golang.org/protobuf/proto"

	journalv1 "github.com/open-destinations/destinations/gen/destinations/journal/v1"
	destinationsv1 "github.com/open-destinations/destinations/gen/destinations/v1"
	"github.com/open-destinations/destinations/journal"
)

// Roughly what is kept for a request until it is settled, in bytes, beside its
// records.
const (
	requestCost = 256
	partCost    = 128
	placeCost   = 4
	touchCost   = 64
	refusalCost = 128
)

// request is a request from when it is taken until it is settled.
type request struct {
	count    uint64    // its place in the stream, from 1
	number   uint64    // its sequence, or its place
	sequence uint64    // 0 if the stream is not numbered
	first    uint64    // place in the stream of its first event, from 0
	received time.Time // when it had been received
	parts    []*part   // in the order of their first events
	touched  []touch   // in the order of their first events
	answered int       // parts before this one are answered
	cost     int64     // bytes of memory that it takes

	wantReceipts bool      // it asks for receipts
	refused      []refusal // the events that are not accepted, in their order
	accepted     uint64    // events that are durable; set when it is concluded
	concluded    bool
}

// part is what one partition gets of a request: one record.
type part struct {
	partition int
	record    *journalv1.Events // nil once it is encoded
	accepted  uint64
	places    []uint32 // of its events in the request
	append    Append   // nil until it is appended
	offset    uint64   // of the record, once it is known to be durable
	lost      bool     // its partition is damaged
}

// touch is what one destination gets of a request.
type touch struct {
	destination *destination
	part        int    // its partition's place in parts
	table       uint32 // its place in the record's destinations
	first, last uint32 // places of its events in the record
	accepted    uint64
}

// add puts an accepted event behind the others. Its destination is set here.
func (r *request) add(to *destination, event *journalv1.Event, header *journalv1.Events) {
	if to.request != r.count {
		r.touch(to, header)
	}
	t := &r.touched[to.place]
	p := r.parts[t.part]
	t.last = uint32(len(p.record.Events))
	if t.accepted == 0 {
		t.first = t.last
	}
	t.accepted++
	event.Destination = t.table
	p.record.Events = append(p.record.Events, event)
	p.accepted++
	p.places = append(p.places, event.Index)
}

// touch makes room for a destination that the request has not touched before.
func (r *request) touch(to *destination, header *journalv1.Events) {
	at := r.partOf(to.partition, header)
	record := r.parts[at].record
	to.request, to.place = r.count, len(r.touched)
	r.touched = append(r.touched, touch{destination: to, part: at, table: uint32(len(record.Destinations))})
	record.Destinations = append(record.Destinations, &journalv1.Destination{Tenant: tenant, Bucket: to.bucket, Prefix: to.prefix})
}

// partOf returns the place of a partition's part, which it makes if need be.
func (r *request) partOf(partition int, header *journalv1.Events) int {
	for i, p := range r.parts {
		if p.partition == partition {
			return i
		}
	}
	r.parts = append(r.parts, &part{partition: partition, record: &journalv1.Events{
		ReceivedUnixNanos: r.received.UnixNano(),
		SenderId:          header.GetSenderId(),
		Sequence:          header.GetSequence(),
		Settled:           header.GetSettled(),
	}})
	return len(r.parts) - 1
}

// appendTo encodes all records and then appends them, or none.
func (r *request) appendTo(j Journal) error {
	r.cost = requestCost + int64(len(r.touched))*touchCost + int64(len(r.refused))*refusalCost
	records := make([][]byte, len(r.parts))
	for i, p := range r.parts {
		record, err := proto.Marshal(p.record)
		if err != nil {
			return fmt.Errorf("encode record: %w", err)
		}
		records[i] = record
		r.cost += int64(len(record)) + partCost + int64(len(p.places))*placeCost
	}
	for i, p := range r.parts {
		p.record = nil
		p.append = j.Append(p.partition, records[i])
	}
	return nil
}

// waiting returns what is closed when the next of the request's appends is
// answered, or nil if all are.
func (r *request) waiting() <-chan struct{} {
	for ; r.answered < len(r.parts); r.answered++ {
		done := r.parts[r.answered].append.Done()
		select {
		case <-done:
		default:
			return done
		}
	}
	return nil
}

// conclude says what became of the request, whose appends are all answered, by
// setting accepted and leaving in touched, and adding to refused, what belongs
// there. The error is that of an append that failed.
func (r *request) conclude() error {
	if r.concluded {
		return nil
	}
	r.concluded = true
	lost := false
	for _, p := range r.parts {
		err := p.append.Err()
		switch {
		case err == nil:
			r.accepted += p.accepted
			p.offset = p.append.Offset()
		case corrupt(err):
			lost, p.lost = true, true
			r.lose(p)
		default:
			return err
		}
	}
	if lost {
		r.sortRefused()
		r.touched = slices.DeleteFunc(r.touched, func(t touch) bool { return r.parts[t.part].lost })
	}
	return nil
}

// corrupt reports whether an append was refused because its partition is damaged.
func corrupt(err error) bool {
	_, ok := errors.AsType[*journal.CorruptError](err)
	return ok
}

// eventSlab makes the journal's events of one request, many at a time.
type eventSlab struct {
	free   []journalv1.Event
	traces []byte // room for trace contexts, appended to
}

// maxSlab is how many events are made at a time.
const maxSlab = 256

// next makes the journal's event of an accepted one; left is how many events the
// request has from it on, at most.
func (s *eventSlab) next(event *destinationsv1.S3Event, index int, line []byte, left int) *journalv1.Event {
	if len(s.free) == 0 {
		s.free = make([]journalv1.Event, min(left, maxSlab))
	}
	made := &s.free[0]
	s.free = s.free[1:]
	made.Index, made.Id, made.Payload = uint32(index), event.GetId(), line
	if context, ok := parseTraceparent(event.GetTraceparent()); ok {
		s.traces = append(s.traces, context[:]...)
		made.TraceContext = s.traces[len(s.traces)-traceContextBytes:]
		if state := event.GetTracestate(); len(state) <= maxTracestateBytes {
			made.Tracestate = state
		}
	}
	return made
}
