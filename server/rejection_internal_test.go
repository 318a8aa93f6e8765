package server

import (
	"testing"

	destinationsv1 "github.com/open-destinations/destinations/gen/destinations/v1"
)

// refusing is a request that was concluded with n refusals.
func refusing(sequence, first uint64, n int) *request {
	r := &request{number: sequence, sequence: sequence, first: first, concluded: true}
	for i := range n {
		r.refuse(uint32(i), &problem{reason: "x"})
	}
	return r
}

func TestTotalKeepsTheFirstRejections(t *testing.T) {
	for _, n := range []int{0, 499, 500, 501, 3000} {
		sum := &total{receipts: newReceipts(sampleTokens()), memory: newMemory(1<<20, 1<<20, func() int64 { return 0 }, alike), share: &share{}}
		sum.settle(refusing(1, 0, n))
		sum.settle(refusing(2, uint64(n), n))
		got := sum.response()
		if got.GetRejected() != uint64(2*n) || len(got.GetRejections()) != min(2*n, 1000) {
			t.Fatalf("%d: got %d counted, %d kept", n, got.GetRejected(), len(got.GetRejections()))
		}
		wantIndexes(t, got.GetRejections(), 0)
	}
}

// wantIndexes checks that rejections are of one event behind the other.
func wantIndexes(t *testing.T, rejections []*destinationsv1.Rejection, first uint64) {
	t.Helper()
	for i, r := range rejections {
		if want := first + uint64(i); r.GetIndex() != want {
			t.Fatalf("got index %d, want %d", r.GetIndex(), want)
		}
	}
}
