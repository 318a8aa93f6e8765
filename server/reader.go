package server

import (
	"context"
	"errors"
	"fmt"
	"io"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// reader receives the requests of one stream in a goroutine of its own, because
// a receive can't be interrupted while the handler has to be able to stop. It
// holds at most one request that the handler has not taken.
type reader struct {
	requests chan received // unbuffered: who takes a request answers for it
	stop     chan struct{} // closed by the handler when it takes no more
	place    *place        // in the memory, for the request that is received
	ended    chan struct{} // closed when the last request has been taken
	err      error         // set before ended is closed: why; nil at the half-close
}

// read starts the reader of a stream of a tenant, which end tells to end. It ends after the handler, which it may
// still be waiting for in a receive that only the handler's return ends; so it is
// [Server.Wait] that joins it.
func (s *Server) read(stream grpc.ServerStream, of *share, end context.CancelCauseFunc) *reader {
	r := &reader{
		requests: make(chan received),
		stop:     make(chan struct{}),
		ended:    make(chan struct{}),
	}
	s.life.join()
	go func() {
		defer s.life.leave()
		defer close(r.ended)
		r.place = s.memory.openPlace(of, end)
		defer s.memory.closePlace(r.place)
		for count := 1; r.next(s, stream, count); count++ {
		}
	}()
	return r
}

// next waits for memory, receives a request and hands it over. It reports whether
// there may be another one.
func (r *reader) next(s *Server, stream grpc.ServerStream, count int) bool {
	granted := s.memory.wait(r.place, r.stop)
	if granted != room {
		s.unread.giveUp()
	}
	if granted == nothing {
		r.err = fmt.Errorf("request %d: %w", count, errMemoryFull)
		return false
	}
	var in received
	err := stream.RecvMsg(&in)
	if err != nil || in.err != nil {
		r.err = reasonOf(err, in.err, count)
		return false
	}
	if granted == lastLook && s.memory.full() {
		in.request.release()
		r.err = fmt.Errorf("request %d: %w", count, errMemoryFull)
		return false
	}
	in.size = in.request.size()
	s.memory.receive(r.place, in.size)
	select {
	case r.requests <- in:
		return true
	case <-r.stop:
		s.memory.release(r.place.share, in.size)
		in.request.release()
		return false
	}
}

// reasonOf says why there is no further request: the receive's error, or what
// codec found.
func reasonOf(receive, found error, count int) error {
	switch {
	case found != nil:
		return fmt.Errorf("request %d: %w", count, found)
	case errors.Is(receive, io.EOF):
		return nil
	case status.Code(receive) == codes.ResourceExhausted:
		return fmt.Errorf("request %d: %w: more than twice the limit", count, errRequestTooLarge)
	}
	return receive
}
