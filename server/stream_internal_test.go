package server

import (
	"errors"
	"log/slog"
	"testing"

	"github.com/open-destinations/destinations/server/auth"
)

// TestDrainPrefersTheEnd has both at once: the drain, and a stream that has ended.
// Select takes either; the end counts.
func TestDrainPrefersTheEnd(t *testing.T) {
	s, err := New(Params{
		Config:      DefaultConfig(),
		Journal:     emptyJournal{},
		Admission:   struct{ Admission }{},
		Flusher:     struct{ Flusher }{},
		Undelivered: struct{ Undelivered }{},
		Redriver:    struct{ Redriver }{},
		DeadLetters: struct{ DeadLetters }{},
		Checker:     struct{ Checker }{},
		Receipts:    struct{ Receipts }{},
		Deliveries:  struct{ Deliveries }{},
		TokenKey:    make([]byte, tokenKeyBytes),
		Log:         slog.New(slog.DiscardHandler),
	})
	if err != nil {
		t.Fatal(err)
	}
	s.Drain()
	for _, end := range []error{nil, errMalformedRequest} {
		in := &reader{ended: make(chan struct{}), err: end}
		close(in.ended)
		for range 100 {
			if err := newStream(s, auth.Everybody(), s.life.drained, &total{}).receive(t.Context(), in); !errors.Is(err, end) {
				t.Fatalf("got %v, want %v", err, end)
			}
		}
	}
}

// emptyJournal is a journal that nothing is appended to.
type emptyJournal struct{ Journal }

func (emptyJournal) ID() [16]byte    { return [16]byte{} }
func (emptyJournal) Partitions() int { return 1 }
