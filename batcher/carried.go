package batcher

import (
	"cmp"
	"slices"
	"strings"
	"time"

	journalv1 "github.com/open-destinations/destinations/gen/destinations/journal/v1"
)

// What the control log says may hold for longer than its records are kept. It goes
// from one start to the next in the State, beside the tables of senders and ids.

// captureControl puts what was read back into a State.
func (s *shard) captureControl(state *journalv1.State) {
	for _, d := range s.dests {
		if d.blocked != nil {
			state.Blocked = append(state.Blocked, d.blocked)
		}
	}
	slices.SortFunc(state.Blocked, func(a, b *journalv1.Blocked) int {
		return strings.Compare(nameOf(a.GetDestination()), nameOf(b.GetDestination()))
	})
	state.Parked = s.captureParked()
	state.SetAside = s.asides.capture(state.GetEventsOffset())
	state.WrittenBuckets = s.written.order
	for _, l := range s.leftovers.all {
		state.Leftovers = append(state.Leftovers, &journalv1.Leftover{Tenant: l.tenant, Bucket: l.bucket, Key: l.key, SinceUnixNanos: l.since.UnixNano()})
	}
}

// loadControl takes over what a State says was read back before the start.
func (s *shard) loadControl(state *journalv1.State) error {
	for _, m := range state.GetBlocked() {
		s.applyBlocked(m)
	}
	for _, m := range state.GetParked() {
		if err := checkParkedRecord(m.GetParked()); err != nil {
			return err
		}
		s.loadParked(m)
	}
	for _, at := range state.GetSetAside() {
		s.asides.add(positionOf(at))
	}
	for _, bucket := range state.GetWrittenBuckets() {
		s.wrote(bucket)
	}
	for _, m := range state.GetLeftovers() {
		s.noteLeftover(leftover{tenant: cmp.Or(m.GetTenant(), oldTenant), bucket: m.GetBucket(), key: m.GetKey(), since: time.Unix(0, m.GetSinceUnixNanos())})
	}
	return nil
}
