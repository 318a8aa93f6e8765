package traffic

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"google.golang.org/grpc"

	destinationsv1 "github.com/open-destinations/destinations/gen/destinations/v1"
)

// answers takes what comes over a stream, so that sending never waits for it.
type answers struct {
	came chan *destinationsv1.StreamS3Response // closed behind the last
	err  error                                 // how the stream ended; only once came is closed
}

// maxAnswers is how many answers may wait to be taken: more than requests can wait
// for one.
const maxAnswers = 1024

// call is a StreamS3.
type call = grpc.BidiStreamingClient[destinationsv1.StreamS3Request, destinationsv1.StreamS3Response]

func takeAnswers(stream call) *answers {
	a := &answers{came: make(chan *destinationsv1.StreamS3Response, maxAnswers)}
	go func() {
		defer close(a.came)
		for {
			answer, err := stream.Recv()
			if err != nil {
				a.err = err
				return
			}
			select {
			case a.came <- answer:
			case <-stream.Context().Done():
				a.err = stream.Context().Err()
				return
			}
		}
	}()
	return a
}

// stream sends over one StreamS3 until it ends, or the client has nothing more to do.
// It calls cancel, which ends the call, before it returns.
func (c *Client) stream(ctx context.Context, cancel context.CancelFunc) error {
	stream, err := c.api.StreamS3(ctx)
	if err != nil {
		return err
	}
	answers := takeAnswers(stream)
	defer func() {
		cancel()
		for range answers.came { // until its goroutine has ended
		}
	}()
	for sent := 0; ; {
		var answer *destinationsv1.StreamS3Response
		switch r := c.ready(sent); {
		case r != nil:
			if c.transmit(stream, r, sent == 0) != nil {
				return c.lastAnswers(answers) // they end with the reason
			}
			sent++
		case c.isStopped(): // all that there will be is sent
			if err := stream.CloseSend(); err != nil {
				return err
			}
			return c.lastAnswers(answers)
		default:
			if answer, err = c.await(ctx, answers); err != nil {
				return err
			}
		}
		settled, err := c.takeAll(answer, answers, sent)
		if err != nil {
			return err
		}
		sent -= settled
	}
}

// transmit sends a request; a stream's first one says who sends.
func (c *Client) transmit(stream call, r *request, first bool) error {
	c.sending(r)
	message := &destinationsv1.StreamS3Request{Events: r.events, Sequence: r.sequence, Settled: c.settled}
	if first {
		message.SenderId = c.sender
	}
	return stream.Send(message)
}

// ready is the request behind those that this call has sent; nil if there is none
// now.
func (c *Client) ready(sent int) *request {
	if sent < len(c.unanswered) {
		return c.unanswered[sent]
	}
	return c.begin()
}

// await waits for the next answer, or until there may be something else to do: then
// it returns none.
func (c *Client) await(ctx context.Context, answers *answers) (*destinationsv1.StreamS3Response, error) {
	var due <-chan time.Time
	stopped := c.stopped
	if c.isStopped() {
		stopped = nil
	} else if len(c.unanswered) < c.p.Outstanding {
		timer := time.NewTimer(time.Until(c.due()))
		defer timer.Stop()
		due = timer.C
	}
	select {
	case a, ok := <-answers.came:
		if !ok {
			return nil, answers.err
		}
		return a, nil
	case <-due:
	case <-stopped:
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	return nil, nil
}

// takeAll takes an answer, if it is one, and those that wait, and returns how many of
// the sent requests they settle.
func (c *Client) takeAll(a *destinationsv1.StreamS3Response, answers *answers, sent int) (settled int, err error) {
	if a != nil {
		if settled, err = c.take(a, sent); err != nil {
			return settled, err
		}
	}
	for len(answers.came) > 0 {
		n, err := c.take(<-answers.came, sent-settled)
		settled += n
		if err != nil {
			return settled, err
		}
	}
	return settled, nil
}

// lastAnswers takes answers until the stream has ended; nil if it ended well.
func (c *Client) lastAnswers(answers *answers) error {
	for a := range answers.came {
		if _, err := c.take(a, len(c.unanswered)); err != nil {
			return err
		}
	}
	if !errors.Is(answers.err, io.EOF) {
		return answers.err
	}
	if len(c.unanswered) > 0 && c.isStopped() {
		return &brokenRule{fmt.Sprintf("the stream ended well with %d requests unanswered", len(c.unanswered))}
	}
	return nil
}

// take takes an answer of a stream that has sent so many of the unanswered requests,
// and returns how many it settles.
func (c *Client) take(a *destinationsv1.StreamS3Response, sent int) (settled int, err error) {
	if a.GetSequence() < c.settled || a.GetSequence() > c.settled+uint64(sent) {
		return 0, &brokenRule{fmt.Sprintf("an answer up to %d, with %d settled and %d sent", a.GetSequence(), c.settled, sent)}
	}
	if c.forgets() {
		c.stats.AcceptedAgain += a.GetAccepted()
		return 0, errForgotten
	}
	for _, r := range a.GetRejections() {
		c.reject((r.GetSequence()-1)*uint64(c.p.RequestEvents)+uint64(r.GetRequestIndex()), r)
	}
	n := int(a.GetSequence() - c.settled)
	if len(c.rejected) == 0 && a.GetAccepted() != uint64(n*c.p.RequestEvents) {
		return 0, &brokenRule{fmt.Sprintf("%d events accepted of %d, none rejected", a.GetAccepted(), n*c.p.RequestEvents)}
	}
	c.keepReceipts(a.GetReceipts(), n)
	c.settle(n)
	return n, nil
}
