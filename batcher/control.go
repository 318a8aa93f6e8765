package batcher

import (
	"bytes"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"time"

	"google.golang.org/protobuf/proto"

	journalv1 "github.com/open-destinations/destinations/gen/destinations/journal/v1"
	"github.com/open-destinations/destinations/journal"
)

// decisionsAtOnce and bytesAtOnce bound a control record, but that one decision may
// be larger: a Seal by what it leaves out.
const (
	decisionsAtOnce = 1000
	bytesAtOnce     = 256 << 10
)

// decide adds a decision. Nothing happens by it: it counts when it is read back.
func (s *shard) decide(d *journalv1.Decision) { s.decisions = append(s.decisions, d) }

// decideOpened takes the partition over.
func (s *shard) decideOpened() {
	s.decide(&journalv1.Decision{Kind: &journalv1.Decision_Opened{Opened: &journalv1.Opened{
		OpenedUnixNanos: time.Now().UnixNano(), EventsOffset: proto.Uint64(s.part.Events().Committed()), Bounds: s.dedupe.bounds().proto(),
	}}})
}

// appendDecisions hands what was decided to the journal. One append is under way at
// a time: were an earlier one to fail behind a later one that lands, a Seal could
// come to stand before one whose events it declares decided, and those would be
// lost.
func (s *shard) appendDecisions(now time.Time) {
	if s.appending != nil || len(s.decisions) == 0 || now.Before(s.appendAgain) {
		return
	}
	n := atOnce(s.decisions, min(bytesAtOnce, s.part.Control().Limit()/2))
	s.inFlight, s.decisions = s.decisions[:n:n], s.decisions[n:]
	rec, err := proto.Marshal(&journalv1.Control{Incarnation: s.incarnation, Decisions: s.inFlight})
	if err != nil {
		panic("invariant: what a shard decides can be marshalled: " + err.Error())
	}
	s.appending = s.part.Control().Append(rec)
}

// atOnce is how many of the decisions go into one record of about so many bytes.
func atOnce(decisions []*journalv1.Decision, most int) int {
	bytes := 0
	for i, d := range decisions {
		bytes += proto.Size(d)
		if i == decisionsAtOnce || i > 0 && bytes > most {
			return i
		}
	}
	return len(decisions)
}

// appended looks whether the append under way has ended.
func (s *shard) appended() error {
	if s.appending == nil {
		return nil
	}
	select {
	case <-s.appending.Done():
	default:
		return nil
	}
	err := s.appending.Err()
	s.appending = nil
	if !s.stopping && len(s.decisions) < decisionsAtOnce {
		s.appendAgain = time.Now().Add(controlPause)
	}
	if errors.Is(err, journal.ErrFull) {
		// Nothing of it was written. It goes first when it is tried again.
		s.decisions = slices.Concat(s.inFlight, s.decisions)
		s.appendAgain = time.Now().Add(controlRetry)
		s.log.Error("the control log has no room; deliveries wait for it", "error", err)
		err = nil
	}
	s.inFlight = nil
	if err != nil {
		return fmt.Errorf("append to the control log: %w", err)
	}
	return nil
}

// readControl applies what stands in the control log and was not read yet.
func (s *shard) readControl() error {
	for {
		rec, offset, err := s.control.Next()
		if ok, err := s.wasRead(err); !ok {
			return err
		}
		s.crashes.handling, s.crashes.controlAt = handlingControl, offset
		var c journalv1.Control
		if err := proto.Unmarshal(rec, &c); err != nil {
			return s.part.Damage(fmt.Errorf("record %d of the control log: %w", offset, err))
		}
		if err := s.apply(offset, &c); err != nil {
			return err
		}
		s.crashes.handling = handlingNothing
	}
}

// apply lets a control record take effect.
func (s *shard) apply(offset uint64, c *journalv1.Control) error {
	if s.epoch == nil && offset == s.part.Start().Control {
		// Nothing was loaded: either the log begins here, or an older version's start is
		// a Snapshot that was in force, so its writer was the owner.
		s.epoch = c.GetIncarnation()
	}
	for _, d := range c.GetDecisions() {
		inForce := bytes.Equal(c.GetIncarnation(), s.epoch)
		switch kind := d.GetKind().(type) {
		case *journalv1.Decision_Opened:
			if err := s.applyOpened(c.GetIncarnation(), boundsOf(kind.Opened.GetBounds())); err != nil {
				return err
			}
		case *journalv1.Decision_Seal:
			if inForce {
				s.applySeal(kind.Seal, bytes.Equal(c.GetIncarnation(), s.incarnation))
			}
		case *journalv1.Decision_Delivered:
			s.applyDelivered(kind.Delivered)
		case *journalv1.Decision_Blocked:
			if inForce {
				s.applyBlocked(kind.Blocked)
				s.counts.blocked.Add(1)
			}
		case *journalv1.Decision_Freed:
			if inForce {
				s.applyFreed(kind.Freed)
				s.counts.freed.Add(1)
			}
		case *journalv1.Decision_Parked:
			if inForce {
				if err := checkParkedRecord(kind.Parked); err != nil {
					return s.part.Damage(fmt.Errorf("record %d of the control log: %w", offset, err))
				}
				s.applyParked(kind.Parked)
			}
		case *journalv1.Decision_SetAside:
			if inForce {
				if err := checkParkedRecord(kind.SetAside.GetParked()); err != nil {
					return s.part.Damage(fmt.Errorf("record %d of the control log: %w", offset, err))
				}
				s.applySetAside(kind.SetAside)
			}
		case *journalv1.Decision_Dead:
			if inForce {
				s.applyDead(kind.Dead)
			}
		case *journalv1.Decision_Redriven:
			if inForce {
				s.applyRedriven(kind.Redriven)
			}
		case *journalv1.Decision_Discarded:
			if inForce {
				s.applyDiscarded(kind.Discarded)
			}
		case *journalv1.Decision_Snapshot:
			if inForce {
				at := snapshot{events: kind.Snapshot.GetEventsOffset(), control: kind.Snapshot.GetControlOffset(), bounds: boundsOf(kind.Snapshot.GetBounds())}
				if err := s.checkSnapshot(at, offset); err != nil {
					return s.part.Damage(fmt.Errorf("record %d of the control log: %w", offset, err))
				}
				s.applySnapshot(at)
			}
		default:
			return s.part.Damage(fmt.Errorf("record %d of the control log: a decision that this version does not know", offset))
		}
	}
	return nil
}

