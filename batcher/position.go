package batcher

import (
	"cmp"
	"fmt"

	journalv1 "github.com/open-destinations/destinations/gen/destinations/journal/v1"
)

// position is a place in the events log: that of an event, or the one before
// which something is.
type position struct {
	offset uint64 // of the record
	index  uint32 // of the event in the record
}

func (p position) compare(q position) int {
	if c := cmp.Compare(p.offset, q.offset); c != 0 {
		return c
	}
	return cmp.Compare(p.index, q.index)
}

func (p position) less(q position) bool { return p.compare(q) < 0 }

// next is the position right behind the event at p.
func (p position) next() position { return position{p.offset, p.index + 1} }

func (p position) String() string { return fmt.Sprintf("%d/%d", p.offset, p.index) }

func (p position) proto() *journalv1.Position {
	return &journalv1.Position{Offset: p.offset, Index: p.index}
}

func positionOf(p *journalv1.Position) position {
	return position{p.GetOffset(), p.GetIndex()}
}
