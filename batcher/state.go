package batcher

import (
	"errors"
	"fmt"
	"io"
	"io/fs"

	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"

	journalv1 "github.com/open-destinations/destinations/gen/destinations/journal/v1"
	"github.com/open-destinations/destinations/journal"
)

// Numbers of the fields of a State that are written by hand: a message for each id
// and sender would take the shard longer than it may stand still.
const (
	fieldStateSenders = 5
	fieldStateIDs     = 6

	fieldSenderPrincipal = 1
	fieldSenderID        = 2
	fieldSenderSettled   = 3
	fieldSenderTaken     = 4
	fieldSenderUsed      = 5

	fieldTakenSequence = 1
	fieldTakenIndexes  = 2

	fieldIDHash  = 1
	fieldIDFirst = 2
	fieldIDSeen  = 3

	fieldPositionOffset = 1
	fieldPositionIndex  = 2
)

// encodeState encodes the shard's state as of this instant: everything below at has
// been folded and read back, and nothing above it.
func (s *shard) encodeState(at snapshot) []byte {
	state := &journalv1.State{
		EventsOffset: at.events, ControlOffset: at.control,
		Incarnation: s.epoch, LogTimeUnixNanos: s.dedupe.time,
	}
	s.captureControl(state)
	b := make([]byte, 0, proto.Size(state)+s.dedupe.stateBytes())
	b, err := proto.MarshalOptions{}.MarshalAppend(b, state)
	if err != nil {
		panic("invariant: a shard's state can be marshalled: " + err.Error())
	}
	return s.dedupe.appendState(b)
}

// loadState makes the state what it was where the replay begins. It is called before
// a record of either log is read.
func (s *shard) loadState() error {
	start := s.part.Start()
	if start.Events == 0 {
		return nil
	}
	name := stateName(start.Events)
	data, err := s.part.ReadFile(name)
	if errors.Is(err, fs.ErrNotExist) {
		old, err := s.startsInOldFormat(start)
		if err != nil || old {
			return err
		}
		return s.part.Damage(fmt.Errorf("the log starts at %d, and %s, which says what was known there, is missing", start.Events, name))
	}
	if err != nil {
		return fmt.Errorf("read %s: %w", name, err)
	}
	var state journalv1.State
	if err := proto.Unmarshal(data, &state); err != nil {
		return s.part.Damage(fmt.Errorf("%s: %w", name, err))
	}
	if state.GetEventsOffset() != start.Events || state.GetControlOffset() != start.Control {
		return s.part.Damage(fmt.Errorf("%s is of %d and %d in the two logs, they start at %d and %d",
			name, state.GetEventsOffset(), state.GetControlOffset(), start.Events, start.Control))
	}
	if err := errors.Join(s.dedupe.load(&state), s.loadControl(&state)); err != nil {
		return s.part.Damage(fmt.Errorf("%s: %w", name, err))
	}
	s.epoch = state.GetIncarnation()
	s.chargeTables()
	return nil
}

// startsInOldFormat reports whether the start is a Snapshot of an older version,
// which kept no state: nothing was known there.
func (s *shard) startsInOldFormat(start journal.Start) (bool, error) {
	r, err := s.part.Control().NewReader(start.Control)
	if err != nil {
		return false, fmt.Errorf("read the control log: %w", err)
	}
	defer r.Close() // only read from: nothing to lose
	rec, offset, err := r.Next()
	if errors.Is(err, io.EOF) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("read the control log: %w", err)
	}
	var c journalv1.Control
	if err := proto.Unmarshal(rec, &c); err != nil {
		return false, s.part.Damage(fmt.Errorf("record %d of the control log: %w", offset, err))
	}
	for _, d := range c.GetDecisions() {
		if at := d.GetSnapshot(); at != nil && at.GetEventsOffset() == start.Events && at.GetControlOffset() == 0 {
			return true, nil
		}
	}
	return false, nil
}

// stateBytes is about how long the encoded tables are.
func (d *dedupe) stateBytes() int { return 64*d.ids.len() + 128*len(d.senders.known) }

