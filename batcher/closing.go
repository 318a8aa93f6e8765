package batcher

import (
	"cmp"
	"container/heap"
	"crypto/rand"
	"slices"
	"time"

	journalv1 "github.com/open-destinations/destinations/gen/destinations/journal/v1"
	"github.com/open-destinations/destinations/uploader"
)

// close closes the open batch of d and decides its Seal: every event of d below
// through is decided by it. The batch is uploaded when the Seal has been read back.
func (s *shard) close(d *destination, reason journalv1.SealReason, through position) {
	b := d.open
	closed := time.Now().Round(0) // the wall clock alone: it may have been set back
	if closed.Before(d.lastClose) {
		closed = d.lastClose
	}
	s.cut(b)
	b.state = batchClosing
	s.recharge(b, d.closedShare())
	b.seal = s.seal(b, reason, closed, through)
	b.excluded = nil
	d.open, d.closeAt = nil, time.Time{}
	d.closing = append(d.closing, b)
	d.through, d.lastClose, d.usedAt = through, closed, time.Now()
	s.setTimer(d)
	s.decide(&journalv1.Decision{Kind: &journalv1.Decision_Seal{Seal: b.seal}})
}

func (s *shard) seal(b *batch, reason journalv1.SealReason, closed time.Time, through position) *journalv1.Seal {
	d := b.dest
	var id [batchIDBytes]byte
	rand.Read(id[:]) // never fails
	return &journalv1.Seal{
		Id:          id[:],
		Destination: d.proto(),
		First:       b.first.proto(), Last: b.last.proto(), Through: through.proto(),
		Excluded: b.excluded.upTo(b.last).proto(), FirstReceivedUnixNanos: b.firstReceived, LastReceivedUnixNanos: b.lastReceived,
		Events: uint64(b.events), RawBytes: uint64(b.rawBytes), Level: uint32(s.cfg.CompressionLevel),
		ClosedUnixNanos: closed.UnixNano(), Key: uploader.Key(d.prefix, closed, s.identifier(d, b.first, id)), Reason: reason,
	}
}

// setTimer puts d into the heap at its next timer, or out of it.
func (s *shard) setTimer(d *destination) {
	d.timer = d.nextTimer()
	switch in := d.heapIndex >= 0; {
	case d.timer.IsZero() && in:
		heap.Remove(&s.timers, d.heapIndex)
	case d.timer.IsZero():
	case in:
		heap.Fix(&s.timers, d.heapIndex)
	default:
		heap.Push(&s.timers, d)
	}
}

// fireTimers closes the batches whose windows have ended, and tries again what has
// failed. A destination needs no traffic for it.
func (s *shard) fireTimers(now time.Time) {
	if s.stopping || !s.opened {
		return
	}
	for len(s.timers) > 0 && !s.timers[0].timer.After(now) {
		d := s.timers[0]
		if !d.retryAt.IsZero() && !d.retryAt.After(now) {
			d.retryAt = time.Time{}
			s.try(d)
		}
		if !d.blockAt.IsZero() && !d.blockAt.After(now) {
			d.blockAt = time.Time{}
			s.lasting(d, now)
		}
		if d.open != nil && d.mode == modeActive && !d.undelivered() && !d.closeAt.After(now) {
			s.close(d, journalv1.SealReason_SEAL_REASON_WINDOW, s.position())
		}
		s.setTimer(d)
	}
}

// closeLargest closes the shard's largest open batches until enough memory comes free
// when they are delivered, or none is left.
func (s *shard) closeLargest() {
	if !s.memory.wantsClosing() {
		return
	}
	var open []*destination
	for _, d := range s.dests {
		// Behind a batch that S3 does not take, closing would free nothing.
		if failing := d.failed > 0 && len(d.queue) > 0 && !d.parkAll; d.open != nil && !failing {
			open = append(open, d)
		}
	}
	slices.SortFunc(open, func(a, b *destination) int { return cmp.Compare(b.open.charged, a.open.charged) })
	for _, d := range open {
		s.close(d, journalv1.SealReason_SEAL_REASON_MEMORY, s.cursor(d))
		if s.memory.closedEnough() {
			return
		}
	}
}
