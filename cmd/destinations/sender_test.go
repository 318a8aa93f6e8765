package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	destinationsv1 "github.com/open-destinations/destinations/gen/destinations/v1"
)

// bubbleSender sends to f through memory, so that it can live in a bubble, whose
// clock stands still while anything runs.
func bubbleSender(t *testing.T, f *fakeService, limits sendLimits, stderr io.Writer) (s *sender, end func()) {
	t.Helper()
	network := memoryNet{}
	listener, err := network.listen("", "api")
	if err != nil {
		t.Fatal(err)
	}
	stop := f.serve(t, listener)
	conn := network.dial(t, "api")
	s = newSender(t.Context(), testSenderParams(conn, limits, stderr))
	return s, func() {
		conn.Close()
		stop()
	}
}

// smallLimits cut requests of two events, four of them at once.
func smallLimits() sendLimits {
	return sendLimits{requestEvents: 2, requestBytes: 1 << 20, linger: time.Hour, requests: 4, bytes: 1 << 20}
}

// addLines adds the events "1" to the given number, from the lines of a file.
func addLines(t *testing.T, s *sender, lines int) {
	t.Helper()
	for line := range lines {
		if err := s.add(t.Context(), fmt.Append(nil, line+1), place{file: "f", line: uint64(line + 1)}); err != nil {
			t.Fatal(err)
		}
	}
}

// numbers are the texts of 1 to n.
func numbers(n int) []string {
	var texts []string
	for i := range n {
		texts = append(texts, strconv.Itoa(i+1))
	}
	return texts
}

// Whatever cuts streams, everything arrives once more than it was answered: the fake
// fails the test if a request comes again with another number or cut.
func TestSenderResendsWhatHasNoAnswer(t *testing.T) {
	for _, test := range []struct {
		name string
		err  error
	}{
		{"cut", status.Error(codes.Unavailable, "connection reset by peer")},
		{"stream reset", status.Error(codes.Internal, "stream terminated by RST_STREAM")},
		{"stream cancelled on the way", status.Error(codes.Canceled, "stream terminated by RST_STREAM")},
		{"age", endOfStream(t, codes.Unavailable, "STREAM_AGE")},
		{"stopping", endOfStream(t, codes.Unavailable, "SHUTTING_DOWN")},
		{"full", endOfStream(t, codes.ResourceExhausted, "JOURNAL_FULL")},
		{"no memory", endOfStream(t, codes.ResourceExhausted, "MEMORY_FULL")},
		{"too many calls", endOfStream(t, codes.ResourceExhausted, "TOO_MANY_CALLS")},
		{"too fast", endOfStream(t, codes.ResourceExhausted, "RATE_EXCEEDED")},
	} {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				random := rand.New(rand.NewPCG(1, 2))
				fake := &fakeService{
					failWith: func(uint64) error {
						if random.IntN(5) == 0 {
							return test.err
						}
						return nil
					},
					// One of four outstanding requests is answered, lest all wait for good.
					mute: func(sequence uint64) bool { return sequence%4 != 0 && random.IntN(3) != 0 },
				}
				s, end := bubbleSender(t, fake, smallLimits(), io.Discard)
				defer end()
				addLines(t, s, 400)
				if err := s.finish(); err != nil {
					t.Fatal(err)
				}
				if !slices.Equal(fake.payloads, numbers(400)) || len(fake.requests) != 200 || s.Report.counted().Accepted != 400 {
					t.Errorf("got %d events, %d requests, %+v", len(fake.payloads), len(fake.requests), s.Report.counted())
				}
				if fake.streams < 10 || fake.received <= 200 {
					t.Errorf("got %d streams, %d requests with resent ones: nothing was proven", fake.streams, fake.received)
				}
			})
		})
	}
}

