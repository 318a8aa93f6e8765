package batcher_test

import (
	"context"
	"fmt"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"google.golang.org/protobuf/proto"

	journalv1 "github.com/open-destinations/destinations/gen/destinations/journal/v1"
	"github.com/open-destinations/destinations/journal"
	"github.com/open-destinations/destinations/journal/journaltest"
)

// TestCatchUpLeavesNoGapAndNoOverlap sends, sends again, blocks and frees at random
// moments, under a small memory, while records come in: what the pass reads and what
// the shard takes must be everything, once and in order, without the duplicates that
// the shard has found meanwhile.
func TestCatchUpLeavesNoGapAndNoOverlap(t *testing.T) {
	seeds := 60
	if testing.Short() {
		seeds = 6
	}
	for seed := range seeds {
		t.Run(fmt.Sprint("seed=", seed), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { catchingUp(t, uint64(seed)) })
		})
	}
}

func catchingUp(t *testing.T, seed uint64) {
	w := newWorld(t, seed, func(w *world) {
		onePartition(w)
		w.cfg.Window, w.cfg.MemoryBytes = 5*time.Second, 8<<20
		w.cfg.RetryMax, w.cfg.ProbeMax, w.cfg.BlockAfter = 2*time.Second, 2*time.Second, 3*time.Second
		w.jcfg.SegmentBytes, w.jcfg.ControlSegmentBytes = 4<<20, 1<<20
		if seed%2 == 0 {
			w.cfg.MaxEvents = 20
		}
		if seed%3 == 0 {
			w.jcfg.SegmentBytes = 64 << 10
		}
	})
	c := &resending{world: w, dests: []dest{{"a", "x/"}, {"a", "y/"}, {"b", "x/"}, {"c", ""}}}
	for range 60 {
		c.step()
	}
	c.crowd()
	w.disk.Fail(nil)
	w.settle()
	w.stop()
	w.check()
}

// resending is a sender who sends again at random.
type resending struct {
	*world
	dests    []dest
	sequence uint64
	requests map[uint64]sentRequest
}

type sentRequest struct {
	dest  dest
	lines []string
}

func (c *resending) step() {
	switch n := c.rand.IntN(100); {
	case n < 40:
		c.request(1 + c.rand.IntN(5))
	case n < 60:
		c.again()
	case n < 70:
		pass(time.Duration(c.rand.Int64N(int64(4 * time.Second))))
	case n < 82:
		bucket := c.dests[c.rand.IntN(len(c.dests))].bucket
		c.refuse(bucket, []error{denied, slowDown, nil, nil}[c.rand.IntN(4)])
	case n < 84:
		c.down([]error{refusal("ExpiredToken", 400), slowDown, nil, nil}[c.rand.IntN(4)])
	case n < 86:
		c.crowd()
	case n < 88: // the journal has no room for decisions for a while
		c.disk.Fail([]func(journaltest.Op) error{nil, fullControl}[c.rand.IntN(2)])
	case n < 90:
		ctx, cancel := context.WithTimeout(c.t.Context(), time.Second)
		c.batcher.Flush(ctx, true, "", "", "")
		cancel()
	case n < 92:
		d := c.dests[c.rand.IntN(len(c.dests))]
		c.put(d, numbered{lines: c.kilobytes(1000)})
	case n < 95:
		c.disk.Fail(nil)
		c.stop()
		c.start()
	default:
		c.disk.Fail(nil)
		c.crash()
	}
}

// request sends a request of n events.
func (c *resending) request(n int) {
	if c.requests == nil {
		c.requests = map[uint64]sentRequest{}
	}
	c.sequence++
	r := sentRequest{c.dests[c.rand.IntN(len(c.dests))], c.lines(n)}
	c.requests[c.sequence] = r
	c.put(r.dest, numbered{sender: 1, sequence: c.sequence, lines: r.lines})
}

// again sends one once more, or a part of it.
func (c *resending) again() {
	if c.sequence == 0 {
		return
	}
	sequence := 1 + c.rand.Uint64N(c.sequence)
	r := c.requests[sequence]
	from := c.rand.IntN(len(r.lines))
	c.put(r.dest, numbered{sender: 1, sequence: sequence, first: uint32(from), lines: r.lines[from:]})
}

// crowd appends many records without waiting for the shard, which reads them while it
// does other things.
func (c *resending) crowd() {
	type waiting struct {
		append *journal.Append
		line   string
	}
	var all []waiting
	for range 300 {
		d, line := c.dests[c.rand.IntN(len(c.dests))], c.lines(1)[0]
		b, err := proto.Marshal(&journalv1.Events{
			ReceivedUnixNanos: time.Now().UnixNano(),
			Destinations:      []*journalv1.Destination{{Tenant: "default", Bucket: d.bucket, Prefix: d.prefix}},
			Events:            []*journalv1.Event{{Payload: []byte(line)}},
		})
		if err != nil {
			c.t.Fatal(err)
		}
		c.sent[d] = append(c.sent[d], line)
		all = append(all, waiting{c.journal.Partition(0).Events().Append(b), line})
		if c.rand.IntN(50) == 0 {
			c.refuse(d.bucket, []error{denied, nil}[c.rand.IntN(2)])
			pass(time.Duration(c.rand.Int64N(int64(2 * time.Second))))
		}
	}
	synctest.Wait()
	for _, a := range all {
		select {
		case <-a.append.Done():
			c.acked[a.line] = c.acked[a.line] || a.append.Err() == nil
		default:
		}
	}
}

