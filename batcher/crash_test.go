package batcher_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// TestExactlyOnceWhateverHappens sends, loses requests and answers, refuses buckets,
// flushes, fills the disk, stops, is killed, and loses power at random moments; at the end
// everything that was acknowledged has to be in S3 exactly once and in order
// (invariants 5 to 13 of ARCHITECTURE.md). A seed that fails is run again by its name.
func TestExactlyOnceWhateverHappens(t *testing.T) {
	seeds := 100
	if testing.Short() {
		seeds = 10
	}
	for seed := range seeds {
		t.Run(fmt.Sprint("seed=", seed), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { anything(t, uint64(seed)) })
		})
	}
}

func anything(t *testing.T, seed uint64) {
	w := newWorld(t, seed, func(w *world) {
		w.cfg.Window = 10 * time.Second
		w.cfg.RetryMax, w.cfg.ProbeMax, w.cfg.BlockAfter = 5*time.Second, 10*time.Second, 5*time.Second
		w.jcfg.SegmentBytes, w.jcfg.ControlSegmentBytes = 16<<10, 8<<10
		if seed%3 == 0 { // batches close by their number of events, not by time alone
			w.cfg.MaxEvents = 7
		}
	})
	dests := someDests(9)
	for range 150 {
		w.step(dests)
	}
	w.settle()
	w.stop()
	w.check()
}

// step does one random thing.
func (w *world) step(dests []dest) {
	switch n := w.rand.IntN(100); {
	case n < 50:
		var to []dest
		for range 1 + w.rand.IntN(6) {
			to = append(to, dests[w.rand.IntN(len(dests))])
		}
		size := w.rand.IntN(3000)
		w.send(func(n int) string { return short(n) + strings.Repeat("x", size) }, to...)
	case n < 70:
		pass(time.Duration(w.rand.Int64N(int64(w.cfg.Window))))
	case n < 75:
		chance := float64(w.rand.IntN(3)) / 3
		w.store.set(func() { w.store.mu.lost = chance })
	case n < 80:
		pause := time.Duration(w.rand.IntN(3000)) * time.Millisecond
		w.store.set(func() { w.store.mu.slow = pause })
	case n < 85:
		bucket := dests[w.rand.IntN(len(dests))].bucket
		w.store.set(func() {
			if w.store.mu.refuse[bucket] == nil {
				w.store.mu.refuse[bucket] = errors.New("AccessDenied")
			} else {
				delete(w.store.mu.refuse, bucket)
			}
		})
	case n < 90:
		ctx, cancel := context.WithTimeout(context.Background(), time.Second)
		w.batcher.Flush(ctx, w.rand.IntN(2) == 0, "default", dests[0].bucket, dests[0].prefix)
		cancel()
	case n < 92:
		if w.rand.IntN(2) == 0 {
			w.disk.SetCapacity(w.disk.Used()) // the disk is full
		} else {
			w.disk.SetCapacity(-1)
		}
	case n < 95:
		w.stop()
		w.start()
	case n < 97:
		w.crashInTheMiddle(dests)
	default:
		w.crash()
	}
}

// TestCopiesOfAFolderNeverShareAKey starts two services from copies of one data
// folder (invariant 8): what both hold is delivered once, what either gets is its
// own.
func TestCopiesOfAFolderNeverShareAKey(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := newWorld(t, 1, func(w *world) { w.cfg.Window = 10 * time.Second })
		a.send(short, one)
		pass(20 * time.Second) // delivered
		a.store.set(func() { a.store.mu.lost = 1 })
		a.send(short, one)
		if _, err := a.batcher.Flush(t.Context(), true, "", "", ""); err != nil { // sealed
			t.Fatal(err)
		}
		a.send(short, one) // open
		b := &world{t: t, rand: a.rand, cfg: a.cfg, jcfg: a.jcfg, disk: a.disk.AfterRestart(), store: a.store, sent: a.sent, acked: a.acked, next: 1000}
		b.start()
		a.store.set(func() { a.store.mu.lost = 0 })
		for range 10 {
			a.send(short, one)
			b.send(short, one)
			pass(7 * time.Second)
		}
		a.settle()
		a.stop()
		b.stop()
		times := map[string]int{}
		for _, o := range a.store.objectsOf(one.bucket, one.prefix) {
			for _, line := range o.lines {
				times[line]++
			}
		}
		for i, line := range a.sent[one] {
			want := 1
			if i == 2 {
				want = 2 // was open when the folder was copied: each of the two has sealed it for itself
			}
			if times[line] != want {
				t.Errorf("event %d (%s) is in %d objects, want %d", i, line, times[line], want)
			}
		}
	})
}