// What is said of a request counts when it is answered: a rejection in a part of an
// answer, whose rest is lost with the stream, is said again.
func TestRejectionsOfAResentRequestCountOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		fails := 3
		fake := &fakeService{split: true, reject: func(payload []byte) *destinationsv1.Rejection {
			if number, _ := strconv.Atoi(string(payload)); number%10 == 3 {
				return &destinationsv1.Rejection{Field: "payload", Reason: "no"}
			}
			return nil
		}}
		fake.lose = func(sequence uint64) error {
			if sequence == 7 && fails > 0 { // events 13 and 14
				fails--
				return status.Error(codes.Unavailable, "cut")
			}
			return nil
		}
		var stderr bytes.Buffer
		s, end := bubbleSender(t, fake, smallLimits(), &stderr)
		defer end()
		addLines(t, s, 30)
		if err := s.finish(); err != nil {
			t.Fatal(err)
		}
		<-time.After(tellAfter) // the last one might have been the first of several
		synctest.Wait()
		want := "f:3: payload: no\n" +
			"destinations send: no service answers at test (--target): cut; trying again for up to 1m0s\n" +
			"f:13: payload: no\nf:23: payload: no\n"
		if got := s.Report.counted(); got != (sendCounts{Accepted: 27, Rejected: 3}) || stderr.String() != want || fake.streams != 4 {
			t.Errorf("got %+v, %d streams, %q; want %q", got, fake.streams, stderr.String(), want)
		}
	})
}

// An event that is larger than a request may be costs only itself, though the service
// ends the stream for it.
func TestSendLeavesOutAnEventThatIsTooLargeARequest(t *testing.T) {
	for name, end := range map[string]error{
		"service": endOfStream(t, codes.ResourceExhausted, "REQUEST_TOO_LARGE"),
		"gRPC":    status.Error(codes.ResourceExhausted, "grpc: received message larger than max (9 vs. 8)"),
	} {
		t.Run(name, func(t *testing.T) {
			var refused atomic.Bool
			fake := &fakeService{failWith: func(sequence uint64) error {
				if sequence == 2 && !refused.Swap(true) {
					return end
				}
				return nil
			}}
			got := invocation{
				args:  []string{"send", "--bucket", "bkt", "--target", fake.start(t), "--max-payload-size", "1MiB"},
				stdin: "1\n" + strings.Repeat("2", 600_000) + "\n3\n",
			}.run(t)
			if got.code != exitFailed || !slices.Equal(fake.payloads, []string{"1", "3"}) ||
				!strings.Contains(got.stderr, "stdin:2: payload: ResourceExhausted") || !strings.Contains(got.stderr, "\naccepted 2, rejected 1\n") {
				t.Errorf("got %+v, events of %d", got, len(fake.payloads))
			}
		})
	}
}

// unavailable is an error of a service that is not there.
var unavailable = status.Error(codes.Unavailable, "nobody there")

func TestSenderGivesUpWithoutProgress(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		fake := &fakeService{failWith: func(sequence uint64) error {
			if sequence > 2 {
				return unavailable
			}
			return nil
		}}
		s, end := bubbleSender(t, fake, smallLimits(), io.Discard)
		defer end()
		addLines(t, s, 4)
		synctest.Wait()
		begun := time.Now()
		addLines(t, s, 2)
		err := s.finish()
		want := "no service answers at test (--target): nobody there; tried for 1m0s without progress (--retry-for); " +
			"events up to f:4 are durable, those behind it may or may not be"
		if err == nil || err.Error() != want || time.Since(begun) != time.Minute {
			t.Errorf("got %v after %v, want %s after a minute", err, time.Since(begun), want)
		}
		if fake.streams < 8 || fake.streams > 20 {
			t.Errorf("got %d streams in a minute, want one now and then", fake.streams)
		}
		if err := s.add(t.Context(), []byte("x"), place{}); err != errSendingEnded {
			t.Errorf("add behind the end: got %v", err)
		}
	})
}

// The time without progress begins anew with every answer.
func TestProgressRenewsTheSendersPatience(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		begun := time.Now()
		fake := &fakeService{}
		fake.failWith = func(sequence uint64) error {
			if time.Since(begun) < time.Duration(sequence)*50*time.Second {
				return unavailable
			}
			return nil
		}
		s, end := bubbleSender(t, fake, smallLimits(), io.Discard)
		defer end()
		addLines(t, s, 20)
		if err := s.finish(); err != nil || time.Since(begun) < 500*time.Second {
			t.Errorf("got %v after %v, want 500s", err, time.Since(begun))
		}
	})
}

