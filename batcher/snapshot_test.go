package batcher_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"google.golang.org/protobuf/proto"

	journalv1 "github.com/open-destinations/destinations/gen/destinations/journal/v1"
	"github.com/open-destinations/destinations/journal/journaltest"
)

// fill puts about that many segments of events of nobody's into the log, so slowly that
// each record is read by itself.
func (w *world) fill(segments int, d dest) {
	w.t.Helper()
	for range segments {
		for bytes := int64(0); bytes < w.jcfg.SegmentBytes; bytes += 10 << 10 {
			w.put(d, numbered{lines: w.lines(20)})
			pass(50 * time.Millisecond)
		}
	}
}

// start0 is the offset of the events log that partition 0 begins at.
func (w *world) start0() uint64 { return w.journal.Partition(0).Start().Events }

// states are the files that hold a state of partition 0.
func (w *world) states() []string {
	w.t.Helper()
	names, err := w.journal.Partition(0).Files()
	if err != nil {
		w.t.Fatal(err)
	}
	return names
}

// Ids that a restart loads are those as of its start: of a newer table the event
// that had the id first would be a duplicate of itself, and lost.
func TestIDsAreThoseOfTheSnapshot(t *testing.T) {
	bubble(t, func(w *world) { w.cfg.DedupeWindow = 24 * time.Hour }, func(w *world) {
		w.fill(2, one)
		pass(2 * time.Minute)
		released := w.start0()
		if released == 0 {
			w.t.Fatal("nothing was released: the test shows nothing")
		}
		w.store.set(func() { w.store.mu.refuse[one.bucket] = errors.New("503") })
		for range 20 { // an id in each of several segments, with states of each
			w.put(one, numbered{lines: w.lines(1), id: fmt.Sprint("id ", w.next)})
			w.put(one, numbered{sender: 1, sequence: uint64(w.next), lines: w.lines(20)})
			if w.rand.IntN(2) == 0 {
				pass(time.Minute)
			}
		}
		if len(w.states()) < 3 {
			w.t.Fatalf("states %v: the test shows nothing", w.states())
		}
		for range 5 {
			w.crash()
			pass(time.Minute)
		}
		if w.start0() != released {
			w.t.Errorf("released from %d to %d although nothing was delivered", released, w.start0())
		}
	})
}

// A state that is missing, or damaged, closes its partition: without it what was
// sent before would be delivered again.
func TestWithoutItsStateAPartitionIsClosed(t *testing.T) {
	for _, test := range []struct {
		name string
		harm func(w *world, name string)
	}{
		{"missing", func(w *world, name string) {
			if err := w.disk.Remove(name); err != nil {
				w.t.Fatal(err)
			}
		}},
		{"damaged", func(w *world, name string) {
			b := slices.Clone(w.disk.ReadFile(name))
			b[len(b)/2] ^= 1
			w.disk.WriteFile(name, b)
		}},
		{"of another place", func(w *world, name string) {
			w.openJournal()
			state := &journalv1.State{EventsOffset: 1, ControlOffset: 1, Incarnation: make([]byte, 16)}
			b, err := proto.Marshal(state)
			if err != nil {
				w.t.Fatal(err)
			}
			if err := errors.Join(w.journal.Partition(0).WriteFile(name[len("data/0000/"):], b), w.journal.Close()); err != nil {
				w.t.Fatal(err)
			}
		}},
		{"no state", func(w *world, name string) {
			w.openJournal()
			if err := errors.Join(w.journal.Partition(0).WriteFile(name[len("data/0000/"):], []byte{0xff}), w.journal.Close()); err != nil {
				w.t.Fatal(err)
			}
		}},
	} {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t, 1, onePartition)
				w.fill(3, one)
				pass(2 * time.Minute)
				start := w.start0()
				w.stop()
				if start == 0 {
					t.Fatal("nothing was released: the test shows nothing")
				}
				test.harm(w, fmt.Sprintf("data/0000/state-%020d", start))
				w.start()
				if err := w.journal.Partition(0).Err(); !isDamage(err) || !strings.Contains(err.Error(), "state-") {
					t.Errorf("got %v, want damage of the state", err)
				}
				if err := w.put(one, numbered{lines: w.lines(1)}); !isDamage(err) {
					t.Errorf("an append gets %v, want the damage", err)
				}
				w.stop()
			})
		})
	}
}

