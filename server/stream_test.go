package server_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/protobuf/proto"

	journalv1 "github.com/open-destinations/destinations/gen/destinations/journal/v1"
	destinationsv1 "github.com/open-destinations/destinations/gen/destinations/v1"
	"github.com/open-destinations/destinations/journal"
	"github.com/open-destinations/destinations/server"
)

// prefixIn returns a prefix whose destination in bucket "demo" is in a partition.
func prefixIn(partition int) string {
	for i := 0; ; i++ {
		if p := fmt.Sprintf("p%d/", i); server.Partition("default", "demo", p, partitions) == partition {
			return p
		}
	}
}

// result is what a stream ended with.
type result struct {
	response *destinationsv1.SendS3Response
	err      error
}

// closing half-closes the stream and returns its answer when it comes.
func closing(stream sending) <-chan result {
	done := make(chan result, 1)
	go func() {
		response, err := stream.CloseAndRecv()
		done <- result{response, err}
	}()
	return done
}

func wantWaiting(t testing.TB, done <-chan result) {
	t.Helper()
	synctest.Wait()
	select {
	case r := <-done:
		t.Fatalf("got %v, %v before the append was answered", r.response, r.err)
	default:
	}
}

// Holds invariant 1 of ARCHITECTURE.md.
func TestAnswersOnlyAfterTheSync(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		j := &fakeJournal{t: t}
		h := start(t, setup{journal: j})
		stream := h.open(t)
		send(t, stream, request(prefixIn(0), "a", "b"), request(prefixIn(1), "c"))
		done := closing(stream)
		wantWaiting(t, done)
		taken := j.taken()
		if len(taken) != 2 {
			t.Fatalf("got %d appends, want 2", len(taken))
		}
		taken[1].answer(nil)
		wantWaiting(t, done)
		taken[0].answer(nil)
		r := <-done
		if got := mustAnswer(t, r.response, r.err); got.GetAccepted() != 3 || got.GetRejected() != 0 || len(got.GetReceipts()) != 2 {
			t.Errorf("got %v", got)
		}
	})
}

func TestRecordHoldsTheRequest(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		j := &fakeJournal{t: t, auto: true}
		h := start(t, setup{journal: j})
		sender := []byte("0123456789abcdef")
		prefix := strings.TrimSuffix(prefixIn(2), "/")
		const traceparent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
		completed := prefix + "/"
		now := time.Now()
		first := &destinationsv1.SendS3Request{Bucket: "demo", Prefix: prefix, Sequence: 7, Settled: 3, SenderId: sender, Events: []*destinationsv1.S3Event{
			{Payload: []byte("one"), Id: "id-1", Traceparent: traceparent, Tracestate: "a=b"},
			{Payload: []byte("bad\n")},
			{Payload: []byte("{\"two\": 2}\n"), Prefix: &completed, Traceparent: "invalid", Tracestate: "a=b"},
			{Payload: []byte("three"), Bucket: "demo", Prefix: &prefix, Traceparent: traceparent, Tracestate: strings.Repeat("s", 513)},
		}}
		second := numbered(8, request(prefix, "four"))
		second.Settled = 3
		r, err := h.sendAll(t, first, second)
		if got := mustAnswer(t, r, err); got.GetAccepted() != 4 || got.GetRejected() != 1 || len(got.GetReceipts()) != 1 {
			t.Errorf("got %v", got)
		}
		trace := []byte("\x0a\xf7\x65\x19\x16\xcd\x43\xdd\x84\x48\xeb\x21\x1c\x80\x31\x9c\xb7\xad\x6b\x71\x69\x20\x33\x31\x01")
		to := []*journalv1.Destination{{Tenant: "default", Bucket: "demo", Prefix: completed}}
		want := []*journalv1.Events{
			{ReceivedUnixNanos: now.UnixNano(), SenderId: sender, Sequence: 7, Settled: 3, Destinations: to, Events: []*journalv1.Event{
				{Index: 0, Id: "id-1", TraceContext: trace, Tracestate: "a=b", Payload: []byte("one")},
				{Index: 2, Payload: []byte(`{"two":2}`)},
				{Index: 3, TraceContext: trace, Payload: []byte("three")},
			}},
			{ReceivedUnixNanos: now.UnixNano(), SenderId: sender, Sequence: 8, Settled: 3, Destinations: to, Events: []*journalv1.Event{
				{Payload: []byte("four")},
			}},
		}
		for i, a := range j.taken() {
			if got := a.record(); a.partition != 2 || !proto.Equal(got, want[i]) {
				t.Errorf("append %d: got partition %d, %v; want %v", i, a.partition, got, want[i])
			}
		}
	})
}

