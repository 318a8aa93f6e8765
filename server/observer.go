package server

import (
	"time"

	destinationsv1 "github.com/open-destinations/destinations/gen/destinations/v1"
)

// Observer is told what becomes of requests, for those who watch the service. Its
// methods are called by the handlers of all streams together, and must return at once.
type Observer interface {
	// Received: a request was taken.
	Received(r Received)
	// Settled: a request was answered for, or is about to be.
	Settled(s *Settled)
	// Refused: a caller was not let in, for a reason of ErrorInfo.
	Refused(reason string)
}

// Received is a request that was taken.
type Received struct {
	Events   int
	Contexts Contexts // of those of them that were not rejected at once
}

// Settled is what became of a request.
type Settled struct {
	Principal string    // whose it is; empty while callers are not authenticated
	Received  time.Time // when it had been received
	Durable   time.Time // when its last record was known to be durable
	Accepted  uint64    // events
	Rejected  map[destinationsv1.RejectionCode]uint64

	// Traced are the first of the accepted events that are sampled, TracedOmitted is how
	// many more there are: see [Config.TracedPerRequest].
	Traced        []Traced
	TracedOmitted int
}

// unobserved is the Observer of a server that nobody watches.
type unobserved struct{}

func (unobserved) Received(Received) {}
func (unobserved) Settled(*Settled)  {}
func (unobserved) Refused(string)    {}

// tell tells the observer what became of a request that is concluded.
func (r *request) tell(o Observer, principal string) {
	s := Settled{Principal: principal, Received: r.received, Durable: time.Now(), Accepted: r.accepted, Traced: r.placed(), TracedOmitted: r.tracedOmitted}
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