// A folder whose start an older version has made has no state, and needs none: that
// version did not look at senders and ids.
func TestAnOlderVersionsStartNeedsNoState(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, 1, onePartition)
		lines := w.lines(1)
		w.put(one, numbered{sender: 1, sequence: 1, lines: lines})
		pass(2 * time.Minute)
		w.stop()
		w.openJournal()
		incarnation := make([]byte, 16)
		w.control(incarnation, &journalv1.Decision{Kind: &journalv1.Decision_Opened{Opened: &journalv1.Opened{}}})
		at := w.journal.Partition(0).Control().Committed()
		w.control(incarnation, &journalv1.Decision{Kind: &journalv1.Decision_Snapshot{Snapshot: &journalv1.Snapshot{EventsOffset: 1}}})
		if err := w.release(1, at); err != nil {
			t.Fatal(err)
		}
		if err := w.journal.Close(); err != nil {
			t.Fatal(err)
		}
		w.start()
		w.put(one, numbered{sender: 1, sequence: 2, lines: w.lines(1)})
		w.put(one, numbered{sender: 1, sequence: 2, lines: w.sent[one][1:]})
		w.fill(3, one)
		pass(2 * time.Minute)
		if w.start0() <= 1 || len(w.states()) == 0 {
			t.Errorf("start %d, states %v: want a new start with its state", w.start0(), w.states())
		}
		w.crash()
		w.put(one, numbered{sender: 1, sequence: 2, lines: w.sent[one][1:2]})
		w.settle()
		w.stop()
		w.check()
	})
}

// An older version's snapshot above the start is not released to: a replay from
// there would not know what was sent before.
func TestAnOlderVersionsSnapshotIsPassedOver(t *testing.T) {
	bubble(t, nil, func(w *world) {
		lines := w.lines(1)
		w.put(one, numbered{sender: 1, sequence: 1, lines: lines})
		w.stop()
		w.openJournal()
		incarnation := make([]byte, 16)
		w.control(incarnation, &journalv1.Decision{Kind: &journalv1.Decision_Opened{Opened: &journalv1.Opened{}}},
			&journalv1.Decision{Kind: &journalv1.Decision_Snapshot{Snapshot: &journalv1.Snapshot{EventsOffset: 1}}})
		if err := w.journal.Close(); err != nil {
			w.t.Fatal(err)
		}
		w.start()
		pass(2 * time.Minute)
		if w.start0() != 0 && len(w.states()) == 0 {
			w.t.Errorf("released to %d, where no state was kept", w.start0())
		}
		w.fill(3, one)
		pass(2 * time.Minute)
		w.crash()
		w.put(one, numbered{sender: 1, sequence: 1, lines: lines})
	})
}

// Snapshots wait for the oldest batch. Few are kept, with one file each, and the
// newest is among them.
func TestSnapshotsAreThinnedOut(t *testing.T) {
	bubble(t, func(w *world) { w.jcfg.SegmentBytes = 16 << 10 }, func(w *world) {
		bad := dest{"bad", "x/"}
		w.store.set(func() { w.store.mu.refuse[bad.bucket] = errors.New("503") })
		w.put(bad, numbered{sender: 1, sequence: 1, lines: w.lines(1)})
		most := 0
		for range 100 {
			w.put(one, numbered{sender: 1, sequence: uint64(w.next), lines: w.lines(20)})
			pass(2 * time.Second)
			most = max(most, len(w.states()))
		}
		pass(2 * time.Second)
		if n := len(w.states()); most > 18 || n < 8 {
			w.t.Errorf("%d states are kept, %d at most; want 8 to 16, and 18 at most", n, most)
		}
		w.store.set(func() { clear(w.store.mu.refuse) })
		pass(5 * time.Minute)
		if n := len(w.states()); n > 1 {
			w.t.Errorf("all is delivered, and there are %d states: %v", n, w.states())
		}
		end := w.journal.Partition(0).Events().Committed()
		if w.start0() < end-5 {
			w.t.Errorf("all is delivered, and the log from %d to %d is kept", w.start0(), end)
		}
	})
}

