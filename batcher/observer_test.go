package batcher_test

import (
	"fmt"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/open-destinations/destinations/batcher"
)

// notes is an observer that keeps all that it is told.
type notes struct {
	mu        sync.Mutex
	sealed    []batcher.Batch
	tried     []batcher.Try
	delivered []batcher.Delivery
}

func (n *notes) Sealed(b *batcher.Batch) { n.note(func() { n.sealed = append(n.sealed, *b) }) }
func (n *notes) Tried(t *batcher.Try)    { n.note(func() { n.tried = append(n.tried, *t) }) }
func (n *notes) Delivered(d *batcher.Delivery) {
	n.note(func() { n.delivered = append(n.delivered, *d) })
}
func (n *notes) note(f func()) {
	n.mu.Lock()
	defer n.mu.Unlock()
	f()
}

// take returns what was told since it was last called.
func (n *notes) take() (sealed []batcher.Batch, tried []batcher.Try, delivered []batcher.Delivery) {
	synctest.Wait()
	n.note(func() {
		sealed, tried, delivered = n.sealed, n.tried, n.delivered
		n.sealed, n.tried, n.delivered = nil, nil, nil
	})
	return sealed, tried, delivered
}

// ages are how long the events of a delivery took.
func ages(d batcher.Delivery) (all []string) {
	for _, r := range d.Receipts {
		all = append(all, fmt.Sprintf("%d: %v", r.Events, d.Ended.Sub(time.Unix(0, r.At)).Round(time.Second)))
	}
	return all
}

func TestObserverIsToldOfEachDelivery(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := &notes{}
		w := newWorld(t, 1, func(w *world) { w.observer, w.cfg.Window = n, 20*time.Second })
		w.send(short, one, one)
		pass(5 * time.Second)
		w.send(short, one)
		w.store.set(func() { w.store.mu.down = errLost })
		pass(15 * time.Second) // the window has ended
		w.store.set(func() { w.store.mu.down = nil })
		pass(15 * time.Second)
		sealed, tried, delivered := n.take()
		if len(sealed) != 1 || sealed[0].Events != 3 || sealed[0].Reason != "window" || sealed[0].Replayed {
			t.Errorf("sealed: got %+v", sealed)
		}
		last := len(tried) - 1
		if last < 1 || tried[last-1].Err == nil || tried[last].Err != nil || tried[last].Number != uint32(last+1) {
			t.Errorf("tried: got %+v, want some that failed and one that did not", tried)
		}
		if len(delivered) != 1 || delivered[0].Key != sealed[0].Key {
			t.Errorf("delivered: got %+v", delivered)
		} else if got := ages(delivered[0]); len(got) != 2 || got[0][:2] != "2:" || got[1][:2] != "1:" {
			t.Errorf("got the ages %v", got)
		}
		w.stop()
	})
}

// What is only read again is not told of again; what an earlier process had stored and not
// noted is told of once, with the age that it has.
func TestObserverIsNotToldOfWhatIsReadAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := &notes{}
		w := newWorld(t, 1, func(w *world) { w.observer, w.cfg.Window = n, 10*time.Second })
		w.send(short, one)
		pass(20 * time.Second)
		if _, _, delivered := n.take(); len(delivered) != 1 {
			t.Fatalf("got %d deliveries, want 1", len(delivered))
		}
		w.store.set(func() { w.store.mu.lost = 1 << 30 })
		w.send(short, one)
		pass(15 * time.Second)
		n.take()
		w.store.set(func() { w.store.mu.lost = 0 })
		w.crash()
		pass(10 * time.Second)
		sealed, _, delivered := n.take()
		if len(sealed) != 0 || len(delivered) != 1 || !delivered[0].Replayed {
			t.Fatalf("got %+v sealed, %+v delivered; want one that was sealed before", sealed, delivered)
		}
		if got := ages(delivered[0]); len(got) != 1 || delivered[0].Ended.Sub(time.Unix(0, delivered[0].Receipts[0].At)) < 15*time.Second {
			t.Errorf("got the ages %v, want one of the event's receipt on", got)
		}
		w.stop()
	})
}

