package batcher

import (
	"bytes"
	"testing"

	"google.golang.org/protobuf/proto"

	journalv1 "github.com/open-destinations/destinations/gen/destinations/journal/v1"
)

func sampleRecord() *journalv1.Events {
	return &journalv1.Events{
		ReceivedUnixNanos: 1_558_800_898_000_000_000,
		Principal:         "someone",
		SenderId:          bytes.Repeat([]byte{7}, 16),
		Sequence:          3,
		Settled:           2,
		Destinations: []*journalv1.Destination{
			{Tenant: "default", Bucket: "a-bucket", Prefix: "test/"},
			{Tenant: "default", Bucket: "b-bucket"},
		},
		Events: []*journalv1.Event{
			{Destination: 0, Index: 0, Id: "x", Payload: []byte(`{"a":1}`), TraceContext: make([]byte, 25)},
			{Destination: 1, Index: 2, Payload: []byte("line")},
			{Destination: 0, Index: 3, Payload: []byte{0, 0xff}},
		},
	}
}

func TestDecodeReadsWhatProtobufWrote(t *testing.T) {
	want := sampleRecord()
	rec, err := proto.Marshal(want)
	if err != nil {
		t.Fatal(err)
	}
	var got eventsRecord
	for range 2 { // the second time over what the first has left
		if err := got.decode(rec); err != nil {
			t.Fatal(err)
		}
		checkDecoded(t, &got, want)
	}
	if n := testing.AllocsPerRun(100, func() { got.decode(rec) }); n != 0 {
		t.Errorf("decoding allocates %v times, want 0", n)
	}
}

func checkDecoded(t *testing.T, got *eventsRecord, want *journalv1.Events) {
	t.Helper()
	if got.received != want.ReceivedUnixNanos || got.sequence != want.Sequence || got.settled != want.Settled {
		t.Errorf("got received %d, sequence %d, settled %d, want %d, %d, %d",
			got.received, got.sequence, got.settled, want.ReceivedUnixNanos, want.Sequence, want.Settled)
	}
	if string(got.principal) != want.Principal || !bytes.Equal(got.senderID, want.SenderId) {
		t.Errorf("got sender %q %x, want %q %x", got.principal, got.senderID, want.Principal, want.SenderId)
	}
	if len(got.destinations) != len(want.Destinations) || len(got.events) != len(want.Events) {
		t.Fatalf("got %d destinations and %d events, want %d and %d", len(got.destinations), len(got.events), len(want.Destinations), len(want.Events))
	}
	for i, d := range want.Destinations {
		n, err := appendName(nil, got.destinations[i])
		if err != nil || string(n) != nameOf(d) {
			t.Errorf("destination %d: got name %q, %v, want %q", i, n, err, nameOf(d))
		}
	}
	for i, e := range want.Events {
		if g := got.events[i]; g.destination != e.Destination || g.index != e.Index || string(g.id) != e.Id || !bytes.Equal(g.payload, e.Payload) {
			t.Errorf("event %d: got %+v, want %v", i, g, e)
		}
	}
}

func TestNamesOfDestinationsDiffer(t *testing.T) {
	if name("a", "bc", "") == name("ab", "c", "") || name("", "a", "b") == name("", "ab", "") {
		t.Error("two destinations have one name")
	}
}

// FuzzDecode holds the decoder against protobuf's own: what both accept means the
// same to both.
func FuzzDecode(f *testing.F) {
	whole, err := proto.Marshal(sampleRecord())
	if err != nil {
		f.Fatal(err)
	}
	f.Add(whole)
	f.Add(whole[:len(whole)-1])
	f.Add([]byte{})
	f.Add([]byte{0x3a, 0x02, 0x08, 0x01}) // an event of a destination that is not there
	f.Fuzz(func(t *testing.T, rec []byte) {
		var got eventsRecord
		if got.decode(rec) != nil {
			return
		}
		var want journalv1.Events
		if proto.Unmarshal(rec, &want) != nil {
			return // protobuf is stricter: it looks into fields that the decoder skips
		}
		checkDecoded(t, &got, &want)
	})
}
