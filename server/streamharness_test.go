package server_test

import (
	"context"
	"errors"
	"io"
	"testing"

	"google.golang.org/grpc"

	destinationsv1 "github.com/open-destinations/destinations/gen/destinations/v1"
)

type streaming = grpc.BidiStreamingClient[destinationsv1.StreamS3Request, destinationsv1.StreamS3Response]

func (h *harness) stream(ctx context.Context, t testing.TB) streaming {
	t.Helper()
	stream, err := h.client.StreamS3(ctx)
	if err != nil {
		t.Fatal(err)
	}
	return stream
}

// streamed is a request to bucket "demo" with an event for each payload.
func streamed(sequence uint64, prefix string, payloads ...string) *destinationsv1.StreamS3Request {
	r := request(prefix, payloads...)
	return &destinationsv1.StreamS3Request{Events: r.Events, Bucket: r.Bucket, Prefix: r.Prefix, Sequence: sequence}
}

// push sends requests; a stream that has ended early is for the receiving side.
func push(t testing.TB, stream streaming, requests ...*destinationsv1.StreamS3Request) {
	t.Helper()
	for _, r := range requests {
		if stream.Send(r) != nil {
			return
		}
	}
}

// ending is all that a stream answered, and what it ended with: nil for OK.
type ending struct {
	answers []*destinationsv1.StreamS3Response
	err     error
}

// collecting reads a stream to its end.
func collecting(stream streaming) <-chan ending {
	done := make(chan ending, 1)
	go func() {
		var all ending
		for {
			r, err := stream.Recv()
			if err == nil {
				all.answers = append(all.answers, r)
				continue
			}
			if !errors.Is(err, io.EOF) {
				all.err = err
			}
			done <- all
			return
		}
	}()
	return done
}

// wantAnswers checks that sequences grow (or stay, where one is answered in
// parts), that rejected is the number of rejections, and that the last is the
// wanted one. It returns how many events were accepted.
func wantAnswers(t testing.TB, answers []*destinationsv1.StreamS3Response, last uint64) (accepted, rejected uint64) {
	t.Helper()
	before := uint64(0)
	for _, r := range answers {
		if r.GetSequence() < before {
			t.Fatalf("got an answer up to %d behind %d", r.GetSequence(), before)
		}
		if r.GetRejected() != uint64(len(r.GetRejections())) || len(r.GetRejections()) > 1000 || len(r.GetReceipts()) > 1000 {
			t.Fatalf("got %d rejected, %d rejections, %d receipts", r.GetRejected(), len(r.GetRejections()), len(r.GetReceipts()))
		}
		before = r.GetSequence()
		accepted += r.GetAccepted()
		rejected += r.GetRejected()
	}
	if before != last {
		t.Fatalf("got answers up to %d, want %d", before, last)
	}
	return accepted, rejected
}