// appendState appends the tables as fields of a State.
func (d *dedupe) appendState(b []byte) []byte {
	var sender, taken, places []byte // scratch
	for s := d.senders.list.next; s != &d.senders.list; s = s.next {
		id, n := protowire.ConsumeBytes([]byte(s.key))
		sender = appendString(sender[:0], fieldSenderPrincipal, s.key[n:])
		sender = appendBytes(sender, fieldSenderID, id)
		sender = appendVarint(sender, fieldSenderSettled, s.settled)
		for _, r := range s.requests[s.head:] {
			places = places[:0]
			r.taken.runs(func(first, last uint32) {
				places = protowire.AppendVarint(protowire.AppendVarint(places, uint64(first)), uint64(last))
			})
			taken = appendVarint(taken[:0], fieldTakenSequence, r.sequence)
			sender = appendBytes(sender, fieldSenderTaken, appendBytes(taken, fieldTakenIndexes, places))
		}
		b = appendBytes(b, fieldStateSenders, appendVarint(sender, fieldSenderUsed, uint64(s.used)))
	}
	for n := d.ids.first; n != d.ids.next; n++ {
		b = d.ids.entry(n).appendState(b)
	}
	return b
}

// appendState appends an id as a field of a State. There may be very many.
func (e *idEntry) appendState(b []byte) []byte {
	first := 2 + protowire.SizeVarint(e.at.offset) + protowire.SizeVarint(uint64(e.at.index))
	size := 2 + len(e.hash) + 2 + first + 1 + protowire.SizeVarint(uint64(e.seen)) // every tag and length takes a byte
	b = append(b, fieldStateIDs<<3|byte(protowire.BytesType), byte(size))
	b = append(b, fieldIDHash<<3|byte(protowire.BytesType), byte(len(e.hash)))
	b = append(b, e.hash[:]...)
	b = append(b, fieldIDFirst<<3|byte(protowire.BytesType), byte(first))
	b = appendVarint(appendVarint(b, fieldPositionOffset, e.at.offset), fieldPositionIndex, uint64(e.at.index))
	return appendVarint(b, fieldIDSeen, uint64(e.seen))
}

func appendVarint(b []byte, number protowire.Number, v uint64) []byte {
	return protowire.AppendVarint(protowire.AppendTag(b, number, protowire.VarintType), v)
}

func appendBytes(b []byte, number protowire.Number, v []byte) []byte {
	return protowire.AppendBytes(protowire.AppendTag(b, number, protowire.BytesType), v)
}

func appendString(b []byte, number protowire.Number, v string) []byte {
	return protowire.AppendString(protowire.AppendTag(b, number, protowire.BytesType), v)
}

// load makes the tables what they were, as far as the bounds are what they were.
func (d *dedupe) load(state *journalv1.State) error {
	d.time = state.GetLogTimeUnixNanos()
	for _, s := range state.GetSenders() {
		if err := d.senders.load(s); err != nil {
			return err
		}
		d.senders.expire(d.time) // each time: a State may say more than there is memory for
	}
	for _, id := range state.GetIds() {
		if len(id.GetHash()) != len(idHash{}) {
			return fmt.Errorf("an id's hash has %d bytes", len(id.GetHash()))
		}
		if d.ids.most > 0 {
			d.ids.add(idEntry{hash: idHash(id.GetHash()), at: positionOf(id.GetFirst()), seen: id.GetSeenUnixNanos()})
		}
	}
	return nil
}

// load adds a sender that was used later than those before.
func (t *senders) load(state *journalv1.SenderState) error {
	if t.most == 0 {
		return nil
	}
	s := t.use([]byte(state.GetPrincipal()), state.GetSenderId(), state.GetUsedUnixNanos())
	s.settled = state.GetSettled()
	own := s.bytes()
	for _, taken := range state.GetTaken() {
		places := taken.GetIndexes()
		if len(places)%2 != 0 || taken.GetSequence() <= s.settled {
			return fmt.Errorf("a sender settled at %d has %d ends of runs at sequence %d", s.settled, len(places), taken.GetSequence())
		}
		r := t.request(s, taken.GetSequence())
		own += requestBytes
		for i := 0; i < len(places); i += 2 {
			if places[i] > places[i+1] {
				return fmt.Errorf("a sender has taken %d to %d of sequence %d", places[i], places[i+1], taken.GetSequence())
			}
			words := int64(places[i+1]/64-places[i]/64) + 1
			if own += words * wordBytes; own > t.mostBytes {
				t.giveUp(s)
				return nil
			}
			t.takeRun(r, places[i], places[i+1])
		}
	}
	return nil
}

// giveUp lets a sender be forgotten of whom more is known than may be, and all that were used
// before it, as they had to be when all of it were loaded.
func (t *senders) giveUp(s *sender) {
	for oldest := t.list.next; oldest != &t.list; oldest = t.list.next {
		t.early.Add(1)
		t.forget(oldest)
		if oldest == s {
			return
		}
	}
}
