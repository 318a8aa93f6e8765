package server

import (
	"time"

	destinationsv1 "github.com/open-destinations/destinations/gen/destinations/v1"
)

// Observer is told what becomes of requests, for those who watch the service. Its
// methods are called by the handlers of all streams together, and must return at once.
type Observer interface {
	// Received: that many events came in a request that was taken.
	Received(events int)
	// Settled: a request was answered for, or is about to be.
	Settled(s *Settled)
}

// Settled is what became of a request.
type Settled struct {
	Received time.Time // when it had been received
	Durable  time.Time // when its last record was known to be durable
	Accepted uint64    // events
	Rejected map[destinationsv1.RejectionCode]uint64
}

// unobserved is the Observer of a server that nobody watches.
type unobserved struct{}

func (unobserved) Received(int)     {}
func (unobserved) Settled(*Settled) {}

// tell tells the observer what became of a request that is concluded.
func (r *request) tell(o Observer) {
	s := Settled{Received: r.received, Durable: time.Now(), Accepted: r.accepted}
	if len(r.refused) > 0 {
		s.Rejected = map[destinationsv1.RejectionCode]uint64{}
		for i := range r.refused {
			s.Rejected[r.refused[i].problem.code]++
		}
	}
	o.Settled(&s)
}

// Memory returns what the requests in hand take and what they may take together, in
// bytes: see [Config.MemoryBytes].
func (s *Server) Memory() (used, limit int64) { return s.memory.used.Load(), s.memory.limit }
