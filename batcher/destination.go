package batcher

import (
	"slices"
	"time"

	journalv1 "github.com/open-destinations/destinations/gen/destinations/journal/v1"
)

// destination is what a shard knows of one (tenant, bucket, prefix). It is owned by
// the shard.
type destination struct {
	name                   string // see name
	digest                 [DigestBytes]byte
	tenant, bucket, prefix string
	phase                  time.Duration

	// through: every event at a lower position is decided by a Seal that was read,
	// or by one of closing.
	through position
	// members says which events below through a replay will find delivered.
	members members
	// open takes events; nil if there are none.
	open *batch
	// closing are the batches whose Seals have not been read back, and queue those
	// whose Seals have, until they are delivered; both in the order of their events.
	// Only the first of queue is uploaded, so that objects appear in order.
	closing, queue []*batch
	// lastClose is the latest close time of its batches: a clock that is set back does
	// not name a later object with an earlier time.
	lastClose time.Time

	// closeAt is when the open batch's window ends; zero if there is none. It stays
	// when it has passed while an earlier batch is undelivered.
	closeAt time.Time

	health
	diagnosis   diagnosis
	refusal     string   // why new events for it are refused; "" = they are not
	refusedCode string   // the code that stands in it
	backlog     backlog  // empty while it is active
	tables      int64    // charged for backlog
	pass        *pass    // that reads its events; nil = none
	flushes     []*flush // that wait until it is active or blocked
	parking

	timer     time.Time // in the shard's heap
	heapIndex int       // -1 = not in it
	usedAt    time.Time // when it last had an open batch or a delivery
}

// overhead is what a batch of the destination is charged for beside its bytes: the
// tables, and its names, which stand in the destination, the seal, the key and the
// decisions.
func (d *destination) overhead() int64 { return batchOverhead + 6*int64(len(d.name)) }

// isOf reports whether the destination is a tenant's; everything is nobody's in particular.
func (d *destination) isOf(tenant string) bool { return tenant == "" || tenant == d.tenant }

// undelivered reports whether a closed batch is on its way, or will be when the
// destination works.
func (d *destination) undelivered() bool {
	return len(d.closing) > 0 || slices.ContainsFunc(d.queue, func(b *batch) bool { return b.dead == nil })
}

// idle reports whether the shard need not know the destination any more: it works,
// nothing is open or on its way, and its new events are not refused. What it has decided
// stands in the journal.
func (d *destination) idle() bool {
	return d.open == nil && len(d.closing) == 0 && len(d.queue) == 0 && d.mode == modeActive && !d.deciding && d.probe == nil && d.refusal == ""
}

func (d *destination) proto() *journalv1.Destination {
	return &journalv1.Destination{Tenant: d.tenant, Bucket: d.bucket, Prefix: d.prefix}
}

// nextTimer is when something has to be done for the destination without a message;
// zero for never.
func (d *destination) nextTimer() time.Time {
	t := d.retryAt
	if !d.blockAt.IsZero() && (t.IsZero() || d.blockAt.Before(t)) {
		t = d.blockAt
	}
	// Windows are of events that come in now: what a pass collects is a backlog, and
	// becomes as few objects as it can. And a window does not close the next batch while an earlier one is undelivered: an
	// outage makes fewer and larger objects. The delivery closes it then.
	if !d.closeAt.IsZero() && d.mode == modeActive && !d.undelivered() && (t.IsZero() || d.closeAt.Before(t)) {
		t = d.closeAt
	}
	return t
}

// oldest is the position of its oldest event that only the log has: it is neither
// delivered nor parked. ok is false if there is none.
func (d *destination) oldest() (p position, ok bool) {
	for _, b := range d.queue {
		if b.parked == nil {
			return positionOf(b.seal.GetFirst()), true
		}
	}
	switch {
	case len(d.closing) > 0:
		return d.closing[0].first, true
	case d.open != nil:
		return d.open.first, true
	}
	return d.backlog.first, d.backlog.events > 0
}
