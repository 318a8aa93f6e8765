package batcher_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/open-destinations/destinations/batcher"
	"github.com/open-destinations/destinations/journal/journaltest"
)

var (
	denied   = refusal("AccessDenied", 403)
	slowDown = refusal("SlowDown", 503)
)

// refuse lets S3 answer every request for a bucket with an error; nil = it works.
func (w *world) refuse(bucket string, err error) {
	w.store.set(func() {
		if delete(w.store.mu.refuse, bucket); err != nil {
			w.store.mu.refuse[bucket] = err
		}
	})
}

// asked is how often S3 was asked to store, and how often whether it would.
func (w *world) asked() (puts, probes int) {
	w.store.set(func() { puts, probes = w.store.mu.tries, w.store.mu.probes })
	return puts, probes
}

// kilobytes makes n lines of a kilobyte that does not compress.
func (w *world) kilobytes(n int) (lines []string) {
	for range n {
		lines = append(lines, short(w.next)+w.noise(1000))
		w.next++
	}
	return lines
}

func TestWhatNeedsSomebodyBlocksAtOnce(t *testing.T) {
	bubble(t, nil, func(w *world) {
		other := dest{"works", ""}
		w.refuse(one.bucket, denied)
		for range 10 {
			w.put(one, numbered{lines: w.lines(3)})
			w.put(other, numbered{lines: w.lines(1)})
			pass(time.Minute)
		}
		puts, probes := w.asked()
		if n := len(w.store.objectsOf(other.bucket, other.prefix)); puts != n+1 || n < 9 {
			w.t.Errorf("%d tries to store, want one more than the %d objects of the destination that works", puts, n)
		}
		if probes < 5 || probes > 30 {
			w.t.Errorf("%d probes in ten minutes", probes)
		}
		w.refuse(one.bucket, nil)
		pass(2 * w.cfg.ProbeMax)
		if n := len(w.store.objectsOf(one.bucket, one.prefix)); n != 2 {
			w.t.Errorf("%d objects, want what was sealed and the rest", n)
		}
		if got, want := w.batcher.Counts(), (batcher.Counts{Blocked: 1, Freed: 1}); got.Blocked != want.Blocked || got.Freed != want.Freed {
			w.t.Errorf("got counts %+v, want %+v", got, want)
		}
	})
}

func TestWhatLastsBlocksWhateverItIs(t *testing.T) {
	bubble(t, nil, func(w *world) {
		w.refuse(one.bucket, slowDown)
		w.put(dest{"works", ""}, numbered{lines: w.lines(1)})
		w.put(one, numbered{lines: w.lines(3)})
		w.flush()
		pass(w.cfg.BlockAfter - 3*time.Second)
		if n := w.batcher.Counts().Blocked; n != 0 {
			w.t.Error("blocked before its time")
		}
		before, _ := w.asked()
		pass(10 * time.Minute)
		if after, probes := w.asked(); after > before+2 || probes == 0 {
			w.t.Errorf("blocked, and %d more tries to store, %d probes", after-before, probes)
		}
		w.refuse(one.bucket, nil)
	})
}

