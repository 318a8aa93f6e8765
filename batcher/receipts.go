package batcher

import (
	"slices"
	"sort"
	"time"
)

// Receipt says that events of a batch were received at about one time.
type Receipt struct {
	At     int64  // Unix nanoseconds: at that time, or later by at most a 250th of the time over which the batch was collected, or 10 ms
	Events uint64 // how many
}

const (
	receiptStep = 10 * time.Millisecond // that receipts are told apart by, for as long as they are few
	maxReceipts = 512
	// receiptBytes is charged for one.
	receiptBytes = 16
)

// receipts counts the events of a batch by when they were received, so that their
// ages can be told when the batch is delivered. However many there are, and over
// however long a time, they take a few kilobytes: times are told apart less well then.
type receipts struct {
	step int64 // slots begin at multiples of it
	all  []Receipt
	last int // slot that was counted in last
}

// add counts an event, and returns by how many bytes the memory has grown.
func (r *receipts) add(received int64) (grown int64) {
	if r.last < len(r.all) { // most come in the order of their receipts
		if since := received - r.all[r.last].At; since >= 0 && since < r.step {
			r.all[r.last].Events++
			return 0
		}
	}
	if r.step == 0 {
		r.step = int64(receiptStep)
	}
	before := cap(r.all)
	r.count(received, 1)
	if len(r.all) > maxReceipts {
		r.coarsen()
	}
	return receiptBytes * int64(cap(r.all)-before)
}

// count adds n to the slot of a time.
func (r *receipts) count(received int64, n uint64) {
	begins := received - mod(received, r.step)
	r.last = sort.Search(len(r.all), func(i int) bool { return r.all[i].At >= begins })
	if r.last == len(r.all) || r.all[r.last].At != begins {
		r.all = slices.Insert(r.all, r.last, Receipt{At: begins})
	}
	r.all[r.last].Events += n
}

// mod is what is left of t above a multiple of step, also before 1970.
func mod(t, step int64) int64 { return (t%step + step) % step }

// coarsen makes the slots longer until half of them are left.
func (r *receipts) coarsen() {
	for len(r.all) > maxReceipts/2 {
		r.step *= 2
		merged := r.all[:0]
		for _, slot := range r.all {
			slot.At -= mod(slot.At, r.step)
			if n := len(merged); n > 0 && merged[n-1].At == slot.At {
				merged[n-1].Events += slot.Events
			} else {
				merged = append(merged, slot)
			}
		}
		r.all = merged
	}
	r.last = len(r.all) - 1
}

// bytes is what they are charged for.
func (r *receipts) bytes() int64 { return receiptBytes * int64(cap(r.all)) }
