package batcher

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	journalv1 "github.com/open-destinations/destinations/gen/destinations/journal/v1"
	"github.com/open-destinations/destinations/journal"
)

// snapshotsKept is how many snapshots are kept of those that a replay may begin at
// later on. Each has a file as large as the tables.
const snapshotsKept = 16

// snapshot is a place from which a replay can begin.
type snapshot struct {
	events  uint64 // offset of the events log
	control uint64 // of the control log: what is below it has been read back there
	bounds  tableBounds
}

const statePrefix = "state-"

// stateName is the name of the file that holds the State as of an offset of the
// events log.
func stateName(events uint64) string { return fmt.Sprintf("%s%020d", statePrefix, events) }

// snapshots is what a shard knows of its snapshots.
type snapshots struct {
	usable []snapshot      // read back, with their file, above the start, ascending
	stale  []snapshot      // as usable, but what their files say of the tables is of other bounds
	files  map[uint64]bool // by events offset: State files that are there
	wanted uint64          // events offset of the last one that was captured or read
	missed bool            // a segment began where none could be captured
	saving *savedState     // captured, its file not yet durable; nil if there is none
}

// savedState is a State on its way into its file.
type savedState struct {
	snapshot
	data    []byte    // all of it, or the tables alone if it is renewed
	renewed bool      // its file is there, and says the rest
	time    int64     // log time, if it is renewed
	retryAt time.Time // after there was no room; zero while it is being written
}

// stateSaved is the message that a State was written, or why not.
type stateSaved struct{ err error }

// listStates finds the State files that are there.
func (s *shard) listStates() error {
	names, err := s.part.Files()
	if err != nil {
		return fmt.Errorf("list the state files: %w", err)
	}
	s.snapshots.files = map[uint64]bool{}
	for _, name := range names {
		digits, ok := strings.CutPrefix(name, statePrefix)
		if at, err := strconv.ParseUint(digits, 10, 64); ok && err == nil && name == stateName(at) {
			s.snapshots.files[at] = true
		}
	}
	return nil
}

// captureSnapshot captures the state where a segment of the events log begins. It is
// called just before a record is read.
//
// A replay from there reads the control log from where this shard has read it to,
// so no Seal that reaches past the snapshot may stand below that. In a live run that
// is so, since a Seal reaches no further than the shard has read. In a replay the
// Seals of the run before may reach further: then it is captured right behind the
// replay, or the segments of a full journal would never be released. The same goes
// for one that could not be captured because the one before was still being saved.
//
// It reports whether the record may not be read yet.
func (s *shard) captureSnapshot() (waits bool) {
	n := &s.snapshots
	if s.renewSnapshot() {
		return true
	}
	begins := s.events.SegmentStart() || n.missed
	if n.missed = begins && (s.replaying() || n.saving != nil); n.missed {
		return false
	}
	at := s.events.Offset()
	if !begins || at <= s.part.Start().Events || at <= n.wanted {
		return false
	}
	n.wanted = at
	n.saving = &savedState{snapshot: snapshot{events: at, control: s.control.Offset(), bounds: s.dedupe.bounds()}}
	n.saving.data = s.encodeState(n.saving.snapshot)
	s.memory.chargeTables(int64(len(n.saving.data)))
	s.save()
	return false
}

// save has the captured State written. The shard does not wait for it.
func (s *shard) save() {
	saving := s.snapshots.saving
	saving.retryAt = time.Time{}
	part, inbox, name, data := s.part, s.inbox, stateName(saving.events), saving.data
	if saving.renewed {
		of, logTime := saving.snapshot, saving.time
		s.filePool.submit(func(struct{}) { inbox.put(stateSaved{renewState(part, of, logTime, data)}) })
		return
	}
	s.filePool.submit(func(struct{}) { inbox.put(stateSaved{part.WriteFile(name, data)}) })
}

// saveAgain tries once more what there was no room for.
func (s *shard) saveAgain(now time.Time) {
	if t := s.saveAgainAt(); !t.IsZero() && !now.Before(t) {
		s.save()
	}
}

// saveAgainAt is when; zero if there is nothing to be tried again.
func (s *shard) saveAgainAt() time.Time {
	if s.snapshots.saving == nil || s.stopping {
		return time.Time{}
	}
	return s.snapshots.saving.retryAt
}

