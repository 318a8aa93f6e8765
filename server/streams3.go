package server

import (
	"context"
	"math/rand/v2"
	"sync/atomic"
	"time"

	"google.golang.org/grpc"

	destinationsv1 "github.com/open-destinations/destinations/gen/destinations/v1"
)

// ageJitter is by which part of it a stream's age varies in both directions, so
// that the streams of a restarted service do not all end at once for ever.
const ageJitter = 0.1

// unreadPatience is how long at least a stream whose end is due waits for its
// caller to read an answer. It ends within twice that time.
const unreadPatience = 5 * time.Second

// StreamS3 implements destinations.v1.Destinations.StreamS3.
func (d destinations) StreamS3(rpc grpc.BidiStreamingServer[destinationsv1.StreamS3Request, destinationsv1.StreamS3Response]) error {
	s := d.server
	if !s.life.enter() {
		return s.streamStatus(errShuttingDown, 0)
	}
	defer s.life.leave()
	aged, cancel := context.WithTimeoutCause(s.life.drained, jittered(s.config.MaxStreamAge), errStreamAge)
	defer cancel()
	ends, end := context.WithCancelCause(aged)
	defer end(nil)
	ctx, broken := context.WithCancelCause(rpc.Context())
	defer broken(nil)
	out := s.sendAnswers(rpc, broken)
	defer s.watch(ctx, ends, out, broken)()
	defer s.unread.know(out, end)()
	caller := callerOf(rpc.Context())
	defer caller.WhenEnded(end)()
	st := newStream(s, caller, ends, newAnswers(s.tokens, s.config.MaxStreamBytes))
	st.order.required = true
	st.outbox = out.answers
	in := s.read(rpc, st.share, end)
	defer close(in.stop)
	err := st.serve(ctx, in)
	if unsent := out.finish(ctx); unsent != nil {
		err = unsent
	}
	if err != nil {
		return s.streamStatus(err, st.durable)
	}
	return nil
}

// jittered is a stream's age at its end.
func jittered(age time.Duration) time.Duration {
	return time.Duration(float64(age) * (1 - ageJitter + 2*ageJitter*rand.Float64()))
}

// sender sends the answers of a stream in a goroutine of its own, because a send
// waits for the caller to read and can't be interrupted, while the handler has to
// notice that the stream is to end.
type sender struct {
	answers chan *answer  // unbuffered: what has settled while an answer is sent goes into one answer; closed behind the last
	ended   chan struct{} // closed when all answers are sent, or one can't be

	since atomic.Int64 // when the send that is under way began, Unix time in nanoseconds; 0 = none is
}

// unreadSince reports whether a send has been under way for unreadPatience, and
// when it began.
func (out *sender) unreadSince() (int64, bool) {
	since := out.since.Load()
	return since, since != 0 && time.Since(time.Unix(0, since)) >= unreadPatience
}

// sendAnswers starts the sender of a stream. Like the reader it may end after the
// handler, whose return is what ends a send that waits; so it is [Server.Wait] that
// joins it. If an answer can't be sent it breaks the stream's context.
func (s *Server) sendAnswers(rpc grpc.ServerStream, broken context.CancelCauseFunc) *sender {
	out := &sender{answers: make(chan *answer), ended: make(chan struct{})}
	s.life.join()
	go func() {
		defer s.life.leave()
		defer close(out.ended)
		for a := range out.answers {
			out.since.Store(time.Now().UnixNano())
			if err := rpc.SendMsg(a.message()); err != nil {
				broken(err)
				return
			}
			out.since.Store(0)
		}
	}()
	return out
}

// finish waits until the last answer is sent. The error is why it can't be.
func (out *sender) finish(ctx context.Context) error {
	close(out.answers)
	select {
	case <-out.ended:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// watch breaks the stream's context if the caller does not read its answers
// although the end of the stream is due. It takes back with the function that it
// returns.
func (s *Server) watch(ctx, ends context.Context, out *sender, broken context.CancelCauseFunc) func() {
	s.life.join()
	stop := context.AfterFunc(ends, func() {
		defer s.life.leave()
		for {
			before := out.since.Load()
			select {
			case <-ctx.Done():
				return
			case <-time.After(unreadPatience):
			}
			if since, unread := out.unreadSince(); unread && since == before {
				broken(context.Cause(ends))
				return
			}
		}
	})
	return func() {
		if stop() {
			s.life.leave()
		}
	}
}
