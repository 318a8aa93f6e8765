package server

import (
	"container/list"
	"fmt"
	"sync"
	"sync/atomic"
)

// maxSenders is how many senders without a stream are remembered, about 200 bytes
// each. Those whose streams ended longest ago are forgotten first.
const maxSenders = 100_000

// senderID is a sender's id.
type senderID [senderIDBytes]byte

// senderKey tells senders apart: nobody's id has an effect on what another principal
// sends.
type senderKey struct {
	principal string
	id        senderID
}

// senders remembers up to where each sender had settled. All that a sender sends
// at or below that counts as a duplicate, so a stream that begins there would be
// answered and its events dropped: it is refused. Only a sender who does not keep
// the rules gets there, such as one who keeps his id and begins to count anew. What
// is remembered ends with the process.
type senders struct {
	most int // entries in idle

	mu struct {
		sync.Mutex
		known map[senderKey]*knownSender
		idle  *list.List // of *knownSender: those without a stream, oldest first
	}
}

// knownSender is a sender that is remembered. A stream that has entered may settle it
// without a lock.
type knownSender struct {
	key     senderKey
	settled atomic.Uint64 // the highest that any of its streams has said

	streams int           // that have entered and not left; guarded by senders.mu
	idle    *list.Element // its place in idle if it has none; guarded by senders.mu
}

func newSenders(most int) *senders {
	s := &senders{most: most}
	s.mu.known = make(map[senderKey]*knownSender)
	s.mu.idle = list.New()
	return s
}

// enter is called for a stream's first request. Unless it is refused, the sender
// is remembered until the stream leaves, and after that for as long as there is
// room.
func (s *senders) enter(principal string, id []byte, sequence uint64) (*knownSender, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	key := senderKey{principal, senderID(id)}
	found := s.mu.known[key]
	switch {
	case found == nil:
		found = &knownSender{key: key}
		s.mu.known[key] = found
	case sequence <= found.settled.Load():
		return nil, fmt.Errorf("%w: the stream begins with sequence %d, and its sender had settled %d", errSettledInvalid, sequence, found.settled.Load())
	}
	if found.idle != nil {
		s.mu.idle.Remove(found.idle)
		found.idle = nil
	}
	found.streams++
	return found, nil
}

// settle notes what a request says.
func (s *knownSender) settle(settled uint64) {
	for {
		before := s.settled.Load()
		if settled <= before || s.settled.CompareAndSwap(before, settled) {
			return
		}
	}
}

// leave is called at the end of a stream that has entered.
func (s *senders) leave(left *knownSender) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if left.streams--; left.streams > 0 {
		return
	}
	left.idle = s.mu.idle.PushBack(left)
	if s.mu.idle.Len() > s.most {
		oldest := s.mu.idle.Remove(s.mu.idle.Front()).(*knownSender)
		delete(s.mu.known, oldest.key)
	}
}
