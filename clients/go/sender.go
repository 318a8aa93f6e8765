package destinations

import (
	"context"
	"errors"
	"io"
	"slices"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/open-destinations/destinations/clients/go/internal/api"
)

// sender sends requests over one StreamS3 after the other. What a stream leaves
// unanswered goes over the next one first, in the order of the numbers. The fields
// behind changed are guarded by the outbox's mu.
type sender struct {
	client  *Client
	first   bool          // it stays when it has nothing to do
	changed chan struct{} // of size 1: there is something to do

	sent     []*request             // taken and without an answer, by their numbers
	next     int                    // the first of sent that the present stream has not sent
	bytes    int                    // of sent
	fresh    bool                   // it has not tried to open a stream
	open     bool                   // there is a stream
	answered uint64                 // up to which the present stream's requests are answered
	progress bool                   // the present stream has answered something
	tokens   map[destination]string // since the last answer that has settled something

	tokensBefore map[destination]string // up to that one
}

// startLocked begins another sender.
func (c *Client) startLocked() {
	s := &sender{client: c, first: len(c.outbox.senders) == 0, fresh: true, changed: make(chan struct{}, 1)}
	c.outbox.senders = append(c.outbox.senders, s)
	ctx, conn := c.senderCtx, c.conn
	c.sending.Go(func() { s.run(ctx, conn) })
}

// wake has the sender look for something to do.
func (s *sender) wake() {
	select {
	case s.changed <- struct{}{}:
	default:
	}
}

// takeLocked gives the sender a request.
func (s *sender) takeLocked(r *request) {
	s.sent = append(s.sent, r)
	s.bytes += r.bytes
	s.wake()
}

// run sends until there is nothing to do, or ctx ends.
func (s *sender) run(ctx context.Context, conn *grpc.ClientConn) {
	pauses := newPauses(s.client.options)
	for s.awaitWork(ctx) {
		err := s.converse(ctx, conn)
		if ctx.Err() != nil {
			return
		}
		wait, retry := s.ended(err, pauses)
		if !retry {
			continue
		}
		select {
		case <-time.After(wait):
			conn.ResetConnectBackoff()
		case <-ctx.Done():
			return
		}
	}
}

// awaitWork returns true when there is something to send, and false when there is not
// and will not be.
func (s *sender) awaitWork(ctx context.Context) bool {
	o := &s.client.outbox
	for {
		o.mu.Lock()
		work := len(s.sent) > 0 || s.first && len(o.queue) > 0 && !o.held || s.fresh
		over := !work && (!s.first || o.draining)
		if over {
			o.senders = slices.DeleteFunc(o.senders, func(other *sender) bool { return other == s })
		}
		o.mu.Unlock()
		switch {
		case work:
			return true
		case over:
			return false
		}
		select {
		case <-s.changed:
		case <-ctx.Done():
			return false
		}
	}
}

// errEndedEarly is a stream that the service ended as if all were well.
var errEndedEarly = errors.New("the service ended the stream before everything was answered")

// streamDesc is StreamS3.
var streamDesc = grpc.StreamDesc{StreamName: "StreamS3", ServerStreams: true, ClientStreams: true}

const streamMethod = "/destinations.v1.Destinations/StreamS3"

// converse sends over one stream until it ends: the error says why, nil that there was
// nothing more to do.
func (s *sender) converse(ctx context.Context, conn *grpc.ClientConn) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	stream, err := conn.NewStream(ctx, &streamDesc, streamMethod, grpc.ForceCodecV2(wireCodec))
	if err != nil {
		return err
	}
	read := make(chan struct{})
	go func() {
		defer close(read)
		cancel(s.readAnswers(stream)) // there is nobody to send to any more
	}()
	s.opened()
	defer s.closed()
	if err := s.sendRequests(ctx, stream); err != nil {
		// The stream has ended, and the reading ends with the reason, unless gRPC does it
		// all again by itself: a stream that was cut off before its first byte had left,
		// as far as it had come. Nothing would follow on that one.
		select {
		case <-read:
		case <-time.After(endTimeout):
			cancel(status.Error(codes.Unavailable, "the connection was cut off"))
		}
	}
	<-read
	if err := context.Cause(ctx); !errors.Is(err, io.EOF) {
		return err
	}
	return nil
}

