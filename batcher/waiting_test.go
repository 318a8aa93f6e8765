package batcher_test

import (
	"context"
	"fmt"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/open-destinations/destinations/journal/journaltest"
)

// down lets S3 answer every request with an error; nil = it works.
func (w *world) down(err error) {
	w.store.set(func() { w.store.mu.down = err })
}

func many(n int) (dests []dest) {
	for i := range n {
		dests = append(dests, dest{fmt.Sprint("bucket-", i%7), fmt.Sprintf("%d/", i)})
	}
	return dests
}

// Credentials that have expired are nobody's fault but the service's: no destination is
// blocked by them, one request at a time finds out whether they work again, and then
// everything is read in at most two passes.
func TestExpiredCredentialsAreOneState(t *testing.T) {
	bubble(t, littleMemory(time.Minute), func(w *world) {
		dests := many(1000)
		for n := range 6 {
			w.send(func(n int) string { return short(n) + w.noise(1000) }, dests...)
			if n == 1 {
				w.down(refusal("ExpiredToken", 400))
				w.store.set(func() { w.store.mu.slow = time.Second })
				w.flush()
			}
			pass(time.Minute)
		}
		synctest.Wait()
		tries, probes := w.asked()
		if tries > 1000+4*w.cfg.Uploads || probes < 10 || probes > 100 {
			w.t.Errorf("%d tries to store, %d probes in five minutes", tries, probes)
		}
		if batches, _, _ := w.batcher.Memory(); batches > 2<<20 {
			w.t.Errorf("%d bytes of batches are held", batches)
		}
		w.down(nil)
		w.store.set(func() { w.store.mu.slow = 0 })
		pass(time.Minute)
		synctest.Wait()
		for _, d := range dests {
			if got := w.delivered(d); got != 6 {
				w.t.Errorf("%v: %d of 6 delivered a minute later", d, got)
				break
			}
		}
		if c := w.batcher.Counts(); c.Blocked != 0 || c.Passes > 2 {
			w.t.Errorf("got counts %+v, want none blocked and at most 2 passes", c)
		}
	})
}

// A batch whose Seal is still on its way into the journal is read again like one that is
// sealed.
func TestBatchesThatAreNotYetSealedAreReadAgain(t *testing.T) {
	bubble(t, nil, func(w *world) {
		w.store.set(func() { w.store.mu.slow = 5 * time.Second })
		w.down(refusal("ExpiredToken", 400))
		w.put(one, numbered{lines: w.lines(2)})
		w.flush()
		w.disk.Fail(fullControl)
		w.put(one, numbered{lines: w.lines(2)})
		ctx, cancel := context.WithTimeout(w.t.Context(), time.Second)
		defer cancel()
		if _, err := w.batcher.Flush(ctx, true, "", "", ""); err == nil {
			w.t.Error("sealed without room for it: the test shows nothing")
		}
		w.put(one, numbered{lines: w.lines(2)})
		pass(10 * time.Second)
		w.down(nil)
		pass(time.Minute)
		w.disk.Fail(nil)
	})
}

// fullControl leaves no room for control records.
func fullControl(op journaltest.Op) error {
	if op.Kind == journaltest.Write && strings.Contains(op.Name, "control-") {
		return syscall.ENOSPC
	}
	return nil
}

// What was on its way when everything else had to wait does not stay in memory either.
func TestUploadsUnderWayGiveTheirMemoryBack(t *testing.T) {
	bubble(t, littleMemory(time.Hour), func(w *world) {
		w.down(refusal("ExpiredToken", 400))
		w.store.set(func() { w.store.mu.slow = time.Second })
		w.send(func(n int) string { return short(n) + w.noise(100<<10) }, many(20)...)
		w.flush()
		pass(10 * time.Second)
		if batches, _, _ := w.batcher.Memory(); batches > 0 {
			w.t.Errorf("%d bytes of batches are held", batches)
		}
		w.down(nil)
	})
}

