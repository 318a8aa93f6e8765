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
	"testing/synctest"
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

// TestRefusalsEndTheClient has the service refuse for good.
func TestRefusalsEndTheClient(t *testing.T) {
	for _, want := range []destinations.ClientFailedError{
		{Code: "PERMISSION_DENIED", Reason: "NOT_GRANTED"},
		{Code: "INVALID_ARGUMENT", Reason: "SENDER_ID_INVALID"},
		{Code: "INTERNAL", Reason: "MALFORMED_REQUEST"},
		{Code: "UNAUTHENTICATED", Reason: "TOKEN_EXPIRED"},
	} {
		t.Run(want.Reason, func(t *testing.T) {
			code := map[string]codes.Code{"PERMISSION_DENIED": codes.PermissionDenied, "INVALID_ARGUMENT": codes.InvalidArgument, "INTERNAL": codes.Internal, "UNAUTHENTICATED": codes.Unauthenticated}[want.Code]
			s := &service{answer: func(_ int, one *served) error {
				_, err := one.next()
				return errors.Join(err, failure(code, want.Reason))
			}}
			inBubble(t, s, func(t *testing.T) {
				var told []error
				c := s.connect(t, destinations.Options{OnRejected: func(err error) { told = append(told, err) }, Token: "fixed"})
				r := send(t, c, "event")
				got := (*destinations.ClientFailedError)(nil)
				if err := r.Wait(t.Context()); !errors.As(err, &got) || got.Code != want.Code || got.Reason != want.Reason {
					t.Fatalf("got %v, want %+v", err, want)
				}
				if _, err := c.Send.S3(t.Context(), destinations.S3Event{Bucket: "bucket", Payload: "late"}); !errors.As(err, &got) {
					t.Errorf("a later call: got %v", err)
				}
				if err := c.Flush(t.Context()); !errors.As(err, &got) {
					t.Errorf("flush: got %v", err)
				}
				if err := c.Close(t.Context()); !errors.As(err, &got) {
					t.Errorf("close: got %v", err)
				}
				synctest.Wait()
				if len(told) != 1 {
					t.Errorf("OnRejected was told %v", told)
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

// TestAnswersThatBreakTheRules end the client.
func TestAnswersThatBreakTheRules(t *testing.T) {
	for name, answer := range map[string]*api.StreamS3Response{
		"not sent":         {Sequence: 2},
		"rejects no event": {Sequence: 1, Rejected: 1, Rejections: []*api.Rejection{{Sequence: 1, RequestIndex: 1}}},
		"rejects another":  {Sequence: 1, Rejected: 1, Rejections: []*api.Rejection{{Sequence: 7}}},
	} {
		t.Run(name, func(t *testing.T) {
			s := &service{answer: func(_ int, one *served) error {
				if _, err := one.next(); err != nil {
					return err
				}
				return errors.Join(one.Send(answer), one.accept())
			}}
			inBubble(t, s, func(t *testing.T) {
				c := s.connect(t, destinations.Options{})
				if err := send(t, c, "event").Wait(t.Context()); !errors.As(err, new(*destinations.ClientFailedError)) || !strings.Contains(err.Error(), "breaks the rules") {
					t.Errorf("got %v", err)
				}
			})
		})
	}
}

// TestRejectionsAreOfTheirEvents: the others of the request are accepted.
func TestRejectionsAreOfTheirEvents(t *testing.T) {
	s := &service{answer: func(_ int, one *served) error {
		r, err := one.next()
		if err != nil {
			return err
		}
		// Rejections may come before the answer that reaches their request.
		reject := &api.Rejection{Sequence: 1, RequestIndex: 1, Code: api.RejectionCode_REJECTION_CODE_PAYLOAD_LINE_BREAK, Field: "payload", Reason: "a line break"}
		must := errors.Join(one.Send(&api.StreamS3Response{Rejected: 1, Rejections: []*api.Rejection{reject}}),
			one.Send(&api.StreamS3Response{Sequence: r.GetSequence(), Accepted: 2, Receipts: []*api.Receipt{{Bucket: "bucket", Prefix: "p/", Accepted: 2, Token: "token"}}}))
		return errors.Join(must, one.accept())
	}}
	inBubble(t, s, func(t *testing.T) {
		var told []error
		c := s.connect(t, destinations.Options{OnRejected: func(err error) { told = append(told, err) }})
		receipts := []*destinations.Receipt{send(t, c, "one"), send(t, c, "two\nlines"), send(t, c, "three")}
		must(t, c.Flush(t.Context()))
		must(t, receipts[0].Wait(t.Context()))
		must(t, receipts[2].Wait(t.Context()))
		got := (*destinations.RejectedError)(nil)
		if err := receipts[1].Wait(t.Context()); !errors.As(err, &got) || got.Code != "PAYLOAD_LINE_BREAK" || got.Field != "payload" || got.Bucket != "bucket" {
			t.Errorf("got %v", err)
		}
		if receipts[0].Token() != "token" || receipts[1].Token() != "" || receipts[0].Prefix() != "p/" {
			t.Errorf("got tokens %q and %q, prefix %q", receipts[0].Token(), receipts[1].Token(), receipts[0].Prefix())
		}
		synctest.Wait()
		if stats := c.Stats(); stats.Accepted != 2 || stats.Rejected != 1 || len(told) != 1 {
			t.Errorf("got %+v, told %v", stats, told)
		}
	})
}

// TestBufferFull holds the answers back and fills the buffer in each mode.
func TestBufferFull(t *testing.T) {
	event := destinations.S3Event{Bucket: "bucket", Prefix: "p", Payload: strings.Repeat("x", 400)} // 471 bytes as they count
	third := func(t *testing.T, s *service, o destinations.Options) error {
		o.MaxBufferedBytes, o.CloseTimeout = 1024, time.Second
		c := s.connect(t, o)
		for range 2 {
			_, err := c.Send.S3(t.Context(), event)
			must(t, err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
		defer cancel()
		_, err := c.Send.S3(ctx, event)
		return err
	}
	silent := func() *service {
		return &service{answer: func(_ int, one *served) error {
			<-one.Context().Done()
			return nil
		}}
	}
	full := (*destinations.BufferFullError)(nil)
	for name, test := range map[string]func(t *testing.T, s *service){
		"fail": func(t *testing.T, s *service) {
			if err := third(t, s, destinations.Options{WhenFull: destinations.Fail}); !errors.As(err, &full) || full.Waited != 0 {
				t.Errorf("got %v", err)
			}
		},
		"block": func(t *testing.T, s *service) {
			began := time.Now()
			err := third(t, s, destinations.Options{WhenFull: destinations.Block, BlockTimeout: time.Minute})
			if !errors.As(err, &full) || full.Waited != time.Minute || time.Since(began) != time.Minute {
				t.Errorf("got %v after %v", err, time.Since(began))
			}
		},
		"wait": func(t *testing.T, s *service) {
			began := time.Now()
			if err := third(t, s, destinations.Options{}); !errors.Is(err, context.DeadlineExceeded) || time.Since(began) != time.Hour {
				t.Errorf("got %v after %v", err, time.Since(began))
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			s := silent()
			inBubble(t, s, func(t *testing.T) { test(t, s) })
		})
	}
}

// TestLargeEventsPassAnEmptyBuffer, whatever its size.
func TestLargeEventsPassAnEmptyBuffer(t *testing.T) {
	s := &service{}
	inBubble(t, s, func(t *testing.T) {
		c := s.connect(t, destinations.Options{MaxBufferedBytes: 1024})
		for range 3 {
			send(t, c, strings.Repeat("x", 5000))
		}
		must(t, c.Flush(t.Context()))
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

// TestCloseSaysWhatIsLeft, and again.
func TestCloseSaysWhatIsLeft(t *testing.T) {
	s := &service{answer: func(_ int, one *served) error {
		<-one.Context().Done()
		return nil
	}}
	inBubble(t, s, func(t *testing.T) {
		c := s.connect(t, destinations.Options{CloseTimeout: time.Minute})
		r := send(t, c, "event")
		began := time.Now()
		for range 2 {
			left := (*destinations.UnansweredError)(nil)
			if err := c.Close(context.Background()); !errors.As(err, &left) || left.Events != 1 || left.Bytes != int64(len("event")+len("bucket")+len("p")+64) {
				t.Errorf("got %v", err)
			}
		}
		if took := time.Since(began); took != time.Minute {
			t.Errorf("closing took %v", took)
		}
		if err := r.Wait(t.Context()); !errors.As(err, new(*destinations.UnansweredError)) {
			t.Errorf("the receipt says %v", err)
		}
		if _, err := c.Send.S3(t.Context(), destinations.S3Event{Bucket: "bucket", Payload: "late"}); !errors.Is(err, destinations.ErrClosed) {
			t.Errorf("a late event: got %v", err)
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

// TestDestinations: events of the request's own destination leave it out, others name
// theirs, with no prefix of the request's.
func TestDestinations(t *testing.T) {
	s := &service{}
	inBubble(t, s, func(t *testing.T) {
		c := s.connect(t, destinations.Options{NoReceipts: true})
		for _, e := range []destinations.S3Event{
			{Bucket: "bucket", Prefix: "p", Payload: "1"}, {Bucket: "bucket", Prefix: "p", Payload: "2", ID: "id"},
			{Bucket: "bucket", Payload: map[string]int{"n": 3}}, {Bucket: "other", Prefix: "p", Payload: []byte("4")},
		} {
			_, err := c.Send.S3(t.Context(), e)
			must(t, err)
		}
		must(t, c.Close(t.Context()))
		want := &api.StreamS3Request{
			Bucket: "bucket", Prefix: "p", Sequence: 1, SenderId: s.streams[0].requests[0].GetSenderId(),
			Events: []*api.S3Event{
				{Payload: []byte("1")}, {Payload: []byte("2"), Id: "id"},
				{Bucket: "bucket", Payload: []byte(`{"n":3}`)}, {Bucket: "other", Prefix: proto.String("p"), Payload: []byte("4")},
			},
		}
		same(t, "the request", s.streams[0].requests[0], want)
	})
}

// TestCallsOfBadEvents fail, and nothing else does.
func TestCallsOfBadEvents(t *testing.T) {
	s := &service{}
	inBubble(t, s, func(t *testing.T) {
		c := s.connect(t, destinations.Options{})
		for want, e := range map[string]destinations.S3Event{
			"bucket":  {Payload: "x"},
			"prefix":  {Bucket: "b", Prefix: "\xff", Payload: "x"},
			"id":      {Bucket: "b", ID: "\xff", Payload: "x"},
			"payload": {Bucket: "b", Payload: ""},
		} {
			got := (*destinations.RejectedError)(nil)
			if _, err := c.Send.S3(t.Context(), e); !errors.As(err, &got) || got.Field != want || got.Reason == "" {
				t.Errorf("%s: got %v", want, err)
			}
		}
		if _, err := c.Send.S3(t.Context(), destinations.S3Event{Bucket: "b", Payload: func() {}}); !errors.As(err, new(*destinations.SerializationError)) {
			t.Errorf("got %v", err)
		}
		must(t, send(t, c, "good").Wait(t.Context()))
	})
}

// TestOptions names what is wrong.
func TestOptions(t *testing.T) {
	_, err := destinations.Connect("localhost:1", destinations.Options{
		MaxBufferedBytes: -1, WhenFull: 7, BlockTimeout: -1, BatchBytes: 3 << 20, BatchDelay: -1, MaxStreams: 65,
		ReconnectInitial: time.Second, ReconnectMax: time.Millisecond, KeepaliveTime: time.Second, KeepaliveTimeout: -1, CloseTimeout: -1,
		Token: "t", TokenSource: func() (string, error) { return "", nil },
	})
	if err == nil {
		t.Fatal("got no error")
	}
	for _, field := range []string{"MaxBufferedBytes", "WhenFull", "BlockTimeout", "BatchBytes", "BatchDelay", "MaxStreams", "ReconnectMax", "KeepaliveTime", "KeepaliveTimeout", "CloseTimeout", "Token"} {
		if !slices.ContainsFunc(strings.Split(err.Error(), "\n"), func(line string) bool { return strings.HasPrefix(line, field+":") }) {
			t.Errorf("nothing is said of %s in %q", field, err)
		}
	}
	if _, err := destinations.Connect("example.com:1", destinations.Options{Insecure: true, Token: "secret"}); err == nil || strings.Contains(err.Error(), "secret") {
		t.Errorf("a token over plaintext: got %v", err)
	}
	if _, err := destinations.Connect("", destinations.Options{}); err == nil {
		t.Error("no target: got no error")
	}
}

// TestCallsAllocateLittle: an event costs its interface and a part of its request.
func TestCallsAllocateLittle(t *testing.T) {
	s := &service{answer: func(_ int, one *served) error {
		<-one.Context().Done()
		return nil
	}}
	s.start(t)
	c := s.connect(t, destinations.Options{CloseTimeout: time.Millisecond})
	payload := bytes.Repeat([]byte("x"), 400)
	ctx := t.Context()
	got := testing.AllocsPerRun(20_000, func() {
		if _, err := c.Send.S3(ctx, destinations.S3Event{Bucket: "bucket", Prefix: "p", Payload: payload}); err != nil {
			t.Fatal(err)
		}
	})
	if got > 2 {
		t.Errorf("got %v allocations for an event, want at most 2", got)
	}
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
