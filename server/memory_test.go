package server_test

import (
	"bytes"
	"context"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	destinationsv1 "github.com/open-destinations/destinations/gen/destinations/v1"
	"github.com/open-destinations/destinations/server"
)

// slowJournal answers each append a second later, and looks at what the server has
// in hand when it gets one.
type slowJournal struct {
	fakeJournal
	look    func() int64
	highest atomic.Int64
	events  atomic.Int64 // durable
}

func (j *slowJournal) Append(partition int, rec []byte) server.Append {
	a := j.fakeJournal.Append(partition, rec).(*fakeAppend)
	for held := j.look(); ; {
		highest := j.highest.Load()
		if held <= highest || j.highest.CompareAndSwap(highest, held) {
			break
		}
	}
	events := int64(len(a.record().GetEvents()))
	time.AfterFunc(time.Second, func() {
		j.events.Add(events)
		a.answer(nil)
	})
	return a
}

// with is the default configuration with that much memory for requests.
func with(memory int64) server.Config {
	config := server.DefaultConfig()
	config.MemoryBytes = memory
	return config
}

func TestStreamsTogetherKeepTheirBudget(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const (
			streams, requests = 200, 8
			budget            = 1 << 20
			payload           = 20_000
			one               = 2*payload + 4096 // a request and its record
		)
		j := &slowJournal{fakeJournal: fakeJournal{t: t}}
		var h *harness
		j.look = func() int64 { held, _ := h.server.Held(); return held }
		h = start(t, setup{config: with(budget), journal: j})
		ended := make(chan ending, streams)
		large := strings.Repeat("x", payload)
		for s := range streams {
			stream := h.stream(t.Context(), t)
			flooding(stream, requests, func(sequence uint64) *destinationsv1.StreamS3Request {
				return streamed(sequence, fmt.Sprint(s), large)
			})
			go func() { ended <- <-collecting(stream) }()
		}
		accepted, refused := uint64(0), 0
		for range streams {
			got := <-ended
			last := uint64(0)
			for _, a := range got.answers {
				accepted, last = accepted+a.GetAccepted(), a.GetSequence()
			}
			if got.err != nil {
				refused++
				wantStatus(t, got.err, codes.ResourceExhausted, "MEMORY_FULL", fmt.Sprint(last))
			} else if last != requests {
				t.Errorf("got answers up to %d, want %d", last, requests)
			}
		}
		if durable := j.events.Load(); durable != int64(accepted) {
			t.Errorf("got %d accepted, %d durable", accepted, durable)
		}
		if highest := j.highest.Load(); highest > budget+streams*one {
			t.Errorf("got %d bytes in hand, want at most %d and a request of each stream, %d", highest, budget, budget+streams*one)
		}
		t.Logf("%d accepted, %d streams refused, at most %d bytes in hand", accepted, refused, j.highest.Load())
	})
}

// holding is a stream that has taken all of the budget; the journal does not
// answer.
func holding(t *testing.T, h *harness) sending {
	t.Helper()
	stream := h.open(t)
	send(t, stream, request("a", strings.Repeat("x", 100_000)))
	synctest.Wait()
	if held, _ := h.server.Held(); held < 100_000 {
		t.Fatalf("got %d bytes in hand", held)
	}
	return stream
}

func TestStreamWithoutMemoryIsToldToComeBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		j := &fakeJournal{t: t}
		h := start(t, setup{config: with(100_000), journal: j})
		first := holding(t, h)
		begun := time.Now()
		other := h.stream(t.Context(), t)
		push(t, other, streamed(7, "b", "y"))
		got := <-collecting(other)
		wantStatus(t, got.err, codes.ResourceExhausted, "MEMORY_FULL", "0")
		if waited := time.Since(begun); waited != 10*time.Second {
			t.Errorf("got the refusal after %v, want 10s", waited)
		}
		_, err := h.sendAll(t, request("b", "y"))
		wantStatus(t, err, codes.ResourceExhausted, "MEMORY_FULL", "0")

		late := h.open(t)
		send(t, late, request("b", "z"))
		<-time.After(5 * time.Second)
		j.taken()[0].answer(nil)
		<-time.After(time.Second)
		if n := len(j.taken()); n != 2 {
			t.Fatalf("got %d appends, want the second once there is room", n)
		}
		j.taken()[1].answer(nil)
		for _, stream := range []sending{first, late} {
			if r, err := stream.CloseAndRecv(); err != nil || r.GetAccepted() != 1 {
				t.Errorf("got %v, %v", r, err)
			}
		}
	})
}

