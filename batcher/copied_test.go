package batcher_test

import (
	"context"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// A folder that was copied file by file while it was in use can hold decisions of
// events that it does not hold. New events would get the positions of those, and
// count as decided: its partition has to stay closed, and to accept none.
func TestDecisionsOfEventsThatAreMissingCloseThePartition(t *testing.T) {
	for _, sealedOnly := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			w := newWorld(t, 1, func(w *world) { w.jcfg.Partitions = 1 })
			w.send(short, one)
			w.flush()
			copied := w.disk.AfterRestart() // the files of the events as they are now
			if sealedOnly {
				w.store.set(func() { w.store.mu.lost = 1 })
			}
			for range 5 {
				w.send(short, one)
			}
			w.flush()
			names, err := w.disk.List("data/0000")
			if err != nil {
				t.Fatal(err)
			}
			for _, name := range names { // the others a moment later
				if strings.HasPrefix(name, "control-") {
					copied.WriteFile("data/0000/"+name, w.disk.ReadFile("data/0000/"+name))
				}
			}
			w.stop()
			for range 2 { // a second start is as careful as the first
				w.disk = copied
				w.start()
				if err := w.journal.Partition(0).Err(); !isDamage(err) {
					t.Errorf("sealed only %v: got %v, want damage", sealedOnly, err)
				}
				if err := w.send(short, one)[0].Err(); !isDamage(err) {
					t.Errorf("sealed only %v: an append got %v, want damage", sealedOnly, err)
				}
				if err := w.batcher.Err(); err != nil {
					t.Errorf("sealed only %v: the other partitions end too: %v", sealedOnly, err)
				}
				w.stop()
				copied = w.disk.AfterRestart()
			}
		})
	}
}

// flush has everything sealed; an hour without an answer is for ever.
func (w *world) flush() {
	w.t.Helper()
	ctx, cancel := context.WithTimeout(w.t.Context(), time.Hour)
	defer cancel()
	if _, err := w.batcher.Flush(ctx, true, "", "", ""); err != nil {
		w.t.Fatal(err)
	}
	pass(time.Second)
}
