package main

import (
	"errors"
	"io"
	"maps"
	"slices"
	"sync"
	"testing"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"
	reflectionpb "google.golang.org/grpc/reflection/grpc_reflection_v1"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/emptypb"

	destinationsv1 "github.com/open-destinations/destinations/gen/destinations/v1"
)

// accessRow is a method, what it is called with, and what each kind of caller gets. The
// request is about bucket acme, of tenant acme.
type accessRow struct {
	request proto.Message
	// of tenant acme with each role; other has every role of another tenant that reaches
	// another bucket; all sees and operates every tenant.
	send, inspect, operate, other, all codes.Code
}

const (
	ok     = codes.OK
	denied = codes.PermissionDenied
	// What a method says of a request that it was let in with.
	notFound = codes.NotFound
	invalid  = codes.InvalidArgument
)

// accessRows are all methods of all services. None is left out: see the test.
var accessRows = map[string]accessRow{
	destinationsv1.Destinations_SendS3_FullMethodName:   {&destinationsv1.SendS3Request{Bucket: "acme", Events: someEvents}, ok, denied, denied, ok, denied},
	destinationsv1.Destinations_StreamS3_FullMethodName: {&destinationsv1.StreamS3Request{Sequence: 1, Bucket: "acme", Events: someEvents}, ok, denied, denied, ok, denied},

	destinationsv1.Operations_Flush_FullMethodName:            {&destinationsv1.FlushRequest{Tenant: "acme", Bucket: "acme"}, denied, denied, ok, denied, ok},
	destinationsv1.Operations_Redrive_FullMethodName:          {&destinationsv1.RedriveRequest{Tenant: "acme", Bucket: "acme"}, denied, denied, ok, denied, ok},
	destinationsv1.Operations_ListDestinations_FullMethodName: {&destinationsv1.ListDestinationsRequest{Tenant: "acme"}, denied, ok, denied, denied, ok},
	destinationsv1.Operations_ListDead_FullMethodName:         {&destinationsv1.ListDeadRequest{Tenant: "acme"}, denied, ok, denied, denied, ok},
	destinationsv1.Operations_ExportDead_FullMethodName:       {&destinationsv1.ExportDeadRequest{Tenant: "acme", Bucket: "acme", Key: "k"}, denied, denied, notFound, denied, notFound},
	destinationsv1.Operations_DiscardDead_FullMethodName:      {&destinationsv1.DiscardDeadRequest{Tenant: "acme", Bucket: "acme", Key: "k"}, denied, denied, notFound, denied, notFound},
	destinationsv1.Operations_ConfirmBucket_FullMethodName:    {&destinationsv1.ConfirmBucketRequest{Tenant: "acme", Bucket: "acme"}, ok, denied, ok, denied, ok},

	destinationsv1.Operations_GetEgressAddresses_FullMethodName: {&destinationsv1.GetEgressAddressesRequest{}, ok, ok, ok, ok, ok},

	// No role is missing; that S3 may not be there is an answer, too.
	destinationsv1.Operations_CheckDestination_FullMethodName: {&destinationsv1.CheckDestinationRequest{Tenant: "acme", Bucket: "acme"}, ok, ok, ok, denied, ok},

	destinationsv1.Deliveries_GetDelivery_FullMethodName:     {&destinationsv1.GetDeliveryRequest{Tokens: []string{"x"}}, notFound, notFound, denied, notFound, notFound},
	destinationsv1.Deliveries_GetFreshness_FullMethodName:    {&destinationsv1.GetFreshnessRequest{Tenant: "acme", Bucket: "acme"}, ok, ok, denied, denied, ok},
	destinationsv1.Deliveries_ListDeliveries_FullMethodName:  {&destinationsv1.ListDeliveriesRequest{Tenant: "acme"}, denied, ok, denied, denied, ok},
	destinationsv1.Deliveries_WatchDeliveries_FullMethodName: {&destinationsv1.WatchDeliveriesRequest{Tenant: "acme"}, denied, ok, denied, denied, ok},

	reflectionpb.ServerReflection_ServerReflectionInfo_FullMethodName: {&reflectionpb.ServerReflectionRequest{MessageRequest: &reflectionpb.ServerReflectionRequest_ListServices{}}, ok, ok, ok, ok, ok},
	"/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo":  {&reflectionpb.ServerReflectionRequest{MessageRequest: &reflectionpb.ServerReflectionRequest_ListServices{}}, ok, ok, ok, ok, ok},
}

