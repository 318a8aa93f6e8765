package server

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"google.golang.org/protobuf/reflect/protoreflect"

	destinationsv1 "github.com/open-destinations/destinations/gen/destinations/v1"
)

// TestAnswersLoseNothing settles requests of all sizes, and lets answers go
// whenever chance, or a full answer, has it.
func TestAnswersLoseNothing(t *testing.T) {
	for seed := range uint64(8) {
		random := rand.New(rand.NewPCG(1, seed))
		a := newAnswers(sampleTokens(), 1<<20)
		d := newDirectory(4, "default")
		var answers []*destinationsv1.StreamS3Response
		send := func() {
			if open, _ := a.pending(); open != nil {
				answers = append(answers, open.message())
				a.gone()
			}
		}
		want := map[string]uint64{}
		var sequence, events, accepted uint64
		for range 20 {
			sequence += 1 + random.Uint64N(3)
			r := refusing(sequence, events, sizes[random.IntN(len(sizes))])
			r.wantReceipts, r.cost = true, 100
			r.parts = []part{{offset: sequence}}
			for i := range sizes[random.IntN(len(sizes))] {
				to := d.find("demo", fmt.Sprint(i))
				r.touched = append(r.touched, touch{destination: to, accepted: 2})
				want[to.prefix] += 2
				r.accepted += 2
			}
			events += uint64(len(r.refused)) + r.accepted
			accepted += r.accepted
			for !a.settle(r) {
				if _, full := a.pending(); !full {
					t.Fatal("no room, and the answer is not full")
				}
				send()
			}
			if random.IntN(2) == 0 {
				send()
			}
		}
		send()
		checkAnswers(t, answers, sequence, accepted, want)
	}
}

// sizes of what a request refuses and touches.
var sizes = []int{0, 1, 2, 499, 500, 999, 1000, 1001, 2500}

func checkAnswers(t *testing.T, answers []*destinationsv1.StreamS3Response, sequence, accepted uint64, want map[string]uint64) {
	t.Helper()
	got := map[string]uint64{}
	before := uint64(0)
	for _, a := range answers {
		if len(a.GetRejections()) > 1000 || len(a.GetReceipts()) > 1000 || a.GetSequence() < before {
			t.Fatalf("got %d rejections, %d receipts, up to %d behind %d", len(a.GetRejections()), len(a.GetReceipts()), a.GetSequence(), before)
		}
		for _, r := range a.GetRejections() {
			if r.GetSequence() <= before {
				t.Fatalf("got a rejection of request %d, which was answered", r.GetSequence())
			}
		}
		before = a.GetSequence()
		accepted -= a.GetAccepted()
		for _, r := range a.GetReceipts() {
			got[r.GetPrefix()] += r.GetAccepted()
		}
	}
	if before != sequence || accepted != 0 {
		t.Errorf("got answers up to %d, want %d; %d accepted events missing", before, sequence, accepted)
	}
	for prefix, n := range want {
		if got[prefix] != n {
			t.Errorf("%s: got receipts of %d events, want %d", prefix, got[prefix], n)
		}
	}
}

func TestUnsentAnswerCountsAgainstItsStream(t *testing.T) {
	a := newAnswers(sampleTokens(), 1000)
	for i := range uint64(10) {
		r := refusing(i+1, 0, 0)
		r.cost = 100
		a.settle(r)
		if _, full := a.pending(); full != (i == 9) {
			t.Errorf("after %d bytes: got full %v", 100*(i+1), full)
		}
	}
	a.gone()
	if open, full := a.pending(); open != nil || full {
		t.Error("the answer has gone, and is there")
	}
}

// The codec reads both as a StreamS3Request.
func TestRequestsOfBothCallsAreReadTogether(t *testing.T) {
	send := (*destinationsv1.SendS3Request)(nil).ProtoReflect().Descriptor().Fields()
	stream := (*destinationsv1.StreamS3Request)(nil).ProtoReflect().Descriptor().Fields()
	for i := range send.Len() {
		a := send.Get(i)
		b := stream.ByNumber(a.Number())
		if b == nil || a.Name() != b.Name() || a.Kind() != b.Kind() || a.Cardinality() != b.Cardinality() ||
			a.Kind() == protoreflect.MessageKind && a.Message() != b.Message() {
			t.Errorf("%v and %v differ", a, b)
		}
	}
}
