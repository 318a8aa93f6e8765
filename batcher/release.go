package batcher

import (
	"errors"
	"fmt"
	"slices"
	"time"

	journalv1 "github.com/open-destinations/destinations/gen/destinations/journal/v1"
	"github.com/open-destinations/destinations/journal"
)

// snapshot is a place from which a replay can begin.
type snapshot struct {
	events  uint64 // offset of the events log
	control uint64 // of the control record that holds the Snapshot
}

// decideSnapshot decides a Snapshot where a segment of the events log begins. It is
// called just before a record is read.
//
// A replay from there reads the control log from the Snapshot on, so no Seal that
// reaches past the Snapshot may stand before it. In a live run that is so, since a
// Seal reaches no further than the shard has read. In a replay the Seals of the run
// before may reach further: then the Snapshot comes right behind the replay, or the
// segments of a full journal would never be released.
func (s *shard) decideSnapshot() {
	at := s.events.Offset()
	begins := s.events.SegmentStart() || s.skipped
	if s.skipped = begins && s.replaying(); s.skipped {
		return
	}
	if !begins || at <= s.part.Start().Events || at <= s.wanted {
		return
	}
	s.wanted = at
	s.decide(&journalv1.Decision{Kind: &journalv1.Decision_Snapshot{Snapshot: &journalv1.Snapshot{EventsOffset: at}}})
}

func (s *shard) applySnapshot(at snapshot) {
	s.wanted = max(s.wanted, at.events)
	if at.events > s.part.Start().Events {
		s.snapshots = append(s.snapshots, at)
	}
}

// release gives back the segments below the newest snapshot that a replay may begin
// at: one at or below the low watermark.
func (s *shard) release(now time.Time) error {
	if now.Before(s.releaseAt) {
		return nil
	}
	s.releaseAt = time.Time{}
	if !s.opened || len(s.snapshots) == 0 && len(s.dests) == 0 {
		return nil
	}
	s.releaseAt = now.Add(releaseEvery)
	s.forgetIdle(now)
	low := s.lowWatermark()
	n := 0
	for n < len(s.snapshots) && !low.less(position{s.snapshots[n].events, 0}) {
		n++
	}
	if n == 0 {
		return nil
	}
	at := s.snapshots[n-1]
	switch err := s.part.Release(journal.Start{Events: at.events, Control: at.control}); {
	case errors.Is(err, journal.ErrFull):
		s.log.Warn("no room to note the journal's new start; it is tried again", "partition", s.id, "error", err)
		return nil
	case err != nil:
		return fmt.Errorf("release below %d: %w", at.events, err)
	}
	s.snapshots = slices.Delete(s.snapshots, 0, n)
	return nil
}

// lowWatermark is the position of the oldest event that is not durably delivered.
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
		}
	}
}
