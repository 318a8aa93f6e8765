package destinations_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"google.golang.org/grpc/codes"

	destinations "github.com/open-destinations/destinations/clients/go"
	"github.com/open-destinations/destinations/clients/go/internal/api"
)

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
				got := (*destinations.ClientFailedError)(nil)
				if err := send(t, c, "event").Wait(t.Context()); !errors.As(err, &got) || got.Code != "INTERNAL" || !strings.Contains(err.Error(), "breaks the rules") {
					t.Errorf("got %v", err)
				}
			})
		})
	}
}

// TestReceiptsMayBeginInTheAnswerBefore, as the service does it where one answer has no room
// for all of them.
func TestReceiptsMayBeginInTheAnswerBefore(t *testing.T) {
	s := &service{answer: func(_ int, one *served) error {
		for {
			r, err := one.next()
			if err != nil {
				return nil
			}
			answer := accepted(r)
			for _, prefix := range map[uint64][]string{1: {"1/", "2/"}, 2: {"3/"}}[r.GetSequence()] {
				answer.Receipts = append(answer.Receipts, &api.Receipt{Bucket: "bucket", Prefix: prefix, Token: prefix})
			}
			if err := one.Send(answer); err != nil {
				return err
			}
		}
	}}
	inBubble(t, s, func(t *testing.T) {
		c := s.connect(t, destinations.Options{})
		for _, prefixes := range [][]string{{"1"}, {"2", "3"}} {
			var receipts []*destinations.Receipt
			for _, prefix := range prefixes {
				r, err := c.Send.S3(t.Context(), destinations.S3Event{Bucket: "bucket", Prefix: prefix, Payload: "x"})
				must(t, err)
				receipts = append(receipts, r)
			}
			must(t, c.Flush(t.Context()))
			for _, r := range receipts {
				if r.Token() != r.Prefix() {
					t.Errorf("got the token %q for %s", r.Token(), r.Prefix())
				}
			}
		}
	})
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

// TestSetTarget waits for the old target's answers, and gives way to Close.
func TestSetTarget(t *testing.T) {
	answering := make(chan struct{})
	s := &service{}
	s.answer = func(n int, one *served) error {
		if n == 0 {
			r, err := one.next()
			if err != nil {
				return err
			}
			select {
			case <-answering:
			case <-one.Context().Done():
				return nil
			}
			if err := one.Send(accepted(r)); err != nil {
				return err
			}
		}
		if n == 2 {
			<-one.Context().Done()
			return nil
		}
		return one.accept()
	}
	inBubble(t, s, func(t *testing.T) {
		answering = make(chan struct{}) // of the bubble
		c := s.connect(t, destinations.Options{CloseTimeout: time.Second})
		first := send(t, c, "for the first")
		synctest.Wait()
		time.Sleep(time.Second)
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		if err := c.SetTarget(ctx, "passthrough:///localhost"); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("before the answer: got %v", err)
		}
		close(answering)
		must(t, c.SetTarget(t.Context(), "passthrough:///localhost"))
		must(t, first.Wait(t.Context()))
		must(t, send(t, c, "for the second").Wait(t.Context()))
		if a, b := s.streams[0].requests[0], s.streams[1].requests[0]; string(a.GetSenderId()) == string(b.GetSenderId()) || b.GetSequence() != 1 || b.GetSettled() != 0 {
			t.Errorf("the new target was sent %v behind %v", b, a)
		}
		must(t, c.SetTarget(t.Context(), "passthrough:///localhost"))
		send(t, c, "never answered")
		time.Sleep(time.Second)
		moved := make(chan error)
		go func() { moved <- c.SetTarget(context.Background(), "passthrough:///localhost") }()
		synctest.Wait()
		if err := c.Close(context.Background()); !errors.As(err, new(*destinations.UnansweredError)) {
			t.Errorf("close: got %v", err)
		}
		if err := <-moved; !errors.Is(err, destinations.ErrClosed) {
			t.Errorf("moving: got %v", err)
		}
	})
}
