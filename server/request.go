package server

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"

	journalv1 "github.com/open-destinations/destinations/gen/destinations/journal/v1"
	"github.com/open-destinations/destinations/journal"
)

// Roughly what is kept for a request until it is settled, in bytes, beside its
// records.
const (
	requestCost = 256
	partCost    = 128
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
	share    *share    // of the memory, that its cost is charged to
	parts    []part    // in the order of their first events
	touched  []touch   // in the order of their first events
	answered int       // parts before this one are answered
	cost     int64     // bytes of memory that it takes

	wantReceipts bool      // it asks for receipts
	refused      []refusal // the events that are not accepted, in their order
	accepted     uint64    // events that are durable; set when it is concluded
	concluded    bool

	traced        []Traced // the first of the accepted events that are sampled; in parts' order of events
	tracedOmitted int      // others
}

// part is what one partition gets of a request: one record.
type part struct {
	partition    int
	accepted     uint32  // events in the record
	destinations uint32  // in the record
	size         int     // of the record
	record       []byte  // the journal's from its append until that is answered
	buffer       *[]byte // that record lies in; nil once it is given back
	append       Append  // nil until it is appended
	offset       uint64  // of the record, once it is known to be durable
	lost         bool    // its partition is damaged
}

// touch is what one destination gets of a request.
type touch struct {
	destination *destination
	part        int    // its partition's place in parts
	table       uint32 // its place in the record's destinations
	first, last uint32 // places of its events in the record
	accepted    uint64
}

// add finds the place of an accepted event, which goes behind the others. All but
// the event's part and destination is set.
func (r *request) add(to *destination, e *recordEvent) {
	if to.request != r.count {
		r.touch(to)
	}
	t := &r.touched[to.place]
	p := &r.parts[t.part]
	t.last = p.accepted
	if t.accepted == 0 {
		t.first = t.last
	}
	t.accepted++
	p.accepted++
	e.part, e.destination = t.part, t.table
	e.measure()
	p.size += tagBytes + protowire.SizeBytes(e.size)
}

// touch makes room for a destination that the request has not touched before.
func (r *request) touch(to *destination) {
	at := r.partOf(to.partition)
	p := &r.parts[at]
	to.request, to.place = r.count, len(r.touched)
	r.touched = append(r.touched, touch{destination: to, part: at, table: p.destinations})
	p.destinations++
	p.size += tagBytes + protowire.SizeBytes(to.bodySize())
}

// partOf returns the place of a partition's part, which it makes if need be.
func (r *request) partOf(partition int) int {
	for i := range r.parts {
		if r.parts[i].partition == partition {
			return i
		}
	}
	r.parts = append(r.parts, part{partition: partition})
	return len(r.parts) - 1
}

// encode makes the records of the accepted events, in buffers that release gives back.
func (r *request) encode(from *buffers, h *header, events []recordEvent) {
	r.cost += requestCost + int64(len(r.touched))*touchCost + int64(len(r.refused))*refusalCost
	for i := range r.parts {
		p := &r.parts[i]
		p.size += h.size()
		p.buffer = from.Get(p.size)
		p.record = h.append((*p.buffer)[:0])
		r.cost += int64(cap(p.record)) + partCost
	}
	for i := range r.touched {
		t := &r.touched[i]
		p := &r.parts[t.part]
		p.record = t.destination.append(p.record)
	}
	for i := range events {
		p := &r.parts[events[i].part]
		p.record = events[i].append(p.record)
	}
}

// appendTo appends all records.
func (r *request) appendTo(j Journal) {
	for i := range r.parts {
		p := &r.parts[i]
		if len(p.record) != p.size {
			panic(fmt.Sprintf("server: invariant: a record has the size that was counted: %d bytes, not %d", len(p.record), p.size))
		}
		p.append = j.Append(p.partition, p.record)
	}
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
	for i := range r.parts {
		p := &r.parts[i]
		err := p.append.Err()
		damage, corrupt := errors.AsType[*journal.CorruptError](err)
		switch {
		case err == nil:
			r.accepted += uint64(p.accepted)
			p.offset = p.append.Offset()
		case corrupt:
			lost, p.lost = true, true
			r.lose(p, partitionClosed(damage))
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

// lose rejects the events of a part whose partition is closed.
func (r *request) lose(p *part, why *problem) {
	var record journalv1.Events
	if err := proto.Unmarshal(p.record, &record); err != nil {
		panic("server: invariant: a record can be read until it is settled: " + err.Error())
	}
	for _, e := range record.GetEvents() {
		r.refuse(e.GetIndex(), why)
	}
}

// release gives the memory of the records back. All appends are answered.
func (r *request) release(to *buffers) {
	for i := range r.parts {
		p := &r.parts[i]
		if p.buffer != nil {
			to.Put(p.buffer)
			p.record, p.buffer = nil, nil
		}
	}
}
