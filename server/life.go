package server

import (
	"context"
	"sync"
)

// life counts what runs and ends it.
type life struct {
	drained context.Context // ends at drain, because of errShuttingDown
	drain   context.CancelCauseFunc
	idle    chan struct{} // closed when drained and nothing runs

	mu struct {
		sync.Mutex
		running int // handlers and readers
	}
}

func newLife() *life {
	l := &life{idle: make(chan struct{})}
	l.drained, l.drain = context.WithCancelCause(context.Background())
	return l
}

// enter counts a handler in, unless the server is draining.
func (l *life) enter() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.drained.Err() != nil {
		return false
	}
	l.mu.running++
	return true
}

// join counts in a goroutine that a handler starts.
func (l *life) join() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.mu.running++
}

// leave counts out who was counted in.
func (l *life) leave() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.mu.running--
	l.closeIfIdleLocked()
}

func (l *life) closeIfIdleLocked() {
	if l.mu.running > 0 || l.drained.Err() == nil {
		return
	}
	select {
	case <-l.idle: // a call of the health came after it
	default:
		close(l.idle)
	}
}

// Drain stops the reading: no stream takes another request, each answers for all
// that it has taken, and then ends with UNAVAILABLE (SHUTTING_DOWN), or with its
// response if the caller had half-closed it and everything was read. New calls
// are refused with the same error, and a flush that runs is given up with it.
// It does not wait, see [Server.Wait], and may be called again.
func (s *Server) Drain() {
	s.life.mu.Lock()
	defer s.life.mu.Unlock()
	if s.life.drained.Err() != nil {
		return
	}
	s.life.drain(errShuttingDown)
	s.life.closeIfIdleLocked()
}

// Wait returns when, after [Server.Drain], every handler and every goroutine of
// this package has ended, or with ctx's error. How long that takes is up to the
// journal, which answers every append, and to the callers of StreamS3: one who does
// not read his answers is given up within 10 s.
func (s *Server) Wait(ctx context.Context) error {
	select {
	case <-s.life.idle:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
