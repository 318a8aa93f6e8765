package main

import (
	"fmt"
	"slices"

	"google.golang.org/protobuf/proto"

	journalv1 "github.com/open-destinations/destinations/gen/destinations/journal/v1"
	"github.com/open-destinations/destinations/journal"
)

// tally counts the events of a batch that the events log holds.
type tally struct {
	events, rawBytes uint64
	first, last      eventAt
}

func (t *tally) add(at eventAt, payload int) {
	if t.events == 0 {
		t.first = at
	}
	t.events, t.rawBytes, t.last = t.events+1, t.rawBytes+uint64(payload)+1, at
}

// stretch is a part of a destination's events.
type stretch struct {
	first, last eventAt
	excluded    []*journalv1.Run
	found       *tally
}

func (s *stretch) holds(at eventAt) bool {
	if at.less(s.first) || s.last.less(at) {
		return false
	}
	return !slices.ContainsFunc(s.excluded, func(r *journalv1.Run) bool {
		return !at.less(atOf(r.GetFirst())) && !atOf(r.GetLast()).less(at)
	})
}

// fits reads the events log once, and counts the events in stretches of destinations.
type fits struct {
	stretches map[target][]*stretch // in order, without an overlap
	err       error                 // a record that is none
}

func (f *fits) read(folder *journal.Folder, s *journal.Survey) error {
	for r, err := range folder.Records(s.Partition, journal.EventsLog, s.Start.Events) {
		switch {
		case err != nil:
			return err
		case r.Lost != nil:
			continue
		}
		var rec journalv1.Events
		if err := proto.Unmarshal(r.Data, &rec); err != nil {
			f.err = fmt.Errorf("record %d of the events log: %w", r.Offset, err)
			continue
		}
		f.count(r.Offset, &rec)
	}
	return nil
}

func (f *fits) count(offset uint64, rec *journalv1.Events) {
	targets := make([]target, len(rec.GetDestinations()))
	for i, d := range rec.GetDestinations() {
		targets[i] = targetOf(d)
	}
	for i, e := range rec.GetEvents() {
		if int(e.GetDestination()) >= len(targets) {
			f.err = fmt.Errorf("record %d of the events log: event %d is of destination %d of %d", offset, i, e.GetDestination(), len(targets))
			return
		}
		name, at := targets[e.GetDestination()], eventAt{offset, uint32(i)}
		rest := f.stretches[name]
		for len(rest) > 0 && rest[0].last.less(at) {
			rest = rest[1:]
		}
		if f.stretches[name] = rest; len(rest) > 0 && rest[0].holds(at) {
			rest[0].found.add(at, len(e.GetPayload()))
		}
	}
}

// newFits counts the events of the batches of an account that need them.
func newFits(l *account) *fits {
	f := &fits{stretches: map[target][]*stretch{}}
	for _, b := range l.batches {
		if b.needsEvents() {
			b.found = tally{}
			f.add(b.target(), &stretch{first: atOf(b.seal.GetFirst()), last: atOf(b.seal.GetLast()), excluded: b.seal.GetExcluded(), found: &b.found})
		}
	}
	return f
}

func (f *fits) add(t target, s *stretch) {
	f.stretches[t] = append(f.stretches[t], s)
	slices.SortStableFunc(f.stretches[t], func(a, b *stretch) int { return a.first.compare(b.first) })
}

// fit reports whether the events log holds a batch as it was sealed.
func (b *sealed) fit() error {
	s := b.seal
	if !b.needsEvents() || b.found.events == s.GetEvents() && b.found.rawBytes == s.GetRawBytes() && b.found.first == atOf(s.GetFirst()) {
		return nil
	}
	return fmt.Errorf("batch %s (%v) has %s, and the events log holds %d of them", s.GetKey(), b.target(),
		counted(s.GetEvents(), "event", "events"), b.found.events)
}
