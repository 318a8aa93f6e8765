package batcher_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/open-destinations/destinations/journal"
	"github.com/open-destinations/destinations/journal/journaltest"
)

// destIn is a destination of a partition.
func destIn(p, partitions int, bucket string) dest {
	for i := 0; ; i++ {
		d := dest{bucket, fmt.Sprintf("%d/", i)}
		if partitionOf("default", d.bucket, d.prefix, partitions) == p {
			return d
		}
	}
}

// sendNoise sends bytes that do not compress, 64 KiB an event.
func (w *world) sendNoise(bytes int, d dest) {
	for range bytes / (64 << 10) {
		w.send(func(n int) string { return fmt.Sprint(n) + w.noise(64<<10) }, d)
	}
}

func (w *world) delivered(d dest) (lines int) {
	for _, o := range w.store.objectsOf(d.bucket, d.prefix) {
		lines += len(o.lines)
	}
	return lines
}

func littleMemory(window time.Duration) func(*world) {
	return func(w *world) {
		w.cfg.MemoryBytes, w.cfg.Window = 8<<20, window
		w.jcfg.SegmentBytes, w.jcfg.ControlSegmentBytes = 4<<20, 1<<20
	}
}

func TestADamagedPartitionGivesItsMemoryBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, 1, littleMemory(time.Hour))
		bad, good := destIn(0, 2, "bad"), destIn(1, 2, "good")
		w.sendNoise(7<<20, bad)
		pass(time.Second)
		w.disk.Fail(func(op journaltest.Op) error {
			if op.Kind == journaltest.Read && strings.Contains(op.Name, "0000/events") {
				return syscall.EIO
			}
			return nil
		})
		w.send(short, bad)
		pass(time.Second)
		if err := w.journal.Partition(0).Err(); !isDamage(err) {
			t.Fatalf("got %v, want damage", err)
		}
		w.sendNoise(2<<20, good)
		pass(2 * time.Hour)
		synctest.Wait()
		if got, want := w.delivered(good), len(w.sent[good]); got != want || w.batcher.Err() != nil {
			t.Errorf("the other partition: %d of %d delivered, %v", got, want, w.batcher.Err())
		}
		w.stop()
	})
}

func isDamage(err error) bool {
	var damage *journal.CorruptError
	return errors.As(err, &damage)
}

// A shard that waits for memory gets it also if another one holds it, in batches
// whose windows are far from their ends.
func TestAStarvedShardIsFedByTheOthers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, 1, littleMemory(24*time.Hour))
		a, b := destIn(0, 2, "a"), destIn(1, 2, "b")
		w.sendNoise(6500<<10, b)
		w.sendNoise(3<<20, a)
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		if _, err := w.batcher.Flush(ctx, false, "default", a.bucket, a.prefix); err != nil {
			t.Errorf("a flush while memory was short: %v", err)
		}
		synctest.Wait()
		if got, want := w.delivered(a), len(w.sent[a]); got != want {
			t.Errorf("%d of %d delivered", got, want)
		}
		w.stop()
	})
}

// Kills leave segments that begin inside of what was sealed. A journal with a small
// quota must get rid of them, or it stays full with everything delivered.
func TestAFullJournalGetsFreeAfterKills(t *testing.T) {
	for seed := range uint64(20) {
		synctest.Test(t, func(t *testing.T) {
			w := newWorld(t, seed, func(w *world) {
				w.jcfg.Partitions = 1
				w.jcfg.SegmentBytes, w.jcfg.QuotaBytes = 16<<10, 2*16<<10
				w.cfg.RetryMax, w.cfg.Window = 5*time.Second, 10*time.Second
			})
			kilobyte := func(n int) string { return short(n) + strings.Repeat("x", 1000) }
			w.store.set(func() { w.store.mu.refuse[one.bucket] = errors.New("503") })
			for range 4 {
				for range 1 + w.rand.IntN(18) {
					w.send(kilobyte, one)
				}
				if w.rand.IntN(2) == 0 {
					w.batcher.Flush(t.Context(), true, "", "", "")
				}
				w.crash()
			}
			for range 40 {
				w.send(kilobyte, one)
			}
			w.settle()
			if err := w.send(kilobyte, one)[0].Err(); err != nil {
				t.Errorf("seed %d: everything is delivered, and an append gets: %v", seed, err)
			}
			w.settle()
			w.stop()
			w.check()
		})
	}
}

