package server_test

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"

	destinationsv1 "github.com/open-destinations/destinations/gen/destinations/v1"
)

// asking is an admission that refuses some and keeps what it was asked.
type asking struct {
	mu      sync.Mutex
	refused map[string]string // by destination
	asked   []string
}

func (a *asking) refusal(destination string) string {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.asked = append(a.asked, destination)
	return a.refused[destination]
}

func (a *asking) set(destination, reason string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.refused = map[string]string{destination: reason}
}

func TestBlockedDestinationTakesNoMoreAndOthersDo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const reason = `"demo" is blocked since 2026-01-02T03:04:05Z: AccessDenied; 1 GiB of its events wait`
		a := &asking{}
		j := &fakeJournal{t: t, auto: true}
		h := start(t, setup{journal: j, admission: a.refusal})
		bad, invalid := "bad", "a/../b"
		r := request("good", "0", "1", "2", "", "4", "5")
		for place, prefix := range map[int]*string{1: &bad, 3: &bad, 4: &bad, 5: &invalid} {
			r.Events[place].Prefix = prefix
		}
		a.set("default:demo/bad/", reason)
		got, err := h.sendAll(t, r)
		if mustAnswer(t, got, err).GetAccepted() != 2 || got.GetRejected() != 4 {
			t.Fatalf("got %v", got)
		}
		var rejected []string
		for _, r := range got.GetRejections() {
			rejected = append(rejected, fmt.Sprint(r.GetIndex(), " ", r.GetCode(), " ", r.GetField(), ": ", strings.TrimPrefix(r.GetReason(), r.GetField()+": ") == reason))
		}
		// What is wrong with an event itself is said first: that has to be cured whatever
		// becomes of the destination.
		want := []string{
			"1 REJECTION_CODE_DESTINATION_BLOCKED bucket: true",
			"3 REJECTION_CODE_PAYLOAD_EMPTY payload: false",
			"4 REJECTION_CODE_DESTINATION_BLOCKED bucket: true",
			"5 REJECTION_CODE_PREFIX_INVALID prefix: false",
		}
		if !slices.Equal(rejected, want) {
			t.Errorf("got  %q\nwant %q", rejected, want)
		}
		if want := []string{"default:demo/good/", "default:demo/bad/"}; !slices.Equal(a.asked, want) {
			t.Errorf("asked for %q, want %q: once for each destination of the request", a.asked, want)
		}
		for _, append := range j.taken() {
			for _, d := range append.record().GetDestinations() {
				if d.GetPrefix() != "good/" {
					t.Errorf("got a record for %v", d)
				}
			}
		}
	})
}

// The answer changes while a stream lasts, in both directions.
func TestEachRequestAsksAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := &asking{}
		h := start(t, setup{journal: &fakeJournal{t: t, auto: true}, admission: a.refusal})
		stream := h.stream(t.Context(), t)
		for sequence, reason := range []string{"", "blocked", "blocked", ""} {
			a.set("default:demo/a/", reason)
			push(t, stream, streamed(uint64(sequence+1), "a", "x"))
			r, err := stream.Recv()
			if err != nil || (r.GetAccepted() == 1) != (reason == "") {
				t.Errorf("request %d: got %v, %v; refused %q", sequence+1, r, err, reason)
			}
		}
	})
}

// A request of which nothing is accepted makes no record, and is answered.
func TestRequestForABlockedDestinationAlone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		j := &fakeJournal{t: t}
		h := start(t, setup{journal: j, admission: func(string) string { return "blocked" }})
		r, err := h.sendAll(t, request("a", "x", "y"), &destinationsv1.SendS3Request{})
		if mustAnswer(t, r, err).GetRejected() != 2 || len(r.GetReceipts()) != 0 || len(j.taken()) != 0 {
			t.Errorf("got %v, %d records", r, len(j.taken()))
		}
	})
}
