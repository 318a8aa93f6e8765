package batcher_test

import (
	"context"
	"crypto/sha256"
	"errors"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/open-destinations/destinations/batcher"
)

func digestOf(tenant, bucket, prefix string) [batcher.DigestBytes]byte {
	sum := sha256.Sum256([]byte(tenant + "|" + bucket + "|" + prefix))
	return [batcher.DigestBytes]byte(sum[:])
}

// putSpan appends a record for a destination, and returns its events' span.
func (w *world) putSpan(d dest, r numbered) batcher.Span {
	w.t.Helper()
	at := w.journal.Partition(0).Events().Committed()
	if err := w.put(d, r); err != nil {
		w.t.Fatal(err)
	}
	return batcher.Span{
		Digest: digestOf("default", d.bucket, d.prefix),
		First:  batcher.Place{Offset: at}, Last: batcher.Place{Offset: at, Index: uint32(len(r.lines) - 1)},
	}
}

// progress is the furthest that is undelivered of a span, and of what came before it.
func (w *world) progress(of batcher.Span) (now, before batcher.Progress) {
	w.t.Helper()
	found, _, err := w.batcher.Spans(w.t.Context(), 0, []batcher.Span{of})
	if err != nil {
		w.t.Fatal(err)
	}
	now = found[0].Unsealed
	for _, b := range found[0].Batches {
		now = max(now, b.Progress)
	}
	return now, found[0].Before
}

func (w *world) wantProgress(when string, of batcher.Span, wantNow, wantBefore batcher.Progress) {
	w.t.Helper()
	if now, before := w.progress(of); now != wantNow || before != wantBefore {
		w.t.Errorf("%s: got %d and %d before, want %d and %d", when, now, before, wantNow, wantBefore)
	}
}

// What a shard says of a span is never that it is delivered before it is, also in the middle of
// a replay, and what it does not know is delivered.
func TestSpansAreToldFromTheWindowToTheObject(t *testing.T) {
	bubble(t, nil, func(w *world) {
		first := w.putSpan(one, numbered{sender: 1, sequence: 1, lines: w.lines(2)})
		w.wantProgress("collected", first, batcher.ProgressWaiting, batcher.ProgressNone)
		again := w.putSpan(one, numbered{sender: 1, sequence: 1, lines: w.sent[one][:2]})
		w.wantProgress("duplicates of what is collected", again, batcher.ProgressNone, batcher.ProgressWaiting)
		beyond := again
		beyond.First.Offset, beyond.Last.Offset = 99, 99
		w.wantProgress("not there yet", beyond, batcher.ProgressWaiting, batcher.ProgressWaiting)

		w.hang(one.bucket)
		w.flush()
		synctest.Wait()
		w.wantProgress("on its way", first, batcher.ProgressUploading, batcher.ProgressNone)
		second := w.putSpan(one, numbered{sender: 1, sequence: 2, lines: w.lines(1)})
		w.wantProgress("behind it", second, batcher.ProgressWaiting, batcher.ProgressUploading)
		w.crash()
		if now, before := w.progress(second); now != batcher.ProgressWaiting || before == batcher.ProgressNone {
			w.t.Errorf("after a crash: got %d and %d before, want it waiting, and not the first", now, before)
		}
		w.store.set(func() { clear(w.store.mu.hang) })
		pass(10 * time.Minute)
		for _, of := range []batcher.Span{first, again, second} {
			w.wantProgress("delivered", of, batcher.ProgressNone, batcher.ProgressNone)
		}
		w.crash()
		w.wantProgress("delivered before a crash", first, batcher.ProgressNone, batcher.ProgressNone)
	})
}

func TestSpansOfBlockedAndDeadDestinations(t *testing.T) {
	bubble(t, func(w *world) { w.cfg.GiveUpAfter = time.Hour }, func(w *world) {
		w.refuse(one.bucket, denied)
		sealed := w.putSpan(one, numbered{lines: w.lines(1)})
		w.flush()
		pass(time.Minute)
		counted := w.putSpan(one, numbered{lines: w.lines(1)})
		w.wantProgress("sealed and blocked", sealed, batcher.ProgressWaiting, batcher.ProgressNone)
		w.wantProgress("blocked", counted, batcher.ProgressWaiting, batcher.ProgressWaiting)
		found, _, err := w.batcher.Spans(w.t.Context(), 0, []batcher.Span{counted})
		if err != nil || found[0].Status.State != batcher.StateBlocked || found[0].Status.Code != "AccessDenied" || found[0].Status.Bucket != one.bucket {
			w.t.Errorf("got %+v, %v", found, err)
		}
		pass(w.cfg.GiveUpAfter + 5*time.Minute)
		w.wantProgress("given up", sealed, batcher.ProgressDead, batcher.ProgressNone)
		w.wantProgress("given up, too", counted, batcher.ProgressDead, batcher.ProgressDead)
		w.refuse(one.bucket, nil)
		if _, err := w.batcher.Redrive(w.t.Context(), true, "", "", ""); err != nil {
			w.t.Fatal(err)
		}
		pass(10 * time.Minute)
		w.wantProgress("redriven", counted, batcher.ProgressNone, batcher.ProgressNone)
	})
}

// Many who ask wait for each other, not for the shard, and go when they have had enough.
func TestQuestionsAreBoundedAndEndWithTheirCallers(t *testing.T) {
	bubble(t, nil, func(w *world) {
		of := w.putSpan(one, numbered{lines: w.lines(1)})
		var answered atomic.Int64
		for range 1000 {
			go func() {
				if _, _, err := w.batcher.Spans(context.Background(), 0, []batcher.Span{of}); err == nil {
					answered.Add(1)
				}
			}()
		}
		pass(10 * time.Second) // the shard is idle, and is woken for each few of them
		if answered.Load() != 1000 {
			w.t.Errorf("got %d answers, want 1000", answered.Load())
		}
		ended, cancel := context.WithCancel(context.Background())
		cancel()
		if _, _, err := w.batcher.Spans(ended, 0, []batcher.Span{of}); !errors.Is(err, context.Canceled) {
			w.t.Errorf("got %v, want context.Canceled", err)
		}
	})
}

// fakeGate lets go what is below an offset.
type fakeGate struct {
	passed atomic.Uint64
	held   atomic.Int64
}

func (g *fakeGate) Passed(_ int, held int64) uint64 {
	g.held.Store(held)
	return g.passed.Load()
}

// Segments stay until the gate has passed their control records, also over a restart, and it is told
// how much it holds.
func TestSegmentsStayUntilTheGateHasPassed(t *testing.T) {
	gate := &fakeGate{}
	bubble(t, func(w *world) { w.gate = gate }, func(w *world) {
		w.fill(4, one)
		pass(5 * time.Minute)
		if w.start0() != 0 || gate.held.Load() < 2*w.jcfg.SegmentBytes {
			w.t.Errorf("released up to %d while %d bytes are held", w.start0(), gate.held.Load())
		}
		w.crash()
		pass(5 * time.Minute)
		if w.start0() != 0 {
			w.t.Errorf("released up to %d after a restart", w.start0())
		}
		gate.passed.Store(1 << 40)
		pass(5 * time.Minute)
		if w.start0() == 0 {
			w.t.Error("nothing was released when the gate had passed")
		}
	})
}