func TestStatesAreSavedOnceThereIsRoom(t *testing.T) {
	bubble(t, nil, func(w *world) {
		w.disk.Fail(func(op journaltest.Op) error {
			if op.Kind == journaltest.Write && strings.Contains(op.Name, "state-") {
				return syscall.ENOSPC
			}
			return nil
		})
		lines := w.lines(1)
		w.put(one, numbered{sender: 1, sequence: 1, lines: lines})
		w.fill(3, one)
		pass(10 * time.Minute)
		if got, sent := w.delivered(one), len(w.sent[one]); got != sent || w.start0() != 0 {
			w.t.Errorf("without room for a state: %d of %d delivered, released up to %d; want all, 0", got, sent, w.start0())
		}
		w.disk.Fail(nil)
		pass(time.Minute)
		if w.start0() == 0 {
			w.t.Error("nothing was released when there was room")
		}
		w.crash()
		w.put(one, numbered{sender: 1, sequence: 1, lines: lines})
	})
}

// On a full disk states are written to the space that is kept for them, so what is
// delivered is released, and nothing that was sent before is forgotten by it.
func TestAFullDiskForgetsNothing(t *testing.T) {
	bubble(t, nil, func(w *world) {
		w.store.set(func() { w.store.mu.refuse[one.bucket] = errors.New("503") })
		w.disk.SetCapacity(w.disk.Used() + 5*w.jcfg.SegmentBytes/2)
		again := map[uint64][]string{}
		full := false
		for n := uint64(1); !full && n < 1000; n++ {
			lines := w.lines(3)
			if full = w.put(one, numbered{sender: 1, sequence: n, lines: lines}) != nil; !full {
				again[n] = lines
			}
		}
		if !full {
			w.t.Fatal("the disk does not get full")
		}
		pass(time.Minute)
		w.crash() // in the middle of it: no room, nothing delivered
		w.disk.SetCapacity(w.disk.Used())
		w.store.set(func() { clear(w.store.mu.refuse) })
		pass(5 * time.Minute)
		if w.start0() == 0 {
			w.t.Error("all is delivered, and nothing was released")
		}
		w.crash()
		for n, lines := range again {
			pass(2 * time.Second) // what is released again makes room
			if err := w.put(one, numbered{sender: 1, sequence: n, lines: lines}); err != nil {
				w.t.Fatalf("all is delivered, and an append gets: %v", err)
			}
		}
	})
}

// The removal of a state is not synced: after a crash it may be there again.
func TestAStateThatCameBackIsRemoved(t *testing.T) {
	bubble(t, nil, func(w *world) {
		w.fill(3, one)
		pass(2 * time.Minute)
		w.stop()
		w.openJournal()
		back := fmt.Sprintf("state-%020d", 1)
		if err := errors.Join(w.journal.Partition(0).WriteFile(back, nil), w.journal.Close()); err != nil {
			w.t.Fatal(err)
		}
		w.start()
		w.fill(3, one)
		pass(2 * time.Minute)
		if slices.Contains(w.states(), back) {
			w.t.Errorf("%s is there, the start is %d", back, w.start0())
		}
	})
}

