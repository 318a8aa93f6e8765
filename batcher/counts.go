package batcher

import "sync/atomic"

// Counts is what a [Batcher] has counted since it was started. All of it only
// grows.
type Counts struct {
	// DuplicatesBySender and DuplicatesByID are events that were left out because
	// they had been taken before: by sender, sequence and place in the request, or
	// by their id. After a restart those are counted again that no batch has passed.
	DuplicatesBySender, DuplicatesByID uint64
	// SendersForgottenEarly and IDsForgottenEarly are senders and ids that were
	// forgotten before their time, to keep within the bounds: what they send again
	// is new.
	SendersForgottenEarly, IDsForgottenEarly uint64
	// Blocked and Freed count how often a destination was, Passes how often the log
	// was read for those that had been.
	Blocked, Freed, Passes uint64
	// Parked, Dead, Redriven and Discarded are batches that were. After a restart those
	// are counted again whose records are read again.
	Parked, Dead, Redriven, Discarded uint64
	// Delivered are batches that this process has delivered.
	Delivered uint64
}

// counters are the counts of all shards.
type counters struct {
	bySender, byID         atomic.Uint64
	sendersEarly, idsEarly atomic.Uint64

	blocked, freed, passes            atomic.Uint64
	parked, dead, redriven, discarded atomic.Uint64
	delivered                         atomic.Uint64
}

// leftOut counts a duplicate.
func (c *counters) leftOut(v verdict) {
	if v == duplicateBySender {
		c.bySender.Add(1)
	} else {
		c.byID.Add(1)
	}
}

// Counts returns what was counted so far.
func (b *Batcher) Counts() Counts {
	c := b.counts
	return Counts{
		DuplicatesBySender: c.bySender.Load(), DuplicatesByID: c.byID.Load(),
		SendersForgottenEarly: c.sendersEarly.Load(), IDsForgottenEarly: c.idsEarly.Load(),
		Blocked: c.blocked.Load(), Freed: c.freed.Load(), Passes: c.passes.Load(),
		Parked: c.parked.Load(), Dead: c.dead.Load(), Redriven: c.redriven.Load(), Discarded: c.discarded.Load(),
		Delivered: c.delivered.Load(),
	}
}
