package batcher_test

import (
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/open-destinations/destinations/journal/journaltest"
)

// sealLarge leaves behind a batch of many times the memory that it is delivered
// under, which S3 has not taken, and some events behind it.
func (w *world) sealLarge(mib int, d dest) {
	w.t.Helper()
	w.cfg.MemoryBytes, w.cfg.BlockAfter = 256<<20, time.Hour
	w.crash()
	w.store.set(func() { w.store.mu.lost = 1 })
	for range mib {
		w.put(d, numbered{lines: w.kilobytes(1 << 10)})
	}
	w.flush()
	w.put(d, numbered{lines: w.kilobytes(3)})
	w.cfg.MemoryBytes, w.cfg.BlockAfter = 8<<20, 30*time.Second
}

func oneLarge(w *world) { littleMemory(time.Hour)(w); onePartition(w) }

// peak lets time pass and returns the most memory that was charged meanwhile.
func (w *world) peak(d time.Duration) (most int64) {
	for range int(d / (100 * time.Millisecond)) {
		pass(100 * time.Millisecond)
		synctest.Wait()
		batches, _, _ := w.batcher.Memory()
		most = max(most, batches)
	}
	return most
}

// A batch that was sealed under a large memory, and is larger than the memory now,
// is delivered: through a file, and never whole in memory.
func TestABatchLargerThanTheMemoryIsDelivered(t *testing.T) {
	bubble(t, oneLarge, func(w *world) {
		w.sealLarge(20, one)
		w.store.set(func() { w.store.mu.lost = 0 })
		w.crash()
		if most := w.peak(30 * time.Second); most > 10<<20 {
			w.t.Errorf("%d bytes were charged, of 8 MiB", most)
		}
		if c := w.batcher.Counts(); c.Parked != 1 {
			w.t.Errorf("%d batches were parked: the test shows nothing", c.Parked)
		}
		if got := w.delivered(one); got != 20<<10 {
			w.t.Errorf("%d of %d delivered", got, 20<<10)
		}
		if len(w.spools()) != 0 {
			w.t.Errorf("files %v stay", w.spools())
		}
		w.flush()
	})
}

// So it is if its destination is blocked and parked, while others are delivered.
func TestABatchLargerThanTheMemoryIsParked(t *testing.T) {
	bubble(t, func(w *world) { oneLarge(w); w.jcfg.QuotaBytes = 80 << 20 }, func(w *world) {
		w.sealLarge(18, one)
		w.refuse(one.bucket, denied)
		w.store.set(func() { w.store.mu.lost = 0 })
		w.crash()
		w.peak(20 * time.Second)
		for range 8 {
			w.put(works, numbered{lines: w.kilobytes(512)})
			w.flush()
			if most := w.peak(2 * time.Second); most > 10<<20 {
				w.t.Errorf("%d bytes were charged, of 8 MiB", most)
			}
		}
		if got, want := w.delivered(works), len(w.sent[works]); got != want {
			w.t.Errorf("%d of %d delivered of the destination that works", got, want)
		}
		if c := w.batcher.Counts(); c.Parked == 0 || w.start0() == 0 {
			w.t.Errorf("counts %+v, start %d: the test shows nothing", c, w.start0())
		}
		w.refuse(one.bucket, nil)
		w.peak(6 * time.Minute)
		w.flush()
	})
}

// What is read on the way of another destination, whose batches S3 does not take, is no part of
// the batch that goes into the file: while it fills the memory, nothing is read on.
func TestABatchLargerThanTheMemoryWaitsForOneThatFails(t *testing.T) {
	bubble(t, func(w *world) { oneLarge(w); w.cfg.MemoryBytes = 256 << 20 }, func(w *world) {
		w.store.set(func() { w.store.mu.lost = 1 })
		for range 20 {
			w.put(one, numbered{lines: w.kilobytes(1 << 10)})
			w.put(works, numbered{lines: w.kilobytes(1 << 10)})
		}
		w.flushOf(one)
		w.store.set(func() { w.store.mu.lost = 0 })
		w.refuse(works.bucket, slowDown)
		w.cfg.MemoryBytes, w.cfg.MaxEvents = 8<<20, 500
		w.crash()
		if most := w.peak(20 * time.Second); most > 9<<20 {
			w.t.Errorf("%d bytes were charged, of 8 MiB", most)
		}
		if most := w.peak(time.Minute); most > 9<<20 {
			w.t.Errorf("%d bytes were charged, of 8 MiB, when the other was blocked", most)
		}
		if got := w.delivered(one); got != 20<<10 {
			w.t.Errorf("%d of %d delivered beside a destination that is blocked", got, 20<<10)
		}
		if c := w.batcher.Counts(); c.Parked != 1 {
			w.t.Errorf("%d batches were parked: the test shows nothing", c.Parked)
		}
	})
}

// However slow the disk is, what waits for it is bounded by one memory and not by one for each
// shard.
func TestBatchesLargerThanTheMemoryOnASlowDisk(t *testing.T) {
	bubble(t, func(w *world) { oneLarge(w); w.jcfg.Partitions = 4 }, func(w *world) {
		w.cfg.MemoryBytes, w.cfg.BlockAfter = 256<<20, time.Hour
		w.crash()
		w.store.set(func() { w.store.mu.lost = 1 })
		var dests []dest
		for part := range 4 {
			dests = append(dests, destIn(part, 4, "bucket"))
		}
		for _, d := range dests {
			w.sendNoise(12<<20, d)
		}
		w.flush()
		w.store.set(func() { w.store.mu.lost = 0 })
		w.cfg.MemoryBytes = 8 << 20
		w.slow = &slowDisk{onRelease: func() {}}
		w.slow.parked.Store(int64(3 * time.Second))
		w.crash()
		if most := w.peak(15 * time.Minute); most > 8<<20+512<<10 {
			w.t.Errorf("%d bytes were charged, of 8 MiB", most)
		}
		w.slow.parked.Store(0)
		w.peak(time.Minute)
		for _, d := range dests {
			if got, want := w.delivered(d), len(w.sent[d]); got != want {
				w.t.Errorf("%d of %d delivered to %v", got, want, d)
			}
		}
		if c := w.batcher.Counts(); c.Parked == 0 {
			w.t.Errorf("%d batches were parked: the test shows nothing", c.Parked)
		}
	})
}