// What was sealed before a destination was blocked is delivered as it was sealed, the
// rest in few objects behind it, in order, whatever duplicates the shard has found.
func TestDuplicatesOfABlockedDestinationStayOut(t *testing.T) {
	bubble(t, nil, func(w *world) {
		w.refuse(one.bucket, denied)
		first := w.lines(4)
		w.put(one, numbered{sender: 1, sequence: 1, lines: first})
		w.put(one, numbered{lines: w.lines(1), id: "x"})
		w.flush() // sealed, then blocked
		w.put(one, numbered{sender: 1, sequence: 1, lines: first})
		w.put(one, numbered{lines: w.sent[one][4:5], id: "x"})
		second := w.lines(4)
		w.put(one, numbered{sender: 1, sequence: 2, lines: second})
		w.put(one, numbered{sender: 1, sequence: 2, lines: second})
		w.put(one, numbered{sender: 1, sequence: 1, lines: first})
		w.put(one, numbered{sender: 1, sequence: 3, lines: w.lines(2)})
		w.put(one, numbered{sender: 1, sequence: 2, settled: 3, lines: second})
		pass(20 * time.Minute) // the tables would say another thing of ids by now
		w.refuse(one.bucket, nil)
		pass(2 * w.cfg.ProbeMax)
		if n := len(w.store.objectsOf(one.bucket, one.prefix)); n != 2 {
			w.t.Errorf("%d objects, want 2", n)
		}
		w.put(one, numbered{sender: 1, sequence: 4, settled: 3, lines: w.lines(2)})
		w.put(one, numbered{sender: 1, sequence: 3, settled: 3, lines: second})
	})
}

// All that begins to work together is read together.
func TestManyThatRecoverShareAPass(t *testing.T) {
	bubble(t, littleMemory(time.Minute), func(w *world) {
		var dests []dest
		for i := range 200 {
			dests = append(dests, dest{one.bucket, fmt.Sprintf("%d/", i)})
		}
		w.refuse(one.bucket, denied)
		for range 5 {
			w.send(func(n int) string { return short(n) + w.noise(500) }, dests...)
			pass(time.Minute)
		}
		w.refuse(one.bucket, nil)
		w.store.set(func() { w.store.mu.slow = 10 * time.Millisecond })
		pass(2 * w.cfg.ProbeMax)
		for _, d := range dests {
			if got := w.delivered(d); got != 5 {
				w.t.Errorf("%v: %d of 5 delivered", d, got)
				break
			}
		}
		if n := w.batcher.Counts().Passes; n > 2 {
			w.t.Errorf("%d passes, want at most 2", n)
		}
	})
}

// A flush waits for a destination that is catching up, and for none that is blocked.
func TestFlushAndBlockedDestinations(t *testing.T) {
	bubble(t, nil, func(w *world) {
		other := dest{"works", ""}
		w.refuse(one.bucket, denied)
		w.put(one, numbered{lines: w.lines(1)})
		w.flush()
		w.put(one, numbered{lines: w.lines(1)})
		w.put(other, numbered{lines: w.lines(1)})
		ctx, cancel := context.WithTimeout(w.t.Context(), time.Second)
		defer cancel()
		if n, err := w.batcher.Flush(ctx, true, "", "", ""); n != 1 || err != nil {
			w.t.Errorf("got %d batches, %v; want that of the destination that works", n, err)
		}
		w.refuse(one.bucket, nil)
		for w.batcher.Counts().Freed == 0 {
			pass(100 * time.Millisecond)
		}
		if w.delivered(one) != 0 {
			w.t.Fatal("it has caught up already: the test shows nothing")
		}
		if n, err := w.batcher.Flush(w.t.Context(), false, "default", one.bucket, one.prefix); n != 1 || err != nil {
			w.t.Errorf("got %d batches, %v; want 1, of what was read meanwhile", n, err)
		}
		pass(100 * time.Millisecond)
		if got := w.delivered(one); got != 2 {
			w.t.Errorf("%d of 2 delivered", got)
		}
	})
}

