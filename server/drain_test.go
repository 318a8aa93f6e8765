package server_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"google.golang.org/grpc/codes"

	destinationsv1 "github.com/open-destinations/destinations/gen/destinations/v1"
)

func TestDrainAnswersAllThatWasRead(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		j := &fakeJournal{t: t}
		h := start(t, setup{journal: j})
		stream := h.open(t)
		send(t, stream, numbered(4, request("a", "x")), numbered(8, request("b", "y")))
		done := make(chan error, 1)
		go func() { done <- stream.RecvMsg(new(destinationsv1.SendS3Response)) }()
		synctest.Wait()
		h.server.Drain()
		h.server.Drain()
		synctest.Wait()
		send(t, stream, numbered(9, request("a", "not read")))
		synctest.Wait()
		if n := len(j.taken()); n != 2 {
			t.Errorf("got %d appends, want 2", n)
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		if err := h.server.Wait(ctx); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("Wait with an append under way: got %v, want DeadlineExceeded", err)
		}
		for _, a := range j.taken() {
			a.answer(nil)
		}
		wantStatus(t, <-done, codes.Unavailable, "SHUTTING_DOWN", "8")
		if err := h.server.Wait(t.Context()); err != nil {
			t.Errorf("Wait: %v", err)
		}
	})
}

func TestDrainEndsIdleStreams(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := start(t, setup{journal: &fakeJournal{t: t}})
		stream := h.open(t)
		synctest.Wait()
		h.server.Drain()
		err := stream.RecvMsg(new(destinationsv1.SendS3Response))
		wantStatus(t, err, codes.Unavailable, "SHUTTING_DOWN", "0")
	})
}

func TestDrainLetsAHalfClosedStreamHaveItsAnswer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		j := &fakeJournal{t: t}
		h := start(t, setup{journal: j})
		stream := h.open(t)
		send(t, stream, request("a", "x"))
		done := closing(stream)
		wantWaiting(t, done)
		h.server.Drain()
		wantWaiting(t, done)
		j.taken()[0].answer(nil)
		if r := <-done; r.err != nil || r.response.GetAccepted() != 1 {
			t.Errorf("got %v, %v", r.response, r.err)
		}
	})
}

func TestDrainRefusesNewCalls(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := start(t, setup{journal: &fakeJournal{t: t}})
		h.server.Drain()
		_, err := h.sendAll(t, request("a", "x"))
		wantStatus(t, err, codes.Unavailable, "SHUTTING_DOWN", "0")
		_, err = h.ops.Flush(t.Context(), &destinationsv1.FlushRequest{})
		wantStatus(t, err, codes.Unavailable, "SHUTTING_DOWN", "")
	})
}