// A stream that ends while everything is answered costs nothing: the next one is
// opened when there is something to send.
func TestStreamThatEndsIdleIsNoFailure(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		fake, over := &fakeService{}, make(chan struct{})
		first := true
		fake.idle = func() error {
			if !first {
				return nil
			}
			first = false
			<-over
			return endOfStream(t, codes.Unavailable, "STREAM_AGE")
		}
		var stderr bytes.Buffer
		s, end := bubbleSender(t, fake, smallLimits(), &stderr)
		defer end()
		addLines(t, s, 2)
		synctest.Wait()
		close(over)
		synctest.Wait()
		begun := time.Now()
		addLines(t, s, 2)
		if err := s.finish(); err != nil || stderr.Len() > 0 || fake.streams != 2 || time.Since(begun) != 0 {
			t.Errorf("got %v, %q, %d streams, %v", err, stderr.String(), fake.streams, time.Since(begun))
		}
	})
}

func TestRetryInfoIsTheLeastPause(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for _, test := range []struct {
			end      streamEnd
			min, max time.Duration
			ok       bool
		}{
			{streamEnd{err: unavailable}, 100 * time.Millisecond, 300 * time.Millisecond, true},
			{streamEnd{err: endOfStreamIn(t, "JOURNAL_FULL", 7*time.Second)}, 7100 * time.Millisecond, 7300 * time.Millisecond, true},
			{streamEnd{err: endOfStreamIn(t, "JOURNAL_FULL", time.Hour)}, 0, 0, false}, // beyond the limit
			{streamEnd{err: endOfStreamIn(t, "STREAM_AGE", time.Hour), progressed: true}, time.Hour, time.Hour + time.Second, true},
			{streamEnd{err: endOfStreamIn(t, "REQUEST_TOO_LARGE", 0)}, 0, 0, false},
			{streamEnd{err: endOfStream(t, codes.Unauthenticated, "CREDENTIAL_INVALID"), progressed: true}, 100 * time.Millisecond, 300 * time.Millisecond, true},
			{streamEnd{err: endOfStream(t, codes.Unauthenticated, "CREDENTIAL_INVALID")}, 0, 0, false},
			{streamEnd{err: errEndedEarly}, 0, 0, false},
		} {
			wait, ok := newPatience(time.Minute).next(test.end)
			if ok != test.ok || wait < test.min || wait > test.max {
				t.Errorf("%v: got %v, %v; want %v to %v, %v", test.end.err, wait, ok, test.min, test.max, test.ok)
			}
		}
	})
}

// With nobody answering, a file of any length waits: what was read of it is what the
// limits allow and the buffers of a reader hold.
func TestSenderHoldsABoundedPartOfAnEndlessFile(t *testing.T) {
	for _, test := range []struct {
		name string
		line int // its length
	}{{"short lines", 1}, {"lines of 400 bytes", 400}, {"lines of the largest size", 1 << 20}} {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				fake := &fakeService{mute: func(uint64) bool { return true }}
				limits := defaultSendLimits()
				s, end := bubbleSender(t, fake, limits, io.Discard)
				input := &sendInput{reading: t.Context(), limit: 1 << 20, sender: s, report: s.Report,
					stdin: &repeated{text: strings.Repeat("x", test.line) + "\n"}}
				sent := make(chan error)
				go func() { sent <- input.sendAll(t.Context(), []string{"-"}) }()
				synctest.Wait() // all wait for an answer
				s.outbox.mu.Lock()
				requests, bytes := len(s.outbox.requests), s.outbox.bytes
				s.outbox.mu.Unlock()
				const buffers = 256 << 10
				if bytes > limits.bytes || requests > limits.requests || input.read.Load() > int64(bytes+(1<<20)+buffers) {
					t.Errorf("got %d bytes in %d requests, %d read; want at most %d, %d", bytes, requests, input.read.Load(), limits.bytes, limits.requests)
				}
				if bytes+test.line+eventOverhead <= limits.bytes && requests < limits.requests {
					t.Errorf("got %d bytes in %d requests: it waits though there is room", bytes, requests)
				}
				end()
				if err := <-sent; err == nil {
					t.Error("got no error from a service that is gone")
				}
			})
		})
	}
}