func TestAnEndpointThatIsDownIsOneState(t *testing.T) {
	bubble(t, littleMemory(time.Minute), func(w *world) {
		dests := many(200)
		for n := range 6 {
			if n == 1 {
				w.down(slowDown)
			}
			w.send(func(n int) string { return short(n) + w.noise(1000) }, dests...)
			pass(time.Minute)
		}
		before, _ := w.asked()
		pass(5 * time.Minute)
		if after, _ := w.asked(); after != before {
			w.t.Errorf("%d tries to store while the endpoint is down", after-before)
		}
		if batches, _, _ := w.batcher.Memory(); batches > 0 {
			w.t.Errorf("%d bytes of batches are held", batches)
		}
		w.crash()
		w.send(short, dests...)
		pass(2 * time.Minute)
		w.down(nil)
		pass(30 * time.Second)
		synctest.Wait()
		for _, d := range dests {
			if got := w.delivered(d); got != 7 {
				w.t.Errorf("%v: %d of 7 delivered half a minute later", d, got)
				break
			}
		}
		if c := w.batcher.Counts(); c.Blocked != 0 {
			w.t.Errorf("got counts %+v, want none blocked", c)
		}
	})
}

// If most destinations fail by themselves, the others are held up for a while, and not
// for good.
func TestMostDestinationsHang(t *testing.T) {
	bubble(t, nil, func(w *world) {
		w.store.set(func() { w.store.mu.hang["hangs"] = 10 * time.Second })
		dests := []dest{one}
		for i := range 30 {
			dests = append(dests, dest{"hangs", fmt.Sprintf("%d/", i)})
		}
		for range 10 {
			w.send(short, dests...)
			pass(time.Minute)
		}
		if got := w.delivered(one); got < 7 {
			w.t.Errorf("%d of 10 delivered in ten minutes", got)
		}
		w.promptly(one)
		if c := w.batcher.Counts(); c.Blocked != 30 {
			w.t.Errorf("got counts %+v, want 30 blocked", c)
		}
		w.store.set(func() { clear(w.store.mu.hang) })
	})
}

// The last destinations that could find out that the credentials work again are such
// as are blocked by themselves.
func TestBlockedDestinationsProbeTheCredentials(t *testing.T) {
	bubble(t, nil, func(w *world) {
		w.refuse(one.bucket, denied)
		w.put(one, numbered{lines: w.lines(1)})
		w.flush()
		w.down(refusal("ExpiredToken", 400))
		pass(10 * time.Minute)
		w.down(nil)
		pass(10 * time.Minute)
		w.refuse(one.bucket, nil)
		pass(10 * time.Minute)
		if got := w.delivered(one); got != 1 {
			w.t.Errorf("%d of 1 delivered", got)
		}
	})
}

// An object that S3 takes while everything waits for the credentials shows that they work, before
// anybody asks.
func TestAnObjectThatIsStoredEndsTheWaiting(t *testing.T) {
	bubble(t, func(w *world) { w.cfg.RetryMin, w.cfg.RetryMax = time.Minute, time.Hour }, func(w *world) {
		w.store.set(func() { w.store.mu.slow = 3 * time.Second })
		w.put(works, numbered{lines: w.lines(1)})
		w.flush()
		w.store.set(func() { w.store.mu.slow = 0 })
		w.refuse(one.bucket, refusal("ExpiredToken", 400))
		w.put(one, numbered{lines: w.lines(1)})
		w.flush()
		if w.delivered(works) != 0 || len(w.batcher.Shared()) == 0 {
			w.t.Error("nothing waits, or nothing is under way: the test shows nothing")
		}
		w.refuse(one.bucket, nil)
		pass(3 * time.Second)
		if _, probes := w.asked(); w.delivered(one) != 1 || probes != 0 {
			w.t.Errorf("%d of 1 delivered, %d probes", w.delivered(one), probes)
		}
	})
}