// openMethods are open to everybody: they say whether the service serves.
var openMethods = map[string]proto.Message{
	healthpb.Health_Check_FullMethodName: &healthpb.HealthCheckRequest{},
	healthpb.Health_List_FullMethodName:  &healthpb.HealthListRequest{},
	healthpb.Health_Watch_FullMethodName: &healthpb.HealthCheckRequest{},
}

var someEvents = []*destinationsv1.S3Event{{Payload: []byte("x")}}

// want is what a kind of caller gets of the method.
func (r *accessRow) want(kind string) codes.Code {
	switch kind {
	case "send":
		return r.send
	case "inspect":
		return r.inspect
	case "operate":
		return r.operate
	case "other":
		return r.other
	case "all":
		return r.all
	case "nobody": // known, and granted nothing
		return denied
	}
	return codes.Unauthenticated // "", wrong and expired
}

func TestEveryMethodAndEveryKindOfCaller(t *testing.T) {
	w := newAccessWorld(t, false)
	w.tokens["wrong"] = writeFile(t, "wrong", "dst_0000000000000000_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA")
	conns := map[string]*grpc.ClientConn{}
	for _, kind := range []string{"", "wrong", "expired", "nobody", "send", "inspect", "operate", "other", "all"} {
		conns[kind] = w.as(kind, w.listener.Addr().String())
	}
	methods := methodsOf(w.grpc)
	for _, method := range slices.Sorted(maps.Keys(accessRows)) {
		if !slices.Contains(methods, method) {
			t.Errorf("%s is in the table, and no service has it", method)
		}
	}
	var calls sync.WaitGroup // together: who fails is kept waiting
	for _, method := range methods {
		row, known := accessRows[method]
		request, isOpen := openMethods[method]
		if known == isOpen {
			t.Errorf("%s: no row of the table says who may call it", method)
			continue
		}
		for kind, conn := range conns {
			want := ok
			if known {
				want, request = row.want(kind), row.request
			}
			request := request
			calls.Go(func() {
				if err := callOnce(t, conn, method, request); status.Code(err) != want {
					t.Errorf("%s as %q: got %v, want %v", method, kind, err, want)
				}
			})
		}
	}
	calls.Wait()
}

// methodsOf are all methods of all services of a server.
func methodsOf(s *grpc.Server) (methods []string) {
	for service, info := range s.GetServiceInfo() {
		for _, m := range info.Methods {
			methods = append(methods, "/"+service+"/"+m.Name)
		}
	}
	slices.Sort(methods)
	return methods
}

// callOnce calls any method with one request, and returns what it ends with; nil if it
// answers and does not end.
func callOnce(t *testing.T, conn *grpc.ClientConn, method string, request proto.Message) error {
	stream, err := conn.NewStream(soon(t), &grpc.StreamDesc{ServerStreams: true, ClientStreams: true}, method)
	if err != nil {
		return err
	}
	if err := stream.SendMsg(request); err != nil && !errors.Is(err, io.EOF) {
		return err
	}
	if err := stream.CloseSend(); err != nil {
		return err
	}
	// Whatever the answer is: it has unknown fields.
	if err := stream.RecvMsg(&emptypb.Empty{}); err != nil && !errors.Is(err, io.EOF) {
		return err
	}
	return nil
}
