package batcher

import (
	"fmt"
	"time"

	journalv1 "github.com/open-destinations/destinations/gen/destinations/journal/v1"
)

const (
	// parkRetry is the pause after there was no room for a file.
	parkRetry = 5 * time.Second
	// giveUpPause is how often a destination that was given up is probed, unless somebody has
	// asked for it no longer ago than that, and giveUpAgain how often what has come for it
	// since then is given up: so that a probe has failed in between.
	giveUpPause = time.Hour
	giveUpAgain = 2 * giveUpPause
	// refusalsOfOne is how many tries a batch has at least that S3 refuses alone.
	refusalsOfOne = 3
)

// parking is what of a destination is to be parked.
type parking struct {
	parkAll    bool      // everything that was read back until now
	dying      string    // why all of that dies then; empty = it does not
	condemned  int       // batches of it that are to be parked alone
	giveUpNext time.Time // not before
	redrives   []*operation
}

// parks is what a shard knows of parking.
type parks struct {
	cleared bool      // files that nothing needs have been removed
	parkAt  time.Time // not before, after there was no room
	held    int64     // its part of heldByBlocked
}

// parkAbove is how many bytes of events segments may be kept for blocked destinations
// alone: a quarter of the journal's quota.
func parkAbove(quota int64) int64 { return quota / 4 }

// tendParking looks, now and then, whether there is something to be parked.
func (s *shard) tendParking(now time.Time) {
	low, rest := s.watermarks()
	held := s.part.EventBytes(low.offset, rest.offset)
	s.heldByBlocked.Add(held - s.held)
	s.held = held
	if !s.cleared || s.stopping || now.Before(s.parkAt) {
		return
	}
	s.giveUp(now)
	if held > 0 && s.parkAbove > 0 && s.heldByBlocked.Load() > s.parkAbove {
		s.parkOldest(low)
	}
	for _, d := range s.dests {
		if d.parkAll && d.incomplete() != nil && !s.reads(d) { // it was being uploaded when the pass came by
			s.awaitPass(d)
		}
		s.endParking(d)
		s.park(d)
	}
}

// watermarks are the low watermark, and what it were without the blocked
// destinations.
func (s *shard) watermarks() (low, rest position) {
	low, rest = s.position(), s.position()
	for _, d := range s.dests {
		p, ok := d.oldest()
		if ok && p.less(low) {
			low = p
		}
		if ok && d.mode != modeBlocked && p.less(rest) {
			rest = p
		}
	}
	return low, rest
}

// parkOldest has the blocked destinations parked that hold the oldest segment.
func (s *shard) parkOldest(low position) {
	for _, d := range s.dests {
		if d.parkAll {
			return // they are on their way
		}
	}
	for _, d := range s.dests {
		p, ok := d.oldest()
		if ok && d.mode == modeBlocked && s.part.EventBytes(low.offset, p.offset) == 0 {
			s.log.Info("the journal keeps much for a blocked destination; it is parked", "bucket", d.bucket, "prefix", d.prefix,
				"code", d.code, "since", d.since.UTC(), "backlog_events", d.backlog.events, "held_bytes", s.heldByBlocked.Load())
			s.parkEverything(d)
		}
	}
}

// parkEverything has all parked that the shard has read of a blocked destination.
func (s *shard) parkEverything(d *destination) {
	d.parkAll = true
	if s.missed(d) && !s.reads(d) {
		s.awaitPass(d)
	}
	s.endParking(d)
	s.park(d)
}

// endParking notes that everything is parked, when it is.
func (s *shard) endParking(d *destination) {
	if !d.parkAll || s.reads(d) || d.open != nil || len(d.closing) > 0 {
		return
	}
	for _, b := range d.queue {
		if b.parked == nil && b.state < batchUploading {
			return
		}
	}
	d.parkAll, d.dying = false, ""
}

