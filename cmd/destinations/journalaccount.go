package main

import (
	"bytes"
	"cmp"
	"fmt"

	"google.golang.org/protobuf/proto"

	journalv1 "github.com/open-destinations/destinations/gen/destinations/journal/v1"
	"github.com/open-destinations/destinations/journal"
)

// eventAt is a place in the events log, as the messages of the journal say it.
type eventAt struct {
	offset uint64
	index  uint32
}

func atOf(p *journalv1.Position) eventAt { return eventAt{p.GetOffset(), p.GetIndex()} }

func (a eventAt) proto() *journalv1.Position {
	return &journalv1.Position{Offset: a.offset, Index: a.index}
}

func (a eventAt) compare(b eventAt) int {
	return cmp.Or(cmp.Compare(a.offset, b.offset), cmp.Compare(a.index, b.index))
}

func (a eventAt) less(b eventAt) bool { return a.compare(b) < 0 }

// target is a destination as it is told apart.
type target struct{ tenant, bucket, prefix string }

func targetOf(d *journalv1.Destination) target {
	return target{d.GetTenant(), d.GetBucket(), d.GetPrefix()}
}

// String is how people name it.
func (t target) String() string {
	if t.prefix == "" {
		return "bucket " + t.bucket
	}
	return "bucket " + t.bucket + ", prefix " + t.prefix
}

// entry is a record of the control log, or a run of records that are lost.
type entry struct {
	offset  uint64
	lost    *journal.Lost
	control *journalv1.Control // nil if it is lost
	err     error              // it verifies, and is none that this version knows
	changed bool               // by a repair
}

// sealed is a batch that the control log speaks of.
type sealed struct {
	seal      *journalv1.Seal
	entry     *entry // where its Seal stands; nil = nowhere that can be read
	delivered bool
	parked    *journalv1.Parked // nil = not, or not any more

	found tally // what the events log holds of it
}

func (b *sealed) target() target { return targetOf(b.seal.GetDestination()) }

// needsEvents reports whether the events log must hold the batch.
func (b *sealed) needsEvents() bool { return !b.delivered && b.parked == nil }

// account is what the control log says, from the start on.
type account struct {
	entries []*entry
	batches []*sealed          // in the order of their Seals; what has none is not among them
	orphans []*sealed          // delivered or parked, and their Seal is not to be found
	byKey   map[string]*sealed // all of them
	through eventAt            // the highest of a Seal that counts
	epoch   []byte             // whose Seals count, where it has been read to
}

// readAccount reads the control log. The epoch is that of the State at the start; nil
// if there is none.
func readAccount(folder *journal.Folder, s *journal.Survey, epoch []byte) (*account, error) {
	l := &account{}
	for r, err := range folder.Records(s.Partition, journal.ControlLog, s.Start.Control) {
		if err != nil {
			return nil, err
		}
		e := &entry{offset: max(r.Offset, s.Start.Control), lost: r.Lost}
		if r.Lost == nil {
			e.control = &journalv1.Control{}
			e.err = checkControl(r, e.control)
		}
		if r.Lost == nil || r.Lost.To > e.offset {
			l.entries = append(l.entries, e)
		}
	}
	l.fold(epoch)
	return l, nil
}

func checkControl(r journal.Record, c *journalv1.Control) error {
	if err := proto.Unmarshal(r.Data, c); err != nil {
		return fmt.Errorf("record %d of the control log: %w", r.Offset, err)
	}
	for _, d := range c.GetDecisions() {
		if d.GetKind() == nil {
			return fmt.Errorf("record %d of the control log: a decision that this version does not know", r.Offset)
		}
	}
	return nil
}

// fold finds out what has become of each batch, by the rules that the service has.
func (l *account) fold(epoch []byte) {
	l.batches, l.orphans, l.byKey, l.epoch, l.through = nil, nil, map[string]*sealed{}, epoch, eventAt{}
	for i, e := range l.entries {
		if e.control == nil {
			continue
		}
		if i == 0 && l.epoch == nil {
			l.epoch = e.control.GetIncarnation()
		}
		for _, d := range e.control.GetDecisions() {
			l.apply(e, d)
		}
	}
}

func (l *account) apply(e *entry, d *journalv1.Decision) {
	inForce := bytes.Equal(e.control.GetIncarnation(), l.epoch)
	switch kind := d.GetKind().(type) {
	case *journalv1.Decision_Opened:
		l.epoch = e.control.GetIncarnation()
	case *journalv1.Decision_Seal:
		if inForce {
			b := &sealed{seal: kind.Seal, entry: e}
			l.batches = append(l.batches, b)
			l.byKey[kind.Seal.GetKey()] = b
			if through := atOf(kind.Seal.GetThrough()); l.through.less(through) {
				l.through = through
			}
		}
	case *journalv1.Decision_Delivered:
		l.known(kind.Delivered.GetSeal()).delivered = true
	case *journalv1.Decision_Parked:
		if inForce {
			l.known(kind.Parked.GetSeal()).parked = kind.Parked
		}
	case *journalv1.Decision_SetAside:
		if inForce {
			l.known(kind.SetAside.GetParked().GetSeal()).parked = kind.SetAside.GetParked()
		}
	case *journalv1.Decision_Discarded:
		for _, b := range l.byKey {
			if bytes.Equal(b.seal.GetId(), kind.Discarded.GetId()) {
				b.delivered = true // nothing of it is needed any more
			}
		}
	}
}

// known is the batch of a Seal that a decision repeats.
func (l *account) known(seal *journalv1.Seal) *sealed {
	b := l.byKey[seal.GetKey()]
	if b == nil {
		b = &sealed{seal: seal}
		l.byKey[seal.GetKey()] = b
		l.orphans = append(l.orphans, b)
	}
	return b
}
