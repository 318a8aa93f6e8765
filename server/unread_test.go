package server_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/protobuf/encoding/protowire"

	destinationsv1 "github.com/open-destinations/destinations/gen/destinations/v1"
	"github.com/open-destinations/destinations/server"
)

// flooding sends requests until the stream ends or has had most of them, and then
// half-closes it.
func flooding(stream streaming, most int, make func(sequence uint64) *destinationsv1.StreamS3Request) {
	go func() {
		for i := range most {
			if stream.Send(make(uint64(i+1))) != nil {
				return
			}
		}
		_ = stream.CloseSend()
	}()
}

// floods are requests whose answers are small, large, and more than one each.
var floods = map[string]func(sequence uint64) *destinationsv1.StreamS3Request{
	"good": func(sequence uint64) *destinationsv1.StreamS3Request {
		// To a destination of its own: a receipt does not grow with its events.
		r := streamed(sequence, fmt.Sprint(strings.Repeat("p", 890), sequence), strings.Repeat("x", 1<<17))
		r.Receipts = true
		return r
	},
	"100 rejections each": func(sequence uint64) *destinationsv1.StreamS3Request {
		return padded(streamed(sequence, "a", append(make([]string, 100), "good")...), 2<<10)
	},
	"2,000 rejections each": func(sequence uint64) *destinationsv1.StreamS3Request {
		return padded(streamed(sequence, "a", make([]string, 2000)...), 32<<10)
	},
}

// padded is r with that many bytes more on the wire, which the server skips: together
// the requests of a flood are to be more than gRPC takes of what nobody reads.
func padded(r *destinationsv1.StreamS3Request, size int) *destinationsv1.StreamS3Request {
	const unknown = 1000
	r.ProtoReflect().SetUnknown(protowire.AppendBytes(protowire.AppendTag(nil, unknown, protowire.BytesType), make([]byte, size)))
	return r
}

func TestCallerWhoDoesNotReadIsNotRead(t *testing.T) {
	for name, flood := range floods {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				most := map[string]int{"good": 500, "100 rejections each": 1500, "2,000 rejections each": 60}[name]
				h := start(t, setup{journal: &fakeJournal{t: t, auto: true}})
				stream := h.stream(t.Context(), t)
				sent := 0
				flooding(stream, most, func(sequence uint64) *destinationsv1.StreamS3Request {
					sent = int(sequence)
					return flood(sequence)
				})
				synctest.Wait()
				if sent == most {
					t.Fatalf("all %d requests were read, and no answer was", most)
				}
				got := <-collecting(stream) // who reads late misses nothing
				wantAnswers(t, got.answers, uint64(most))
				if got.err != nil {
					t.Error(got.err)
				}
			})
		})
	}
}

func TestCallerWhoDoesNotReadHoldsUpNoEnd(t *testing.T) {
	ends := map[string]func(*harness){
		"SHUTTING_DOWN": func(h *harness) { h.server.Drain() },
		"STREAM_AGE":    func(*harness) { <-time.After(70 * time.Minute) },
	}
	for reason, end := range ends {
		t.Run(reason, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				h := start(t, setup{journal: &fakeJournal{t: t, auto: true}})
				stream := h.stream(t.Context(), t)
				flooding(stream, 100, floods["2,000 rejections each"])
				synctest.Wait()
				end(h)
				<-time.After(10 * time.Second) // twice the patience
				synctest.Wait()
				h.server.Drain()
				if err := h.server.Wait(t.Context()); err != nil {
					t.Errorf("Wait: %v", err)
				}
				got := <-collecting(stream) // what had gone out stands
				if len(got.answers) == 0 {
					t.Error("got no answer")
				}
				if status := fmt.Sprint(got.err); !strings.Contains(status, "Unavailable") {
					t.Errorf("got %v", got.err)
				}
			})
		})
	}
}

func TestCallerWhoReadsSlowlyAtTheEndGetsAll(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := start(t, setup{journal: &fakeJournal{t: t, auto: true}})
		stream := h.stream(t.Context(), t)
		push(t, stream, streamed(1, "a", make([]string, 20_000)...))
		synctest.Wait()
		h.server.Drain()
		rejected := uint64(0)
		for {
			<-time.After(time.Second)
			r, err := stream.Recv()
			if err != nil {
				wantStatus(t, err, codes.Unavailable, "SHUTTING_DOWN", "1")
				break
			}
			rejected += r.GetRejected()
		}
		if rejected != 20_000 {
			t.Errorf("got %d rejections, want 20,000", rejected)
		}
	})
}

func TestCallerWhoVanishes(t *testing.T) {
	for _, unread := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			j := &fakeJournal{t: t, auto: unread}
			h := start(t, setup{journal: j})
			ctx, cancel := context.WithCancel(t.Context())
			stream := h.stream(ctx, t)
			if unread { // an answer waits in its send
				flooding(stream, 100, floods["2,000 rejections each"])
			} else { // a sync is under way
				push(t, stream, streamed(1, "a", "x"))
			}
			synctest.Wait()
			cancel()
			synctest.Wait()
			h.server.Drain()
			if err := h.server.Wait(t.Context()); err != nil {
				t.Errorf("Wait: %v", err)
			}
			if !unread {
				j.taken()[0].answer(nil) // nobody waits; nothing breaks
			}
		})
	}
}

func TestShutdownAnswersEachRequestOrDoesNotTakeIt(t *testing.T) {
	const streams, most = 4, 5000
	j := openJournal(t, nil)
	h := start(t, setup{journal: server.OverJournal(j)})
	ended := make(chan ending, streams)
	for s := range streams {
		stream := h.stream(t.Context(), t)
		flooding(stream, most, func(sequence uint64) *destinationsv1.StreamS3Request {
			return streamed(sequence, fmt.Sprint("s", s), fmt.Sprint(s, "-", sequence))
		})
		first, err := stream.Recv()
		if err != nil {
			t.Fatal(err)
		}
		go func() {
			all := <-collecting(stream)
			all.answers = append([]*destinationsv1.StreamS3Response{first}, all.answers...)
			ended <- all
		}()
	}
	h.server.Drain()
	answered := uint64(0)
	for range streams {
		got := <-ended
		last := got.answers[len(got.answers)-1].GetSequence()
		accepted, _ := wantAnswers(t, got.answers, last)
		if accepted != last {
			t.Errorf("got %d accepted of %d requests", accepted, last)
		}
		if got.err != nil {
			wantStatus(t, got.err, codes.Unavailable, "SHUTTING_DOWN", fmt.Sprint(last))
		} else if last != most {
			t.Errorf("got OK after %d requests", last)
		}
		answered += last
	}
	durable := 0
	for p := range partitions {
		durable += len(readBack(t, j, p))
	}
	if uint64(durable) != answered {
		t.Errorf("got %d durable requests, want the %d that were answered", durable, answered)
	}
}
