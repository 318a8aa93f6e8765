package batcher

import (
	"cmp"
	"errors"
	"fmt"
	"slices"

	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"

	journalv1 "github.com/open-destinations/destinations/gen/destinations/journal/v1"
	"github.com/open-destinations/destinations/journal"
)

// errNotRenewed is in the error of a State that can't be written anew for what its file says.
var errNotRenewed = errors.New("not renewed")

// keepOf takes from among the usable snapshots those of who had tables of other bounds than who
// opens the partition now. Their tables speak of events that were not decided yet, and that may be
// decided otherwise from here on: an id could stand for one that is left out. They are usable
// again when the owner has come to their place and has written his own tables there: in a full
// journal no others can be made further down, and nothing could be released before all is delivered.
func (n *snapshots) keepOf(bounds tableBounds) {
	n.usable = slices.DeleteFunc(n.usable, func(at snapshot) bool {
		other := at.bounds != bounds || !bounds.known()
		if other {
			n.stale = append(n.stale, at)
		}
		return other
	})
}

// renewSnapshot has the State of a stale snapshot written with the tables of this run, if the
// shard stands there. All else that it says is of its offset of the control log, and stays. It
// reports whether the shard has to wait there: until the one before is written.
func (s *shard) renewSnapshot() (waits bool) {
	n := &s.snapshots
	i := slices.IndexFunc(n.stale, func(old snapshot) bool { return old.events == s.events.Offset() })
	if i < 0 {
		return false
	}
	if n.saving != nil {
		return n.saving.retryAt.IsZero() // for room nobody waits
	}
	at := n.stale[i]
	n.stale = slices.Delete(n.stale, i, i+1)
	if at.events <= s.part.Start().Events || !n.files[at.events] {
		return false
	}
	at.bounds = s.dedupe.bounds()
	n.saving = &savedState{snapshot: at, renewed: true, time: s.dedupe.time, data: s.dedupe.appendState(nil)}
	s.memory.chargeTables(int64(len(n.saving.data)))
	s.save()
	return false
}

// renewState writes the file of a snapshot anew with other tables.
func renewState(part *journal.Partition, at snapshot, logTime int64, tables []byte) error {
	old, err := part.PeekFile(stateName(at.events))
	if err != nil {
		return fmt.Errorf("%w: %w", errNotRenewed, err)
	}
	var state journalv1.State
	rest, err := withoutTables(old)
	if err == nil {
		err = proto.Unmarshal(rest, &state)
	}
	if err != nil {
		return fmt.Errorf("%w: %w", errNotRenewed, err)
	}
	if state.GetEventsOffset() != at.events || state.GetControlOffset() != at.control {
		return fmt.Errorf("%w: it is of %d and %d in the two logs", errNotRenewed, state.GetEventsOffset(), state.GetControlOffset())
	}
	state.LogTimeUnixNanos = logTime
	data, err := proto.Marshal(&state)
	if err != nil {
		return fmt.Errorf("%w: %w", errNotRenewed, err)
	}
	return part.WriteFile(stateName(at.events), append(data, tables...))
}

// withoutTables is an encoded State without its senders and ids, which may be very many.
func withoutTables(state []byte) (rest []byte, err error) {
	for len(state) > 0 {
		number, _, n := protowire.ConsumeField(state)
		if n < 0 {
			return nil, fmt.Errorf("a State: %w", protowire.ParseError(n))
		}
		if number != fieldStateSenders && number != fieldStateIDs {
			rest = append(rest, state[:n]...)
		}
		state = state[n:]
	}
	return rest, nil
}

// renewed makes a snapshot usable whose State was written anew. The Snapshot that names it is
// of who had other bounds: so this counts for this run alone, and the next one writes it once more.
func (s *shard) renewed(at snapshot) {
	n := &s.snapshots
	if at.events < s.part.Start().Events { // removed, and written once more
		s.removeState(at.events)
		return
	}
	i, _ := slices.BinarySearchFunc(n.usable, at, func(a, b snapshot) int { return cmp.Compare(a.events, b.events) })
	n.usable = slices.Insert(n.usable, i, at)
}
