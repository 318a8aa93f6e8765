package batcher_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"github.com/open-destinations/destinations/journal"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var one = dest{"bucket", "test/"}

func TestThirtyEventsBecomeOneObjectInTheirWindow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, 1, nil)
		for range 30 {
			w.send(short, one)
		}
		pass(time.Minute)
		synctest.Wait()
		if n := w.store.count(); n != 1 {
			t.Errorf("got %d objects within a minute, want 1", n)
		}
		w.stop()
		w.check()
	})
}

func TestWindowsWithoutEventsWriteNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, 1, nil)
		w.send(short, one)
		pass(time.Hour)
		synctest.Wait()
		if n := w.store.mu.puts; n != 1 {
			t.Errorf("got %d PUTs in an hour with one event, want 1", n)
		}
		w.stop()
		w.check()
	})
}

func TestWindowsOfOneDestinationMakeOneObjectEach(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, 1, nil)
		for range 10 * 60 {
			w.send(short, one)
			pass(time.Second)
		}
		pass(time.Minute)
		synctest.Wait()
		if n := w.store.count(); n < 10 || n > 11 {
			t.Errorf("got %d objects in 10 minutes, want 10 or 11", n)
		}
		w.stop()
		w.check()
	})
}

func TestSizeClosesABatchEarly(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, 1, func(w *world) {
			w.cfg.MaxObjectSize = 1 << 20
			w.jcfg.SegmentBytes = 4 << 20
		})
		const megabytes = 5
		for range megabytes * 16 { // random, so that it does not compress
			w.send(func(n int) string { return fmt.Sprint(n) + w.noise(64<<10) }, one)
		}
		pass(time.Second)
		if n := w.store.count(); n < megabytes-1 {
			t.Errorf("got %d objects before the window ended, want at least %d", n, megabytes-1)
		}
		pass(time.Minute)
		w.stop()
		w.check()
	})
}

func (w *world) noise(n int) string {
	var b strings.Builder
	for b.Len() < n {
		b.WriteByte(byte(' ' + w.rand.IntN(94)))
	}
	return b.String()
}

// Holds invariant 12 of ARCHITECTURE.md.
func TestAnOutageMakesFewerAndLargerObjectsInOrder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, 1, nil)
		refused := errors.New("AccessDenied")
		w.store.set(func() { w.store.mu.refuse[one.bucket] = refused })
		other := dest{"other-bucket", ""}
		for range 60 {
			w.send(short, one, other)
			pass(10 * time.Second)
		}
		if n := len(w.store.objectsOf(other.bucket, other.prefix)); n < 9 {
			t.Errorf("a refused bucket held up another one: %d objects in 10 minutes", n)
		}
		w.store.set(func() { delete(w.store.mu.refuse, one.bucket) })
		pass(2 * w.cfg.ProbeMax)
		synctest.Wait()
		if n := len(w.store.objectsOf(one.bucket, one.prefix)); n > 3 {
			t.Errorf("ten minutes of outage made %d objects, want at most 3", n)
		}
		pass(time.Minute)
		w.stop()
		w.check()
	})
}

func TestWhenMemoryIsShortReadingStopsAndGoesOn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, 1, func(w *world) {
			w.cfg.MemoryBytes = 8 << 20
			w.jcfg.SegmentBytes = 4 << 20
		})
		w.store.set(func() { w.store.mu.refuse[one.bucket] = errors.New("503") })
		for range 32 * 16 {
			w.send(func(n int) string { return fmt.Sprint(n) + w.noise(64<<10) }, one)
		}
		pass(10 * time.Minute)
		w.store.set(func() { clear(w.store.mu.refuse) })
		pass(10 * time.Minute)
		synctest.Wait()
		w.stop()
		w.check()
	})
}

