package batcher

import (
	"sort"

	journalv1 "github.com/open-destinations/destinations/gen/destinations/journal/v1"
)

const (
	// maxRuns closes a batch early: what is left out of it stands in its Seal, and
	// in its Delivered again. About 100 KiB.
	maxRuns = 4096
	// runBytes is charged for a run, for what it takes in the Seal.
	runBytes = 256
)

// run is a run of events of one destination, by the positions of its first and last.
type run struct{ first, last position }

// runs are runs of events of one destination that are left out, in order.
type runs []run

// add notes the event at p, behind all that were noted, and reports whether it
// begins a run. It continues the last one unless the destination had another event
// in between; taken is the position of the last of those.
func (r *runs) add(p, taken position) bool {
	if last := len(*r) - 1; last >= 0 && taken.less((*r)[last].first) {
		(*r)[last].last = p
		return false
	}
	*r = append(*r, run{p, p})
	return true
}

// upTo is the part of r up to a member of the batch, which is in no run.
func (r runs) upTo(last position) runs {
	for len(r) > 0 && last.less(r[len(r)-1].first) {
		r = r[:len(r)-1]
	}
	return r
}

func (r runs) proto() []*journalv1.Run {
	made := make([]*journalv1.Run, len(r))
	for i, run := range r {
		made[i] = &journalv1.Run{First: run.first.proto(), Last: run.last.proto()}
	}
	return made
}

// sealHolds reports whether the event at p, of the Seal's destination, is a member.
func sealHolds(seal *journalv1.Seal, p position) bool {
	if p.less(positionOf(seal.GetFirst())) || positionOf(seal.GetLast()).less(p) {
		return false
	}
	excluded := seal.GetExcluded()
	i := sort.Search(len(excluded), func(i int) bool { return !positionOf(excluded[i].GetLast()).less(p) })
	return i == len(excluded) || p.less(positionOf(excluded[i].GetFirst()))
}