// repeated is a text that repeats for ever.
type repeated struct {
	text string
	at   int
}

func (r *repeated) Read(p []byte) (int, error) {
	n := 0
	for n < len(p) {
		copied := copy(p[n:], r.text[r.at:])
		n += copied
		r.at = (r.at + copied) % len(r.text)
	}
	return n, nil
}

// Answers that no service gives are no reason to go on.
func TestSenderEndsAtAnswersToWhatItDidNotSend(t *testing.T) {
	for want, answer := range map[string]*destinationsv1.StreamS3Response{
		"answers up to request 7":        {Sequence: 7},
		"rejects event 0 of request 7":   {Rejections: []*destinationsv1.Rejection{{Sequence: 7}}},
		"rejects event 0 of request 0":   {Sequence: 1, Rejections: []*destinationsv1.Rejection{{}}},
		"rejects event 700 of request 1": {Sequence: 1, Rejections: []*destinationsv1.Rejection{{Sequence: 1, RequestIndex: 700}}},
	} {
		synctest.Test(t, func(t *testing.T) {
			fake := &fakeService{instead: answer}
			s, end := bubbleSender(t, fake, smallLimits(), io.Discard)
			defer end()
			addLines(t, s, 2)
			if err := s.finish(); err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("got %v, want ... %s", err, want)
			}
		})
	}
}

// A line of a pipe that pauses is not kept back until there are more of them.
func TestRequestThatIsNotFullIsSentAfterAWhile(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		limits := defaultSendLimits()
		s, end := bubbleSender(t, &fakeService{}, limits, io.Discard)
		defer end()
		addLines(t, s, 3)
		<-time.After(limits.linger - 1)
		synctest.Wait()
		if got := s.Report.counted().Accepted; got != 0 {
			t.Errorf("got %d answered before the time", got)
		}
		<-time.After(1)
		synctest.Wait()
		if got := s.Report.counted().Accepted; got != 3 {
			t.Errorf("got %d answered, want 3", got)
		}
		if err := s.finish(); err != nil {
			t.Error(err)
		}
	})
}

// A service that keeps the stream and never answers is as good as none; one that has
// nothing to answer is not.
func TestSenderGivesUpASilentService(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		fake := &fakeService{mute: func(sequence uint64) bool { return sequence > 1 }}
		s, end := bubbleSender(t, fake, smallLimits(), io.Discard)
		defer end()
		addLines(t, s, 2)
		<-time.After(time.Hour)
		begun := time.Now()
		addLines(t, s, 2)
		<-s.ended
		err := s.finish()
		if err == nil || !strings.HasPrefix(err.Error(), "the service has not answered for 1m0s (--retry-for); events up to f:2 ") {
			t.Errorf("got %v", err)
		}
		if waited := time.Since(begun); waited != time.Minute {
			t.Errorf("got an end after %v, want a minute", waited)
		}
	})
}

// deafStream takes nothing that is sent, as one that was cut off, and says nothing, as
// the one in its place does that gRPC has opened by itself.
type deafStream struct {
	destinationsv1.DestinationsClient
	grpc.ClientStream
	ctx context.Context
}

func (d deafStream) StreamS3(ctx context.Context, _ ...grpc.CallOption) (requestStream, error) {
	return &grpc.GenericClientStream[destinationsv1.StreamS3Request, destinationsv1.StreamS3Response]{ClientStream: deafStream{ctx: ctx}}, nil
}

func (deafStream) SendMsg(any) error { return io.EOF }

func (d deafStream) RecvMsg(any) error {
	<-d.ctx.Done()
	return context.Cause(d.ctx)
}

func TestSenderDoesNotWaitForAStreamThatWasCutOff(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &sender{
			senderParams: senderParams{Client: deafStream{}, RetryFor: time.Hour},
			outbox:       newOutbox(smallLimits(), "bkt", ""),
		}
		began := time.Now()
		err := s.converse(t.Context(), &destinationsv1.StreamS3Request{})
		if status.Code(err) != codes.Unavailable || time.Since(began) != endPatience {
			t.Errorf("got %v after %v, want Unavailable after %v", err, time.Since(began), endPatience)
		}
	})
}