func TestFlushAnswersWhenAllThatWasAcknowledgedIsSealed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, 1, nil)
		dests := someDests(9)
		w.send(short, dests...)
		n, err := w.batcher.Flush(t.Context(), true, "", "", "")
		if err != nil || n != uint64(len(dests)) {
			t.Errorf("got %d batches, %v, want %d", n, err, len(dests))
		}
		synctest.Wait()
		if got := w.store.count(); got != len(dests) {
			t.Errorf("got %d objects at once, want %d", got, len(dests))
		}
		w.send(short, dests...)
		if n, err := w.batcher.Flush(t.Context(), false, "default", dests[0].bucket, dests[0].prefix); err != nil || n != 1 {
			t.Errorf("one destination: got %d batches, %v, want 1", n, err)
		}
		w.send(short, dests...)
		ofBucket := uint64(0)
		for _, d := range dests {
			if d.bucket == dests[0].bucket {
				ofBucket++
			}
		}
		if n, err := w.batcher.Flush(t.Context(), true, "default", dests[0].bucket, ""); err != nil || n != ofBucket || ofBucket < 2 || ofBucket == uint64(len(dests)) {
			t.Errorf("a bucket of %d destinations: got %d batches, %v", ofBucket, n, err)
		}
		if n, err := w.batcher.Flush(t.Context(), false, "default", "nobody-knows", ""); err != nil || n != 0 {
			t.Errorf("an unknown destination: got %d batches, %v, want 0", n, err)
		}
		pass(time.Minute)
		w.stop()
		if _, err := w.batcher.Flush(t.Context(), true, "", "", ""); !errors.Is(err, journal.ErrClosed) {
			t.Errorf("after Close: got %v, want %v", err, journal.ErrClosed)
		}
		w.check()
	})
}

// Holds invariants 5 and 7 of ARCHITECTURE.md.
func TestASealedBatchIsDeliveredAsItWasSealed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, 1, nil)
		w.store.set(func() { w.store.mu.lost = 1 }) // every request is lost
		for range 5 {
			w.send(short, one)
		}
		if _, err := w.batcher.Flush(t.Context(), true, "", "", ""); err != nil {
			t.Fatal(err)
		}
		w.crash()
		w.send(short, one)
		w.settle()
		objects := w.store.objectsOf(one.bucket, one.prefix)
		if len(objects) != 2 || len(objects[0].lines) != 5 {
			t.Errorf("got %d objects, want the sealed one with 5 lines and another", len(objects))
		}
		w.stop()
		w.check()
	})
}

func TestDeliveredSegmentsAreReleased(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, 1, func(w *world) { w.jcfg.Partitions = 1 })
		for range 20 {
			for range 40 {
				w.send(func(n int) string { return short(n) + strings.Repeat("x", 1000) }, one)
			}
			pass(time.Minute)
		}
		pass(time.Minute)
		part := w.journal.Partition(0)
		if start, end := part.Start().Events, part.Events().Committed(); start < end-200 {
			t.Errorf("the log starts at %d and ends at %d: what is delivered was not released", start, end)
		}
		if part.Start().Control == 0 {
			t.Error("the control log was not released")
		}
		w.crash()
		w.send(short, one)
		w.settle()
		w.stop()
		w.check()
	})
}

func TestCloseLetsRunningUploadsFinish(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, 1, nil)
		w.store.set(func() { w.store.mu.slow = 5 * time.Second })
		w.send(short, one)
		if _, err := w.batcher.Flush(t.Context(), true, "", "", ""); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		began := time.Now()
		w.stop()
		if took := time.Since(began); took != 5*time.Second {
			t.Errorf("closing took %v, want the 5s that the upload takes", took)
		}
		w.start()
		w.settle()
		if w.store.mu.puts != 1 {
			t.Errorf("got %d PUTs, want 1: the delivery was noted before the end", w.store.mu.puts)
		}
		w.stop()
		w.check()
	})
}

func TestCloseEndsUploadsWhenItsTimeIsUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, 1, nil)
		w.store.set(func() { w.store.mu.slow = time.Hour })
		w.send(short, one)
		if _, err := w.batcher.Flush(t.Context(), true, "", "", ""); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		ctx, cancel := context.WithTimeout(t.Context(), 3*time.Second)
		defer cancel()
		began := time.Now()
		if err := w.batcher.Close(ctx); err != nil {
			t.Error(err)
		}
		if took := time.Since(began); took != 3*time.Second {
			t.Errorf("closing took %v, want 3s", took)
		}
		w.journal.Close()
		w.start()
		w.settle()
		w.stop()
		w.check()
	})
}
