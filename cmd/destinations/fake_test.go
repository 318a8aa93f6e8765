package main

import (
	"context"
	"errors"
	"io"
	"net"
	"sync"
	"testing"
	"time"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/durationpb"

	destinationsv1 "github.com/open-destinations/destinations/gen/destinations/v1"
)

// fakeService keeps what it is sent, and the rules of the API: it fails the test
// when a sender breaks one.
type fakeService struct {
	destinationsv1.UnimplementedDestinationsServer
	destinationsv1.UnimplementedOperationsServer
	t testing.TB

	// Set before the service is used. failWith and mute are asked before a request is
	// taken: an error ends the stream there; a mute request is taken and has no answer.
	reject   func(payload []byte) *destinationsv1.Rejection // nil result = accepted
	failWith func(sequence uint64) error
	mute     func(sequence uint64) bool
	idle     func() error                     // asked before a request is read; an error ends the stream
	lose     func(sequence uint64) error      // asked before the answer that reaches a request; an error ends the stream
	instead  *destinationsv1.StreamS3Response // sent in place of every answer
	split    bool                             // rejections come in an answer of their own, before their request's
	flushed  func(*destinationsv1.FlushRequest) (*destinationsv1.FlushResponse, error)

	mu       sync.Mutex                        // guards what follows
	payloads []string                          // accepted, in order, without those of a request that came again
	requests []*destinationsv1.StreamS3Request // each once, by sequence
	received int                               // requests, with those that came again
	streams  int
	sender   string // sender_id of all streams
	answered uint64 // up to which sequence the sender was answered
}

// errEndWithOK makes the fake end a stream as if all were well.
var errEndWithOK = errors.New("OK")

// start serves f on loopback and returns its address.
func (f *fakeService) start(t testing.TB) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	f.serve(t, listener)
	return listener.Addr().String()
}

// serve serves f until the test ends, or the result is called.
func (f *fakeService) serve(t testing.TB, listener net.Listener) (stop func()) {
	t.Helper()
	f.t = t
	server := grpc.NewServer()
	destinationsv1.RegisterDestinationsServer(server, f)
	destinationsv1.RegisterOperationsServer(server, f)
	done := make(chan error, 1)
	go func() { done <- server.Serve(listener) }()
	stop = sync.OnceFunc(func() {
		server.Stop()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	t.Cleanup(stop)
	return stop
}

// StreamS3 answers every request that is not mute.
func (f *fakeService) StreamS3(stream grpc.BidiStreamingServer[destinationsv1.StreamS3Request, destinationsv1.StreamS3Response]) error {
	sequence, settled := f.beginStream(), uint64(0) // of the request before
	for first := true; ; first = false {
		if f.idle != nil && !first {
			if err := f.idle(); err != nil {
				return err
			}
		}
		request, err := stream.Recv()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		if f.failWith != nil {
			err := f.failWith(request.GetSequence())
			if errors.Is(err, errEndWithOK) {
				return nil
			}
			if err != nil {
				return err
			}
		}
		f.check(request, first, sequence, settled)
		sequence, settled = request.GetSequence(), request.GetSettled()
		answer := f.take(request)
		if f.mute != nil && f.mute(sequence) {
			continue
		}
		if f.instead != nil {
			answer = f.instead
		}
		if err := f.answer(stream, answer); err != nil {
			return err
		}
	}
}

// answer sends an answer, in two parts if it is to be split.
func (f *fakeService) answer(stream grpc.BidiStreamingServer[destinationsv1.StreamS3Request, destinationsv1.StreamS3Response], answer *destinationsv1.StreamS3Response) error {
	f.mu.Lock()
	before := f.answered
	f.mu.Unlock()
	if f.split {
		part := &destinationsv1.StreamS3Response{Sequence: before, Rejected: answer.Rejected, Rejections: answer.Rejections}
		answer.Rejected, answer.Rejections = 0, nil
		if err := stream.Send(part); err != nil {
			return err
		}
	}
	if f.lose != nil {
		if err := f.lose(answer.GetSequence()); err != nil {
			return err
		}
	}
	f.mu.Lock()
	f.answered = answer.GetSequence()
	f.mu.Unlock()
	return stream.Send(answer)
}

// beginStream counts a stream, which begins behind what was answered.
func (f *fakeService) beginStream() (sequence uint64) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.streams++
	return f.answered
}

// check fails the test if the request breaks a rule of the API, or is not cut as it
// was when it came before.
func (f *fakeService) check(r *destinationsv1.StreamS3Request, first bool, sequence, settled uint64) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.sender == "" {
		f.sender = string(r.GetSenderId())
	}
	if first && (len(r.GetSenderId()) != 16 || string(r.GetSenderId()) != f.sender || !r.GetReceipts()) {
		f.t.Errorf("got sender %x, receipts %v in a first request, want %x, true", r.GetSenderId(), r.GetReceipts(), f.sender)
	}
	if !first && (len(r.GetSenderId()) != 0 || r.GetReceipts()) {
		f.t.Error("got a sender id or a wish for receipts in a later request")
	}
	if r.GetSequence() != sequence+1 || r.GetSettled() < settled || r.GetSettled() > f.answered || r.GetSequence()-r.GetSettled() > 65_536 {
		f.t.Errorf("got sequence %d, settled %d behind %d, %d, answered %d", r.GetSequence(), r.GetSettled(), sequence, settled, f.answered)
	}
	if n := r.GetSequence(); n <= uint64(len(f.requests)) && !sameCut(f.requests[n-1], r) {
		f.t.Errorf("request %d came again with other events, or to another destination", n)
	}
}