// Batches that were sealed under a larger memory are delivered under a small one, and
// what is open beside them does not stop that.
func TestBatchesOfALargerMemoryAreDeliveredUnderASmallOne(t *testing.T) {
	bubble(t, func(w *world) {
		littleMemory(time.Hour)(w)
		w.cfg.MemoryBytes = 256 << 20
	}, func(w *world) {
		var dests []dest
		for i := range 30 {
			dests = append(dests, dest{"a", fmt.Sprintf("%d/", i)})
		}
		w.store.set(func() { w.store.mu.lost = 1 }) // nothing gets through, and nothing is blocked
		w.cfg.BlockAfter = time.Hour
		w.crash()
		for range 16 {
			w.send(func(n int) string { return short(n) + w.noise(40<<10) }, dests...)
		}
		w.flush()
		w.crash()
		for range 4 {
			w.send(func(n int) string { return short(n) + w.noise(40<<10) }, dests...)
		}
		w.cfg.MemoryBytes = 8 << 20
		w.stop()
		w.store.set(func() { w.store.mu.lost = 0 })
		w.openJournal()
		opened := 0
		w.disk.Fail(func(op journaltest.Op) error { // nothing is read before this test looks
			if op.Kind == journaltest.Open && strings.Contains(op.Name, "events-") {
				if opened++; opened > w.jcfg.Partitions {
					return syscall.EMFILE
				}
			}
			return nil
		})
		w.startBatcher()
		most, looks := int64(0), 0
		w.disk.Fail(func(journaltest.Op) error {
			batches, _, _ := w.batcher.Memory()
			most, looks = max(most, batches), looks+1
			return nil
		})
		pass(20 * time.Second)
		w.disk.Fail(nil)
		if most > 10<<20 || looks < 100 {
			w.t.Errorf("%d bytes were charged at most, of 8 MiB, in %d looks", most, looks)
		}
		w.flush()
		for _, d := range dests {
			if got := w.delivered(d); got != 20 {
				w.t.Errorf("%v: %d of 20 delivered", d, got)
				break
			}
		}
	})
}

// TestPowerFailsWhileOneIsBlockedAndFreed stops the machine at every operation of the
// disk.
func TestPowerFailsWhileOneIsBlockedAndFreed(t *testing.T) {
	ops := 0
	synctest.Test(t, func(t *testing.T) { ops = powerFailsBlocked(t, -1) })
	step := 1
	if testing.Short() {
		step = 10
	}
	for i := 0; i < ops; i += step {
		synctest.Test(t, func(t *testing.T) { powerFailsBlocked(t, i) })
		if t.Failed() {
			t.Fatalf("at operation %d of %d", i, ops)
		}
	}
}

func powerFailsBlocked(t *testing.T, at int) (ops int) {
	w := newWorld(t, uint64(at)+1, func(w *world) {
		onePartition(w)
		w.jcfg.SegmentBytes, w.jcfg.ControlSegmentBytes = 8<<10, 4<<10
		w.cfg.Window, w.cfg.ProbeMax = time.Second, 2*time.Second
	})
	other := dest{"works", ""}
	begin := w.disk.Ops()
	if at >= 0 {
		w.disk.StopAt(begin + at)
	}
	first := w.lines(2)
	for n := range 20 {
		if n == 2 {
			w.refuse(one.bucket, denied)
		}
		if n == 10 {
			w.refuse(one.bucket, nil)
		}
		w.put(one, numbered{lines: w.lines(2)})
		w.put(one, numbered{sender: 1, sequence: 1, lines: first})
		w.put(other, numbered{lines: w.lines(2)})
		pass(700 * time.Millisecond)
	}
	if ops = w.disk.Ops() - begin; at < 0 {
		if c := w.batcher.Counts(); c.Blocked != 1 || c.Freed != 1 || w.start0() == 0 {
			t.Fatalf("counts %+v, start %d: the test shows nothing", c, w.start0())
		}
		w.stop()
		return ops
	}
	close(w.process.dead)
	w.resume(w.disk.AfterCrash(w.rand.Uint64()))
	w.put(one, numbered{sender: 1, sequence: 1, lines: first})
	w.settle()
	w.stop()
	w.check()
	return ops
}

// The pass meets the shard while that is in the middle of a record, whose rest waits
// for the compressors.
func TestHandOverWaitsForTheEndOfARecord(t *testing.T) {
	bubble(t, littleMemory(time.Hour), func(w *world) {
		other := dest{"works", ""}
		for range 10 {
			freed := w.batcher.Counts().Freed
			w.refuse(one.bucket, denied)
			w.put(one, numbered{lines: w.lines(1)})
			w.flush()
			w.put(one, numbered{lines: w.lines(1)})
			w.refuse(one.bucket, nil)
			for w.batcher.Counts().Freed == freed {
				pass(time.Millisecond)
			}
			pass(time.Second - time.Millisecond) // the pass begins about now
			big := []dest{one}
			for range 50 {
				big = append(big, other)
			}
			w.send(func(n int) string { return short(n) + w.noise(60<<10) }, append(big, one)...)
			w.flush()
			pass(time.Minute)
		}
	})
}
