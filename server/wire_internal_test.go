package server

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"

	journalv1 "github.com/open-destinations/destinations/gen/destinations/journal/v1"
	destinationsv1 "github.com/open-destinations/destinations/gen/destinations/v1"
)

// requestOf is the message that was decoded into in.
func requestOf(in *incoming) *destinationsv1.StreamS3Request {
	r := &destinationsv1.StreamS3Request{
		Bucket: string(in.bucket), Prefix: string(in.prefix), Sequence: in.sequence, Settled: in.settled,
		SenderId: in.senderID, Receipts: in.receipts,
	}
	for _, e := range in.events {
		made := &destinationsv1.S3Event{
			Id: string(e.id), Bucket: string(e.bucket), Payload: e.payload,
			Traceparent: string(e.traceparent), Tracestate: string(e.tracestate),
		}
		if e.hasPrefix {
			made.Prefix = proto.String(string(e.prefix))
		}
		r.Events = append(r.Events, made)
	}
	return r
}

// decoded is the request as it would be received.
func decoded(t testing.TB, m *destinationsv1.StreamS3Request) *incoming {
	t.Helper()
	b, err := proto.Marshal(m)
	if err != nil {
		t.Fatal(err)
	}
	in := new(incoming)
	if err := in.decode(b); err != nil {
		t.Fatal(err)
	}
	return in
}

// fullRequest has every field in every state.
func fullRequest() *destinationsv1.StreamS3Request {
	return &destinationsv1.StreamS3Request{
		Bucket: "demo", Prefix: "test", Sequence: 300, Settled: 7, SenderId: []byte("0123456789abcdef"), Receipts: true,
		Events: []*destinationsv1.S3Event{
			{Id: "id", Payload: []byte(`{"a":1}`), Traceparent: goodTraceparent, Tracestate: "a=b"},
			{},
			{Prefix: proto.String(""), Payload: []byte("a\nb"), Traceparent: "bad"},
			{Prefix: proto.String("other/é"), Payload: []byte("{\n}"), Traceparent: goodTraceparent, Tracestate: strings.Repeat("s", 513)},
			{Bucket: "bucket", Prefix: proto.String(""), Payload: bytes.Repeat([]byte("x"), 300)},
			{Bucket: "bucket", Payload: []byte("y"), Id: strings.Repeat("i", 128)},
		},
	}
}

// addRequests adds requests that are whole, cut and damaged.
func addRequests(f *testing.F) {
	whole, err := proto.Marshal(fullRequest())
	if err != nil {
		f.Fatal(err)
	}
	f.Add(whole)
	f.Add(whole[:len(whole)/2])
	f.Add(append(bytes.Clone(whole), whole...))       // the last of each field counts
	f.Add([]byte{0x10, 1, 0x22, 1, 'a', 0x38, 0x80})  // known fields by other types, and a cut one
	f.Add([]byte{0x0a, 2, 0x0a, 0, 0x53, 0x54, 0x54}) // a group that is not known, and an end without one
	f.Add([]byte{0x12, 2, 0xff, 0xfe})                // not UTF-8
	f.Add([]byte{0xf0, 0xf0, 0xf0, 0xf0, 0x3d, 0x3d}) // a number that no field can have
}

// FuzzDecode holds the decoder equal to the generated code.
func FuzzDecode(f *testing.F) {
	addRequests(f)
	f.Fuzz(func(t *testing.T, b []byte) {
		var want destinationsv1.StreamS3Request
		wantErr := proto.Unmarshal(b, &want)
		var in incoming
		if err := in.decode(b); (err == nil) != (wantErr == nil) {
			t.Fatalf("got %v, want %v", err, wantErr)
		}
		if wantErr != nil {
			return
		}
		discardUnknown(&want)
		if got := requestOf(&in); !proto.Equal(got, &want) {
			t.Errorf("got %v, want %v", got, &want)
		}
	})
}

func discardUnknown(m *destinationsv1.StreamS3Request) {
	m.ProtoReflect().SetUnknown(nil)
	for _, e := range m.GetEvents() {
		e.ProtoReflect().SetUnknown(nil)
	}
}

// FuzzRecord holds the records equal to what the generated code encodes.
func FuzzRecord(f *testing.F) {
	addRequests(f)
	f.Fuzz(func(t *testing.T, b []byte) {
		var in incoming
		if in.decode(b) != nil {
			return
		}
		st := &stream{checker: *newChecker()}
		r := &request{count: 1, received: time.Unix(1, 5)}
		st.check(r, &in)
		r.encode(new(buffers), &header{received: 5, senderID: in.senderID, sequence: in.sequence, settled: in.settled}, st.accepted)
		refused := make(map[uint32]bool)
		for _, f := range r.refused {
			refused[f.place] = true
		}
		want := wantRecords(t, &in, refused)
		if len(want) != len(r.parts) {
			t.Fatalf("got %d records, want %d", len(r.parts), len(want))
		}
		for _, p := range r.parts {
			encoded, err := proto.MarshalOptions{Deterministic: true}.Marshal(want[p.partition])
			if err != nil {
				t.Fatal(err)
			}
			if !bytes.Equal(p.record, encoded) || len(p.record) != p.size {
				t.Errorf("partition %d: got %x of %d counted, want %x", p.partition, p.record, p.size, encoded)
			}
		}
	})
}

// wantRecords makes the records of a request one message at a time.
func wantRecords(t *testing.T, in *incoming, refused map[uint32]bool) map[int]*journalv1.Events {
	t.Helper()
	records := make(map[int]*journalv1.Events)
	tables := make(map[*destination]uint32)
	c := newChecker()
	for i := range in.events {
		e := &in.events[i]
		to, line, p := c.check(in, e)
		if (p != nil) != refused[uint32(i)] {
			t.Fatalf("event %d: got refused %v", i, refused[uint32(i)])
		}
		if p != nil {
			continue
		}
		record := records[to.partition]
		if record == nil {
			record = &journalv1.Events{ReceivedUnixNanos: 5, SenderId: in.senderID, Sequence: in.sequence, Settled: in.settled}
			records[to.partition] = record
		}
		if _, ok := tables[to]; !ok {
			tables[to] = uint32(len(record.Destinations))
			record.Destinations = append(record.Destinations, &journalv1.Destination{Tenant: to.tenant, Bucket: to.bucket, Prefix: to.prefix})
		}
		made := &journalv1.Event{Destination: tables[to], Index: uint32(i), Id: string(e.id), Payload: line}
		if context, ok := parseTraceparent(string(e.traceparent)); ok {
			made.TraceContext = context[:]
			if len(e.tracestate) <= maxTracestateBytes {
				made.Tracestate = string(e.tracestate)
			}
		}
		record.Events = append(record.Events, made)
	}
	return records
}

func TestDecodedRequestIsReused(t *testing.T) {
	in := decoded(t, fullRequest())
	in.release()
	again := new(incoming)
	*again = incoming{events: in.events[:0]}
	if err := again.decode(nil); err != nil || !proto.Equal(requestOf(again), &destinationsv1.StreamS3Request{}) {
		t.Errorf("got %v, %v; want nothing of the request before", requestOf(again), err)
	}
}

func TestDecodeAllocatesNothing(t *testing.T) {
	encoded, err := proto.Marshal(fullRequest())
	if err != nil {
		t.Fatal(err)
	}
	in := new(incoming)
	if n := testing.AllocsPerRun(100, func() {
		*in = incoming{events: in.events[:0]}
		if err := in.decode(encoded); err != nil {
			t.Fatal(err)
		}
	}); n != 0 {
		t.Errorf("got %v allocations, want none", n)
	}
}
