package server

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/peer"
	"google.golang.org/grpc/status"
	"google.golang.org/grpc/tap"

	"github.com/open-destinations/destinations/server/limits"
)

// calls bounds the calls that are under way, and how fast they come: of an address before
// anybody knows whose they are, then of a principal, and in all. What strangers do counts
// in no bound of those who were let in.
type calls struct {
	most       int64
	underWay   atomic.Int64 // of those who were let in
	addresses  *limits.Calls
	principals *limits.Calls // strangers who watch the health are one, "", together
}

func newCalls(c *Config) *calls {
	return &calls{
		most:       int64(c.MaxCalls),
		addresses:  limits.NewCalls("an address", c.MaxCallsPerAddress, c.CallsPerSecondPerAddress),
		principals: limits.NewCalls("a principal", c.MaxCallsPerPrincipal, c.CallsPerSecondPerPrincipal),
	}
}

// enter counts in a call of somebody who was let in; "" = nobody is authenticated. He has to
// leave.
func (c *calls) enter(principal string) error {
	if c.underWay.Add(1) > c.most {
		c.underWay.Add(-1)
		return fmt.Errorf("%w: %d, which is the most", limits.ErrTooMany, c.most)
	}
	if principal == "" {
		return nil
	}
	err := c.enterAs(principal)
	if err != nil {
		c.underWay.Add(-1)
	}
	return err
}

// enterAs counts the beginning of a call of a principal, and the call in: it has to leave.
func (c *calls) enterAs(principal string) error {
	if err := c.principals.Begin(principal); err != nil {
		return err
	}
	return c.principals.Enter(principal)
}

func (c *calls) leave(principal string) {
	c.underWay.Add(-1)
	if principal != "" {
		c.principals.Leave(principal)
	}
}

// begins bounds how fast calls begin over connections of strangers and from an address. It is
// asked when a call's headers have been read, and nothing is done for it yet: the handlers of
// calls that are opened and reset faster than they can run would be in the way of everybody's.
func (s *Server) begins(ctx context.Context, call *tap.Info) (context.Context, error) {
	from := cameFrom(ctx)
	if from.remote != nil && !from.remote.Begin() {
		return ctx, errCutOff
	}
	if err := s.calls.addresses.Begin(from.host); err != nil {
		return ctx, s.over(from, call.FullMethodName, err)
	}
	return ctx, nil
}

// errCutOff is for a call whose connection is closed: nobody hears it.
var errCutOff = status.Error(codes.ResourceExhausted, "too many calls of a stranger")

// bound is the first interceptor: it bounds what is under way from an address, whoever it is.
func (s *Server) bound(service any, stream grpc.ServerStream, info *grpc.StreamServerInfo, handler grpc.StreamHandler) error {
	if err := stream.Context().Err(); err != nil { // reset before its turn came
		return status.FromContextError(err).Err()
	}
	from := cameFrom(stream.Context())
	if err := s.calls.addresses.Enter(from.host); err != nil {
		return s.over(from, info.FullMethod, err)
	}
	defer s.calls.addresses.Leave(from.host)
	if service != nil && s.everybody() && !unasked[info.FullMethod] {
		if err := s.calls.enter(""); err != nil {
			return s.over(from, info.FullMethod, err)
		}
		defer s.calls.leave("")
		from.prove()
	}
	if !info.IsClientStream {
		// Strangers share the places of none who was let in.
		asked := s.asked
		if unasked[info.FullMethod] {
			asked = s.askedByStrangers
		}
		stream = &asking{ServerStream: stream, server: s, asked: asked}
	}
	return handler(service, stream)
}

// everybody reports whether nobody is authenticated.
func (s *Server) everybody() bool { return s.access == nil || s.access.Open() }

// over refuses a call that is over a bound.
func (s *Server) over(from origin, method string, err error) error {
	s.observer.Refused(verdictOn(err).reason)
	from.punish(err)
	return s.refused(method, err)
}

// watching bounds the calls of strangers that last.
func (s *Server) watching(service any, stream grpc.ServerStream, info *grpc.StreamServerInfo, handler grpc.StreamHandler) error {
	if info.FullMethod != healthpb.Health_Watch_FullMethodName {
		return handler(service, stream)
	}
	if err := s.calls.enterAs(""); err != nil {
		return s.over(cameFrom(stream.Context()), info.FullMethod, err)
	}
	defer s.calls.principals.Leave("")
	return handler(service, stream)
}

// unknownMethod answers for methods that are not registered, as gRPC does by itself; so they
// are bounded like all others.
func unknownMethod(_ any, stream grpc.ServerStream) error {
	method, _ := grpc.MethodFromServerStream(stream)
	return status.Errorf(codes.Unimplemented, "unknown method %s", method)
}

// origin is where a call comes from.
type origin struct {
	host   string
	remote *limits.Remote // nil = its connection is not counted
}

func cameFrom(ctx context.Context) origin {
	from, ok := peer.FromContext(ctx)
	if !ok {
		return origin{}
	}
	remote, _ := from.Addr.(*limits.Remote)
	return origin{host: limits.Host(from.Addr.String()), remote: remote}
}

// prove says that somebody was let in who calls over the connection.
func (o origin) prove() {
	if o.remote != nil {
		o.remote.Prove()
	}
}

// punish closes the connection of who floods.
func (o origin) punish(err error) {
	if fast, ok := errors.AsType[*limits.TooFastError](err); ok && fast.Flood && o.remote != nil {
		o.remote.Flooded()
	}
}

// waitOf is for how long a caller is told to wait because of an error; 0 = it does not say.
func waitOf(err error) time.Duration {
	if r, ok := errors.AsType[*rateError](err); ok {
		return r.wait
	}
	if fast, ok := errors.AsType[*limits.TooFastError](err); ok {
		return fast.Wait
	}
	return 0
}
