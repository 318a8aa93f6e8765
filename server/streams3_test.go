package server_test

import (
	"context"
	"errors"
	"io"
	"testing"
	"testing/synctest"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"

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

func TestStreamAnswersWhatHasSettled(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		j := &fakeJournal{t: t}
		h := start(t, setup{journal: j})
		stream := h.stream(t.Context(), t)
		push(t, stream, streamed(3, "a", "x"), streamed(5, "a", "y", ""), streamed(9, "a", "z"))
		synctest.Wait()
		taken := j.taken()
		taken[1].answer(nil)
		synctest.Wait()
		taken[0].answer(nil)
		r, err := stream.Recv()
		if err != nil || r.GetSequence() != 5 || r.GetAccepted() != 2 || r.GetRejected() != 1 || len(r.GetReceipts()) != 0 {
			t.Fatalf("got %v, %v", r, err)
		}
		if got := r.GetRejections()[0]; got.GetIndex() != 2 || got.GetSequence() != 5 || got.GetRequestIndex() != 1 {
			t.Errorf("got %v", got)
		}
		if err := stream.CloseSend(); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		taken[2].answer(nil)
		got := <-collecting(stream)
		if accepted, _ := wantAnswers(t, got.answers, 9); accepted != 1 || got.err != nil {
			t.Errorf("got %d accepted, %v", accepted, got.err)
		}
	})
}

func TestStreamWithoutSequenceIsRefused(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := start(t, setup{journal: &fakeJournal{t: t, auto: true}})
		stream := h.stream(t.Context(), t)
		push(t, stream, streamed(0, "a", "x"))
		got := <-collecting(stream)
		wantStatus(t, got.err, codes.InvalidArgument, "SEQUENCE_NOT_GROWING", "0")
	})
}
