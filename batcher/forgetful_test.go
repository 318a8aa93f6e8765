package batcher_test

import (
	"testing"
	"time"

	"google.golang.org/protobuf/proto"

	journalv1 "github.com/open-destinations/destinations/gen/destinations/journal/v1"
)

// What a Seal has left out was not delivered, whatever a later process remembers: the id of
// such an event may not keep the next one out.
func TestAnIDOfWhatWasLeftOutIsFree(t *testing.T) {
	bubble(t, nil, func(w *world) {
		w.put(one, numbered{lines: w.lines(1), sender: 1, sequence: 5, settled: 4})
		left := numbered{lines: w.lines(1), sender: 1, sequence: 3, id: "step"} // below what is settled
		w.ghost(one, left)
		w.put(one, numbered{lines: w.lines(1)})
		w.flush()
		w.cfg.DedupeSenders = 0
		w.crash()
		pass(w.cfg.Window)
		w.put(one, numbered{lines: w.lines(1), id: "step"})
		w.flush()
		if got := w.delivered(one); got != 3 {
			w.t.Errorf("%d of 3 delivered", got)
		}
	})
}

// And what a Seal holds was delivered: its id keeps others out, also if a later process
// remembers more.
func TestAnIDOfWhatWasDeliveredIsTaken(t *testing.T) {
	bubble(t, nil, func(w *world) {
		w.cfg.DedupeSenders = 0
		w.crash()
		w.put(one, numbered{lines: w.lines(1), sender: 1, sequence: 5, settled: 4})
		w.put(one, numbered{lines: w.lines(1), sender: 1, sequence: 3, id: "step"})
		w.put(one, numbered{lines: w.lines(1)})
		w.flush()
		w.cfg.DedupeSenders = 1000
		w.crash()
		pass(w.cfg.Window)
		w.ghost(one, numbered{lines: w.lines(1), id: "step"})
		w.flush()
		if got := w.delivered(one); got != 3 {
			w.t.Errorf("%d delivered, want 3", got)
		}
	})
}

// The tables of a process that remembered less speak of events that it had not decided. Who
// remembers more and decides them otherwise begins no replay with these tables.
func TestTablesOfWhoRememberedLessAreNotBegunWith(t *testing.T) {
	bubble(t, nil, func(w *world) {
		before, behind := dest{"before", ""}, dest{"behind", ""} // each holds the start back
		w.refuse(before.bucket, denied)
		w.refuse(behind.bucket, denied)
		w.put(before, numbered{lines: w.lines(1)})
		w.put(one, numbered{lines: w.lines(1), sender: 1, sequence: 5, settled: 4})
		w.flush()
		w.remember(0)
		left := numbered{lines: w.lines(1), sender: 1, sequence: 3, id: "step"} // below what is settled
		w.ghost(one, left)
		for range 6 {
			w.put(one, numbered{lines: w.lines(20)})
		}
		w.put(behind, numbered{lines: w.lines(20)}) // here a segment begins: the tables are written
		pass(time.Second)
		if n := len(w.states()); n != 2 {
			w.t.Errorf("%d states, want the second one: the test shows nothing", n)
		}
		w.remember(1000)
		w.flush()
		w.refuse(before.bucket, nil)
		pass(5 * time.Minute)
		if w.start0() == 0 {
			w.t.Error("nothing was released: the test shows nothing")
		}
		w.remember(1000)
		w.put(one, numbered{lines: w.lines(1), id: "step"})
		w.flush()
		w.refuse(behind.bucket, nil)
		pass(5 * time.Minute)
		w.flush()
		if got, want := w.delivered(one), len(w.sent[one]); got != want {
			w.t.Errorf("%d of %d delivered", got, want)
		}
	})
}

// remember has another process go on, that remembers so many senders.
func (w *world) remember(senders int) {
	w.cfg.DedupeSenders, w.cfg.Window = senders, time.Hour
	w.crash()
	pass(time.Second)
}