func TestAppendsInOrderOfTheStream(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		j := &fakeJournal{t: t, auto: true}
		h := start(t, setup{journal: j})
		const requests = 500
		stream := h.open(t)
		for i := range requests {
			send(t, stream, request(prefixIn(i%partitions), fmt.Sprint(i)))
		}
		r, err := stream.CloseAndRecv()
		if got := mustAnswer(t, r, err); got.GetAccepted() != requests {
			t.Fatalf("got %d accepted, want %d", got.GetAccepted(), requests)
		}
		for i, a := range j.taken() {
			if got := string(a.record().GetEvents()[0].GetPayload()); got != fmt.Sprint(i) || a.partition != i%partitions {
				t.Fatalf("append %d: got %q in partition %d", i, got, a.partition)
			}
		}
	})
}

func TestRequestWithoutAcceptedEvents(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		j := &fakeJournal{t: t}
		h := start(t, setup{journal: j})
		r, err := h.sendAll(t, numbered(1, request("a")), numbered(2, request("a", "")), numbered(3, &destinationsv1.SendS3Request{}))
		if got := mustAnswer(t, r, err); got.GetAccepted() != 0 || got.GetRejected() != 1 || len(got.GetReceipts()) != 0 {
			t.Errorf("got %v", got)
		}
		_, err = h.sendAll(t, numbered(1, request("a")), numbered(2, request("a", "")), numbered(2, request("a")))
		wantStatus(t, err, codes.InvalidArgument, "SEQUENCE_NOT_GROWING", "2")
		if n := len(j.taken()); n != 0 {
			t.Errorf("got %d appends, want none", n)
		}
	})
}

func TestStreamWithoutRequests(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := start(t, setup{journal: &fakeJournal{t: t}})
		r, err := h.sendAll(t)
		if got := mustAnswer(t, r, err); !proto.Equal(got, &destinationsv1.SendS3Response{}) {
			t.Errorf("got %v, want an empty response", got)
		}
	})
}

func TestReadsOnUpToMaxStreamBytes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		j := &fakeJournal{t: t}
		config := server.DefaultConfig()
		config.MaxStreamBytes = 2500
		h := start(t, setup{config: config, journal: j})
		stream := h.open(t)
		payload := strings.Repeat("x", 1000) // 2 requests are below the limit, 3 are not
		for range 10 {
			send(t, stream, request("a", payload))
		}
		done := closing(stream)
		for want := 2; want <= 10; want++ {
			wantWaiting(t, done)
			taken := j.taken()
			if len(taken) != want {
				t.Fatalf("got %d appends, want %d", len(taken), want)
			}
			taken[want-2].answer(nil)
		}
		wantWaiting(t, done)
		j.taken()[9].answer(nil)
		if r := <-done; r.err != nil || r.response.GetAccepted() != 10 {
			t.Errorf("got %v, %v", r.response, r.err)
		}
	})
}

func TestFloodIsBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		j := &fakeJournal{t: t}
		h := start(t, setup{journal: j})
		ctx, cancel := context.WithCancel(t.Context())
		stream, err := h.client.SendS3(ctx)
		if err != nil {
			t.Fatal(err)
		}
		flooded := make(chan struct{})
		go func() {
			defer close(flooded)
			flood := request("a", strings.Repeat("x", 1<<20))
			for stream.Send(flood) == nil {
			}
		}()
		synctest.Wait()
		bytes := 0
		for _, a := range j.taken() {
			bytes += len(a.copied)
		}
		if most := 8<<20 + 4<<20; bytes < 7<<20 || bytes > most {
			t.Errorf("got %d bytes that wait, want at most %d", bytes, most)
		}
		cancel()
		<-flooded
	})
}

