package main

import (
	"context"
	"errors"
	"io"
	"net"
	"sync"
	"testing"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	destinationsv1 "github.com/open-destinations/destinations/gen/destinations/v1"
)

// fakeService keeps what it is sent, and the rules of the API: it fails the test
// when a sender breaks one.
type fakeService struct {
	destinationsv1.UnimplementedDestinationsServer
	destinationsv1.UnimplementedOperationsServer
	t testing.TB

	// Set before the service is used.
	reject   func(payload []byte) *destinationsv1.Rejection // nil result = accepted
	failWith func(sequence uint64) error                    // asked before a request is taken
	flushed  func(*destinationsv1.FlushRequest) (*destinationsv1.FlushResponse, error)

	mu       sync.Mutex // guards what follows
	payloads []string   // accepted, in order
	requests []*destinationsv1.SendS3Request
	streams  int
	sender   string // sender_id of all streams
	sequence uint64 // of the last request
}

// start serves f on loopback and returns its address.
func (f *fakeService) start(t testing.TB) string {
	t.Helper()
	f.t = t
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	server := grpc.NewServer()
	destinationsv1.RegisterDestinationsServer(server, f)
	destinationsv1.RegisterOperationsServer(server, f)
	done := make(chan error, 1)
	go func() { done <- server.Serve(listener) }()
	t.Cleanup(func() {
		server.Stop()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	return listener.Addr().String()
}

func (f *fakeService) SendS3(stream grpc.ClientStreamingServer[destinationsv1.SendS3Request, destinationsv1.SendS3Response]) error {
	answer := &destinationsv1.SendS3Response{}
	index, settledAtStart := uint64(0), f.beginStream()
	for first := true; ; first = false {
		request, err := stream.Recv()
		if errors.Is(err, io.EOF) {
			answer.Receipts = []*destinationsv1.Receipt{{Bucket: "bkt", Prefix: "p/", Accepted: answer.Accepted, Token: "token"}}
			return stream.SendAndClose(answer)
		}
		if err != nil {
			return err
		}
		if f.failWith != nil {
			if err := f.failWith(request.GetSequence()); err != nil {
				return err
			}
		}
		f.check(request, first, settledAtStart)
		index = f.take(request, index, answer)
	}
}

// beginStream counts a stream; its requests may say that all before is settled.
func (f *fakeService) beginStream() uint64 {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.streams++
	return f.sequence
}

// check fails the test if the request breaks a rule of the API.
func (f *fakeService) check(r *destinationsv1.SendS3Request, first bool, settled uint64) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.sender == "" {
		f.sender = string(r.GetSenderId())
	}
	if first && (len(r.GetSenderId()) != 16 || string(r.GetSenderId()) != f.sender) {
		f.t.Errorf("got sender %x in a first request, want %x", r.GetSenderId(), f.sender)
	}
	if !first && len(r.GetSenderId()) != 0 {
		f.t.Error("got a sender id in a later request")
	}
	if r.GetSequence() != f.sequence+1 || r.GetSettled() != settled || r.GetSequence()-r.GetSettled() > 65_536 {
		f.t.Errorf("got sequence %d, settled %d behind %d, %d", r.GetSequence(), r.GetSettled(), f.sequence, settled)
	}
	f.sequence = r.GetSequence()
}

// take decides on the events of a request, the first of which is at index.
func (f *fakeService) take(r *destinationsv1.SendS3Request, index uint64, answer *destinationsv1.SendS3Response) uint64 {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.requests = append(f.requests, r)
	for _, event := range r.GetEvents() {
		var rejection *destinationsv1.Rejection
		if f.reject != nil {
			rejection = f.reject(event.GetPayload())
		}
		if rejection == nil {
			answer.Accepted++
			f.payloads = append(f.payloads, string(event.GetPayload()))
		} else {
			answer.Rejected++
			rejection.Index = index
			if len(answer.Rejections) < 1000 {
				answer.Rejections = append(answer.Rejections, rejection)
			}
		}
		index++
	}
	return index
}

func (f *fakeService) Flush(_ context.Context, r *destinationsv1.FlushRequest) (*destinationsv1.FlushResponse, error) {
	if f.flushed == nil {
		return nil, status.Error(codes.Unimplemented, "not in this test")
	}
	return f.flushed(r)
}

// endOfStream is an error as the service ends a stream with.
func endOfStream(t testing.TB, code codes.Code, reason, durable string) error {
	t.Helper()
	st, err := status.New(code, "the journal is full").WithDetails(&errdetails.ErrorInfo{
		Reason:   reason,
		Domain:   "destinations",
		Metadata: map[string]string{"durable_sequence": durable},
	})
	if err != nil {
		t.Fatal(err)
	}
	return st.Err()
}