// Blocking stands in the journal, and goes on from one start to the next, also when the
// record of it was released.
func TestBlockedDestinationsStayBlockedOverRestarts(t *testing.T) {
	bubble(t, func(w *world) { w.jcfg.ControlSegmentBytes = 8 << 10 }, func(w *world) {
		other := dest{"works", ""}
		w.fill(3, other)
		pass(2 * time.Minute)
		w.put(one, numbered{lines: w.lines(3)})
		w.refuse(one.bucket, denied)
		w.flush()
		w.refuse(one.bucket, errors.New("reset")) // it would be tried for a while if it were not blocked
		for range 3 {
			w.crash()
			before, _ := w.asked()
			w.put(one, numbered{lines: w.lines(3)})
			pass(time.Minute)
			if after, _ := w.asked(); after != before {
				w.t.Errorf("%d tries to store in a blocked destination", after-before)
			}
		}
		w.refuse(one.bucket, nil)
		w.settle()
		if n := w.delivered(one); n != 12 {
			w.t.Errorf("%d events delivered, want 12", n)
		}
		w.fill(3, other)
		w.settle()
		if w.start0() < 10 {
			w.t.Error("nothing was released: the test shows nothing")
		}
		w.refuse(one.bucket, denied)
		w.put(one, numbered{lines: w.lines(3)})
		pass(2 * time.Minute)
		w.fill(3, other) // its Blocked stands below the snapshots of these
		pass(2 * time.Minute)
		w.crash()
		before, _ := w.asked()
		pass(2 * time.Minute)
		if after, _ := w.asked(); after != before {
			w.t.Errorf("%d tries to store in a blocked destination", after-before)
		}
		w.refuse(one.bucket, nil)
	})
}

func TestBlockedDestinationsHoldNoMemory(t *testing.T) {
	bubble(t, littleMemory(time.Minute), func(w *world) {
		w.jcfg.Partitions = 1
		other := dest{"works", ""}
		w.refuse(one.bucket, denied)
		w.put(one, numbered{lines: w.lines(1)})
		w.flush()
		for range 6 {
			w.put(other, numbered{lines: w.lines(1)})
			for range 4 {
				w.put(one, numbered{lines: w.kilobytes(1 << 10)})
			}
			pass(time.Minute)
			synctest.Wait()
			if batches, tables, _ := w.batcher.Memory(); batches+tables > 100<<10 {
				w.t.Errorf("%d bytes of batches and %d of tables are charged", batches, tables)
			}
		}
		if got, want := w.delivered(other), len(w.sent[other]); got != want {
			w.t.Errorf("%d of %d delivered of the destination that works", got, want)
		}
		w.refuse(one.bucket, nil) // 24 MB come back through 8 MiB
	})
}

// Of 1,000 destinations 500 are refused: these take a few hundred bytes each, and the
// others are delivered as if they were alone.
func TestHalfOfTheDestinationsAreRefused(t *testing.T) {
	bubble(t, littleMemory(time.Minute), func(w *world) {
		var dests []dest
		for i := range 1000 {
			dests = append(dests, dest{fmt.Sprint("bucket-", i%2), fmt.Sprintf("%d/", i)})
		}
		w.refuse("bucket-0", denied)
		for range 8 {
			w.send(func(n int) string { return short(n) + strings.Repeat("x", 2000) }, dests...)
			pass(time.Minute)
		}
		pass(time.Minute)
		synctest.Wait()
		if batches, tables, _ := w.batcher.Memory(); batches != 0 || tables > 500*2500 {
			w.t.Errorf("%d bytes of batches and %d of tables are charged for 500 blocked destinations", batches, tables)
		}
		for _, d := range dests {
			if d.bucket == "bucket-1" && w.delivered(d) != 8 {
				w.t.Errorf("%v: %d of 8 delivered", d, w.delivered(d))
				break
			}
		}
		w.refuse("bucket-0", nil)
		w.settle()
		if n := w.batcher.Counts().Passes; n > 500 {
			w.t.Errorf("%d passes", n)
		}
	})
}

// Buckets that only time out take none of the slots of those that work.
func TestHangingDestinationsTakeNoSlotsOfOthers(t *testing.T) {
	bubble(t, func(w *world) { w.cfg.Uploads = 16 }, func(w *world) {
		w.hang("hangs")
		working := prefixes("works", 20)
		w.send(short, append(prefixes("hangs", 200), working...)...)
		w.flush()
		w.promptly(working[0])
		w.store.set(func() { clear(w.store.mu.hang) })
	})
}

