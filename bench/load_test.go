package main

import (
	"context"
	"errors"
	"io"
	"net"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	destinationsv1 "github.com/open-destinations/destinations/gen/destinations/v1"
)

// errEnd ends a stream as if all were well.
var errEnd = errors.New("end")

// service answers every request by itself, unless a test says otherwise.
type service struct {
	destinationsv1.UnimplementedDestinationsServer
	change func(*destinationsv1.StreamS3Response) error // may be nil; an error ends the stream
}

func (s *service) StreamS3(stream grpc.BidiStreamingServer[destinationsv1.StreamS3Request, destinationsv1.StreamS3Response]) error {
	for {
		request, err := stream.Recv()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		answer := &destinationsv1.StreamS3Response{Sequence: request.Sequence, Accepted: uint64(len(request.Events))}
		if s.change != nil {
			err := s.change(answer)
			if errors.Is(err, errEnd) {
				return nil
			}
			if err != nil {
				return err
			}
		}
		if err := stream.Send(answer); err != nil {
			return err
		}
	}
}

// sendTo runs a short load against a service.
func sendTo(t *testing.T, s *service, p loadParams) (*load, error) {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	srv := grpc.NewServer()
	destinationsv1.RegisterDestinationsServer(srv, s)
	done := make(chan error, 1)
	go func() { done <- srv.Serve(listener) }()
	defer func() {
		srv.Stop()
		if err := <-done; err != nil {
			t.Error(err)
		}
	}()
	p.Target, p.Corpus, p.Spread = listener.Addr().String(), newTestCorpus(t), spread{destinations: 10}
	l := &load{}
	return l, l.run(t.Context(), p)
}

func TestLoadCountsWhatIsAnswered(t *testing.T) {
	l, err := sendTo(t, &service{}, loadParams{Duration: 100 * time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	events, last, latencies := l.sum()
	if events == 0 || uint64(events) != l.acked.Load() || !last.After(l.began) {
		t.Errorf("got %d events, %d acknowledged, the last %v after the beginning", events, l.acked.Load(), last.Sub(l.began))
	}
	if latencies[0] <= 0 {
		t.Errorf("got a latency of %v", latencies[0])
	}
	for i, s := range l.streams {
		if len(s.sent) == 0 || len(s.sent) != len(s.latencies) {
			t.Errorf("stream %d: %d requests sent, %d answered, want as many", i, len(s.sent), len(s.latencies))
		}
	}
}

func TestLoadFailsWhenTheServiceDoes(t *testing.T) {
	tests := []struct {
		name   string
		change func(*destinationsv1.StreamS3Response) error
		want   string
	}{
		{"it ends the stream", func(a *destinationsv1.StreamS3Response) error {
			if a.Sequence > 3 {
				return status.Error(codes.Unavailable, "stopping")
			}
			return nil
		}, "stopping"},
		{"it ends the stream as if all were answered", func(a *destinationsv1.StreamS3Response) error {
			if a.Sequence > 3 {
				return errEnd
			}
			return nil
		}, "unanswered"},
		{"it rejects an event", func(a *destinationsv1.StreamS3Response) error {
			a.Accepted--
			a.Rejected++
			return nil
		}, "1 rejected"},
		{"it forgets an event", func(a *destinationsv1.StreamS3Response) error {
			a.Accepted--
			return nil
		}, "99 accepted"},
		{"it answers what was not sent", func(a *destinationsv1.StreamS3Response) error {
			a.Sequence += 1000
			return nil
		}, "answered up to"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			l, err := sendTo(t, &service{change: tt.change}, loadParams{Duration: 10 * time.Second})
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("got %v, want %q", err, tt.want)
			}
			for i, s := range l.streams {
				if len(s.sent) < len(s.latencies) {
					t.Errorf("stream %d: %d requests answered, %d sent", i, len(s.latencies), len(s.sent))
				}
			}
		})
	}
}

func TestPaceSharesTheRateAmongTheStreams(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		began := time.Now()
		for stream := range streams {
			began := time.Now()
			p := newPace(20_000, stream, began)
			requests := 0
			for {
				planned, ok := p.wait(t.Context(), began.Add(10*time.Second))
				if !ok {
					break
				}
				if !planned.Equal(time.Now()) {
					t.Fatalf("stream %d: it is %v, want %v", stream, time.Now(), planned)
				}
				requests++
			}
			if want := 20_000 * 10 / eventsPerRequest / streams; requests != want {
				t.Errorf("stream %d: got %d requests in 10s, want %d", stream, requests, want)
			}
		}
		if took := time.Since(began); took > streams*10*time.Second {
			t.Errorf("took %v", took)
		}
	})
}

func TestPaceCatchesUpWithItsPlan(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPace(20_000, 0, time.Now())
		until := time.Now().Add(time.Hour)
		late := time.NewTimer(time.Second)
		<-late.C
		for range 25 { // of a second
			planned, ok := p.wait(t.Context(), until)
			if !ok || !planned.Before(time.Now()) {
				t.Fatalf("got %v, %v at %v, want what was missed", planned, ok, time.Now())
			}
		}
		ended, cancel := context.WithCancel(t.Context())
		cancel()
		p.wait(t.Context(), until)
		if _, ok := p.wait(ended, until); ok {
			t.Error("goes on when it was stopped")
		}
	})
}
