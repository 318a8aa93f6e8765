package server

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/peer"
	reflectionpb "google.golang.org/grpc/reflection/grpc_reflection_v1"
	reflectionalpha "google.golang.org/grpc/reflection/grpc_reflection_v1alpha"
	"google.golang.org/grpc/status"

	destinationsv1 "github.com/open-destinations/destinations/gen/destinations/v1"
	"github.com/open-destinations/destinations/server/auth"
)

// Access lets callers in.
type Access interface {
	// Enter judges what a caller has shown, and returns him if he may do one of the
	// roles' things; without roles, if he may anything. He leaves at the end of his call.
	// Errors are those of the package auth, and may come late on purpose; beside one the
	// caller, if he is not nil, is who it was.
	Enter(ctx context.Context, shown auth.Presented, roles auth.Role) (*auth.Caller, error)

	// Open reports whether nobody is authenticated, so that everybody may everything.
	Open() bool
}

// needs says of every method which roles let a caller use it: one of them is enough. What
// does not stand here nobody may use where callers are authenticated.
var needs = map[string]auth.Role{
	destinationsv1.Destinations_SendS3_FullMethodName:   auth.Send,
	destinationsv1.Destinations_StreamS3_FullMethodName: auth.Send,

	destinationsv1.Operations_ListDestinations_FullMethodName: auth.Inspect,
	destinationsv1.Operations_ListDead_FullMethodName:         auth.Inspect,
	destinationsv1.Operations_Flush_FullMethodName:            auth.Operate,
	destinationsv1.Operations_Redrive_FullMethodName:          auth.Operate,
	destinationsv1.Operations_ExportDead_FullMethodName:       auth.Operate,
	destinationsv1.Operations_DiscardDead_FullMethodName:      auth.Operate,
	destinationsv1.Operations_ConfirmBucket_FullMethodName:    auth.Send | auth.Operate,

	// Whoever sends into a bucket has to tell its owner from where it is written to.
	destinationsv1.Operations_GetEgressAddresses_FullMethodName: auth.AnyRole,

	// Whoever sends, looks or mends may ask what is wrong; his grant has to reach it, too.
	destinationsv1.Operations_CheckDestination_FullMethodName: auth.AnyRole,

	// Whoever has sent may ask what became of it; his grant has to reach it, too.
	destinationsv1.Deliveries_GetDelivery_FullMethodName:     auth.Send | auth.Inspect,
	destinationsv1.Deliveries_GetFreshness_FullMethodName:    auth.Send | auth.Inspect,
	destinationsv1.Deliveries_ListDeliveries_FullMethodName:  auth.Inspect,
	destinationsv1.Deliveries_WatchDeliveries_FullMethodName: auth.Inspect,

	reflectionpb.ServerReflection_ServerReflectionInfo_FullMethodName:    auth.AnyRole,
	reflectionalpha.ServerReflection_ServerReflectionInfo_FullMethodName: auth.AnyRole,
}

// unasked are the methods that nobody is authenticated for: what watches the service has
// no credentials, and learns nothing but that it serves.
var unasked = map[string]bool{
	healthpb.Health_Check_FullMethodName: true,
	healthpb.Health_Watch_FullMethodName: true,
	healthpb.Health_List_FullMethodName:  true,
}

// callerKey is the key of the caller in the context of a call.
type callerKey struct{}

// callerOf is who calls.
func callerOf(ctx context.Context) *auth.Caller {
	if caller, ok := ctx.Value(callerKey{}).(*auth.Caller); ok {
		return caller
	}
	return auth.Everybody()
}

// guards are the interceptors of a server. Every call is served as a stream: see
// [JudgedFirst]. Where everybody may everything, but there is an audit log, what they do is
// written down, too.
func (s *Server) guards() []grpc.ServerOption {
	chain := []grpc.StreamServerInterceptor{s.bound}
	if !s.everybody() || s.access != nil && s.audit.Written() {
		chain = append(chain, s.guardStream)
	}
	return []grpc.ServerOption{grpc.InTapHandle(s.begins), grpc.ChainStreamInterceptor(chain...), grpc.ChainUnaryInterceptor(unjudged), grpc.UnknownServiceHandler(unknownMethod)}
}

// unjudged refuses what was registered without [JudgedFirst]: nobody would judge its callers.
func unjudged(context.Context, any, *grpc.UnaryServerInfo, grpc.UnaryHandler) (any, error) {
	return nil, status.Error(codes.Unimplemented, "not served like this")
}

func (s *Server) guardStream(service any, stream grpc.ServerStream, info *grpc.StreamServerInfo, handler grpc.StreamHandler) error {
	if unasked[info.FullMethod] || service == nil { // nil = there is no such method
		return s.watching(service, stream, info, handler)
	}
	ctx, call, err := s.letIn(stream.Context(), info.FullMethod)
	if err != nil {
		return err
	}
	guarded := &guardedStream{ServerStream: stream, ctx: ctx}
	if call.operates() {
		guarded.call = call
	}
	err = handler(service, guarded)
	call.leave(err)
	return err
}

// guardedStream is a stream of a caller who was let in.
type guardedStream struct {
	grpc.ServerStream
	ctx  context.Context
	call *call // takes what is asked for, for the audit log; nil = that is not needed
}

// Context implements [grpc.ServerStream].
func (g *guardedStream) Context() context.Context { return g.ctx }