func TestFailedAppendEndsTheStream(t *testing.T) {
	tests := []struct {
		err    error
		code   codes.Code
		reason string
	}{
		{journal.ErrFull, codes.ResourceExhausted, "JOURNAL_FULL"},
		{journal.ErrBroken, codes.Internal, "JOURNAL_BROKEN"},
		{journal.ErrClosed, codes.Unavailable, "SHUTTING_DOWN"},
	}
	for _, tt := range tests {
		t.Run(tt.reason, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				j := &fakeJournal{t: t}
				h := start(t, setup{journal: j})
				stream := h.open(t)
				for _, sequence := range []uint64{5, 9, 12, 40} {
					send(t, stream, numbered(sequence, request("a", "x")))
				}
				done := make(chan error, 1)
				go func() { done <- stream.RecvMsg(new(destinationsv1.SendS3Response)) }()
				synctest.Wait()
				taken := j.taken()
				taken[3].answer(nil)
				taken[1].answer(fmt.Errorf("append: %w", tt.err))
				taken[0].answer(nil)
				synctest.Wait()
				send(t, stream, numbered(50, request("a", "not read")))
				synctest.Wait()
				if n := len(j.taken()); n != 4 {
					t.Errorf("got %d appends, want none behind the failure", n)
				}
				select {
				case err := <-done:
					t.Fatalf("got %v while an append was under way", err)
				default:
				}
				taken[2].answer(nil)
				wantStatus(t, <-done, tt.code, tt.reason, "5")
			})
		})
	}
}

func TestDurableSequenceCountsUnnumberedRequests(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		j := &fakeJournal{t: t}
		h := start(t, setup{journal: j})
		stream := h.open(t)
		send(t, stream, request("a", "x"), request("a", ""), request("a", "y"))
		done := closing(stream)
		wantWaiting(t, done)
		j.taken()[1].answer(journal.ErrFull)
		j.taken()[0].answer(nil)
		wantStatus(t, (<-done).err, codes.ResourceExhausted, "JOURNAL_FULL", "2")
	})
}

func TestPartOfARequestIsNotDurable(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		j := &fakeJournal{t: t}
		h := start(t, setup{journal: j})
		stream := h.open(t)
		r := numbered(3, request(prefixIn(0), "x", "y"))
		other := prefixIn(1)
		r.Events[1].Prefix = &other
		send(t, stream, r)
		done := closing(stream)
		wantWaiting(t, done)
		j.taken()[0].answer(nil)
		j.taken()[1].answer(journal.ErrFull)
		wantStatus(t, (<-done).err, codes.ResourceExhausted, "JOURNAL_FULL", "0")
	})
}

func TestDamagedPartitionRejectsItsEventsAlone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		j := &fakeJournal{t: t}
		h := start(t, setup{journal: j})
		stream := h.open(t)
		good, damaged := prefixIn(0), prefixIn(1)
		r := request(good, "0", "1", "", "3", "4")
		r.Events[1].Prefix, r.Events[4].Prefix = &damaged, &damaged
		send(t, stream, numbered(1, r), numbered(2, request(good, "5", "")), numbered(3, request(damaged, "7")))
		done := closing(stream)
		wantWaiting(t, done)
		for _, a := range j.taken() {
			if a.partition == 1 {
				a.answer(fmt.Errorf("append: %w", &journal.CorruptError{Partition: 1, File: "/secret/path", Offset: 1, Err: context.Canceled}))
			} else {
				a.answer(nil)
			}
		}
		result := <-done
		got := mustAnswer(t, result.response, result.err)
		if got.GetAccepted() != 3 || got.GetRejected() != 5 || len(got.GetReceipts()) != 1 || got.GetReceipts()[0].GetPrefix() != good {
			t.Errorf("got %v", got)
		}
		var codes []string
		for _, r := range got.GetRejections() {
			codes = append(codes, fmt.Sprint(r.GetIndex(), " ", strings.TrimPrefix(r.GetCode().String(), "REJECTION_CODE_")))
			if strings.Contains(r.GetReason(), "secret") {
				t.Errorf("got %q, which tells a caller of our files", r.GetReason())
			}
			if r.GetCode() == destinationsv1.RejectionCode_REJECTION_CODE_PARTITION_UNAVAILABLE && !strings.Contains(r.GetReason(), "partition 1 ") {
				t.Errorf("got %q, which does not name the partition", r.GetReason())
			}
		}
		want := "1 PARTITION_UNAVAILABLE, 2 PAYLOAD_EMPTY, 4 PARTITION_UNAVAILABLE, 6 PAYLOAD_EMPTY, 7 PARTITION_UNAVAILABLE"
		if got := strings.Join(codes, ", "); got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	})
}

func TestDamagedPartitionDoesNotHoldDurableSequenceBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		j := &fakeJournal{t: t}
		h := start(t, setup{journal: j})
		stream := h.open(t)
		send(t, stream, numbered(6, request("a", "x")), numbered(6, request("a", "y")))
		done := closing(stream)
		wantWaiting(t, done)
		j.taken()[0].answer(&journal.CorruptError{})
		wantStatus(t, (<-done).err, codes.InvalidArgument, "SEQUENCE_NOT_GROWING", "6")
	})
}
