package server_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	destinationsv1 "github.com/open-destinations/destinations/gen/destinations/v1"
)

func TestCallerWhoCancelsIsNotWaitedFor(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		j := &fakeJournal{t: t}
		h := start(t, setup{journal: j})
		ctx, cancel := context.WithCancel(t.Context())
		stream, err := h.client.SendS3(ctx)
		if err != nil {
			t.Fatal(err)
		}
		send(t, stream, request("a", "x"))
		done := closing(stream)
		wantWaiting(t, done)
		cancel()
		if r := <-done; status.Code(r.err) != codes.Canceled {
			t.Errorf("got %v, want Canceled", r.err)
		}
		h.server.Drain()
		if err := h.server.Wait(t.Context()); err != nil {
			t.Errorf("Wait: %v", err)
		}
		j.taken()[0].answer(nil) // nobody waits; nothing breaks
	})
}

func TestCallersDeadline(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		j := &fakeJournal{t: t}
		h := start(t, setup{journal: j})
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		stream, err := h.client.SendS3(ctx)
		if err != nil {
			t.Fatal(err)
		}
		send(t, stream, request("a", "x"))
		if _, err := stream.CloseAndRecv(); status.Code(err) != codes.DeadlineExceeded {
			t.Errorf("got %v, want DeadlineExceeded", err)
		}
		h.server.Drain()
		if err := h.server.Wait(t.Context()); err != nil {
			t.Errorf("Wait: %v", err)
		}
	})
}

func TestCallerWhoNeverReadsHoldsNoHandler(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := start(t, setup{journal: &fakeJournal{t: t, auto: true}})
		stream := h.open(t)
		r := &destinationsv1.SendS3Request{Bucket: "demo"}
		for i := range 2000 {
			prefix := strings.Repeat("p", 880) + fmt.Sprint(i)
			r.Events = append(r.Events, &destinationsv1.S3Event{Prefix: &prefix, Payload: []byte("x")})
		}
		send(t, stream, r)
		if err := stream.CloseSend(); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		h.server.Drain()
		if err := h.server.Wait(t.Context()); err != nil {
			t.Errorf("Wait: %v", err)
		}
	})
}
