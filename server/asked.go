package server

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync/atomic"
	"time"

	"golang.org/x/sync/semaphore"
	"google.golang.org/grpc"
)

const (
	// askPatience is how long the request of a call that has one may take to arrive.
	askPatience = 10 * time.Second
	// askAlone is for how long it is received in any case; after that it makes room for
	// others that wait.
	askAlone = time.Second
	// minAsked is how many requests are received at a time at least.
	minAsked = 4
)

// errAskIncomplete says that the one request of a call was not whole in time.
var errAskIncomplete = errors.New("the request was not whole in time")

// asked bounds the requests that are being received of calls that have one. gRPC allows each
// of them the size of the largest request of all (see [codec]). So few are received at a
// time, and one that trickles ends when others wait: an honest one is there at once.
type asked struct {
	life    *life
	places  *semaphore.Weighted
	waiting atomic.Int64
}

// newAsked returns a bound for requests of a size that may take so much memory together.
func newAsked(l *life, size, memory int64) *asked {
	return &asked{life: l, places: semaphore.NewWeighted(max(minAsked, memory/size))}
}

// receive receives a request. A receive can't be interrupted, so it has a goroutine of its
// own, which the end of the call ends; [Server.Wait] joins it.
func (a *asked) receive(stream grpc.ServerStream, into any) error {
	ctx, end := context.WithTimeoutCause(stream.Context(), askPatience, fmt.Errorf("%w: %v", errAskIncomplete, askPatience))
	defer end()
	if err := a.enter(ctx); err != nil {
		return err
	}
	defer a.places.Release(1)
	got := make(chan error, 1)
	a.life.join()
	go func() {
		defer a.life.leave()
		got <- stream.RecvMsg(into)
	}()
	slow := time.NewTicker(askAlone)
	defer slow.Stop()
	for {
		select {
		case err := <-got:
			return err
		case <-slow.C:
			if a.waiting.Load() > 0 {
				return fmt.Errorf("%w: others wait", errAskIncomplete)
			}
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}

// enter waits for a place.
func (a *asked) enter(ctx context.Context) error {
	if a.places.TryAcquire(1) {
		return nil
	}
	a.waiting.Add(1)
	defer a.waiting.Add(-1)
	if a.places.Acquire(ctx, 1) != nil {
		return context.Cause(ctx)
	}
	return nil
}

// asking is a call with one request.
type asking struct {
	grpc.ServerStream
	server *Server
	asked  *asked
}

// RecvMsg implements [grpc.ServerStream].
func (s *asking) RecvMsg(m any) error {
	err := s.asked.receive(s.ServerStream, m)
	if errors.Is(err, errAskIncomplete) {
		return s.server.toStatus(err, nil)
	}
	return err
}

// judgedFirst registers services whose calls with one request are served like streams of
// one.
type judgedFirst struct{ grpc.ServiceRegistrar }

// JudgedFirst returns a registrar for all services of a gRPC server that is made with
// [Server.Options]. Of a call with one request and one answer gRPC reads the request
// before it asks who calls. On the wire a stream of one request is the same, and there
// nothing is read before the caller is judged.
func JudgedFirst(r grpc.ServiceRegistrar) grpc.ServiceRegistrar { return judgedFirst{r} }

// RegisterService implements [grpc.ServiceRegistrar].
func (r judgedFirst) RegisterService(desc *grpc.ServiceDesc, service any) {
	d := *desc
	d.Methods, d.Streams = nil, slices.Clone(desc.Streams)
	for _, m := range desc.Methods {
		// A stream that is neither the client's nor the server's is no stream to gRPC, and
		// reaches no interceptor of streams.
		d.Streams = append(d.Streams, grpc.StreamDesc{StreamName: m.MethodName, ServerStreams: true, Handler: func(service any, stream grpc.ServerStream) error {
			answer, err := m.Handler(service, stream.Context(), stream.RecvMsg, nil)
			if err != nil {
				return err
			}
			return stream.SendMsg(answer)
		}})
	}
	r.ServiceRegistrar.RegisterService(&d, service)
}
