package batcher_test

import (
	"testing"
	"time"
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