// opened has the sender given what it is to send.
func (s *sender) opened() {
	o := &s.client.outbox
	o.mu.Lock()
	defer o.mu.Unlock()
	s.open, s.next, s.answered, s.progress, s.tokens, s.tokensBefore = true, 0, 0, false, nil, nil
	for _, r := range s.sent {
		r.rejections = nil // those of a new answer count
	}
	s.client.dispatchLocked()
}

// closed lets others have what would come to this sender.
func (s *sender) closed() {
	o := &s.client.outbox
	o.mu.Lock()
	defer o.mu.Unlock()
	s.open = false
}

// sendRequests sends until the stream has ended, or nothing is left to do and it closes
// its side. The error says that the stream has ended: why is read from it.
func (s *sender) sendRequests(ctx context.Context, stream grpc.ClientStream) error {
	first := &firstOfStream{sender: s.client.outbox.senderID, receipts: !s.client.options.NoReceipts}
	idle := time.NewTimer(streamIdle)
	defer idle.Stop()
	for {
		message := s.take(first)
		if message == nil {
			idle.Reset(streamIdle)
			select {
			case <-s.changed:
				if s.leave(false) {
					return stream.CloseSend()
				}
			case <-idle.C:
				if s.leave(true) {
					return stream.CloseSend()
				}
			case <-ctx.Done():
				return nil
			}
			continue
		}
		if err := stream.SendMsg(message); err != nil {
			return err
		}
		first = nil
	}
}

// take is the next request for the present stream, with what is settled by now; nil if
// there is none.
func (s *sender) take(first *firstOfStream) *wireRequest {
	o := &s.client.outbox
	o.mu.Lock()
	defer o.mu.Unlock()
	if s.next == len(s.sent) {
		return nil
	}
	r := s.sent[s.next]
	s.next++
	r.sends++
	return &wireRequest{head: r.head(o.settled, first), events: r.events}
}

// leave says whether the stream is to be closed: it has nothing to do, and for a while
// or for ever that will be so. Then it is given nothing any more.
func (s *sender) leave(idle bool) bool {
	o := &s.client.outbox
	o.mu.Lock()
	defer o.mu.Unlock()
	if len(s.sent) > 0 || !o.draining && (!idle || s.first) {
		return false
	}
	s.open = false
	return true
}

// readAnswers takes the answers of a stream until it ends: the error says why, io.EOF
// that the service ended it with OK.
func (s *sender) readAnswers(stream grpc.ClientStream) error {
	for {
		answer := new(api.StreamS3Response)
		if err := stream.RecvMsg(answer); err != nil {
			return err
		}
		if err := s.answer(answer); err != nil {
			return err
		}
	}
}

// ended judges the end of a stream, and says whether and when another one is to be
// tried. What can't be cured ends the client.
func (s *sender) ended(err error, pauses *pauses) (wait time.Duration, retry bool) {
	o := &s.client.outbox
	o.mu.Lock()
	if err == nil && len(s.sent) > 0 {
		err = errEndedEarly
	}
	if s.progress {
		pauses.reset()
	}
	s.progress, s.fresh = false, false
	if err == nil {
		o.mu.Unlock()
		return 0, false
	}
	o.lastError = err
	o.reconnects++
	if isTooLarge(err) && s.leaveOutLocked(err) {
		o.mu.Unlock()
		return 0, false
	}
	o.mu.Unlock()
	if !curable(err, s.client.options.TokenSource != nil) {
		s.client.fail(err)
		return 0, false
	}
	return pauses.next(err), true
}

// leaveOutLocked has the events of the largest request rejected, whose size is why the
// stream ended: whatever the service takes, the largest is too large, so none of it was
// ever accepted. It has its number, and goes on as an empty one.
func (s *sender) leaveOutLocked(err error) bool {
	var largest *request
	for _, r := range s.sent {
		if len(r.events) > 0 && (largest == nil || len(r.events) > len(largest.events)) {
			largest = r
		}
	}
	if largest == nil {
		return false
	}
	s.bytes -= largest.bytes
	largest.err = &RejectedError{Code: "REQUEST_TOO_LARGE", Field: "payload", Reason: status.Convert(err).Message()}
	largest.events, largest.bytes = nil, 0
	return true
}