// Many duplicates in a row, at the edges of batches and between them, are told from members.
func TestMembersAreToldFromDuplicates(t *testing.T) {
	bubble(t, nil, func(w *world) {
		var again []numbered
		for n := range uint64(40) {
			r := numbered{lines: w.lines(1), sender: 1, sequence: n + 1}
			w.put(one, r)
			if again = append(again, r); n%3 == 0 {
				for _, r := range again {
					w.put(one, r)
				}
				again = nil
			}
			if n%7 == 6 {
				w.flush()
			}
		}
		w.flush() // what no Seal has decided is decided by who remembers less
		for _, senders := range []int{0, 1000, 0} {
			w.cfg.DedupeSenders = senders
			w.crash()
			pass(w.cfg.Window)
		}
		w.flush()
		if got := w.delivered(one); got != 40 {
			w.t.Errorf("%d of 40 delivered", got)
		}
		if _, tables, _ := w.batcher.Memory(); tables > 16<<10 {
			w.t.Errorf("the tables are charged for %d bytes", tables)
		}
	})
}

// ghost puts what no caller waits for any more.
func (w *world) ghost(d dest, r numbered) {
	w.t.Helper()
	sent := len(w.sent[d])
	if err := w.put(d, r); err != nil {
		w.t.Fatal(err)
	}
	w.sent[d] = w.sent[d][:sent]
	for _, line := range r.lines {
		delete(w.acked, line)
	}
}

// What was saved by who remembered otherwise is a place to release to again when the replay has
// come by: on a disk that is full, what is parked makes room for what is parked next.
func TestWhoRemembersOtherwiseReleasesFromAFullDisk(t *testing.T) {
	bubble(t, func(w *world) { w.cfg.MaxEvents, w.cfg.Window = 20, time.Second }, func(w *world) {
		w.refuse(one.bucket, denied)
		for range 100 {
			w.put(one, numbered{lines: w.kilobytes(10)})
			w.put(works, numbered{lines: w.lines(1)})
			pass(500 * time.Millisecond)
		}
		if c := w.batcher.Counts(); c.Parked > 0 || w.start0() > 0 || len(w.states()) < 10 {
			w.t.Errorf("%d parked, start at %d, %d states: the test shows nothing", c.Parked, w.start0(), len(w.states()))
		}
		for _, senders := range []int{0, 1000} {
			w.cfg.DedupeSenders = senders
			w.crash()
			pass(time.Second)
		}
		w.put(works, numbered{lines: w.lines(200)}) // some segments more
		w.jcfg.QuotaBytes = 4 * w.jcfg.SegmentBytes
		w.cfg.DedupeSenders = 10
		w.crash()
		w.disk.SetCapacity(w.disk.Used() + 5*w.jcfg.SegmentBytes)
		pass(5 * time.Minute)
		if w.start0() < 150 {
			w.t.Errorf("released up to %d of more than 200", w.start0())
		}
		w.refuse(one.bucket, nil)
	})
}

// An older version knows of no bounds, and closes a partition whose Snapshots are out of order.
func TestSnapshotsOfWhoRememberedOtherwiseStandInOrder(t *testing.T) {
	bubble(t, func(w *world) { w.cfg.Window = time.Hour }, func(w *world) {
		w.fill(4, one)
		for _, senders := range []int{0, 1000} {
			w.remember(senders)
			w.fill(2, one)
		}
		if n := w.snapshotsInOrder(); n < 6 {
			w.t.Errorf("%d Snapshots: the test shows nothing", n)
		}
	})
}

// snapshotsInOrder sees that of the Snapshots of partition 0 each names later places than the one before.
func (w *world) snapshotsInOrder() (n int) {
	w.t.Helper()
	r, err := w.journal.Partition(0).Control().NewReader(w.journal.Partition(0).Start().Control)
	if err != nil {
		w.t.Fatal(err)
	}
	defer r.Close()
	var last journalv1.Snapshot
	for {
		rec, offset, err := r.Next()
		if err != nil {
			return n
		}
		var c journalv1.Control
		if err := proto.Unmarshal(rec, &c); err != nil {
			w.t.Fatal(err)
		}
		for _, d := range c.GetDecisions() {
			s := d.GetSnapshot()
			if s == nil {
				continue
			}
			n++
			if s.GetEventsOffset() < last.GetEventsOffset() || s.GetControlOffset() < last.GetControlOffset() {
				w.t.Errorf("record %d: %v behind %v", offset, s, &last)
			}
			last.EventsOffset, last.ControlOffset = s.EventsOffset, s.ControlOffset
		}
	}
}
