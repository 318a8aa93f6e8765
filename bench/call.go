package main

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"time"

	"google.golang.org/grpc"

	destinationsv1 "github.com/open-destinations/destinations/gen/destinations/v1"
)

// call is a StreamS3.
type call = grpc.BidiStreamingClient[destinationsv1.StreamS3Request, destinationsv1.StreamS3Response]

// openCall begins a StreamS3 that takes encodedRequests.
func openCall(ctx context.Context, conn *grpc.ClientConn) (call, error) {
	c, err := newCodec()
	if err != nil {
		return nil, err
	}
	opened, err := destinationsv1.NewDestinationsClient(conn).StreamS3(ctx, grpc.ForceCodecV2(c))
	if err != nil {
		return nil, fmt.Errorf("open a stream: %w", err)
	}
	return opened, nil
}

// newSender makes the id of a client object.
func newSender() []byte {
	id := make([]byte, 16)
	rand.Read(id) // never fails
	return id
}

// isOver judges what an answer came with: whether it was the end, and if that is
// an error.
func (s *stream) isOver(err error) (bool, error) {
	switch {
	case err == nil:
		return false, nil
	case !errors.Is(err, io.EOF):
		return true, err
	case len(s.waiting) > 0:
		return true, fmt.Errorf("the stream ended with %d requests unanswered", len(s.waiting))
	}
	return true, nil
}

// pace says when a stream sends.
type pace struct {
	every time.Duration // 0 = always
	next  time.Time
}

// newPace shares a rate of events a second among the streams, and lets them take
// turns.
func newPace(rate, stream int, began time.Time) *pace {
	if rate == 0 {
		return &pace{}
	}
	every := time.Duration(float64(time.Second) * eventsPerRequest * streams / float64(rate))
	return &pace{every: every, next: began.Add(every * time.Duration(stream) / streams)}
}

// wait returns when it is time for the next request, and when that was: later than
// planned if the one before it was late. A zero time is whenever possible. ok is
// false if there is none before until, or if stop ended first.
func (p *pace) wait(stop context.Context, until time.Time) (planned time.Time, ok bool) {
	if p.every == 0 {
		return time.Time{}, true
	}
	planned = p.next
	p.next = p.next.Add(p.every)
	if !planned.Before(until) {
		return planned, false
	}
	if d := time.Until(planned); d > 0 {
		timer := time.NewTimer(d)
		defer timer.Stop()
		select {
		case <-timer.C:
		case <-stop.Done():
			return planned, false
		}
	}
	return planned, true
}
