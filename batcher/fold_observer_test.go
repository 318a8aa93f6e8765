package batcher_test

import (
	"bytes"
	"crypto/sha256"
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
	if receipts != d.Events {
		w.run.t.Errorf("%s has %d events, and receipts of %d", d.Key, d.Events, receipts)
	}
	w.checkTraced(d)
}

// checkTraced fails the test if not exactly the sampled events of an object are told of,
// those that were not kept by their number.
func (w *watcher) checkTraced(d *batcher.Delivery) {
	lines, ok := w.run.s3.byName(d.Bucket + "/" + d.Key)
	if !ok {
		w.run.t.Errorf("%s is delivered, and not there", d.Key)
	}
	want := map[string]int{}
	sampled := uint64(0)
	for _, line := range lines {
		if context := contextOf(line); len(context) > 0 && context[24] == 1 {
			want[string(context)]++
			sampled++
		}
	}
	told := d.TracedOmitted
	for _, e := range d.Traced {
		if told += max(1, e.More); want[string(e.Context[:])] == 0 {
			w.run.t.Errorf("%s: no event of it has the context %x", d.Key, e.Context)
		}
	}
	if told != sampled {
		w.run.t.Errorf("%s has %d sampled events, told of are %d", d.Key, sampled, told)
	}
}

// contextOf is the trace context of an event: one of a few workflows', sampled or not, or
// none.
func contextOf(line string) []byte {
	sum := sha256.Sum256([]byte(line))
	if sum[0]%3 == 0 {
		return nil
	}
	context := bytes.Repeat([]byte{1 + sum[1]%8}, 24)
	return append(context, sum[2]%2)
}