// A batch that is delivered from its file, by another process, after its events have left
// the journal, is told of with their ages and their traces.
func TestParkedBatchKeepsWhatIsWatched(t *testing.T) {
	n := &notes{}
	bubble(t, func(w *world) { smallQuota(w); w.observer, w.cfg.TracedPerBatch = n, 200 }, func(w *world) {
		w.traced = true
		w.parkSome(one)
		began := time.Now()
		pass(time.Hour)
		w.crash()
		n.take()
		w.refuse(one.bucket, nil)
		pass(time.Minute)
		_, _, delivered := n.take()
		parked := 0
		for _, d := range delivered {
			events, traced := uint64(0), d.TracedOmitted
			for _, r := range d.Receipts {
				if events += r.Events; time.Unix(0, r.At).After(began) {
					t.Errorf("%s: an event counts as received after it was parked", d.Key)
				}
			}
			for _, e := range d.Traced {
				traced += max(1, e.More)
			}
			if events != d.Events || traced != d.Events {
				t.Errorf("%s: got %d receipts and %d traced of %d events", d.Key, events, traced, d.Events)
			}
			if d.Replayed && d.Bucket == one.bucket {
				parked++
			}
		}
		if parked < 2 {
			t.Errorf("got %d batches that were parked, want two at least: the test shows nothing", parked)
		}
	})
}

// A manifest that is damaged, or gone, costs what observers would have been told of single
// events, and nothing else.
func TestDamagedManifestCostsNothingElse(t *testing.T) {
	n := &notes{}
	bubble(t, func(w *world) { smallQuota(w); w.observer, w.cfg.TracedPerBatch = n, 200 }, func(w *world) {
		w.traced = true
		w.parkSome(one)
		manifests := w.manifests()
		path := "data/0000/" + manifests[0]
		text := w.disk.ReadFile(path)
		text[3] ^= 1
		w.disk.WriteFile(path, text)
		if err := w.journal.Partition(0).RemoveFile(manifests[1]); err != nil {
			t.Fatal(err)
		}
		n.take()
		w.refuse(one.bucket, nil)
		pass(time.Minute)
		_, _, delivered := n.take()
		untold := 0
		for _, d := range delivered {
			if d.Receipts == nil && d.Traced == nil && !d.FirstReceived.IsZero() {
				untold++
			}
		}
		if untold != 2 {
			t.Errorf("got %d deliveries without what is kept of their events, want two", untold)
		}
	})
}

// A shard says how much it has not delivered, and how old that is.
func TestBacklogIsWhatIsNotDelivered(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, 1, func(w *world) { w.cfg.Window = time.Hour })
		began := time.Now()
		w.send(short, one, one, dest{"bucket-b", "x/"})
		pass(time.Minute)
		if b := w.batcher.Backlog(); b.Active.Events != 3 || b.Active.Oldest.Sub(began).Abs() > time.Second || b.Lag != 0 || b.Blocking != 0 {
			t.Errorf("got %+v, want 3 events since %v", b, began)
		}
		w.flush()
		pass(5 * time.Second)
		if b := w.batcher.Backlog(); b != (batcher.Backlog{}) {
			t.Errorf("got %+v, want nothing", b)
		}
		w.refuse(one.bucket, denied)
		w.send(short, one, one)
		w.flush()
		pass(5 * time.Second)
		if b := w.batcher.Backlog(); b.Blocked.Events != 2 || b.Blocking != 1 || b.Active.Events+b.Waiting.Events+b.Dead.Events != 0 {
			t.Errorf("got %+v, want 2 events of one that is blocked", b)
		}
		w.refuse(one.bucket, refusal("ExpiredToken", 400)) // which is not one destination's fault
		if _, err := w.batcher.Redrive(t.Context(), true, "", "", ""); err != nil {
			t.Fatal(err)
		}
		pass(5 * time.Second)
		w.send(short, dest{one.bucket, "other/"})
		w.flush()
		pass(5 * time.Second)
		if b := w.batcher.Backlog(); b.Waiting.Events == 0 || b.Active.Events+b.Dead.Events != 0 {
			t.Errorf("got %+v, want events that wait for the credentials", b)
		}
		w.refuse(one.bucket, nil)
		w.settle()
		w.stop()
	})
}