// Who has sent all that he had needs no memory to be answered.
func TestStreamThatSendsNothingMoreNeedsNoMemory(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		j := &fakeJournal{t: t}
		h := start(t, setup{config: with(100_000), journal: j})
		first := h.open(t)
		send(t, first, request("a", "x"))
		synctest.Wait()
		j.taken()[0].answer(nil)
		synctest.Wait()
		silent := h.open(t)
		hold := holding(t, h)
		if r, err := first.CloseAndRecv(); err != nil || r.GetAccepted() != 1 {
			t.Errorf("got %v, %v", r, err)
		}
		<-time.After(time.Minute)
		j.taken()[1].answer(nil)
		synctest.Wait()
		send(t, silent, request("a", "y"))
		synctest.Wait()
		j.taken()[2].answer(nil)
		for _, stream := range []sending{silent, hold} {
			if r, err := stream.CloseAndRecv(); err != nil || r.GetAccepted() != 1 {
				t.Errorf("got %v, %v", r, err)
			}
		}
	})
}

func TestRequestLargerThanTheBudgetGetsIn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := start(t, setup{config: with(1), journal: &fakeJournal{t: t, auto: true}})
		for range 3 {
			r, err := h.sendAll(t, request("a", strings.Repeat("x", 1<<20)), request("a", "x"))
			if err != nil || r.GetAccepted() != 2 {
				t.Errorf("got %v, %v", r, err)
			}
		}
	})
}

// Who gives up and comes again, while the disk does not answer, does not fill the
// memory with what he has given up.
func TestAbandonedAppendsStayCharged(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const budget, tries = 10_000, 1000
		j := &fakeJournal{t: t}
		h := start(t, setup{config: with(budget), journal: j})
		for range tries {
			ctx, cancel := context.WithTimeout(t.Context(), time.Second)
			stream := h.stream(ctx, t)
			push(t, stream, streamed(1, "a", strings.Repeat("x", 1000)))
			<-collecting(stream)
			cancel()
		}
		if n := len(j.taken()); n > 2*budget/1000 {
			t.Errorf("got %d appends under way, want them bounded by the budget", n)
		}
		for _, a := range j.taken() {
			a.answer(nil)
		}
		if held, orphans := h.server.Held(); held != 0 || orphans != 0 {
			t.Errorf("got %d bytes of %d requests in hand, want none", held, orphans)
		}
	})
}

// A caller who does not read his answers keeps what he has sent in hand; not for
// ever, when others need the memory.
func TestCallerWhoDoesNotReadIsGivenUpWhenMemoryIsShort(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		j := &fakeJournal{t: t, auto: true}
		h := start(t, setup{config: with(100_000), journal: j})
		unread := h.stream(t.Context(), t)
		flooding(unread, 100, floods["2,000 rejections each"])
		<-time.After(time.Second)
		if held, _ := h.server.Held(); held < 100_000 {
			t.Fatalf("got %d bytes in hand, want all of the budget", held)
		}
		<-time.After(time.Hour / 2) // nobody else needs it
		refused := 0
		for {
			_, err := h.sendAll(t, request("b", "y"))
			if err == nil {
				break
			}
			wantStatus(t, err, codes.ResourceExhausted, "MEMORY_FULL", "0")
			if refused++; refused == 3 {
				t.Fatal("the memory does not come free")
			}
		}
		got := <-collecting(unread)
		if len(got.answers) == 0 || status.Code(got.err) != codes.ResourceExhausted {
			t.Errorf("got %d answers, %v", len(got.answers), got.err)
		}
	})
}

func TestDrainEndsAWaitForMemory(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		j := &fakeJournal{t: t}
		h := start(t, setup{config: with(100_000), journal: j})
		hold := holding(t, h)
		other := h.open(t)
		send(t, other, request("b", "y"))
		synctest.Wait()
		h.server.Drain()
		_, err := other.CloseAndRecv()
		wantStatus(t, err, codes.Unavailable, "SHUTTING_DOWN", "0")
		j.taken()[0].answer(nil)
		_, err = hold.CloseAndRecv()
		wantStatus(t, err, codes.Unavailable, "SHUTTING_DOWN", "1")
		if n := bytes.Count(h.log.Bytes(), []byte("MEMORY_FULL")); n != 0 {
			t.Errorf("got %d refusals", n)
		}
	})
}