// RecvMsg implements [grpc.ServerStream].
func (g *guardedStream) RecvMsg(m any) error {
	err := g.ServerStream.RecvMsg(m)
	if err == nil && g.call != nil {
		g.call.request = m
	}
	return err
}

// call is a call of somebody who was let in.
type call struct {
	server  *Server
	caller  *auth.Caller
	method  string
	address string
	request any // what he asks for; nil for events
	begun   time.Time
	cancel  context.CancelCauseFunc
	stop    func() bool
}

// letIn judges the caller of a method. The error is a status. The context says who he
// is, and ends when he may not go on, unless he sends events: then the handler lets what
// was read be answered.
func (s *Server) letIn(ctx context.Context, method string) (context.Context, *call, error) {
	shown := presented(ctx)
	roles, known := needs[method]
	if !known {
		roles = 0
	}
	caller, err := s.access.Enter(ctx, shown, roles)
	if err == nil && !known && !s.access.Open() {
		caller.Leave()
		err = fmt.Errorf("%w: %s is open to nobody", auth.ErrRole, method)
	}
	if err == nil && !s.access.Open() {
		from := cameFrom(ctx)
		from.prove()
		if err = s.calls.enter(caller.Principal()); err != nil {
			caller.Leave()
			from.punish(err)
		}
	}
	if err != nil {
		s.observer.Refused(verdictOn(err).reason)
		s.noteRefusal(caller, auth.Entry{Address: shown.Address, Action: actionOf(method)}, err)
		return nil, nil, s.refused(method, err)
	}
	c := &call{server: s, caller: caller, method: method, address: shown.Address, begun: time.Now()}
	ctx, c.cancel = context.WithCancelCause(context.WithValue(ctx, callerKey{}, caller))
	c.stop = func() bool { return true }
	if roles != auth.Send {
		c.stop = caller.WhenEnded(c.cancel)
	}
	return ctx, c, nil
}

// refused is the status of a call that is not let in: with a durable_sequence where one
// is promised.
func (s *Server) refused(method string, err error) error {
	if serviceOf(method) == destinationsv1.Destinations_ServiceDesc.ServiceName {
		return s.streamStatus(err, 0)
	}
	return s.toStatus(err, nil)
}

func (c *call) leave(err error) {
	c.stop()
	c.caller.Leave()
	if !c.server.access.Open() {
		c.server.calls.leave(c.caller.Principal())
	}
	c.cancel(nil)
	code := status.Code(err).String()
	c.server.log.Debug("call", "method", actionOf(c.method), "principal", c.caller.Principal(), "tenant", c.caller.Tenant(),
		"code", code, "seconds", time.Since(c.begun).Seconds())
	if c.operates() {
		c.server.audit.Operation(c.entry(code, err))
	}
}

// operates reports whether the call stands in the audit log whatever comes of it: it
// changes something, or has the service ask S3.
func (c *call) operates() bool {
	switch c.method {
	case destinationsv1.Operations_CheckDestination_FullMethodName, destinationsv1.Operations_ConfirmBucket_FullMethodName:
		return true
	}
	return needs[c.method] == auth.Operate
}

func (c *call) entry(outcome string, err error) auth.Entry {
	e := auth.Entry{
		Principal: c.caller.Principal(), Tenant: c.caller.Tenant(), Address: c.address,
		Action: actionOf(c.method), Outcome: outcome,
	}
	if asked, ok := c.request.(selecting); ok {
		e.Bucket, e.Prefix, e.All = asked.GetBucket(), asked.GetPrefix(), asked.GetBucket() == ""
	} else if asked, ok := c.request.(*destinationsv1.ExportDeadRequest); ok {
		e.Bucket, e.Prefix = asked.GetBucket(), asked.GetKey()
	}
	if err != nil {
		e.Reason = status.Convert(err).Message()
	}
	return e
}

// noteRefusal writes down that somebody was not let in, or not where he wanted.
func (s *Server) noteRefusal(caller *auth.Caller, e auth.Entry, err error) {
	if caller != nil {
		e.Principal = caller.Principal()
	}
	e.Reason, e.Outcome = err.Error(), verdictOn(err).code.String()
	s.audit.Refusal(e)
}

// presented is what a caller has shown. Of several authorizations none counts: who
// has put another one beside it is not known.
func presented(ctx context.Context) (shown auth.Presented) {
	shown.Address = addressOf(ctx)
	if from, ok := peer.FromContext(ctx); ok {
		if over, ok := from.AuthInfo.(credentials.TLSInfo); ok && len(over.State.VerifiedChains) > 0 {
			shown.Certificates = over.State.PeerCertificates
		}
	}
	if given := metadata.ValueFromIncomingContext(ctx, "authorization"); len(given) > 0 {
		shown.Bearer = auth.BearerOf(given)
	}
	return shown
}

// actionOf is a method without the package: Operations/Flush.
func actionOf(method string) string {
	return strings.TrimPrefix(strings.TrimPrefix(method, "/"), "destinations.v1.")
}

func serviceOf(method string) string {
	service, _, _ := strings.Cut(strings.TrimPrefix(method, "/"), "/")
	return service
}

// isOfAuth reports whether an error says that a caller may not, or not any more.
func isOfAuth(err error) bool {
	for _, of := range []error{auth.ErrNoCredential, auth.ErrCredential, auth.ErrIssuerUnavailable, auth.ErrNotGranted, auth.ErrRole} {
		if errors.Is(err, of) {
			return true
		}
	}
	return false
}