func TestCloseBeginsNoUpload(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, 1, func(w *world) { w.cfg.Uploads = 1 })
		w.store.set(func() { w.store.mu.slow = 2 * time.Second })
		w.send(short, someDests(9)...)
		if _, err := w.batcher.Flush(t.Context(), true, "", "", ""); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		w.stop()
		if w.store.mu.puts != 1 {
			t.Errorf("got %d PUTs, want that of the upload that was running", w.store.mu.puts)
		}
		w.start()
		w.settle()
		w.stop()
		w.check()
	})
}

func TestWantOfFileDescriptorsPasses(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, 1, nil)
		w.disk.Fail(func(op journaltest.Op) error {
			if op.Kind == journaltest.Open || op.Kind == journaltest.Create {
				return syscall.EMFILE
			}
			return nil
		})
		for range 300 { // several segments, as far as they can be had
			w.send(func(n int) string { return short(n) + strings.Repeat("x", 1000) }, one)
		}
		pass(time.Minute)
		if err := errors.Join(w.journal.Err(), w.batcher.Err()); err != nil {
			t.Errorf("without file descriptors: %v", err)
		}
		w.disk.Fail(nil)
		w.send(short, one)
		w.settle()
		w.stop()
		w.check()
	})
}

func TestFlushesThatNobodyWaitsForAreForgotten(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, 1, littleMemory(time.Minute))
		w.store.set(func() { w.store.mu.refuse[one.bucket] = errors.New("503") })
		w.sendNoise(12<<20, one) // no shard reads any more
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		if _, err := w.batcher.Flush(ctx, true, "", "", ""); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("got %v, want that the time is up", err)
		}
		cancel()
		w.settle()
		w.stop()
		w.check()
	})
}

// The last segment of a log is never released. On a disk that has no room for another
// whole one, a log of one segment would stay full with everything delivered.
func TestAFullDiskGetsFreeByDelivering(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, 1, func(w *world) { w.jcfg.Partitions = 1 })
		kilobyte := func(n int) string { return short(n) + strings.Repeat("x", 1000) }
		w.disk.SetCapacity(w.disk.Used() + w.jcfg.SegmentBytes/2)
		w.store.set(func() { w.store.mu.refuse[one.bucket] = errors.New("503") })
		for w.send(kilobyte, one)[0].Err() == nil {
			if w.next > 1000 {
				t.Fatal("the disk does not get full")
			}
		}
		w.store.set(func() { clear(w.store.mu.refuse) })
		pass(5 * time.Minute)
		synctest.Wait()
		if err := w.send(kilobyte, one)[0].Err(); err != nil {
			t.Errorf("everything is delivered, and an append gets: %v", err)
		}
		w.settle()
		w.stop()
		w.check()
	})
}

// What is decided at about the same time shares a record of the control log and its
// sync, however many batches close one by one.
func TestDecisionsShareRecords(t *testing.T) {
	const batches = 400
	bubble(t, func(w *world) {
		w.jcfg.Partitions, w.cfg.Window = 1, 2*time.Second
	}, func(w *world) {
		control := w.journal.Partition(0).Control()
		before := control.Committed()
		for i := range batches {
			w.send(short, dest{"many", fmt.Sprint(i, "/")})
		}
		pass(2*w.cfg.Window + time.Second)
		if n := w.store.count(); n != batches {
			t.Fatalf("got %d objects, want %d", n, batches)
		}
		// 5 s at 20 a second, and one more: two decisions for each batch.
		if records := control.Committed() - before; records > 101 {
			t.Errorf("got %d records for %d batches, want at most 101", records, batches)
		}
	})
}
