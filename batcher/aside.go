package batcher

import (
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"fmt"
	"hash/crc32"
	"time"

	journalv1 "github.com/open-destinations/destinations/gen/destinations/journal/v1"
	"github.com/open-destinations/destinations/journal"
	"github.com/open-destinations/destinations/uploader"
)

// asides are the events that stand each in a dead batch of its own, because the process
// has crashed over them. To the fold they are what duplicates are: passed by, in every
// replay, and what was sent again of them is left out.
type asides struct {
	known    map[position]struct{} // read back
	deciding *position             // on its way into the journal; nil = none
	judged   bool                  // the suspect is no duplicate
	writing  bool                  // its file
	retryAt  time.Time             // after there was no room for it; zero = no
}

// has reports whether the event at p was set aside.
func (a *asides) has(p position) bool {
	if a.deciding != nil && *a.deciding == p {
		return true
	}
	_, ok := a.known[p]
	return ok
}

// any reports whether has may be true of an event.
func (a *asides) any() bool { return a.deciding != nil || len(a.known) > 0 }

func (a *asides) add(p position) {
	if a.known == nil {
		a.known = map[position]struct{}{}
	}
	a.known[p] = struct{}{}
	if a.deciding != nil && *a.deciding == p {
		a.deciding = nil
	}
}

// asideWritten is the message that an event stands in its file, or why not.
type asideWritten struct {
	parked *journalv1.Parked
	err    error
}

// heldByAside reports whether reading has to wait until an event can be set aside, or was.
func (s *shard) heldByAside() bool {
	a := &s.asides
	return a.writing || a.judged && !s.cleared || !a.retryAt.IsZero() && time.Now().Before(a.retryAt)
}

// passes reports whether the event in hand may be folded: not one that has ended the
// process twice in a row, before it was decided that it is set aside.
func (s *shard) passes(d *destination, e *eventRecord) bool {
	at := position{s.offset, s.at}
	if p := s.crashes.suspect; p == nil || *p != at {
		return true
	}
	// A Seal decides what it decides, whatever that does: another crash closes the partition.
	if s.asides.has(at) || at.less(d.through) || !s.asides.judged && s.takeAside(d, e, at) != fresh {
		s.crashes.suspect, s.asides.judged = nil, false
		return true
	}
	s.asides.judged = true
	if !s.heldByAside() {
		s.setAside(d, e, at)
	}
	return false
}

// takeAside feeds the tables with an event that may be what they have crashed over.
func (s *shard) takeAside(d *destination, e *eventRecord, at position) (v verdict) {
	defer func() {
		if recover() != nil {
			v = fresh
		}
	}()
	return s.dedupe.take(e, d.name, at)
}

// retakeAside feeds the tables with an event that was set aside: whatever they know today, it was
// taken.
func (s *shard) retakeAside(d *destination, e *eventRecord, at position) {
	defer func() { _ = recover() }() // it may be what they have crashed over
	s.dedupe.retake(e, d.name, at, true)
}

// leaveOut passes an event by that was set aside.
func (s *shard) leaveOut(d *destination, e *eventRecord, at position) {
	s.retakeAside(d, e, at)
	switch {
	case at.less(d.through):
	case d.mode == modeActive:
		s.exclude(d, at)
		s.closeFull(d, at.next())
	case d.backlog.duplicates.add(at, d.backlog.last):
		s.chargeBacklog(d)
	}
}

// setAside writes an event into a file of its own, as the object that it can become. None of
// what may have crashed over it is used: its line is not compressed.
func (s *shard) setAside(d *destination, e *eventRecord, at position) {
	closed := time.Now().Round(0)
	if closed.Before(d.lastClose) {
		closed = d.lastClose
	}
	line := append(append([]byte{}, e.payload...), '\n')
	sum := sha256.Sum256(line)
	var id [batchIDBytes]byte
	rand.Read(id[:]) // never fails
	seal := &journalv1.Seal{
		Id: id[:], Destination: d.proto(), First: at.proto(), Last: at.proto(), FirstReceivedUnixNanos: s.record.received,
		Events: 1, RawBytes: uint64(len(line)), Level: uint32(s.cfg.CompressionLevel), ClosedUnixNanos: closed.UnixNano(),
		Key: uploader.Key(d.prefix, closed, s.identifier(d, at, id)), Reason: journalv1.SealReason_SEAL_REASON_CRASH,
	}
	m := &journalv1.Parked{Seal: seal, File: spoolName(seal), RawSha256: sum[:], LastReceivedUnixNanos: s.record.received}
	s.asides.writing, s.asides.retryAt = true, time.Time{}
	s.uploads++
	alone := s.newBatch(d).watching
	alone.add(at, s.record.received, e)
	part, inbox, n := s.part, s.inbox, note{s.whyAside(), alone.all()}
	s.spoolPool.submit(func(struct{}) {
		body := uploader.NewBody([][]byte{uploader.StoredRun(line)}, crc32.ChecksumIEEE(line), uint64(len(line)))
		inbox.put(asideWritten{m, writeParked(part, body, m, n)})
	})
}

// whyAside says it for people.
func (s *shard) whyAside() string {
	return fmt.Sprintf("it has ended the service %d times in a row: %s", s.crashes.last.GetTimes(), s.crashes.last.GetCause())
}

// asideWritten takes the outcome of setAside.
//
// Commit point: the file is durable, and only now the SetAside is decided. Every Seal that
// passes the event stands behind it in the control log. A crash before leaves a file
// that no record names.
func (s *shard) asideWritten(m asideWritten) {
	s.uploads--
	s.asides.writing = false
	seal := m.parked.GetSeal()
	switch {
	case m.err == nil:
		at := positionOf(seal.GetFirst())
		s.asides.deciding = &at
		s.decide(&journalv1.Decision{Kind: &journalv1.Decision_SetAside{SetAside: &journalv1.SetAside{
			Parked: m.parked, Dead: &journalv1.Dead{
				Id: seal.GetId(), Destination: seal.GetDestination(), Reason: s.whyAside(), SinceUnixNanos: time.Now().UnixNano(),
			},
		}}})
	case errors.Is(m.err, journal.ErrFull):
		s.asides.retryAt = time.Now().Add(parkRetry)
		s.log.Warn("no room to set an event aside; its partition is not read on until there is", "partition", s.id, "bucket", seal.GetDestination().GetBucket(), "error", m.err)
	case s.stopping || s.told():
	default:
		s.saveErr = fmt.Errorf("set %s aside: %w", seal.GetKey(), m.err)
	}
}

// applySetAside lets an event be in its file alone.
func (s *shard) applySetAside(m *journalv1.SetAside) {
	seal := m.GetParked().GetSeal()
	s.asides.add(positionOf(seal.GetFirst()))
	if b := s.batchOf(seal.GetDestination(), seal.GetId()); b != nil {
		return // a State has told so
	}
	s.loadParked(&journalv1.ParkedState{Parked: m.GetParked(), Dead: m.GetDead()})
	s.counts.dead.Add(1)
	s.log.Error("an event is dead: the service has crashed over it again and again. It is kept, and can be redriven",
		"bucket", seal.GetDestination().GetBucket(), "key", seal.GetKey(), "event", positionOf(seal.GetFirst()).String(), "reason", m.GetDead().GetReason(), s.replayed())
}

// capture puts what was set aside from a place on into a State.
func (a *asides) capture(from uint64) (all []*journalv1.Position) {
	for p := range a.known {
		if p.offset >= from {
			all = append(all, p.proto())
		}
	}
	return all
}
