package main

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	destinationsv1 "github.com/open-destinations/destinations/gen/destinations/v1"
)

// senderParams is what a sender is made of.
type senderParams struct {
	Client         destinationsv1.DestinationsClient
	Bucket, Prefix string
	Limits         sendLimits
	RetryFor       time.Duration // how long it goes on without progress; 0 = it ends at the first failure
	Report         *sendReport
	Explain        func(error) error       // words an error of a call
	Stop           context.CancelCauseFunc // ends the reading of input, when the sending has ended early
}

// sender cuts events into requests and sends them over one stream after the other
// until each of them has its answer. What a stream leaves unanswered the next one
// sends again: the very same requests, under the same numbers.
//
// A request that was durable although its answer was lost becomes durable twice; the
// service that recognises resent requests by sender_id and sequence drops what that
// duplicates.
type sender struct {
	senderParams
	id     []byte // sender_id of all streams
	outbox *outbox

	ended chan struct{} // closed when the sending has ended
	err   error         // why it ended early; immutable once ended is closed
}

// newSender makes a sender with a random id. It sends until finish, or until ctx
// ends or something fails for good.
func newSender(ctx context.Context, p senderParams) *sender {
	s := &sender{
		senderParams: p,
		id:           make([]byte, 16),
		outbox:       newOutbox(p.Limits, p.Bucket, p.Prefix),
		ended:        make(chan struct{}),
	}
	rand.Read(s.id) // never fails
	go s.run(ctx)
	return s
}

// add sends one event, perhaps later: see finish. It waits while too much is
// unanswered. The payload is copied. An error is that of ctx, or says that the
// sending has ended; finish says why.
func (s *sender) add(ctx context.Context, payload []byte, at place) error {
	return s.outbox.add(ctx, payload, at)
}

// finish waits until everything is answered, or the sending has ended early: then
// the error says why, and up to which line everything is durable.
func (s *sender) finish() error {
	s.outbox.close()
	<-s.ended
	return s.err
}

// errSendingEnded is what a reader of input gets when the sending has ended early.
var errSendingEnded = errors.New("the sending has ended")

func (s *sender) run(ctx context.Context) {
	defer close(s.ended)
	err := s.deliver(ctx)
	if err == nil {
		return
	}
	s.err = s.Report.explainEnd(s.Explain(err))
	s.outbox.fail(errSendingEnded)
	s.Stop(errSendingEnded)
}

// endPatience is how long the reason for which a stream has ended is waited for.
const endPatience = 5 * time.Second

// errEndedEarly is a stream that the service ended as if all were well.
var errEndedEarly = errors.New("the service ended the stream before everything was answered")

// deliver sends everything, over as many streams as it takes. A stream is opened
// when there is something to send, so one that ends while everything is answered
// costs nothing.
func (s *sender) deliver(ctx context.Context) error {
	patience := newPatience(s.RetryFor)
	for {
		_, settled := s.outbox.rewind()
		first, err := s.outbox.take(ctx)
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err == nil {
			err = s.converse(ctx, first)
		}
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		unanswered, now := s.outbox.rewind()
		if unanswered == 0 {
			patience.progressed()
			continue
		}
		if errors.Is(err, io.EOF) {
			err = errEndedEarly
		}
		if now > settled {
			patience.progressed()
		}
		if s.leaveOut(err) {
			patience.progressed()
			continue
		}
		if err := s.pause(ctx, patience, streamEnd{err: err, progressed: now > settled}); err != nil {
			return err
		}
	}
}

// leaveOut rejects the event that was too large a request for the service, if that is
// why a stream has ended with err: whatever it takes, the largest is too large.
func (s *sender) leaveOut(err error) bool {
	if !tooLarge(err) {
		return false
	}
	at, left := s.outbox.dropLargest()
	if left {
		s.Report.reject(at, "payload: "+s.Explain(err).Error())
	}
	return left
}

// pause waits until the next stream may be tried; the error is what ends the
// sending.
func (s *sender) pause(ctx context.Context, p *patience, end streamEnd) error {
	first := p.calm()
	wait, ok := p.next(end)
	switch {
	case !ok && end.curable() && s.RetryFor > 0:
		return fmt.Errorf("%w; tried for %v without progress (--retry-for)", s.Explain(end.err), s.RetryFor)
	case !ok:
		return end.err
	case first && !end.isOfAge():
		s.Report.note(fmt.Errorf("%w; trying again for up to %v", s.Explain(end.err), s.RetryFor))
	}
	timer := time.NewTimer(wait)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// converse sends over one stream, from first on, until everything is answered or
// the stream ends: the error says why, io.EOF that the service ended it with OK.
func (s *sender) converse(ctx context.Context, first *destinationsv1.StreamS3Request) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	stream, err := s.Client.StreamS3(ctx)
	if err != nil {
		return err
	}
	defer s.watch(cancel)()
	read := make(chan struct{})
	go func() {
		defer close(read)
		cancel(s.readAnswers(stream)) // there is nobody to send to any more
	}()
	if err := s.sendRequests(ctx, stream, first); errors.Is(err, io.EOF) {
		// The stream has ended, and the reading ends with the reason, unless gRPC does it
		// all again by itself: a stream that was cut off before its first byte had left,
		// as far as it had come. Nothing would follow on that one.
		select {
		case <-read:
		case <-time.After(endPatience):
			cancel(status.Error(codes.Unavailable, "the connection was cut off"))
		}
	} else if err != nil {
		cancel(err)
	}
	<-read
	return context.Cause(ctx) // what came first
}

// watch ends a stream that owes an answer for as long as the sender goes on without
// progress. The result ends the watching.
func (s *sender) watch(cancel context.CancelCauseFunc) (stop func()) {
	if s.RetryFor <= 0 {
		return func() {}
	}
	ctx, end := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		defer close(done)
		for left := s.RetryFor; left > 0; left = s.RetryFor - s.outbox.silence() {
			select {
			case <-time.After(left):
			case <-ctx.Done():
				return
			}
		}
		cancel(fmt.Errorf("the service has not answered for %v (--retry-for)", s.RetryFor))
	}()
	return func() {
		end()
		<-done
	}
}

// requestStream is a call of StreamS3.
type requestStream = grpc.BidiStreamingClient[destinationsv1.StreamS3Request, destinationsv1.StreamS3Response]

// sendRequests sends until nothing is left, then closes its side. The error is of
// the sending itself, io.EOF if the stream has ended: why is read from it.
func (s *sender) sendRequests(ctx context.Context, stream requestStream, message *destinationsv1.StreamS3Request) error {
	message.SenderId, message.Receipts = s.id, true
	for {
		err := stream.Send(message)
		if err != nil {
			return err
		}
		message, err = s.outbox.take(ctx)
		switch {
		case errors.Is(err, io.EOF):
			return stream.CloseSend()
		case err != nil:
			return nil // the stream or the whole sending has ended
		}
		message.SenderId, message.Receipts = nil, false
	}
}

// readAnswers takes the answers of a stream until it ends: the error says why, as
// converse's does.
func (s *sender) readAnswers(stream requestStream) error {
	for {
		answer, err := stream.Recv()
		if err != nil {
			return err
		}
		done, err := s.outbox.answer(answer)
		if err != nil {
			return err
		}
		s.Report.take(done, answer.GetReceipts())
	}
}
