package destinations_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/protobuf/proto"

	destinations "github.com/open-destinations/destinations/clients/go"
	"github.com/open-destinations/destinations/clients/go/internal/api"
)

// TestUnansweredIsSentAgainAsItWas ends streams in every way that a later one may cure,
// and compares what comes over the next one.
func TestUnansweredIsSentAgainAsItWas(t *testing.T) {
	ends := map[string]error{
		"age":      failure(codes.Unavailable, "STREAM_AGE", retryIn(time.Second)),
		"shutdown": failure(codes.Unavailable, "SHUTTING_DOWN", retryIn(time.Second)),
		"full":     failure(codes.ResourceExhausted, "JOURNAL_FULL", retryIn(time.Second)),
		"fast":     failure(codes.ResourceExhausted, "RATE_EXCEEDED", retryIn(time.Second)),
		"many":     failure(codes.ResourceExhausted, "TOO_MANY_CALLS", retryIn(time.Second)),
		"broken":   failure(codes.Internal, "JOURNAL_BROKEN"),
		"ok":       nil,
	}
	for name, end := range ends {
		t.Run(name, func(t *testing.T) {
			s := &service{}
			s.answer = func(n int, one *served) error {
				if n > 0 {
					return one.accept()
				}
				for i := range 3 {
					r, err := one.next()
					if err != nil {
						return err
					}
					if i == 0 {
						if err := one.Send(accepted(r)); err != nil {
							return err
						}
					}
				}
				return end
			}
			inBubble(t, s, func(t *testing.T) {
				c := s.connect(t, destinations.Options{})
				for i := range 3 {
					send(t, c, fmt.Sprintf("event %d", i))
					time.Sleep(10 * time.Millisecond) // in the bubble: longer than BatchDelay
				}
				must(t, c.Flush(t.Context()))
				if stats := c.Stats(); stats.Accepted != 3 || stats.Reconnects != 1 || stats.LastError != nil {
					t.Errorf("got %+v", stats)
				}
				must(t, c.Close(t.Context()))
				first, second := s.streams[0].requests, s.streams[1].requests
				if len(first) != 3 || len(second) != 2 || !bytes.Equal(first[0].GetSenderId(), second[0].GetSenderId()) || len(first[0].GetSenderId()) != 16 {
					t.Fatalf("got %v, then %v", first, second)
				}
				for i, again := range second {
					if again.GetSettled() < 1 {
						t.Errorf("request %d does not say that the first is settled", again.GetSequence())
					}
					again.Settled, again.SenderId, again.Receipts = first[i+1].Settled, first[i+1].SenderId, first[i+1].Receipts
					same(t, "sent again", again, first[i+1])
				}
			})
		})
	}
}

// TestFreshTokensAreTriedAgain: what is unauthenticated now may not be with the next token.
func TestFreshTokensAreTriedAgain(t *testing.T) {
	s := &service{answer: func(n int, one *served) error {
		if n < 2 {
			return failure(codes.Unauthenticated, "TOKEN_EXPIRED")
		}
		return one.accept()
	}}
	inBubble(t, s, func(t *testing.T) {
		asked := 0
		c := s.connect(t, destinations.Options{TokenSource: func() (string, error) { asked++; return "fresh", nil }})
		must(t, send(t, c, "event").Wait(t.Context()))
		if asked != 3 {
			t.Errorf("asked for a token %d times, want 3", asked)
		}
	})
}

// TestTokensThatNoHeaderCanSay are asked for again, and not shown.
func TestTokensThatNoHeaderCanSay(t *testing.T) {
	s := &service{}
	inBubble(t, s, func(t *testing.T) {
		asked, tokens := 0, []string{"secret\n", "s\u00e9cret", "", "fresh"}
		c := s.connect(t, destinations.Options{TokenSource: func() (string, error) { asked++; return tokens[asked-1], nil }})
		r := send(t, c, "event")
		<-time.After(10 * time.Millisecond) // in the bubble's time
		if last := fmt.Sprint(c.Stats().LastError); !strings.Contains(last, "visible ASCII") || strings.Contains(last, "secret") {
			t.Errorf("got %q", last)
		}
		must(t, r.Wait(t.Context()))
		if asked != len(tokens) {
			t.Errorf("asked for a token %d times, want %d", asked, len(tokens))
		}
	})
}

