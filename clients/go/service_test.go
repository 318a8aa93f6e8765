package destinations_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/grpc/test/bufconn"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/protoadapt"
	"google.golang.org/protobuf/types/known/durationpb"

	destinations "github.com/open-destinations/destinations/clients/go"
	"github.com/open-destinations/destinations/clients/go/internal/api"
)

// stream is a StreamS3 at the service's side.
type stream = grpc.BidiStreamingServer[api.StreamS3Request, api.StreamS3Response]

// service is a service that does what a test says, stream by stream. What it was sent is
// kept.
type service struct {
	answer func(n int, s *served) error // the stream of number n, from 0
	ask    func(*api.GetDeliveryRequest) (*api.GetDeliveryResponse, error)

	listener *bufconn.Listener
	server   *grpc.Server

	mu      sync.Mutex
	streams []*served
	asked   [][]string // tokens of each GetDelivery
}

// served is a stream with what has come over it.
type served struct {
	stream
	requests []*api.StreamS3Request
}

// next is the next request.
func (s *served) next() (*api.StreamS3Request, error) {
	r, err := s.Recv()
	if err == nil {
		s.requests = append(s.requests, r)
	}
	return r, err
}

// accept answers every request until the client closes its side.
func (s *served) accept() error {
	for {
		r, err := s.next()
		if errors.Is(err, io.EOF) {
			return nil
		} else if err != nil {
			return err
		}
		if err := s.Send(accepted(r)); err != nil {
			return err
		}
	}
}

// accepted is the answer to a request of which all is accepted.
func accepted(r *api.StreamS3Request) *api.StreamS3Response {
	return &api.StreamS3Response{Sequence: r.GetSequence(), Accepted: uint64(len(r.GetEvents()))}
}

// start starts the service.
func (s *service) start(t testing.TB) {
	t.Helper()
	s.listener, s.server = bufconn.Listen(1<<20), grpc.NewServer()
	s.server.RegisterService(&grpc.ServiceDesc{
		ServiceName: "destinations.v1.Destinations",
		Streams:     []grpc.StreamDesc{{StreamName: "StreamS3", ServerStreams: true, ClientStreams: true, Handler: s.handle}},
	}, nil)
	s.server.RegisterService(&grpc.ServiceDesc{
		ServiceName: "destinations.v1.Deliveries",
		Methods:     []grpc.MethodDesc{{MethodName: "GetDelivery", Handler: s.getDelivery}},
	}, nil)
	served := make(chan struct{})
	go func() {
		defer close(served)
		_ = s.server.Serve(s.listener) // it ends with Stop
	}()
	t.Cleanup(func() {
		s.server.Stop()
		<-served
	})
}

func (s *service) handle(_ any, raw grpc.ServerStream) error {
	one := &served{stream: &grpc.GenericServerStream[api.StreamS3Request, api.StreamS3Response]{ServerStream: raw}}
	s.mu.Lock()
	n := len(s.streams)
	s.streams = append(s.streams, one)
	s.mu.Unlock()
	if s.answer == nil {
		return one.accept()
	}
	return s.answer(n, one)
}

func (s *service) getDelivery(_ any, _ context.Context, decode func(any) error, _ grpc.UnaryServerInterceptor) (any, error) {
	request := new(api.GetDeliveryRequest)
	if err := decode(request); err != nil {
		return nil, err
	}
	s.mu.Lock()
	s.asked = append(s.asked, request.GetTokens())
	s.mu.Unlock()
	return s.ask(request)
}

// connect makes a client of the service.
func (s *service) connect(t testing.TB, o destinations.Options) *destinations.Client {
	t.Helper()
	o.DialOptions = append(o.DialOptions, grpc.WithContextDialer(func(ctx context.Context, _ string) (net.Conn, error) {
		return s.listener.DialContext(ctx)
	}))
	c, err := destinations.Connect("passthrough:///localhost", o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close(context.Background()) })
	return c
}

// inBubble runs a test with a service in a bubble of time.
func inBubble(t *testing.T, s *service, test func(t *testing.T)) {
	synctest.Test(t, func(t *testing.T) {
		s.start(t)
		test(t)
	})
}

// send sends a text that must be taken.
func send(t *testing.T, c *destinations.Client, text string) *destinations.Receipt {
	t.Helper()
	r, err := c.Send.S3(t.Context(), destinations.S3Event{Bucket: "bucket", Prefix: "p", Payload: text})
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// failure is a status of the service.
func failure(code codes.Code, reason string, details ...protoadapt.MessageV1) error {
	all := append([]protoadapt.MessageV1{&errdetails.ErrorInfo{Reason: reason, Domain: "destinations"}}, details...)
	st, err := status.New(code, fmt.Sprintf("for a test: %s", reason)).WithDetails(all...)
	if err != nil {
		panic(err)
	}
	return st.Err()
}

// retryIn is RetryInfo.
func retryIn(d time.Duration) protoadapt.MessageV1 {
	return &errdetails.RetryInfo{RetryDelay: durationpb.New(d)}
}

// same fails the test unless both are equal messages.
func same(t *testing.T, what string, got, want proto.Message) {
	t.Helper()
	if !proto.Equal(got, want) {
		t.Errorf("%s: got %v, want %v", what, got, want)
	}
}

// must ends the test if err is not nil.
func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
