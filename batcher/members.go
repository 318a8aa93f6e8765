package batcher

import journalv1 "github.com/open-destinations/destinations/gen/destinations/journal/v1"

// members are the events of a destination that Seals of earlier runs hold, as far as a replay
// has not read them again. An event that is decided is delivered if it is one of them; if it is
// none, it was left out as a duplicate. The tables of today cannot say which: they may remember
// more or less than those by which it was decided.
type members struct {
	spans   []memberSpan // ascending
	charged int64        // of the tables' memory, until all are read
}

// memberSpan are the events of a destination from one position up to, and not with, another.
type memberSpan struct{ from, to position }

// spanBytes is charged for a span: its own size, as slices grow.
const spanBytes = 64

// noteMembers notes what a Seal of an earlier run holds of what is still to be read.
func (s *shard) noteMembers(d *destination, seal *journalv1.Seal) {
	m, at := &d.members, s.position()
	add := func(from, to position) {
		if from.less(to) && at.less(to) {
			m.spans = append(m.spans, memberSpan{from, to})
			m.charged += spanBytes
			s.memory.chargeTables(spanBytes)
		}
	}
	from := positionOf(seal.GetFirst())
	for _, out := range seal.GetExcluded() {
		add(from, positionOf(out.GetFirst()))
		from = positionOf(out.GetLast()).next()
	}
	add(from, positionOf(seal.GetLast()).next())
}

// isMember reports whether a batch holds the event of d at a position below d.through. It is
// asked once of each, in order.
func (s *shard) isMember(d *destination, at position) (is bool) {
	m := &d.members
	for len(m.spans) > 0 && !at.less(m.spans[0].to) {
		m.spans = m.spans[1:]
	}
	is = len(m.spans) > 0 && !at.less(m.spans[0].from)
	if len(m.spans) == 0 || len(m.spans) == 1 && m.spans[0].to == at.next() {
		s.dropMembers(d)
	}
	return is
}

// dropMembers forgets them.
func (s *shard) dropMembers(d *destination) {
	s.memory.chargeTables(-d.members.charged)
	d.members = members{}
}
