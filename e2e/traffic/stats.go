package traffic

import (
	"errors"
	"time"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	destinationsv1 "github.com/open-destinations/destinations/gen/destinations/v1"
)

// End is how a call ended.
type End struct {
	Code   codes.Code
	Reason string // ErrorInfo.reason; "" if the service did not end it
	Hinted bool   // with RetryInfo
}

// Stats is what a client did, in events unless it says otherwise.
type Stats struct {
	Resent        uint64            // each time that one was sent again
	AcceptedAgain uint64            // that were sent again although the service had accepted them: it must drop them as duplicates
	Rejected      map[string]uint64 // by the name of the code, without its prefix
	Ends          map[End]uint64    // calls that did not end well

	// Latencies are the times from the last send of a request to its answer, by
	// request.
	Latencies []time.Duration
}

func newStats() Stats { return Stats{Rejected: map[string]uint64{}, Ends: map[End]uint64{}} }

// Stats is what the client did. Only when Run has returned.
func (c *Client) Stats() Stats { return c.stats }

// Sent is how many events were sent. Only when Run has returned.
func (c *Client) Sent() uint64 { return uint64(len(c.sentAt)) * uint64(c.p.RequestEvents) }

// Acknowledged is how many events the service has answered for that they are
// durable. Only when Run has returned.
func (c *Client) Acknowledged() uint64 {
	return c.settled*uint64(c.p.RequestEvents) - uint64(len(c.rejected))
}

// isAcknowledged says whether the service has answered for an event.
func (c *Client) isAcknowledged(number uint64) bool {
	return number < c.settled*uint64(c.p.RequestEvents) && !c.rejected[number]
}

// sentTime is when an event was first sent.
func (c *Client) sentTime(number uint64) time.Time {
	return time.Unix(0, c.sentAt[number/uint64(c.p.RequestEvents)])
}

// settle notes that the first of the unanswered requests have their answers.
func (c *Client) settle(requests int) {
	now := time.Now()
	for _, r := range c.unanswered[:requests] {
		c.stats.Latencies = append(c.stats.Latencies, now.Sub(r.sent))
	}
	clear(c.unanswered[:requests]) // their events
	c.unanswered = c.unanswered[requests:]
	c.settled += uint64(requests)
	c.progress.Store(c.settled)
}

// reject notes that an event was rejected. What was sent again may have been
// accepted before, by an answer that was lost.
func (c *Client) reject(number uint64, r *destinationsv1.Rejection) {
	c.rejected[number] = true
	c.stats.Rejected[r.GetCode().String()[len("REJECTION_CODE_"):]]++
}

// noteEnd notes how a call ended, and returns how long the service asks to be left
// alone; 0 if it does not.
func (c *Client) noteEnd(err error) time.Duration {
	if errors.Is(err, errForgotten) {
		return 0
	}
	s := status.Convert(err)
	end := End{Code: s.Code()}
	var wait time.Duration
	for _, d := range s.Details() {
		switch d := d.(type) {
		case *errdetails.ErrorInfo:
			end.Reason = d.GetReason()
		case *errdetails.RetryInfo:
			end.Hinted = true
			wait = d.GetRetryDelay().AsDuration()
		}
	}
	c.stats.Ends[end]++
	return wait
}
