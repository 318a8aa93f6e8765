package batcher

import (
	"errors"
	"fmt"
	"time"

	journalv1 "github.com/open-destinations/destinations/gen/destinations/journal/v1"
	"github.com/open-destinations/destinations/journal"
)

// gatherFor is how long a pass waits for destinations that begin to work together with
// the first one.
const gatherFor = time.Second

// pass is one reading of the events log for all destinations that are behind, from
// the lowest position that one of them needs up to where the shard stands. It runs
// beside the shard's own reading, on the same goroutine: so what it hands over is
// exactly what the shard has not taken.
type pass struct {
	events  *journal.Reader
	members map[*destination]struct{}

	record eventsRecord   // in hand
	offset uint64         // of record
	at     uint32         // events of record that have been folded
	atSet  bool           // a record is in hand, folded up to at
	byRec  []*destination // nil = not a member
}

// position is where the pass stands: everything of its members below it has been
// folded.
func (p *pass) position() position {
	if p.atSet {
		return position{p.offset, p.at}
	}
	return position{p.events.Offset(), 0}
}

// admits reports whether a destination whose events are needed from resume on can still
// become a member.
func (p *pass) admits(resume position) bool {
	if p.atSet {
		return p.offset < resume.offset // whose the events in hand are has been looked up
	}
	return !resume.less(p.position())
}

// cursor is where the reader stands that reads d's events now.
func (s *shard) cursor(d *destination) position {
	if d.pass != nil {
		return d.pass.position()
	}
	return s.position()
}

// fallBehind gives d to the pass that is under way, or to the next one.
func (s *shard) fallBehind(d *destination) {
	d.mode = modeBehind
	s.chargeBacklog(d)
	s.awaitPass(d)
}

// awaitPass lets d's events be read by the pass that is under way, or by the next one.
func (s *shard) awaitPass(d *destination) {
	if p, _ := d.resume(); s.pass != nil && s.pass.admits(p) {
		s.join(d)
		return
	}
	s.behind[d] = struct{}{}
	if s.passAt.IsZero() {
		s.passAt = time.Now().Add(gatherFor)
	}
}

func (s *shard) join(d *destination) {
	d.pass = s.pass
	s.pass.members[d] = struct{}{}
}

// leavePass takes d out of the pass and out of those that wait for one.
func (s *shard) leavePass(d *destination) {
	delete(s.behind, d)
	if d.pass != nil {
		delete(d.pass.members, d)
		d.pass = nil
	}
}

// catchUp reads for those that are behind, but not so much that other work waits.
func (s *shard) catchUp() (more bool, err error) {
	for range readAtOnce {
		if ready, err := s.beginPass(); !ready || err != nil {
			return false, err
		}
		if s.pass.events.Offset() == s.position().offset && !s.pass.atSet {
			met := s.position().index == 0
			if met {
				s.handOver()
			}
			return met && len(s.behind) > 0, nil
		}
		if !s.canRead() {
			return false, nil
		}
		if !s.pass.atSet {
			if ok, err := s.nextMissed(); !ok || err != nil {
				return false, err
			}
		}
		if err := s.foldMissed(); err != nil {
			return false, err
		}
		s.crashes.handling = handlingNothing
	}
	return true, nil
}

// beginPass makes sure that there is a pass if one is needed.
func (s *shard) beginPass() (ready bool, err error) {
	if s.pass != nil && len(s.pass.members) == 0 {
		s.endPass()
	}
	if s.pass != nil {
		return true, nil
	}
	if len(s.behind) == 0 || s.stopping || time.Now().Before(s.passAt) {
		return false, nil
	}
	reader, ok, err := s.readerAt(lowest(s.behind))
	if !ok || err != nil {
		s.passAt = s.readAgain
		return false, err
	}
	s.counts.passes.Add(1)
	s.pass = &pass{events: reader, members: map[*destination]struct{}{}}
	s.log.Info("pass begun", "partition", s.id, "destinations", len(s.behind), "from", reader.Offset(), "to", s.position().offset)
	for d := range s.behind {
		s.join(d)
	}
	clear(s.behind)
	s.passAt = time.Time{}
	return true, nil
}

// lowest is the offset of the first record that one of these destinations needs.
func lowest(members map[*destination]struct{}) (from uint64) {
	first := true
	for d := range members {
		if p, _ := d.resume(); first || p.offset < from {
			from, first = p.offset, false
		}
	}
	return from
}

