package batcher_test

import (
	"testing"
	"testing/synctest"
	"time"
)

// TestCopiesOfAFolderNeverShareAKey starts two services from copies of one data
// folder (invariant 8): what both hold is delivered once, what either gets is its
// own.
func TestCopiesOfAFolderNeverShareAKey(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := newWorld(t, 1, func(w *world) { w.cfg.Window = 10 * time.Second })
		a.send(short, one)
		pass(20 * time.Second) // delivered
		a.store.set(func() { a.store.mu.lost = 1 })
		a.send(short, one)
		if _, err := a.batcher.Flush(t.Context(), true, "", "", ""); err != nil { // sealed
			t.Fatal(err)
		}
		a.send(short, one) // open
		b := &world{t: t, rand: a.rand, cfg: a.cfg, jcfg: a.jcfg, disk: a.disk.AfterRestart(), store: a.store, sent: a.sent, acked: a.acked, next: 1000}
		b.start()
		a.store.set(func() { a.store.mu.lost = 0 })
		for range 10 {
			a.send(short, one)
			b.send(short, one)
			pass(7 * time.Second)
		}
		a.settle()
		a.stop()
		b.stop()
		times := map[string]int{}
		for _, o := range a.store.objectsOf(one.bucket, one.prefix) {
			for _, line := range o.lines {
				times[line]++
			}
		}
		for i, line := range a.sent[one] {
			want := 1
			if i == 2 {
				want = 2 // was open when the folder was copied: each of the two has sealed it for itself
			}
			if times[line] != want {
				t.Errorf("event %d (%s) is in %d objects, want %d", i, line, times[line], want)
			}
		}
	})
}
