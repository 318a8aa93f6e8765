package server_test

import (
	"bytes"
	"testing"

	destinationsv1 "github.com/open-destinations/destinations/gen/destinations/v1"
)

// BenchmarkSendS3 sends requests of 100 events of 512 bytes on one stream to a
// journal that answers at once: the cost of this package and of gRPC.
func BenchmarkSendS3(b *testing.B) {
	const events, size = 100, 512
	h := start(b, setup{journal: &countingJournal{}})
	r := &destinationsv1.SendS3Request{Bucket: "demo"}
	prefixes := []string{"a/", "b/", "c/", "d"}
	for i := range events {
		r.Events = append(r.Events, &destinationsv1.S3Event{
			Prefix:      &prefixes[i%len(prefixes)],
			Payload:     bytes.Repeat([]byte("x"), size),
			Traceparent: "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
		})
	}
	b.ReportAllocs()
	b.SetBytes(events * size)
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
