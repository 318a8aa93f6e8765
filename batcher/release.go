package batcher

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/open-destinations/destinations/journal"
)

// release gives back the segments below the newest snapshot that a replay may begin
// at: one at or below the low watermark.
func (s *shard) release(now time.Time) error {
	if now.Before(s.releaseAt) {
		return nil
	}
	s.releaseAt = time.Time{}
	s.tellBacklog(now)
	if !s.opened || len(s.snapshots.usable) == 0 && len(s.dests) == 0 {
		return nil
	}
	s.releaseAt = now.Add(releaseEvery)
	s.forgetIdle(now)
	s.tendParking(now)
	s.tendRefusals()
	low := s.lowWatermark()
	s.tendCrash(low)
	n := s.passed(s.snapshots.upTo(low))
	if n == 0 {
		s.thin()
		return nil
	}
	at := s.snapshots.usable[n-1]
	switch err := s.part.Release(journal.Start{Events: at.events, Control: at.control}); {
	case errors.Is(err, journal.ErrFull):
		s.log.Warn("no room to note the journal's new start; it is tried again", "partition", s.id, "error", err)
		return nil
	case err != nil:
		return fmt.Errorf("release below %d: %w", at.events, err)
	}
	s.snapshots.usable = slices.Delete(s.snapshots.usable, 0, n)
	s.removeStates(at.events)
	return nil
}

// passed is how many of the first n usable snapshots the gate lets go.
func (s *shard) passed(n int) int {
	if n == 0 || s.gate == nil {
		return n
	}
	held := s.part.EventBytes(s.part.Start().Events, s.snapshots.usable[n-1].events)
	up := s.gate.Passed(s.id, held)
	for n > 0 && s.snapshots.usable[n-1].control > up {
		n--
	}
	return n
}

// lowWatermark is the position of the oldest event that is neither durably
// delivered nor durably parked.
func (s *shard) lowWatermark() position {
	low := s.position()
	for _, d := range s.dests {
		if p, ok := d.oldest(); ok && p.less(low) {
			low = p
		}
	}
	return low
}

// forgetIdle drops destinations that nothing happened to for two windows. What was
// decided of them stands in the journal; no event below the shard's position is
// read again in this run.
func (s *shard) forgetIdle(now time.Time) {
	if s.replaying() || s.atSet {
		return // the record in hand names destinations
	}
	for name, d := range s.dests {
		if d.idle() && now.Sub(d.usedAt) > 2*s.cfg.Window {
			delete(s.dests, name)
			delete(s.byDigest, d.digest)
		}
	}
}