// saved takes the outcome of save.
//
// Commit point: the file is durable, and only now the Snapshot that names it is
// decided. A crash before leaves a file that no record names; the next run writes it
// anew should it capture there.
func (s *shard) saved(m stateSaved) {
	n := &s.snapshots
	at := n.saving.snapshot
	switch {
	case errors.Is(m.err, journal.ErrFull):
		n.saving.retryAt = time.Now().Add(saveRetry)
		s.log.Warn("no room to save the partition's state; it is tried again, and until then no segment is released",
			"partition", s.id, "file", stateName(at.events), "bytes", len(n.saving.data), "error", m.err)
		return
	case errors.Is(m.err, errNotRenewed):
		s.log.Warn("a state file can't be used, and no segment is released up to it", "partition", s.id, "file", stateName(at.events), "error", m.err)
		s.savingEnds()
		return
	case m.err != nil:
		s.saveErr = fmt.Errorf("save %s: %w", stateName(at.events), m.err)
		return
	}
	renewed := n.saving.renewed
	s.savingEnds()
	n.files[at.events] = true
	if renewed {
		s.renewed(at)
		return
	}
	s.decide(&journalv1.Decision{Kind: &journalv1.Decision_Snapshot{Snapshot: &journalv1.Snapshot{
		EventsOffset: at.events, ControlOffset: at.control, Bounds: at.bounds.proto(),
	}}})
}

func (s *shard) savingEnds() {
	s.memory.chargeTables(-int64(len(s.snapshots.saving.data)))
	s.snapshots.saving = nil
}

// checkSnapshot reports whether a snapshot that a record of the control log names is as a
// shard makes it: the log will start there.
func (s *shard) checkSnapshot(at snapshot, record uint64) error {
	if at.control > record || at.events > s.part.Events().Committed() {
		return fmt.Errorf("a Snapshot names %d and %d in the two logs, which end at %d and, before it, at %d",
			at.events, at.control, s.part.Events().Committed(), record)
	}
	if n := s.snapshots.usable; at.control > 0 && len(n) > 0 && (at.events < n[len(n)-1].events || at.control < n[len(n)-1].control) {
		return fmt.Errorf("a Snapshot names %d and %d in the two logs, the one before it %d and %d",
			at.events, at.control, n[len(n)-1].events, n[len(n)-1].control)
	}
	return nil
}

// applySnapshot makes a snapshot one that may be released to. One of an older
// version is none: a replay from there would know nothing of what was sent before.
func (s *shard) applySnapshot(at snapshot) {
	if at.control == 0 {
		return
	}
	n := &s.snapshots
	n.wanted = max(n.wanted, at.events)
	if start := s.part.Start(); at.events > start.Events && at.control >= start.Control && n.files[at.events] {
		n.usable = append(n.usable, at)
	}
}

// thin keeps the snapshots few: every other one goes, but the oldest and the newest.
func (s *shard) thin() {
	n := &s.snapshots
	if len(n.usable) <= snapshotsKept {
		return
	}
	kept := n.usable[:0]
	for i, at := range n.usable {
		if i%2 == 0 || i == len(n.usable)-1 {
			kept = append(kept, at)
		} else {
			s.removeState(at.events)
		}
	}
	n.usable = kept
}

// removeStates removes the files of snapshots below the start, also those that a crash
// has brought back. The start has to be durable, so this comes behind a release of
// this run: one that was only read may be in memory alone, if its sync failed in the
// run before, and the power failing would bring back the start that needs them.
func (s *shard) removeStates(start uint64) {
	for at := range s.snapshots.files {
		if at < start {
			s.removeState(at)
		}
	}
}

// removeState removes a file that is not needed. One that stays is removed later.
func (s *shard) removeState(at uint64) {
	delete(s.snapshots.files, at)
	part, log, name := s.part, s.log, stateName(at)
	s.filePool.submit(func(struct{}) {
		if err := part.RemoveFile(name); err != nil {
			log.Warn("a state file stays until the next start", "partition", s.id, "file", name, "error", err)
		}
	})
}

// upTo returns how many of the usable snapshots are at or below a position.
func (n *snapshots) upTo(low position) (count int) {
	for count < len(n.usable) && !low.less(position{n.usable[count].events, 0}) {
		count++
	}
	return count
}
