package server_test

import (
	"fmt"
	"io"
	"math/rand/v2"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"google.golang.org/grpc/codes"

	destinationsv1 "github.com/open-destinations/destinations/gen/destinations/v1"
	"github.com/open-destinations/destinations/journal"
	"github.com/open-destinations/destinations/server"
)

func TestStreamAnswersWhatHasSettled(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		j := &fakeJournal{t: t}
		h := start(t, setup{journal: j})
		stream := h.stream(t.Context(), t)
		push(t, stream, streamed(3, "a", "x"), streamed(5, "a", "y", ""), streamed(9, "a", "z"))
		synctest.Wait()
		taken := j.taken()
		taken[1].answer(nil)
		synctest.Wait()
		taken[0].answer(nil)
		r, err := stream.Recv()
		if err != nil || r.GetSequence() != 5 || r.GetAccepted() != 2 || r.GetRejected() != 1 || len(r.GetReceipts()) != 0 {
			t.Fatalf("got %v, %v", r, err)
		}
		if got := r.GetRejections()[0]; got.GetIndex() != 2 || got.GetSequence() != 5 || got.GetRequestIndex() != 1 {
			t.Errorf("got %v", got)
		}
		if err := stream.CloseSend(); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		taken[2].answer(nil)
		got := <-collecting(stream)
		if accepted, _ := wantAnswers(t, got.answers, 9); accepted != 1 || got.err != nil {
			t.Errorf("got %d accepted, %v", accepted, got.err)
		}
	})
}

func TestThousandRequestsOutstanding(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const requests = 1000
		j := &fakeJournal{t: t}
		h := start(t, setup{journal: j})
		stream := h.stream(t.Context(), t)
		for i := range requests {
			push(t, stream, streamed(uint64(i+1), prefixIn(i%partitions), fmt.Sprint(i)))
		}
		if err := stream.CloseSend(); err != nil {
			t.Fatal(err)
		}
		done := collecting(stream)
		synctest.Wait()
		taken := j.taken()
		if len(taken) != requests {
			t.Fatalf("got %d appends before the first is answered, want %d", len(taken), requests)
		}
		for _, i := range rand.New(rand.NewPCG(3, 4)).Perm(requests) {
			select {
			case got := <-done:
				t.Fatalf("got the end, %v, before all were answered", got.err)
			default:
			}
			taken[i].answer(nil)
			if i%100 == 0 {
				synctest.Wait()
			}
		}
		got := <-done
		if accepted, rejected := wantAnswers(t, got.answers, requests); accepted != requests || rejected != 0 || got.err != nil {
			t.Errorf("got %d accepted, %d rejected, %v", accepted, rejected, got.err)
		}
	})
}

func TestStreamCoalescesAnswers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const requests = 1000
		j := &fakeJournal{t: t}
		h := start(t, setup{journal: j})
		stream := h.stream(t.Context(), t)
		for i := range requests {
			push(t, stream, streamed(uint64(i+1), "a", "x"))
		}
		synctest.Wait()
		taken := j.taken()
		for i := requests - 1; i >= 0; i-- { // all settle with the first
			taken[i].answer(nil)
		}
		r, err := stream.Recv()
		if err != nil || r.GetSequence() != requests || r.GetAccepted() != requests {
			t.Errorf("got %v, %v; want one answer for all", r, err)
		}
	})
}

func TestEmptyRequestIsAnswered(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := start(t, setup{journal: &fakeJournal{t: t}})
		stream := h.stream(t.Context(), t)
		push(t, stream, &destinationsv1.StreamS3Request{Sequence: 7})
		if r, err := stream.Recv(); err != nil || r.GetSequence() != 7 || r.GetAccepted() != 0 {
			t.Errorf("got %v, %v", r, err)
		}
	})
}

func TestStreamRefusesBadSequences(t *testing.T) {
	id := []byte("0123456789abcdef")
	tests := []struct {
		name   string
		bad    *destinationsv1.StreamS3Request
		reason string
		text   string
	}{
		{"missing", &destinationsv1.StreamS3Request{}, "SEQUENCE_NOT_GROWING", "it is missing"},
		{"missing with a sender", &destinationsv1.StreamS3Request{SenderId: id}, "SEQUENCE_NOT_GROWING", "it is missing"},
		{"the same", &destinationsv1.StreamS3Request{Sequence: 5}, "SEQUENCE_NOT_GROWING", "5 behind 5"},
		{"too far", &destinationsv1.StreamS3Request{Sequence: 65_539, Settled: 2}, "SEQUENCE_TOO_FAR", "65537 above settled 2"},
		{"settled", &destinationsv1.StreamS3Request{Sequence: 6, Settled: 6}, "SETTLED_INVALID", "6 is not below"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				j := &fakeJournal{t: t}
				h := start(t, setup{journal: j})
				stream := h.stream(t.Context(), t)
				first := streamed(5, "a", "x")
				first.SenderId = id
				push(t, stream, first, tt.bad)
				done := collecting(stream)
				synctest.Wait()
				j.taken()[0].answer(nil)
				got := <-done
				wantAnswers(t, got.answers, 5) // what was read before is answered
				wantStatus(t, got.err, codes.InvalidArgument, tt.reason, "5")
				if !strings.Contains(got.err.Error(), tt.text) {
					t.Errorf("got %v, want %q in it", got.err, tt.text)
				}
			})
		})
	}
}