// park has the next batch of d written into a file that is to be and can be. It may be
// called at any time. One follows the other, the oldest first: so that its
// segments go, and the next one has their room, when the journal is full.
func (s *shard) park(d *destination) {
	if !d.parkAll && d.condemned == 0 || !s.cleared || s.stopping || time.Now().Before(s.parkAt) {
		return
	}
	var next *batch
	for _, b := range d.queue {
		if b.spooling {
			return
		}
		if next == nil && (d.parkAll || b.condemned != "") && b.parked == nil && b.ready() {
			next = b
		}
	}
	if next != nil {
		s.spool(next)
	}
}

// refused finds out what becomes of a batch that S3 refuses for what it is. It dies, and
// its destination goes on with the next, if S3 has taken something else for the bucket since
// it refused the batch first. Otherwise it is the destination that is refused, and
// so it is if the batch before has died of the same.
func (s *shard) refused(b *batch, now time.Time) {
	d := b.dest
	if b.refused++; b.refused == 1 {
		b.refusedAt = now
	}
	switch reason := fmt.Sprintf("refused %d times: %s: %s", b.refused, d.code, d.message); {
	case d.mistrusted:
		s.decideBlocked(d, false)
	case b.refused < refusalsOfOne || now.Sub(b.refusedAt) < s.cfg.BlockAfter:
		s.planTry(d, now)
		s.setTimer(d)
	case d.freedAt.Before(b.refusedAt) && !s.conditions.took(d.bucket, b.refusedAt):
		s.decideBlocked(d, false)
	case b.parked != nil:
		s.decideDead(b, reason)
	default:
		b.condemned = reason
		d.condemned++
		s.park(d)
	}
}

// givenUp reports whether a destination has failed for so long that its batches are
// not tried any more.
func (h *health) givenUp(c *Config, now time.Time) bool {
	return h.mode == modeBlocked && h.cause == subjectNone && c.GiveUpAfter > 0 && now.Sub(h.since) >= c.GiveUpAfter
}

// giveUp lets everything die of the destinations that have failed for too long.
func (s *shard) giveUp(now time.Time) {
	for _, d := range s.dests {
		if !d.givenUp(s.cfg, now) || now.Before(d.giveUpNext) {
			continue
		}
		d.giveUpNext = now.Add(giveUpAgain)
		d.dying = fmt.Sprintf("tried since %s: %s: %s", d.since.UTC().Format(time.RFC3339), d.code, d.message)
		for _, b := range d.queue {
			if b.parked != nil && b.dead == nil && b.ready() && !b.deciding {
				s.decideDead(b, d.dying)
			}
		}
		s.parkEverything(d)
	}
}

// decideDead decides that a parked batch is no longer tried by itself.
func (s *shard) decideDead(b *batch, reason string) {
	b.deciding = true
	s.decide(&journalv1.Decision{Kind: &journalv1.Decision_Dead{Dead: &journalv1.Dead{
		Id: b.seal.GetId(), Destination: b.dest.proto(), Reason: reason, SinceUnixNanos: time.Now().UnixNano(),
	}}})
}

// applyDead lets the destination of a batch go on without it.
func (s *shard) applyDead(m *journalv1.Dead) {
	b := s.batchOf(m.GetDestination(), m.GetId())
	if b == nil || b.parked == nil {
		return
	}
	d, refused := b.dest, b.refused > 0
	s.pardon(b)
	b.dead, b.deciding = m, false
	s.counts.dead.Add(1)
	s.log.Error("batch is dead: it is kept, and not tried any more until somebody asks for it", "bucket", d.bucket,
		"key", b.seal.GetKey(), "events", b.events, "reason", m.GetReason(), s.replayed(), b.traceAttr())
	if d.mode != modeBlocked { // it alone was the trouble
		d.works()
		s.rechargeClosed(d)
		d.retryAt = time.Time{}
	}
	d.mistrusted = d.mistrusted || refused
	s.upload(d)
	s.setTimer(d)
}

// pardon forgets that b was to die.
func (s *shard) pardon(b *batch) {
	if b.condemned != "" {
		b.condemned = ""
		b.dest.condemned--
	}
	b.refused = 0
}
