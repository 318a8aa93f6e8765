package server

import (
	"encoding/binary"
	"errors"
	"sync"
	"testing"
)

func idOf(n uint64) []byte { return binary.BigEndian.AppendUint64(make([]byte, 8), n) }

// visit is a stream that begins with a sequence, settles up to another, and ends.
func visit(t *testing.T, s *senders, id []byte, sequence, settled uint64) {
	t.Helper()
	got, err := s.enter("", id, sequence)
	if err != nil {
		t.Fatal(err)
	}
	got.settle(settled)
	s.leave(got)
}

func TestSendersRememberTheHighestSettled(t *testing.T) {
	s := newSenders(10)
	visit(t, s, idOf(1), 1, 0)
	visit(t, s, idOf(1), 1, 0) // nothing is settled: the same may come again
	visit(t, s, idOf(1), 8, 7)
	visit(t, s, idOf(1), 8, 5) // a slower stream of the same sender
	for _, sequence := range []uint64{1, 7} {
		if _, err := s.enter("", idOf(1), sequence); !errors.Is(err, errSettledInvalid) {
			t.Errorf("sequence %d: got %v, want %v", sequence, err, errSettledInvalid)
		}
	}
	visit(t, s, idOf(1), 8, 0)
	visit(t, s, idOf(2), 1, 0) // another sender
}

func TestSendersForgetTheOldestWithoutAStream(t *testing.T) {
	s := newSenders(3)
	open, err := s.enter("", idOf(100), 5)
	if err != nil {
		t.Fatal(err)
	}
	open.settle(4)
	for n := range uint64(5) {
		visit(t, s, idOf(n), 2, 1)
		visit(t, s, idOf(0), 2, 1) // is used again and again
	}
	if n := len(s.mu.known); n != 4 || s.mu.idle.Len() != 3 {
		t.Errorf("got %d senders, %d without a stream; want 4, 3", n, s.mu.idle.Len())
	}
	for n, remembered := range map[uint64]bool{0: true, 1: false, 2: false, 3: true, 4: true, 100: true} {
		if got := s.mu.known[senderKey{id: senderID(idOf(n))}] != nil; got != remembered {
			t.Errorf("sender %d: got %v, want remembered %v", n, got, remembered)
		}
	}
	s.leave(open)
}

func TestSendersMayBeUsedTogether(t *testing.T) {
	s := newSenders(2)
	var together sync.WaitGroup
	for n := range uint64(8) {
		together.Go(func() {
			for i := range uint64(500) {
				got, err := s.enter("", idOf(n%4), i+1)
				if errors.Is(err, errSettledInvalid) {
					continue // another one was faster
				}
				got.settle(i)
				s.leave(got)
			}
		})
	}
	together.Wait()
	if len(s.mu.known) != 2 || s.mu.idle.Len() != 2 {
		t.Errorf("got %d senders, %d without a stream; want 2, 2", len(s.mu.known), s.mu.idle.Len())
	}
}
