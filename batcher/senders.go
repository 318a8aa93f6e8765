package batcher

import (
	"cmp"
	"slices"
	"sync/atomic"
	"time"

	"google.golang.org/protobuf/encoding/protowire"
)

// What is charged for what is known of senders, in bytes: about what it takes.
const (
	senderBytes  = 112 // with its places in the map and in the list
	requestBytes = 48
	wordBytes    = 16
)

// senders is what a shard has taken of each sender: what it says is settled, and
// of every request above that which events. The one that was used longest ago goes
// first, when it has not been used for retention of log time, or to keep within
// the bounds.
type senders struct {
	most      int   // senders; 0 = none is known
	mostBytes int64 // what they may take
	retention time.Duration
	early     *atomic.Uint64 // those forgotten before their retention was over

	known map[string]*sender // by principal and id, see appendSenderKey
	list  sender             // oldest use first: list.next; a ring through list itself
	bytes int64
	key   []byte // scratch
}

// sender is what is known of one (principal, sender id).
type sender struct {
	key        string
	settled    uint64 // everything up to here was taken or never will be
	used       int64  // log time of its last record
	prev, next *sender

	// requests holds the requests above settled of which something was taken, by
	// sequence, from head on. What is before head is dropped, and what is behind
	// the end was: their sets are used again.
	requests []openRequest
	head     int
}

// openRequest is which events of a request were taken in this shard.
type openRequest struct {
	sequence uint64
	taken    indexes
}

func newSenders(most int, mostBytes int64, retention time.Duration, early *atomic.Uint64) *senders {
	t := &senders{most: most, mostBytes: mostBytes, retention: retention, early: early, known: map[string]*sender{}}
	t.list.prev, t.list.next = &t.list, &t.list
	return t
}

// appendSenderKey appends what a sender is found by: the id behind its length, so
// that no two senders share a key, and the principal.
func appendSenderKey(dst, principal, id []byte) []byte {
	return append(protowire.AppendBytes(dst, id), principal...)
}

// use returns the sender that a record names, made if it is new, and counts this
// as its last use.
func (t *senders) use(principal, id []byte, now int64) *sender {
	t.key = appendSenderKey(t.key[:0], principal, id)
	s := t.known[string(t.key)] // no allocation
	if s == nil {
		s = t.add(string(t.key))
	}
	s.used = now
	s.unlink()
	s.linkBefore(&t.list)
	return s
}

func (t *senders) add(key string) *sender {
	s := &sender{key: key}
	s.prev, s.next = s, s
	t.known[key] = s
	t.bytes += s.bytes()
	return s
}

// bytes is what is charged for a sender with nothing taken.
func (s *sender) bytes() int64 { return senderBytes + 2*int64(len(s.key)) }

func (s *sender) unlink() { s.prev.next, s.next.prev = s.next, s.prev }

// linkBefore puts s into a list.
func (s *sender) linkBefore(at *sender) {
	s.prev, s.next = at.prev, at
	at.prev.next, at.prev = s, s
}

// expire forgets those whose retention is over, and the oldest of what is too much.
func (t *senders) expire(now int64) {
	for oldest := t.list.next; oldest != &t.list; oldest = t.list.next {
		over := oldest.used < now-int64(t.retention)
		if !over && len(t.known) <= t.most && t.bytes <= t.mostBytes {
			return
		}
		if !over {
			t.early.Add(1)
		}
		t.forget(oldest)
	}
}

func (t *senders) forget(s *sender) {
	s.unlink()
	delete(t.known, s.key)
	t.bytes -= s.bytes()
	for _, r := range s.requests[s.head:] {
		t.bytes -= r.bytes()
	}
}

func (r *openRequest) bytes() int64 { return requestBytes + wordBytes*int64(len(r.taken)) }

// take notes that an event of r was taken, and reports whether it is the first time.
func (t *senders) take(r *openRequest, index uint32) bool {
	words := len(r.taken)
	fresh := r.taken.take(index)
	t.bytes += wordBytes * int64(len(r.taken)-words)
	return fresh
}

// takeRun notes that the events from first to last were taken.
func (t *senders) takeRun(r *openRequest, first, last uint32) {
	words := len(r.taken)
	r.taken.takeRun(first, last)
	t.bytes += wordBytes * int64(len(r.taken)-words)
}

// request returns what was taken of a request above settled. It is valid until the
// next call, or a change of settled.
func (t *senders) request(s *sender, sequence uint64) *openRequest {
	open := s.requests[s.head:]
	i := len(open)
	if i > 0 && open[i-1].sequence >= sequence { // else it is the newest, as in most cases
		var found bool
		i, found = slices.BinarySearchFunc(open, sequence, func(r openRequest, n uint64) int { return cmp.Compare(r.sequence, n) })
		if found {
			return &open[i]
		}
	}
	t.bytes += requestBytes
	return s.insert(s.head+i, sequence)
}

// insert makes room for a request at place i.
func (s *sender) insert(i int, sequence uint64) *openRequest {
	n := len(s.requests)
	if n < cap(s.requests) {
		s.requests = s.requests[:n+1]
	} else {
		s.requests = append(s.requests, openRequest{})
	}
	spare := s.requests[n].taken[:0]
	copy(s.requests[i+1:], s.requests[i:n])
	s.requests[i] = openRequest{sequence: sequence, taken: spare}
	return &s.requests[i]
}

// settle notes that the sender has an answer for everything up to a sequence. It
// only grows.
func (t *senders) settle(s *sender, settled uint64) {
	if settled <= s.settled {
		return
	}
	s.settled = settled
	for s.head < len(s.requests) && s.requests[s.head].sequence <= settled {
		r := &s.requests[s.head]
		t.bytes -= r.bytes()
		if cap(r.taken) > spareWords {
			r.taken = nil
		}
		s.head++
	}
	s.compact()
}

// spareWords is how large the set of a dropped request may be to be kept for the
// next one: 1,024 events.
const spareWords = 16

// compact moves what is left of the requests to the front, when at least as many
// are dropped: so each is moved once or twice in its life.
func (s *sender) compact() {
	n := len(s.requests) - s.head
	if n > s.head {
		return
	}
	if cap(s.requests) > 8*n+64 { // it was much more once
		s.requests, s.head = slices.Clone(s.requests[s.head:]), 0
		return
	}
	for i := range n {
		s.requests[i], s.requests[s.head+i] = s.requests[s.head+i], s.requests[i]
	}
	s.requests, s.head = s.requests[:n], 0
}
