package traffic_test

import (
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"sync"
	"testing"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/durationpb"

	"github.com/open-destinations/destinations/e2e/harness"
	destinationsv1 "github.com/open-destinations/destinations/gen/destinations/v1"
)

// service takes events, drops those that it has taken already, and refuses, breaks
// off and loses answers at random. It is strict: a client that sends what it may not
// fails the test.
type service struct {
	destinationsv1.UnimplementedDestinationsServer
	t      *testing.T
	faulty float64 // part of the requests that something happens to

	mu       sync.Mutex
	random   *rand.Rand
	requests map[string]string              // by sender and sequence: what was in it
	taken    map[string]bool                // payloads
	order    map[harness.Destination][]line // what was taken
	dropped  uint64                         // duplicates
}

type line = []byte

// serve starts a service and returns it with its address.
func serve(t *testing.T, faulty float64) (*service, string) {
	t.Helper()
	s := &service{
		t: t, faulty: faulty, random: rand.New(rand.NewPCG(1, 2)),
		requests: map[string]string{}, taken: map[string]bool{}, order: map[harness.Destination][]line{},
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	srv := grpc.NewServer()
	destinationsv1.RegisterDestinationsServer(srv, s)
	done := make(chan error, 1)
	go func() { done <- srv.Serve(listener) }()
	t.Cleanup(func() {
		srv.Stop()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	return s, listener.Addr().String()
}

// SendS3 implements the API.
func (s *service) SendS3(call grpc.ClientStreamingServer[destinationsv1.SendS3Request, destinationsv1.SendS3Response]) error {
	answer := &destinationsv1.SendS3Response{}
	var sender []byte
	before := uint64(0)
	for {
		r, err := call.Recv()
		if errors.Is(err, io.EOF) {
			if s.draw() {
				return status.Error(codes.Unavailable, "the answer is lost")
			}
			return call.SendAndClose(answer)
		}
		if err != nil {
			return err
		}
		if len(r.SenderId) > 0 {
			sender = r.SenderId
		}
		s.check(sender, before, r.Sequence, r.Settled)
		before = r.Sequence
		if err := s.take(sender, r.Sequence, r.Events); err != nil {
			return err
		}
		answer.Accepted += uint64(len(r.Events))
	}
}

// StreamS3 implements the API.
func (s *service) StreamS3(call grpc.BidiStreamingServer[destinationsv1.StreamS3Request, destinationsv1.StreamS3Response]) error {
	var sender []byte
	before, owed := uint64(0), uint64(0)
	for {
		r, err := call.Recv()
		if err != nil && !errors.Is(err, io.EOF) {
			return err
		}
		if err != nil && before > 0 {
			return call.Send(&destinationsv1.StreamS3Response{Sequence: before, Accepted: owed})
		}
		if err != nil {
			return nil
		}
		if before == 0 {
			sender = r.SenderId
		}
		if r.Sequence <= before {
			s.t.Errorf("sequence %d behind %d", r.Sequence, before)
		}
		s.check(sender, before, r.Sequence, r.Settled)
		before = r.Sequence
		if err := s.take(sender, r.Sequence, r.Events); err != nil {
			return err
		}
		if owed += uint64(len(r.Events)); r.Sequence%3 != 0 {
			continue // one answer for several
		}
		if err := call.Send(&destinationsv1.StreamS3Response{Sequence: r.Sequence, Accepted: owed}); err != nil {
			return err
		}
		owed = 0
	}
}

// check fails the test if a request breaks the rules of numbering.
func (s *service) check(sender []byte, before, sequence, settled uint64) {
	if sequence == 0 && settled == 0 && sender == nil {
		return
	}
	if sequence <= before || settled >= sequence || sender != nil && len(sender) != 16 {
		s.t.Errorf("sequence %d behind %d, settled %d, sender %x", sequence, before, settled, sender)
	}
}

// draw says whether something happens now.
func (s *service) draw() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.random.Float64() < s.faulty
}

// take takes the events of a request, or an error happens before or behind that.
func (s *service) take(sender []byte, sequence uint64, events []*destinationsv1.S3Event) error {
	if s.draw() {
		full, err := status.New(codes.ResourceExhausted, "full").WithDetails(
			&errdetails.ErrorInfo{Reason: "JOURNAL_FULL"}, &errdetails.RetryInfo{RetryDelay: durationpb.New(1)})
		if err != nil {
			return err
		}
		return full.Err()
	}
	s.note(sender, sequence, events)
	if s.draw() {
		return status.Error(codes.Unavailable, "cut behind the commit")
	}
	return nil
}

// note takes events that were not taken before.
func (s *service) note(sender []byte, sequence uint64, events []*destinationsv1.S3Event) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if sender != nil {
		key, text := fmt.Sprintf("%x %d", sender, sequence), fmt.Sprint(events)
		if before, ok := s.requests[key]; ok && before != text {
			s.t.Errorf("request %s was sent again with other events", key)
		}
		s.requests[key] = text
	}
	for _, e := range events {
		if s.taken[string(e.Payload)] {
			s.dropped++
			continue
		}
		s.taken[string(e.Payload)] = true
		if (sender == nil) != (e.Id != "") {
			s.t.Errorf("sender %x and id %q, want one of them", sender, e.Id)
		}
		to := harness.Destination{Bucket: e.Bucket, Prefix: e.GetPrefix()}
		s.order[to] = append(s.order[to], e.Payload)
	}
}