// The sync of a new start fails and the process ends. The next one reads that start, but
// the disk does not know of it: the power fails, and the old one has to be good.
func TestAStartWhoseSyncHasFailedIsNotBuiltOn(t *testing.T) {
	bubble(t, func(w *world) { w.cfg.BlockAfter = time.Hour }, func(w *world) {
		w.fill(3, one)
		pass(2 * time.Minute)
		old := w.start0()
		// What was sealed is read again, and the state is captured right behind that: in the
		// segments of the old start, of either log, since the journal stays open.
		w.store.set(func() { w.store.mu.lost = 1 })
		w.put(one, numbered{lines: w.lines(1)})
		pass(2 * time.Minute)
		w.put(one, numbered{lines: w.lines(1)})
		pass(time.Second)
		ctx, cancel := context.WithTimeout(w.t.Context(), time.Minute)
		defer cancel()
		if err := w.batcher.Close(ctx); err != nil {
			w.t.Fatal(err)
		}
		w.store.set(func() { w.store.mu.lost = 0 })
		w.disk.DropDirty()
		w.startBatcher()
		w.disk.Fail(func(op journaltest.Op) error {
			if op.Kind == journaltest.Sync && strings.HasSuffix(op.Name, "0000/start") {
				return errLost
			}
			return nil
		})
		pass(2 * time.Minute)
		if w.journal.Err() == nil || old == 0 {
			w.t.Fatalf("start %d, no sync of it has failed: the test shows nothing", old)
		}
		close(w.process.dead)
		w.resume(w.disk.AfterRestart())
		if w.start0() == old {
			w.t.Fatal("the new start was not read: the test shows nothing")
		}
		pass(time.Second)
		close(w.process.dead)
		w.resume(w.disk.AfterCrash(1)) // with whatever can still get to the disk
		if err := w.journal.Partition(0).Err(); err != nil {
			w.t.Error(err)
		}
	})
}

// TestPowerFailsAroundASnapshot stops the machine at every operation of the disk
// while states are saved, snapshots decided and segments released.
func TestPowerFailsAroundASnapshot(t *testing.T) {
	ops := 0
	synctest.Test(t, func(t *testing.T) { ops = powerFails(t, -1) })
	if ops < 100 {
		t.Fatalf("%d operations: the test shows little", ops)
	}
	step := 1
	if testing.Short() {
		step = 10
	}
	for i := 0; i < ops; i += step {
		synctest.Test(t, func(t *testing.T) { powerFails(t, i) })
		if t.Failed() {
			t.Fatalf("at operation %d of %d", i, ops)
		}
	}
}

func powerFails(t *testing.T, at int) (ops int) {
	w := newWorld(t, uint64(at)+1, func(w *world) {
		onePartition(w)
		w.jcfg.SegmentBytes, w.jcfg.ControlSegmentBytes = 8<<10, 4<<10
		w.cfg.Window, w.cfg.DedupeWindow = time.Second, time.Hour
	})
	begin := w.disk.Ops()
	if at >= 0 {
		w.disk.StopAt(begin + at)
	}
	again := map[uint64][]string{}
	first := w.lines(1)
	for n := range uint64(12) {
		lines := w.lines(3)
		again[n+1] = lines
		w.put(one, numbered{sender: 1, sequence: n + 1, lines: lines})
		w.put(one, numbered{sender: 1, sequence: n + 1, lines: lines})
		w.put(one, numbered{lines: first, id: "x"})
		pass(1100 * time.Millisecond)
	}
	ops = w.disk.Ops() - begin
	if at < 0 {
		if w.start0() == 0 {
			t.Fatal("nothing was released: the test shows nothing")
		}
		w.stop()
		w.check()
		return ops
	}
	close(w.process.dead)
	w.resume(w.disk.AfterCrash(w.rand.Uint64()))
	for n := range uint64(12) {
		w.put(one, numbered{sender: 1, sequence: n + 1, lines: again[n+1]})
	}
	w.settle()
	for _, name := range w.states() { // also what the crash has brought back is removed
		if name < fmt.Sprintf("state-%020d", w.start0()) {
			t.Errorf("at operation %d: %s is there, the start is %d", at, name, w.start0())
		}
	}
	w.stop()
	w.check()
	return ops
}