// replayed says in the log of a decision whether an earlier life has made it, and told of it:
// what has become of it since is only read after it.
func (s *shard) replayed() slog.Attr { return slog.Bool("replayed", !s.opened) }

func (s *shard) applyOpened(incarnation []byte, bounds tableBounds) error {
	s.epoch = incarnation
	s.snapshots.keepOf(bounds)
	switch {
	case bytes.Equal(incarnation, s.incarnation):
		s.opened = true
		s.removeOrphans()
		for _, d := range s.dests {
			s.upload(d) // what is parked need not be read again
		}
	case s.opened:
		return errFenced
	}
	return nil
}

// checkDecided makes sure, before the first event is accepted, that what has been
// decided fits to the events that are there: what is sealed and undelivered can
// still be read, and no Seal speaks of events that are not there (as in a folder
// that was copied while it was in use); the next ones to be accepted would get
// their positions, and count as decided.
func (s *shard) checkDecided() error {
	start, end := s.part.Start().Events, s.part.Events().Committed()
	for _, d := range s.dests {
		if first, ok := d.oldest(); ok && first.offset < start {
			return s.part.Damage(fmt.Errorf("batch %s is not delivered, but its events from %v on have been released (the log starts at %d)",
				d.incomplete().seal.GetKey(), first, start))
		}
	}
	if err := s.checkParked(); err != nil {
		return err
	}
	if (position{end, 0}).less(s.maxThrough) {
		return s.part.Damage(fmt.Errorf("a seal decides the events below %v, but the events log ends at %d", s.maxThrough, end))
	}
	s.log.Info("partition opened", "partition", s.id, "events_from", s.part.Start().Events,
		"events_to", s.part.Events().Committed(), "destinations", len(s.dests),
		"senders", len(s.dedupe.senders.known), "ids", s.dedupe.ids.len())
	return nil
}

// applySeal puts a batch into its destination's queue.
//
// Commit point: from here on its events go to S3 under its key and no other. A
// crash before this Seal was durable puts them into another batch; a crash after
// it finds the Seal again and delivers the same batch.
func (s *shard) applySeal(seal *journalv1.Seal, mine bool) {
	d := s.destination(seal.GetDestination())
	through := positionOf(seal.GetThrough())
	if mine {
		if len(d.closing) == 0 || d.closing[0].seal.GetKey() != seal.GetKey() {
			panic("invariant: own Seals are read back in the order in which they were made")
		}
		b := d.closing[0]
		d.closing = d.closing[1:]
		b.state = batchSealed
		d.queue = append(d.queue, b)
		s.sealed(b)
		described := s.describe(b)
		s.observer.Sealed(&described)
	} else {
		b := s.rebuilt(d, seal)
		s.charge(b, b.tables())
		d.queue = append(d.queue, b)
		s.noteMembers(d, seal)
		if d.through.less(through) {
			d.through = through
		}
		if s.maxThrough.less(through) {
			s.maxThrough = through
		}
		if closed := time.Unix(0, seal.GetClosedUnixNanos()); closed.After(d.lastClose) {
			d.lastClose = closed
		}
	}
	s.upload(d)
}

// applyDelivered takes a delivered batch out of its queue.
func (s *shard) applyDelivered(m *journalv1.Delivered) {
	s.wrote(m.GetSeal().GetDestination().GetBucket())
	s.suspect(m)
	d := s.dests[nameOf(m.GetSeal().GetDestination())]
	if d == nil {
		return
	}
	i := slices.IndexFunc(d.queue, func(b *batch) bool { return b.seal.GetKey() == m.GetSeal().GetKey() })
	if i < 0 {
		return // its Seal stands below the start
	}
	b := d.queue[i]
	if b.delivery != nil {
		s.counts.delivered.Add(1)
		s.observer.Delivered(b.delivery)
	}
	s.leaveQueue(b)
	d.usedAt = time.Now()
	if d.mode != modeBlocked {
		d.retryAt = time.Time{}
	}
	s.upload(d)
	s.setTimer(d) // the next window may have ended in the meantime
}
