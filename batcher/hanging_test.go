package batcher_test

import (
	"context"
	"fmt"
	"testing"
	"time"
)

// prefixes are n destinations of a bucket.
func prefixes(bucket string, n int) (dests []dest) {
	for i := range n {
		dests = append(dests, dest{bucket, fmt.Sprintf("%d/", i)})
	}
	return dests
}

// hang lets S3 not answer for a bucket, until a request to it gives up.
func (w *world) hang(bucket string) {
	w.store.set(func() { w.store.mu.hang[bucket] = 12 * time.Second })
}

// late is how long after now everything that was sent to d is delivered, at most an hour.
func (w *world) late(d dest) time.Duration {
	from := time.Now()
	for want := len(w.sent[d]); w.delivered(d) < want && time.Since(from) < time.Hour; {
		pass(time.Second)
	}
	return time.Since(from)
}

// A bucket that does not answer has few slots and little memory however many prefixes it
// has, and all of them are blocked soon, tried or not.
func TestManyHangingPrefixesHoldNobodyUp(t *testing.T) {
	bubble(t, littleMemory(time.Minute), func(w *world) {
		w.hang("hangs")
		hanging, works := prefixes("hangs", 200), append(prefixes("works", 20), one)
		for range 5 {
			for _, d := range hanging {
				w.put(d, numbered{lines: w.kilobytes(20)})
			}
			for _, d := range works {
				w.put(d, numbered{lines: w.kilobytes(1)})
			}
			from := time.Now()
			if late := w.late(one); late > w.cfg.Window+5*time.Second {
				w.t.Errorf("delivered %v after it was sent", late)
			}
			pass(time.Until(from.Add(time.Minute)))
		}
		if n := w.batcher.Counts().Blocked; n != uint64(len(hanging)) {
			w.t.Errorf("%d of %d blocked after five minutes", n, len(hanging))
		}
		for _, s := range w.batcher.Shared() {
			if !s.Since.IsZero() {
				w.t.Errorf("one bucket does not answer, and everything waits: %+v", s)
			}
		}
	})
}

// Probes that hang hold up neither one that fails for once nor one that somebody redrives.
func TestProbesThatHangHoldNobodyUp(t *testing.T) {
	bubble(t, nil, func(w *world) {
		w.hang("hangs")
		hanging, mended := prefixes("hangs", 300), dest{"mended", ""}
		w.refuse(mended.bucket, denied)
		w.put(mended, numbered{lines: w.lines(1)})
		for range 15 {
			w.send(short, append(hanging, prefixes("works", 600)...)...)
			pass(time.Minute)
		}
		w.refuse(mended.bucket, nil)
		if _, err := w.batcher.Redrive(w.t.Context(), false, "default", mended.bucket, mended.prefix); err != nil {
			w.t.Fatal(err)
		}
		if late := w.late(mended); late > 30*time.Second {
			w.t.Errorf("delivered %v after the redrive", late)
		}
		w.send(short, one)
		w.refuse(one.bucket, slowDown)
		ctx, cancel := context.WithTimeout(w.t.Context(), time.Second)
		defer cancel()
		if _, err := w.batcher.Flush(ctx, false, "default", one.bucket, one.prefix); err != nil {
			w.t.Fatal(err)
		}
		pass(500 * time.Millisecond)
		w.refuse(one.bucket, nil)
		if late := w.late(one); late > 5*time.Second {
			w.t.Errorf("delivered %v after one refusal", late)
		}
	})
}

// A redriven destination goes before those of its own bucket that wait to be probed.
func TestARedriveGoesBeforeItsNeighbours(t *testing.T) {
	bubble(t, nil, func(w *world) {
		w.hang("hangs")
		hanging := prefixes("hangs", 100)
		for range 10 {
			w.send(short, append(hanging, prefixes("works", 200)...)...)
			pass(time.Minute)
		}
		last := hanging[99]
		w.store.set(func() { w.store.mu.answers = last.prefix })
		if _, err := w.batcher.Redrive(w.t.Context(), false, "default", last.bucket, last.prefix); err != nil {
			w.t.Fatal(err)
		}
		if late := w.late(last); late > 20*time.Second { // a probe that hangs may still be under way
			w.t.Errorf("delivered %v after the redrive", late)
		}
	})
}

// When one destination of a bucket works the others are probed at once, in every partition.
func TestABucketThatWorksWakesEveryPartition(t *testing.T) {
	bubble(t, func(w *world) { w.jcfg.Partitions = 2 }, func(w *world) {
		dests := []dest{{"denied", "0/"}, {"denied", "1/"}, {"denied", "2/"}, {"denied", "3/"}}
		partitions := map[int]bool{}
		for _, d := range dests {
			partitions[partitionOf("default", d.bucket, d.prefix, w.jcfg.Partitions)] = true
		}
		if len(partitions) < 2 {
			w.t.Error("all are in one partition: the test shows nothing")
		}
		w.refuse("denied", denied)
		w.send(short, dests...)
		pass(time.Hour)
		w.refuse("denied", nil)
		delivered := func() (n int) {
			for _, d := range dests {
				n += w.delivered(d)
			}
			return n
		}
		for delivered() == 0 {
			pass(time.Second)
		}
		pass(5 * time.Second)
		if n := delivered(); n != len(dests) {
			w.t.Errorf("%d of %d delivered soon after the first", n, len(dests))
		}
	})
}
