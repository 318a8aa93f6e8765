package batcher_test

import (
	"sync"

	"github.com/open-destinations/destinations/batcher"
)

// observed is what all processes of a service have told their observers.
type observed struct {
	mu        sync.Mutex
	delivered map[string]bool // by key
}

// watcher is the observer of one process. What that does when it is dead is not seen by
// anybody.
type watcher struct {
	*observed
	run  *foldRun
	dead <-chan struct{}
}

func (w *watcher) Sealed(*batcher.Batch) {}
func (w *watcher) Tried(*batcher.Try)    {}

// Delivered fails the test if a delivery is told of twice, by whatever processes, or if
// not every event of it has a receipt.
func (w *watcher) Delivered(d *batcher.Delivery) {
	select {
	case <-w.dead:
		return
	default:
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.delivered[d.Key] {
		w.run.t.Errorf("the delivery of %s was told of twice", d.Key)
	}
	w.delivered[d.Key] = true
	receipts := uint64(0)
	for _, r := range d.Receipts {
		receipts += r.Events
	}
	if receipts != d.Events && d.Receipts != nil {
		w.run.t.Errorf("%s has %d events, and receipts of %d", d.Key, d.Events, receipts)
	}
}