// promptly sends to a destination for a minute, and wants each event to be delivered
// within a second of a flush.
func (w *world) promptly(d dest) {
	w.t.Helper()
	for range 60 {
		w.put(d, numbered{lines: w.lines(1)})
		ctx, cancel := context.WithTimeout(w.t.Context(), time.Second)
		if _, err := w.batcher.Flush(ctx, true, "", "", ""); err != nil {
			w.t.Errorf("a flush beside blocked destinations: %v", err)
		}
		cancel()
		pass(time.Second)
		synctest.Wait()
		if got, want := w.delivered(d), len(w.sent[d]); got != want {
			w.t.Errorf("%d of %d delivered a second later", got, want)
			return
		}
	}
}

func TestCloseDoesNotWaitForProbes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, 1, onePartition)
		w.refuse(one.bucket, denied)
		w.put(one, numbered{lines: w.lines(1)})
		w.flush()
		w.store.set(func() { w.store.mu.slow = time.Hour })
		pass(10 * time.Minute) // a probe is under way
		if _, probes := w.asked(); probes == 0 {
			t.Fatal("no probe: the test shows nothing")
		}
		began := time.Now()
		w.stop()
		if took := time.Since(began); took > time.Second {
			t.Errorf("closing took %v", took)
		}
		w.refuse(one.bucket, nil)
		w.start()
		w.settle()
		w.stop()
		w.check()
	})
}

// A pass that breaks off puts back the duplicates that it has left out before those that it has
// not come to: the next one asks for them in their order.
func TestDuplicatesArePutBackInOrder(t *testing.T) {
	bubble(t, func(w *world) { w.jcfg.SegmentBytes = 8 << 10 }, func(w *world) {
		w.refuse(one.bucket, denied)
		w.put(one, numbered{lines: w.lines(1)})
		w.flush()
		twice := w.lines(2)
		w.put(one, numbered{sender: 1, sequence: 1, lines: twice})
		w.put(one, numbered{sender: 1, sequence: 1, lines: twice})
		w.put(one, numbered{lines: w.lines(1)})
		w.put(works, numbered{lines: w.lines(12)})
		w.put(one, numbered{lines: w.lines(1)})
		w.put(one, numbered{sender: 1, sequence: 1, lines: twice})
		w.put(one, numbered{lines: w.lines(1)})
		w.refuse(one.bucket, nil)
		for w.batcher.Counts().Freed == 0 {
			pass(time.Millisecond)
		}
		w.disk.Fail(func(op journaltest.Op) error {
			if op.Kind == journaltest.Open && strings.HasSuffix(op.Name, "0003.seg") { // the second; there the pass gets stuck
				return syscall.EMFILE
			}
			return nil
		})
		w.refuse(one.bucket, denied)
		pass(3 * time.Second)
		if c := w.batcher.Counts(); c.Passes != 1 || c.Blocked != 2 {
			w.t.Errorf("%d passes, blocked %d times: the test shows nothing", c.Passes, c.Blocked)
		}
		w.disk.Fail(nil)
		w.refuse(one.bucket, nil)
	})
}

// A pass for whose first segment there is no file descriptor is tried again after a pause.
func TestAPassWithoutADescriptorWaits(t *testing.T) {
	bubble(t, nil, func(w *world) {
		w.refuse(one.bucket, denied)
		w.put(one, numbered{lines: w.lines(1)})
		w.flush()
		w.refuse(one.bucket, nil)
		for w.batcher.Counts().Freed == 0 {
			pass(time.Millisecond)
		}
		var tries atomic.Int64
		w.disk.Fail(func(op journaltest.Op) error {
			if op.Kind == journaltest.Open && strings.Contains(op.Name, "events-") && tries.Add(1) < 1000 {
				return syscall.EMFILE
			}
			return nil
		})
		pass(10 * time.Second)
		if n := tries.Load(); n < 5 || n > 10 {
			w.t.Errorf("%d tries in ten seconds, want one a second", n)
		}
		w.disk.Fail(nil)
	})
}