// sameCut says whether two requests are one that came twice.
func sameCut(a, b *destinationsv1.StreamS3Request) bool {
	cut := func(r *destinationsv1.StreamS3Request) *destinationsv1.StreamS3Request {
		return &destinationsv1.StreamS3Request{Events: r.GetEvents(), Bucket: r.GetBucket(), Prefix: r.GetPrefix()}
	}
	return proto.Equal(cut(a), cut(b))
}

// take decides on the events of a request.
func (f *fakeService) take(r *destinationsv1.StreamS3Request) *destinationsv1.StreamS3Response {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.received++
	again := r.GetSequence() <= uint64(len(f.requests))
	if !again {
		f.requests = append(f.requests, r)
	}
	answer := &destinationsv1.StreamS3Response{Sequence: r.GetSequence()}
	for index, event := range r.GetEvents() {
		var rejection *destinationsv1.Rejection
		if f.reject != nil {
			rejection = f.reject(event.GetPayload())
		}
		if rejection != nil {
			rejection.Sequence, rejection.RequestIndex = r.GetSequence(), uint32(index)
			answer.Rejections = append(answer.Rejections, rejection)
		} else if !again {
			f.payloads = append(f.payloads, string(event.GetPayload()))
		}
	}
	answer.Rejected = uint64(len(answer.Rejections))
	answer.Accepted = uint64(len(r.GetEvents())) - answer.Rejected
	if answer.Accepted > 0 {
		answer.Receipts = []*destinationsv1.Receipt{{Bucket: "bkt", Prefix: "p/", Accepted: answer.Accepted, Token: "token"}}
	}
	return answer
}

func (f *fakeService) Flush(_ context.Context, r *destinationsv1.FlushRequest) (*destinationsv1.FlushResponse, error) {
	if f.flushed == nil {
		return nil, status.Error(codes.Unimplemented, "not in this test")
	}
	return f.flushed(r)
}

// endOfStream is an error as the service ends a stream with.
func endOfStream(t testing.TB, code codes.Code, reason string) error {
	t.Helper()
	return detailed(t, code, reason, time.Millisecond)
}

// endOfStreamIn is one that asks for a pause.
func endOfStreamIn(t testing.TB, reason string, pause time.Duration) error {
	t.Helper()
	if reason == "STREAM_AGE" {
		return detailed(t, codes.Unavailable, reason, pause)
	}
	return detailed(t, codes.ResourceExhausted, reason, pause)
}

func detailed(t testing.TB, code codes.Code, reason string, pause time.Duration) error {
	t.Helper()
	st, err := status.New(code, "the journal is full").WithDetails(
		&errdetails.ErrorInfo{Reason: reason, Domain: "destinations", Metadata: map[string]string{"durable_sequence": "1"}},
		&errdetails.RetryInfo{RetryDelay: durationpb.New(pause)},
	)
	if err != nil {
		t.Fatal(err)
	}
	return st.Err()
}