func TestRejectionsKeepTheirPlaces(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		j := &fakeJournal{t: t}
		h := start(t, setup{journal: j})
		stream := h.stream(t.Context(), t)
		good, damaged := prefixIn(0), prefixIn(1)
		r := streamed(10, good, "0", "1", "", "3", "4")
		r.Events[1].Prefix, r.Events[4].Prefix = &damaged, &damaged
		push(t, stream, r, streamed(20, good, "5", "", "7"), streamed(30, damaged, "8"))
		done := collecting(stream)
		synctest.Wait()
		for _, a := range j.taken() {
			if a.partition == 1 {
				a.answer(&journal.CorruptError{})
			} else {
				a.answer(nil)
			}
		}
		if err := stream.CloseSend(); err != nil {
			t.Fatal(err)
		}
		got := <-done
		if accepted, rejected := wantAnswers(t, got.answers, 30); accepted != 4 || rejected != 5 || got.err != nil {
			t.Errorf("got %d accepted, %d rejected, %v", accepted, rejected, got.err)
		}
		var places []string
		for _, a := range got.answers {
			for _, r := range a.GetRejections() {
				places = append(places, fmt.Sprint(r.GetIndex(), "=", r.GetSequence(), "/", r.GetRequestIndex()))
			}
		}
		if got, want := strings.Join(places, " "), "1=10/1 2=10/2 4=10/4 6=20/1 8=30/0"; got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	})
}

func TestRequestWithManyRejectionsGetsSeveralAnswers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := start(t, setup{journal: &fakeJournal{t: t, auto: true}})
		stream := h.stream(t.Context(), t)
		bad := streamed(2, "a", "good")
		for range 100_000 - 1 {
			bad.Events = append(bad.Events, &destinationsv1.S3Event{})
		}
		push(t, stream, streamed(1, "a", "x"), bad, streamed(3, "a", "y"))
		if err := stream.CloseSend(); err != nil {
			t.Fatal(err)
		}
		got := <-collecting(stream)
		if accepted, rejected := wantAnswers(t, got.answers, 3); accepted != 3 || rejected != 99_999 || got.err != nil {
			t.Errorf("got %d accepted, %d rejected, %v", accepted, rejected, got.err)
		}
		next := uint64(2) // places 0 and 1 are good
		for i, a := range got.answers {
			for _, r := range a.GetRejections() {
				if r.GetIndex() != next {
					t.Fatalf("got index %d, want %d", r.GetIndex(), next)
				}
				next++
			}
			if a.GetSequence() >= 2 && next != 100_001 {
				t.Fatalf("answer %d reaches %d with the rejections up to %d only", i, a.GetSequence(), next)
			}
		}
	})
}

func TestReceiptsIfTheFirstRequestAsks(t *testing.T) {
	for _, wanted := range []bool{true, false} {
		synctest.Test(t, func(t *testing.T) {
			j := &fakeJournal{t: t, auto: true}
			h := start(t, setup{journal: j})
			stream := h.stream(t.Context(), t)
			next := func(r *destinationsv1.StreamS3Request) *destinationsv1.StreamS3Response {
				push(t, stream, r)
				got, err := stream.Recv()
				if err != nil || got.GetSequence() != r.GetSequence() {
					t.Fatalf("got %v, %v", got, err)
				}
				return got
			}
			first, second := streamed(1, prefixIn(0), "x", "y"), streamed(2, prefixIn(0), "z")
			first.Receipts, second.Receipts = wanted, !wanted
			a, b := next(first).GetReceipts(), next(second).GetReceipts()
			if !wanted {
				if len(a)+len(b) != 0 {
					t.Errorf("got %v, %v; want no receipts", a, b)
				}
				return
			}
			if len(a) != 1 || len(b) != 1 || a[0].GetAccepted() != 2 || b[0].GetAccepted() != 1 {
				t.Fatalf("got %v, %v", a, b)
			}
			token, err := server.DecodeToken(tokenKey, j.ID(), b[0].GetToken())
			if at := (server.Position{Offset: 101}); err != nil || token.First != at || token.Last != at {
				t.Errorf("got %+v, %v", token, err)
			}
		})
	}
}

