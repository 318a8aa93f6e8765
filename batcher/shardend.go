package batcher

import (
	"errors"
	"slices"
)

func (s *shard) closeReaders() error {
	if s.pass != nil {
		s.endPass()
	}
	return errors.Join(s.events.Close(), s.control.Close())
}

// giveBack gives back what the shard's batches hold, when it has ended.
func (s *shard) giveBack() {
	if s.starved {
		s.memory.feed()
	}
	s.memory.chargeTables(-s.tables - s.written.bytes() - s.leftovers.bytes() - s.diagnoses.bytes())
	s.heldByBlocked.Add(-s.held)
	if saving := s.snapshots.saving; saving != nil {
		s.memory.chargeTables(-int64(len(saving.data)))
	}
	if all := s.refusals.Swap(nil); all != nil {
		s.refusing.Add(-int64(len(*all)))
	}
	for on := range s.claimed {
		s.conditions.giveUp(on)
	}
	for _, d := range s.dests {
		s.stopWaiting(d)
		s.memory.chargeTables(-d.tables - d.members.charged)
		s.backlogTables.Add(-d.tables)
		for _, b := range slices.Concat(d.closing, d.queue) {
			s.abortStream(b)
			s.forget(b)
		}
		if d.open != nil {
			s.forget(d.open)
		}
	}
	s.dests = nil
}
