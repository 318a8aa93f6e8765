package destinations_test

import (
	"bytes"
	"testing"

	destinations "github.com/open-destinations/destinations/clients/go"
)

// BenchmarkS3 sends events of 400 bytes to a service that accepts them, in this process.
func BenchmarkS3(b *testing.B) {
	s := &service{}
	s.start(b)
	c := s.connect(b, destinations.Options{})
	payload := bytes.Repeat([]byte("x"), 400)
	b.SetBytes(400)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := c.Send.S3(b.Context(), destinations.S3Event{Bucket: "bucket", Prefix: "p", Payload: payload}); err != nil {
			b.Fatal(err)
		}
	}
	if err := c.Flush(b.Context()); err != nil {
		b.Fatal(err)
	}
}
