package traffic

import (
	"context"
	"errors"
	"fmt"
	"time"

	destinationsv1 "github.com/open-destinations/destinations/gen/destinations/v1"
)

// brokenRule is something that the API says does not happen.
type brokenRule struct{ what string }

func (e *brokenRule) Error() string { return "the service breaks the rules of its API: " + e.what }

// errForgotten is a call that the client broke off rather than take its answer.
var errForgotten = errors.New("the answer was not taken")

// forgets draws whether an answer is not taken.
func (c *Client) forgets() bool { return c.p.Forget > 0 && c.random.Float64() < c.p.Forget }

// send sends some requests over one SendS3: those without an answer, and new ones.
func (c *Client) send(ctx context.Context) error {
	call, err := c.api.SendS3(ctx)
	if err != nil {
		return err
	}
	requests := max(len(c.unanswered), 1+c.random.IntN(c.p.Outstanding))
	sent, doubtful := 0, false
	for sent < requests {
		r := c.next(ctx, sent)
		if r == nil {
			break
		}
		c.sending(r)
		message := &destinationsv1.SendS3Request{Events: r.events}
		if c.sender != nil {
			message.Sequence, message.Settled, message.SenderId = r.sequence, c.settled, c.sender
		}
		if call.Send(message) != nil {
			// The answer says why, and whether it was sent all the same: gRPC holds a
			// stream that was cut off before its first byte for one that has ended well,
			// and sends all of it again, this message too, when its answer is asked for.
			doubtful = true
			break
		}
		sent++
	}
	answer, err := call.CloseAndRecv()
	if err != nil {
		return err
	}
	if doubtful && answer.GetAccepted()+answer.GetRejected() == uint64((sent+1)*c.p.RequestEvents) {
		sent++
	}
	return c.takeWhole(answer, sent)
}

// next is the request behind those that this call has sent, made anew if need be and
// as soon as it may be; nil if there is none.
func (c *Client) next(ctx context.Context, sent int) *request {
	for {
		if sent < len(c.unanswered) {
			return c.unanswered[sent]
		}
		if r := c.begin(); r != nil {
			return r
		}
		if c.isStopped() || len(c.unanswered) >= c.p.Outstanding {
			return nil
		}
		timer := time.NewTimer(time.Until(c.due()))
		select {
		case <-timer.C:
		case <-c.stopped:
		case <-ctx.Done():
			timer.Stop()
			return nil
		}
		timer.Stop()
	}
}

// takeWhole takes the answer to a SendS3 of so many requests.
func (c *Client) takeWhole(a *destinationsv1.SendS3Response, requests int) error {
	events := uint64(requests * c.p.RequestEvents)
	if a.GetAccepted()+a.GetRejected() != events {
		return &brokenRule{fmt.Sprintf("%d events accepted and %d rejected of %d", a.GetAccepted(), a.GetRejected(), events)}
	}
	if a.GetRejected() > uint64(len(a.GetRejections())) {
		return &brokenRule{fmt.Sprintf("%d events rejected, %d described: the client's calls are too large", a.GetRejected(), len(a.GetRejections()))}
	}
	if c.forgets() {
		c.stats.AcceptedAgain += a.GetAccepted()
		return errForgotten
	}
	first := c.settled * uint64(c.p.RequestEvents)
	for _, r := range a.GetRejections() {
		c.reject(first+r.GetIndex(), r)
	}
	c.keepReceipts(a.GetReceipts(), requests)
	c.settle(requests)
	return nil
}