func (s *shard) readerAt(from uint64) (r *journal.Reader, ok bool, err error) {
	r, err = s.part.Events().NewReader(from)
	ok, err = s.wasRead(err)
	return r, ok, err
}

// endPass gives up the pass, whose members have left it.
func (s *shard) endPass() {
	s.pass.events.Close() // an error of closing what was read from changes nothing
	s.pass = nil
}

// caughtUp ends the reading of d, of which nothing more has passed the shard: all of
// its events below through have been read.
func (s *shard) caughtUp(d *destination, through position) {
	if d.mode != modeBlocked {
		s.activate(d)
		return
	}
	if d.open != nil {
		s.close(d, journalv1.SealReason_SEAL_REASON_SIZE, through)
	}
	s.leavePass(d)
	if b := d.incomplete(); b != nil {
		s.unload(b) // in a replay the shard may stand inside of it, and takes nothing of d
	}
	s.endParking(d)
}

// reads reports whether d's events are being read by a pass, or will be by the next.
func (s *shard) reads(d *destination) bool {
	_, waits := s.behind[d]
	return waits || d.pass != nil
}

// handOver lets the shard itself take the events of the pass's members from here on:
// the pass has met it between two records.
func (s *shard) handOver() {
	for d := range s.pass.members {
		s.caughtUp(d, s.position())
		s.upload(d)
	}
	s.endPass()
}

// nextMissed puts the next record into the pass's hand.
func (s *shard) nextMissed() (ok bool, err error) {
	p := s.pass
	rec, offset, err := p.events.Next()
	if errors.Is(err, journal.ErrReleased) { // no member needs it
		return s.skip(lowest(p.members))
	}
	if ok, err := s.wasRead(err); !ok {
		return false, err
	}
	s.crashes.handling, p.offset = handlingMissedRecord, offset
	if err := p.record.decode(rec); err != nil {
		return false, s.part.Damage(fmt.Errorf("record %d of the events log: %w", offset, err))
	}
	p.at, p.atSet = 0, true
	return true, s.findMembers()
}

// skip lets the pass go on further up.
func (s *shard) skip(to uint64) (ok bool, err error) {
	reader, ok, err := s.readerAt(to)
	if !ok || err != nil {
		return false, err
	}
	s.pass.events.Close()
	s.pass.events = reader
	return true, nil
}

// findMembers looks up whose the events of the record in the pass's hand are.
func (s *shard) findMembers() (err error) {
	p := s.pass
	p.byRec = p.byRec[:0]
	for _, encoded := range p.record.destinations {
		if s.lookup, err = appendName(s.lookup[:0], encoded); err != nil {
			return s.part.Damage(fmt.Errorf("record %d of the events log: %w", p.offset, err))
		}
		d := s.dests[string(s.lookup)] // no allocation
		if d != nil && d.pass == nil {
			d = nil
		}
		p.byRec = append(p.byRec, d)
	}
	return nil
}

// foldMissed folds the record in the pass's hand, unless too many chunks wait for the
// compressors before its end.
func (s *shard) foldMissed() error {
	p := s.pass
	s.crashes.handling = handlingMissed
	for ; p.atSet && int(p.at) < len(p.record.events); p.at++ {
		if s.chunks >= chunksUnderWay {
			return nil
		}
		e := &p.record.events[p.at]
		if d := p.byRec[e.destination]; d != nil && d.pass == p {
			if err := s.foldBehind(d, e); err != nil {
				return err
			}
		}
	}
	p.atSet = false
	return nil
}

// foldBehind decides an event of a member: as fold does, but that what is a duplicate was
// decided when the shard read it.
func (s *shard) foldBehind(d *destination, e *eventRecord) error {
	p := s.pass
	at := p.position()
	switch {
	case at.less(d.through):
		if err := s.refill(d, at, p.record.received, e); err != nil {
			return err
		}
	case d.backlog.isDuplicate(at):
		s.exclude(d, at)
	default:
		d.backlog.took(at, len(e.payload)+1, p.record.received)
		s.collect(d, at, p.record.received, e)
	}
	s.closeFull(d, at.next())
	if d.mode != modeActive && d.pass == p && d.backlog.events == 0 && !s.missed(d) {
		s.caughtUp(d, at.next())
	}
	return nil
}