func TestManyReceiptsComeInSeveralAnswers(t *testing.T) {
	for _, size := range []int{1, 850} { // by number, by bytes
		synctest.Test(t, func(t *testing.T) {
			const places = 2500
			h := start(t, setup{journal: &fakeJournal{t: t, auto: true}})
			stream := h.stream(t.Context(), t)
			r := streamed(1, "")
			r.Receipts = true
			for i := range places {
				prefix := strings.Repeat("p", size) + fmt.Sprint(i)
				r.Events = append(r.Events, &destinationsv1.S3Event{Prefix: &prefix, Payload: []byte("x")})
			}
			push(t, stream, r)
			if err := stream.CloseSend(); err != nil {
				t.Fatal(err)
			}
			got := <-collecting(stream)
			if accepted, _ := wantAnswers(t, got.answers, 1); accepted != places || got.err != nil || len(got.answers) != 3 {
				t.Errorf("got %d accepted in %d answers, %v", accepted, len(got.answers), got.err)
			}
			seen := make(map[string]bool)
			for i, a := range got.answers {
				for _, receipt := range a.GetReceipts() {
					seen[receipt.GetPrefix()] = true
				}
				if last := i == len(got.answers)-1; last != (a.GetSequence() == 1) {
					t.Errorf("answer %d of %d: got sequence %d", i, len(got.answers), a.GetSequence())
				}
			}
			if len(seen) != places {
				t.Errorf("got receipts of %d destinations, want %d", len(seen), places)
			}
		})
	}
}

func TestFailedAppendIsToldBehindTheAnswers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		j := &fakeJournal{t: t}
		h := start(t, setup{journal: j})
		stream := h.stream(t.Context(), t)
		for _, sequence := range []uint64{5, 9, 12, 40} {
			push(t, stream, streamed(sequence, "a", "x"))
		}
		done := collecting(stream)
		synctest.Wait()
		taken := j.taken()
		taken[3].answer(nil)
		taken[2].answer(fmt.Errorf("append: %w", journal.ErrFull))
		taken[1].answer(nil)
		synctest.Wait()
		taken[0].answer(nil)
		got := <-done
		if accepted, _ := wantAnswers(t, got.answers, 9); accepted != 2 {
			t.Errorf("got %d accepted, want 2", accepted)
		}
		wantStatus(t, got.err, codes.ResourceExhausted, "JOURNAL_FULL", "9")
	})
}

func TestStreamEndsAtItsAge(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const streams = 20
		j := &fakeJournal{t: t}
		h := start(t, setup{journal: j})
		began := time.Now()
		ages := make(map[time.Duration]bool)
		ended := make(chan time.Duration)
		for i := range streams {
			stream := h.stream(t.Context(), t)
			push(t, stream, streamed(4, "a", "x"))
			synctest.Wait()
			if i%2 == 0 { // the others' syncs are under way at the end
				j.taken()[i].answer(nil)
			}
			go func() {
				got := <-collecting(stream)
				if accepted, _ := wantAnswers(t, got.answers, 4); accepted != 1 {
					t.Errorf("got %d accepted, want 1", accepted)
				}
				wantStatus(t, got.err, codes.Unavailable, "STREAM_AGE", "4")
				ended <- time.Since(began)
			}()
		}
		for range streams / 2 {
			ages[<-ended] = true
		}
		<-time.After(time.Hour)
		for i := 1; i < streams; i += 2 {
			j.taken()[i].answer(nil)
			<-ended
		}
		for age := range ages {
			if age < 54*time.Minute || age > 66*time.Minute {
				t.Errorf("got an end after %v, want 1h, more or less by 6m", age)
			}
		}
		if len(ages) < 2 {
			t.Error("all streams ended at once")
		}
	})
}

func TestStreamReadsNothingAtItsEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		j := &fakeJournal{t: t}
		config := server.DefaultConfig()
		config.MaxStreamAge = time.Minute
		h := start(t, setup{config: config, journal: j})
		stream := h.stream(t.Context(), t)
		push(t, stream, streamed(4, "a", "x"))
		done := collecting(stream)
		<-time.After(2 * time.Minute)
		push(t, stream, streamed(5, "a", "not read"))
		synctest.Wait()
		if n := len(j.taken()); n != 1 {
			t.Errorf("got %d appends, want 1", n)
		}
		j.taken()[0].answer(nil)
		got := <-done
		wantAnswers(t, got.answers, 4)
		wantStatus(t, got.err, codes.Unavailable, "STREAM_AGE", "4")
	})
}

func TestHalfClosedStreamDrains(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		j := &fakeJournal{t: t}
		h := start(t, setup{journal: j})
		stream := h.stream(t.Context(), t)
		push(t, stream, streamed(1, "a", "x"))
		if err := stream.CloseSend(); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		h.server.Drain()
		synctest.Wait()
		j.taken()[0].answer(nil)
		if r, err := stream.Recv(); err != nil || r.GetSequence() != 1 {
			t.Fatalf("got %v, %v", r, err)
		}
		if _, err := stream.Recv(); err != io.EOF {
			t.Errorf("got %v, want the end", err)
		}
	})
}
