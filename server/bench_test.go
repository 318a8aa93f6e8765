package server_test

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	destinationsv1 "github.com/open-destinations/destinations/gen/destinations/v1"
)

// benchmarked are 100 events of 400 bytes to a few prefixes, with a trace context.
func benchmarked() []*destinationsv1.S3Event {
	prefixes := []string{"a/", "b/", "c/", "d"}
	var events []*destinationsv1.S3Event
	for i := range 100 {
		payload := fmt.Sprintf(`{"n":%d,"id":"%016x","text":"`, i, rand.Uint64())
		payload += strings.Repeat("x", 400-len(payload)-2) + `"}`
		events = append(events, &destinationsv1.S3Event{
			Prefix:      &prefixes[i%len(prefixes)],
			Payload:     []byte(payload),
			Traceparent: "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
		})
	}
	return events
}

// BenchmarkSendS3 sends on one stream to a journal that answers at once: the cost
// of this package, of gRPC, and of the client.
func BenchmarkSendS3(b *testing.B) {
	h := start(b, setup{journal: &countingJournal{}})
	r := &destinationsv1.SendS3Request{Bucket: "demo", Events: benchmarked()}
	b.ReportAllocs()
	b.SetBytes(100 * 400)
	stream := h.open(b)
	for b.Loop() {
		send(b, stream, r)
	}
	response, err := stream.CloseAndRecv()
	if err != nil || response.GetRejected() != 0 {
		b.Fatalf("got %v, %v", response, err)
	}
	b.ReportMetric(float64(response.GetAccepted())/b.Elapsed().Seconds(), "events/s")
}

// BenchmarkStreamS3 is BenchmarkSendS3 with answers on the way.
func BenchmarkStreamS3(b *testing.B) {
	h := start(b, setup{journal: &countingJournal{}})
	benchmarkStream(b, h.stream(b.Context(), b))
}

// BenchmarkStreamS3Granted is BenchmarkStreamS3 of a caller who is authenticated, and whose
// grant and tenant have rates that it does not reach. It should cost nothing for an event,
// and next to nothing for a request.
func BenchmarkStreamS3Granted(b *testing.B) {
	grants := `
tenants: {acme: {events-per-second: 1000000000, bytes-per-second: 1TiB}}
grants: [{principals: ["token:a"], tenant: acme, roles: [send], destinations: [{bucket: demo, prefixes: ["a", "b", "c", "d*"]}], events-per-second: 1000000000}]
`
	g := guard(b, setup{journal: &countingJournal{}}, grants, "a")
	stream, err := g.client.StreamS3(g.as("a"))
	if err != nil {
		b.Fatal(err)
	}
	benchmarkStream(b, stream)
}

func benchmarkStream(b *testing.B, stream streaming) {
	r := &destinationsv1.StreamS3Request{Bucket: "demo", Events: benchmarked()}
	b.ReportAllocs()
	b.SetBytes(100 * 400)
	done := collecting(stream)
	for b.Loop() {
		r.Sequence++
		push(b, stream, r)
	}
	if err := stream.CloseSend(); err != nil {
		b.Fatal(err)
	}
	got := <-done
	accepted, rejected := wantAnswers(b, got.answers, r.GetSequence())
	if got.err != nil || rejected != 0 {
		b.Fatalf("got %d rejected, %v", rejected, got.err)
	}
	b.ReportMetric(float64(accepted)/b.Elapsed().Seconds(), "events/s")
	b.ReportMetric(float64(len(got.answers))/float64(b.N), "answers/op")
}
