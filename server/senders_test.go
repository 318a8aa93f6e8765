package server_test

import (
	"strings"
	"testing"
	"testing/synctest"

	"google.golang.org/grpc/codes"

	destinationsv1 "github.com/open-destinations/destinations/gen/destinations/v1"
)

// settling is a request of a sender.
func settling(id string, sequence, settled uint64) *destinationsv1.StreamS3Request {
	r := streamed(sequence, "a", "x")
	r.SenderId, r.Settled = []byte(id), settled
	return r
}

// A sender who counts anew under his old id would have all he sends taken for
// duplicates.
func TestStreamThatBeginsBelowWhatWasSettledIsRefused(t *testing.T) {
	const id, other = "0123456789abcdef", "fedcba9876543210"
	for _, open := range []bool{true, false} { // whether the stream that has settled is
		synctest.Test(t, func(t *testing.T) {
			j := &fakeJournal{t: t, auto: true}
			h := start(t, setup{journal: j})
			stream := h.stream(t.Context(), t)
			push(t, stream, settling(id, 8, 5), settling("", 9, 7))
			synctest.Wait()
			if !open {
				if err := stream.CloseSend(); err != nil {
					t.Fatal(err)
				}
				<-collecting(stream)
			}
			before := len(j.taken())
			for _, sequence := range []uint64{1, 7} {
				again := h.stream(t.Context(), t)
				push(t, again, settling(id, sequence, 0))
				got := <-collecting(again)
				wantStatus(t, got.err, codes.InvalidArgument, "SETTLED_INVALID", "0")
				if !strings.Contains(got.err.Error(), "had settled 7") {
					t.Errorf("got %v, want what was settled in it", got.err)
				}
				bulk := numbered(sequence, request("a", "x"))
				bulk.SenderId = []byte(id)
				_, err := h.sendAll(t, bulk)
				wantStatus(t, err, codes.InvalidArgument, "SETTLED_INVALID", "0")
			}
			if n := len(j.taken()); n != before {
				t.Errorf("got %d appends of refused streams", n-before)
			}
			for _, good := range []*destinationsv1.StreamS3Request{settling(id, 8, 0), settling(other, 1, 0), streamed(1, "a", "x")} {
				next := h.stream(t.Context(), t)
				push(t, next, good)
				if r, err := next.Recv(); err != nil || r.GetSequence() != good.GetSequence() {
					t.Errorf("sequence %d: got %v, %v", good.GetSequence(), r, err)
				}
			}
		})
	}
}
