package batcher_test

import (
	"fmt"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/open-destinations/destinations/batcher"
)

// TestPowerFailsWhileParking stops the machine at every operation of the disk: while
// batches are parked, uploaded from their files, and these removed.
func TestPowerFailsWhileParking(t *testing.T) {
	ops := 0
	synctest.Test(t, func(t *testing.T) { ops = powerFailsParking(t, -1) })
	step := 1
	if testing.Short() {
		step = 23
	}
	for i := 0; i < ops; i += step {
		synctest.Test(t, func(t *testing.T) { powerFailsParking(t, i) })
		if t.Failed() {
			t.Fatalf("at operation %d of %d", i, ops)
		}
	}
}

func powerFailsParking(t *testing.T, at int) (ops int) {
	w := newWorld(t, uint64(at)+1, smallQuota)
	begin := w.disk.Ops()
	if at >= 0 {
		w.disk.StopAt(begin + at)
	}
	w.refuse(one.bucket, denied)
	for n := range 24 {
		if n == 18 {
			w.refuse(one.bucket, nil)
		}
		w.put(one, numbered{lines: w.kilobytes(2)})
		w.put(works, numbered{lines: w.lines(1)})
		pass(1700 * time.Millisecond)
	}
	if ops = w.disk.Ops() - begin; at < 0 {
		if c := w.batcher.Counts(); c.Parked < 2 || w.start0() == 0 || len(w.spools()) != 0 {
			t.Fatalf("counts %+v, start %d, files %v: the test shows nothing", c, w.start0(), w.spools())
		}
		w.stop()
		return ops
	}
	close(w.process.dead)
	w.resume(w.disk.AfterCrash(w.rand.Uint64()))
	if w.rand.IntN(2) == 0 {
		w.refuse(one.bucket, denied)
		w.put(one, numbered{lines: w.kilobytes(8)})
		pass(time.Minute)
		w.crash()
	}
	w.settle()
	w.settle()
	if len(w.spools()) != 0 || len(w.manifests()) != 0 {
		t.Errorf("files %v and %v stay", w.spools(), w.manifests())
	}
	w.stop()
	w.check()
	return ops
}

// TestParkingWhateverHappens parks, kills, redrives, blocks and frees at random.
func TestParkingWhateverHappens(t *testing.T) {
	seeds := 120
	if testing.Short() {
		seeds = 12
	}
	parked := uint64(0)
	for seed := range seeds {
		t.Run(fmt.Sprint("seed=", seed), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { parked += parkingAnything(t, uint64(seed)) })
		})
	}
	if parked == 0 {
		t.Error("nothing was parked: the test shows nothing")
	}
}

func parkingAnything(t *testing.T, seed uint64) (parked uint64) {
	w := newWorld(t, seed, func(w *world) {
		smallQuota(w)
		w.cfg.RetryMax, w.cfg.BlockAfter = 2*time.Second, 3*time.Second
		w.cfg.GiveUpAfter = []time.Duration{0, 20 * time.Second, 3 * time.Second}[seed%3]
		if seed%2 == 0 {
			w.cfg.MaxEvents = 5
		}
	})
	dests := []dest{{"a", "x/"}, {"a", "y/"}, {"b", "x/"}, works}
	for range 80 {
		switch n := w.rand.IntN(100); {
		case n < 45:
			w.put(dests[w.rand.IntN(len(dests))], numbered{lines: w.kilobytes(1 + w.rand.IntN(4))})
		case n < 70:
			pass(time.Duration(w.rand.Int64N(int64(5 * time.Second))))
		case n < 80:
			w.refuse([]string{"a", "b"}[w.rand.IntN(2)], []error{denied, denied, slowDown, invalid, nil}[w.rand.IntN(5)])
		case n < 84:
			chance := float64(w.rand.IntN(3)) / 4
			w.store.set(func() { w.store.mu.lost = chance })
		case n < 88:
			w.disk.SetCapacity([]int64{-1, -1, w.disk.Used() + 2000}[w.rand.IntN(3)])
		case n < 91:
			w.redrive()
		case n < 94:
			w.stop()
			w.start()
		default:
			parked += w.batcher.Counts().Parked
			w.crash()
		}
	}
	parked += w.batcher.Counts().Parked
	for range 3 {
		w.settle()
		w.redrive()
		w.settle()
	}
	w.stop()
	w.check2()
	return parked
}

func (w *world) redrive() batcher.Redriven {
	w.t.Helper()
	r, err := w.batcher.Redrive(w.t.Context(), true, "", "", "")
	if err != nil {
		w.t.Errorf("redrive: %v", err)
	}
	return r
}

// check2 is check for a world in which batches have died: they come behind later
// ones.
func (w *world) check2() {
	w.t.Helper()
	for d, sent := range w.sent {
		times := map[string]int{}
		for _, o := range w.store.objectsOf(d.bucket, d.prefix) {
			for _, line := range o.lines {
				times[line]++
			}
			if !slices.IsSortedFunc(o.lines, func(a, b string) int { return slices.Index(sent, a) - slices.Index(sent, b) }) {
				w.t.Errorf("%v: the lines of an object are not in order", d)
			}
		}
		for _, line := range sent {
			if n := times[line]; n > 1 || n == 0 && w.acked[line] {
				w.t.Errorf("%v: %.20q was delivered %d times", d, line, n)
				break
			}
		}
	}
}