// TestCloseDoesNotWaitForAToken that does not come.
func TestCloseDoesNotWaitForAToken(t *testing.T) {
	s := &service{}
	inBubble(t, s, func(t *testing.T) {
		comes := make(chan struct{})
		defer close(comes)
		c := s.connect(t, destinations.Options{TokenSource: func() (string, error) { <-comes; return "late", nil }})
		send(t, c, "event")
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		got, began := (*destinations.UnansweredError)(nil), time.Now()
		if err := c.Close(ctx); !errors.As(err, &got) || got.Events != 1 {
			t.Errorf("got %v", err)
		}
		if took := time.Since(began); took > time.Second {
			t.Errorf("it took %v", took)
		}
	})
}

// TestTooLargeRequests: the largest request is rejected, everything else arrives.
func TestTooLargeRequests(t *testing.T) {
	s := &service{answer: func(_ int, one *served) error {
		for {
			r, err := one.next()
			if err != nil {
				return nil
			}
			if proto.Size(r) > 1000 {
				return failure(codes.ResourceExhausted, "REQUEST_TOO_LARGE")
			}
			if err := one.Send(accepted(r)); err != nil {
				return err
			}
		}
	}}
	inBubble(t, s, func(t *testing.T) {
		c := s.connect(t, destinations.Options{BatchBytes: 100})
		small, large, behind := send(t, c, "small"), send(t, c, strings.Repeat("x", 2000)), send(t, c, "behind")
		must(t, small.Wait(t.Context()))
		must(t, behind.Wait(t.Context()))
		got := (*destinations.RejectedError)(nil)
		if err := large.Wait(t.Context()); !errors.As(err, &got) || got.Code != "REQUEST_TOO_LARGE" {
			t.Errorf("got %v", err)
		}
	})
}

// TestPausesGrow: a service that is away is tried again after pauses that double up to
// the largest, each with a random part.
func TestPausesGrow(t *testing.T) {
	var at []time.Time
	s := &service{answer: func(n int, one *served) error {
		at = append(at, time.Now())
		if n < 8 {
			return failure(codes.Unavailable, "SHUTTING_DOWN")
		}
		return one.accept()
	}}
	inBubble(t, s, func(t *testing.T) {
		c := s.connect(t, destinations.Options{ReconnectInitial: time.Second, ReconnectMax: 8 * time.Second})
		must(t, send(t, c, "event").Wait(t.Context()))
		for i, most := range []time.Duration{1, 2, 4, 8, 8, 8, 8, 8} {
			if pause := at[i+1].Sub(at[i]); pause < most*time.Second/2 || pause > most*time.Second {
				t.Errorf("pause %d: got %v, want %v to %v", i, pause, most*time.Second/2, most*time.Second)
			}
		}
	})
}

// TestManySendersAtOnce lets goroutines send while streams end again and again: each
// request is answered once, and what comes again is the same.
func TestManySendersAtOnce(t *testing.T) {
	const senders, each = 8, 500
	s := &service{}
	s.answer = func(n int, one *served) error {
		for i := 0; ; i++ {
			r, err := one.next()
			if err != nil {
				return nil
			}
			if i == 5 && n < 50 {
				return failure(codes.Unavailable, "STREAM_AGE")
			}
			if err := one.Send(accepted(r)); err != nil {
				return err
			}
		}
	}
	s.start(t)
	c := s.connect(t, destinations.Options{BatchBytes: 2000, MaxBufferedBytes: 64 << 10, ReconnectInitial: time.Millisecond})
	var running sync.WaitGroup
	for i := range senders {
		running.Go(func() {
			for n := range each {
				r, err := c.Send.S3(t.Context(), destinations.S3Event{Bucket: "bucket", Prefix: fmt.Sprint(i), Payload: fmt.Sprint(n)})
				if err == nil && n%50 == 0 {
					err = r.Wait(t.Context())
				}
				if err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
	running.Wait()
	must(t, c.Close(t.Context()))
	events := map[uint64][]*api.S3Event{}
	total := 0
	for _, one := range s.streams {
		for _, r := range one.requests {
			if before, again := events[r.GetSequence()]; !again {
				total += len(r.GetEvents())
				events[r.GetSequence()] = r.GetEvents()
			} else if !slices.EqualFunc(before, r.GetEvents(), func(a, b *api.S3Event) bool { return proto.Equal(a, b) }) {
				t.Errorf("request %d is another one when it is sent again", r.GetSequence())
			}
		}
	}
	if stats := c.Stats(); total != senders*each || stats.Accepted != senders*each {
		t.Errorf("%d events were sent, %d accepted; want %d", total, stats.Accepted, senders*each)
	}
}