// Want of space for the file holds no memory up, and ends by itself.
func TestABatchLargerThanTheMemoryAndAFullDisk(t *testing.T) {
	for _, kind := range []journaltest.Kind{journaltest.Write, journaltest.Truncate} { // in its middle, and at its end
		t.Run(string(kind), func(t *testing.T) { largeOnAFullDisk(t, kind) })
	}
}

func largeOnAFullDisk(t *testing.T, kind journaltest.Kind) {
	bubble(t, oneLarge, func(w *world) {
		w.sealLarge(12, one)
		w.store.set(func() { w.store.mu.lost = 0 })
		w.crash()
		left := 5 << 20
		w.disk.Fail(func(op journaltest.Op) error {
			if op.Kind == kind && strings.Contains(op.Name, "/parked/") {
				if left -= int(op.Len); left < 0 {
					return errNoSpace
				}
			}
			return nil
		})
		w.peak(20 * time.Second)
		for range 4 {
			w.put(works, numbered{lines: w.kilobytes(512)})
			w.put(one, numbered{lines: w.kilobytes(1)})
			w.flushOf(works)
			w.peak(3 * time.Second)
		}
		if left > 0 {
			w.t.Error("the disk was never full: the test shows nothing")
		}
		if got, want := w.delivered(works), len(w.sent[works]); got != want {
			w.t.Errorf("%d of %d delivered of the destination that works", got, want)
		}
		if len(w.spools()) != 0 {
			w.t.Errorf("files %v on a full disk", w.spools())
		}
		w.disk.Fail(nil)
		w.peak(30 * time.Second)
		w.flush()
	})
}

// A file can fail at its end, when the next batch of its destination is being read: both
// are read again then, from their beginnings.
func TestTheNextBatchIsHalfReadWhenTheDiskIsFull(t *testing.T) {
	for kind, room := range map[journaltest.Kind]int{journaltest.Write: 11 << 20, journaltest.Truncate: 0} {
		t.Run(string(kind), func(t *testing.T) {
			bubble(t, oneLarge, func(w *world) {
				w.sealLarge(12, one)
				w.cfg.BlockAfter = time.Hour
				for range 11 {
					w.put(one, numbered{lines: w.kilobytes(1 << 10)})
				}
				w.flush()
				w.store.set(func() { w.store.mu.lost = 0 })
				w.crash()
				left := room
				w.disk.Fail(func(op journaltest.Op) error {
					if op.Kind == kind && strings.Contains(op.Name, "/parked/") {
						if left -= int(op.Len); left <= 0 {
							return errNoSpace
						}
					}
					return nil
				})
				w.peak(10 * time.Second)
				if left > 0 {
					w.t.Error("the disk was never full: the test shows nothing")
				}
				w.disk.Fail(nil)
				w.peak(20 * time.Second)
				if err := w.journal.Partition(0).Err(); err != nil {
					w.t.Errorf("the partition was closed: %v", err)
				}
				if got, want := w.delivered(one), len(w.sent[one]); got != want {
					w.t.Errorf("%d of %d delivered", got, want)
				}
			})
		})
	}
}

func (w *world) flushOf(d dest) {
	w.t.Helper()
	if _, err := w.batcher.Flush(w.t.Context(), false, "default", d.bucket, d.prefix); err != nil {
		w.t.Errorf("flush: %v", err)
	}
}

// TestKillsWhileALargeBatchIsParked kills, refuses and fills the disk at random while it is
// read and written.
func TestKillsWhileALargeBatchIsParked(t *testing.T) {
	seeds := 30
	if testing.Short() {
		seeds = 4
	}
	for seed := range seeds {
		t.Run(fmt.Sprint("seed=", seed), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { largeAndKilled(t, uint64(seed)) })
		})
	}
}

func largeAndKilled(t *testing.T, seed uint64) {
	w := newWorld(t, seed, func(w *world) {
		oneLarge(w)
		w.cfg.ProbeMax, w.cfg.RetryMax = 2*time.Second, 2*time.Second
		w.jcfg.SegmentBytes = 1 << 20
	})
	w.sealLarge(12, one)
	w.store.set(func() { w.store.mu.lost = 0 })
	for range 6 {
		w.disk.StopAt(w.disk.Ops() + w.rand.IntN(150))
		pass(time.Duration(w.rand.Int64N(int64(3 * time.Second))))
		close(w.process.dead)
		w.resume(w.disk.AfterCrash(w.rand.Uint64()))
		w.refuse(one.bucket, []error{nil, denied, slowDown}[w.rand.IntN(3)])
		w.put([]dest{one, works}[w.rand.IntN(2)], numbered{lines: w.kilobytes(1 + w.rand.IntN(700))})
		if w.rand.IntN(3) == 0 {
			w.disk.SetCapacity(w.disk.Used() + int64(w.rand.IntN(8<<20)))
		}
		pass(time.Duration(w.rand.Int64N(int64(6 * time.Second))))
		w.disk.SetCapacity(-1)
	}
	w.settle()
	w.flush()
	pass(time.Minute)
	w.stop()
	w.check()
}
