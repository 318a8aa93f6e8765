package destinations

import (
	"strings"
	"testing"

	"google.golang.org/protobuf/proto"

	"github.com/open-destinations/destinations/clients/go/internal/api"
)

// FuzzRequest holds what is encoded by hand equal to protobuf's own.
func FuzzRequest(f *testing.F) {
	f.Add("bucket", "prefix", "id", []byte("payload"), "00-1", "a=b", uint64(7), uint64(3), true)
	f.Add("b", "", "", []byte{0, '\n'}, "", "", uint64(1), uint64(0), false)
	f.Fuzz(func(t *testing.T, bucket, prefix, id string, payload []byte, traceparent, tracestate string, sequence, settled uint64, first bool) {
		e := outEvent{bucket: bucket, prefix: prefix, id: id, payload: payload, traceparent: traceparent, tracestate: tracestate}
		if e.judge() != nil {
			return
		}
		if !proto.Equal(&api.S3Event{Id: traceparent + tracestate}, roundTrip(t, &api.S3Event{Id: traceparent + tracestate})) {
			return // not UTF-8, which they always are
		}
		r := &request{sequence: sequence}
		r.add(&e, 1)
		other := e
		other.bucket += "x"
		r.add(&other, 1)
		want := &api.StreamS3Request{Bucket: bucket, Prefix: prefix, Sequence: sequence, Settled: settled, Events: []*api.S3Event{
			{Id: id, Payload: payload, Traceparent: traceparent, Tracestate: tracestate},
			{Id: id, Payload: payload, Traceparent: traceparent, Tracestate: tracestate, Bucket: other.bucket},
		}}
		if prefix != "" {
			want.Events[1].Prefix = &prefix
		}
		var start *firstOfStream
		if first {
			start = &firstOfStream{sender: []byte("sender"), receipts: true}
			want.SenderId, want.Receipts = start.sender, true
		}
		got := new(api.StreamS3Request)
		if err := proto.Unmarshal(append(r.head(settled, start), r.events...), got); err != nil {
			t.Fatal(err)
		}
		if !proto.Equal(got, want) {
			t.Errorf("got %v, want %v", got, want)
		}
	})
}

// roundTrip is a message that was encoded and decoded; an empty one if it can't be.
func roundTrip(t *testing.T, m *api.S3Event) *api.S3Event {
	t.Helper()
	out := new(api.S3Event)
	if b, err := proto.Marshal(m); err == nil {
		if err := proto.Unmarshal(b, out); err != nil {
			t.Fatal(err)
		}
	}
	return out
}

// TestRequestsAreCutAsTheyAreEncoded: traces do not count in BatchBytes, and must not make a
// request larger than the service takes.
func TestRequestsAreCutAsTheyAreEncoded(t *testing.T) {
	e := outEvent{bucket: "bucket", text: "x", tracestate: strings.Repeat("s", 512)}
	r := &request{sequence: 1}
	for r.fits(&e, mostBatch) {
		r.add(&e, 1)
	}
	if size := len(r.events) + len(r.head(1, &firstOfStream{sender: make([]byte, 16)})); size > mostBatch || size < mostBatch-5<<10 {
		t.Errorf("a request of %d bytes, want at most %d, and not much less", size, mostBatch)
	}
}
