package batcher

import (
	"fmt"
	"time"

	journalv1 "github.com/open-destinations/destinations/gen/destinations/journal/v1"
)

// tablesOfBlocked is charged for a destination that is not active.
const tablesOfBlocked = 512

// decideBlocked decides that d is not written to until it works again, or if it is
// blocked by hand, until somebody asks for that.
func (s *shard) decideBlocked(d *destination, byHand bool) {
	d.deciding = true
	s.decide(&journalv1.Decision{Kind: &journalv1.Decision_Blocked{Blocked: &journalv1.Blocked{
		Destination: d.proto(), Code: d.code, Message: d.message, SinceUnixNanos: d.since.UnixNano(), ByHand: byHand,
	}}})
}

// applyBlocked lets go of everything of a destination that the journal has, too.
func (s *shard) applyBlocked(m *journalv1.Blocked) {
	d := s.destination(m.GetDestination())
	d.deciding, d.blocked = false, m
	s.gone.note(d, m.GetByHand())
	d.mayBeProbed = d.mayBeProbed || !s.opened
	asked := len(d.redrives) > 0
	for _, o := range d.redrives {
		o.waits--
	}
	d.redrives = nil
	d.since, d.code, d.message = time.Unix(0, m.GetSinceUnixNanos()), m.GetCode(), m.GetMessage()
	d.failed = max(d.failed, 1)
	s.stopWaiting(d)
	s.block(d, subjectNone)
	s.planTry(d, time.Now())
	if asked {
		d.retryAt = time.Now()
	}
	if d.givenUp(s.cfg, time.Now()) {
		d.giveUpNext = time.Now().Add(giveUpAgain)
	}
	s.setTimer(d)
	s.log.Warn("destination blocked", "bucket", d.bucket, "prefix", d.prefix, "code", d.code, "message", d.message,
		"since", d.since.UTC(), "by_hand", s.byHand(d), "next_try_s", max(0, time.Until(d.retryAt).Seconds()), s.replayed(), d.traced)
	s.wantDiagnosis(d, time.Now())
}

// applyFreed lets a destination that works again catch up.
func (s *shard) applyFreed(m *journalv1.Freed) {
	d := s.dests[nameOf(m.GetDestination())]
	if d == nil {
		return
	}
	d.deciding, d.blocked, d.freedAt = false, nil, time.Now()
	s.gone.note(d, false)
	s.log.Info("destination works again", "bucket", d.bucket, "prefix", d.prefix, "code", d.code,
		"since", d.since.UTC(), "backlog_events", d.backlog.events, s.replayed(), d.traced)
	s.recovered(d)
}

// block drops d's bytes. Its events are counted from here on.
func (s *shard) block(d *destination, cause subject) {
	s.withdraw(d)
	s.dissolve(d) // as far as its reader is
	s.leavePass(d)
	for _, b := range d.closing {
		s.unload(b)
	}
	for _, b := range d.queue {
		s.unload(b)
	}
	d.mode, d.cause, d.parkAll, d.dying = modeBlocked, cause, false, ""
	d.urgent, d.blockAt = true, time.Time{}
	s.chargeBacklog(d)
	s.endWaits(d)
}

// dissolve turns d's open batch into counts. Every event of d that the reader which
// filled it has read is decided, but for those counted: it is in a sealed batch or
// a duplicate.
func (s *shard) dissolve(d *destination) {
	through := s.cursor(d)
	switch b := d.open; {
	case b == nil && d.backlog.events > 0:
		through = d.backlog.first // that reader may have come late, or not yet
	case b != nil:
		through = b.first
		d.backlog.putBack(b)
		s.forget(b)
		b.state = batchGone
		d.open, d.closeAt = nil, time.Time{}
	}
	if d.through.less(through) {
		d.through = through
	}
}

// unload drops the bytes of a closed batch, which can be read again.
func (s *shard) unload(b *batch) {
	if b.state >= batchUploading || b.spooling || b.parked != nil {
		return // its bytes are being sent or written, or are in a file; see failedUpload and noRoom
	}
	s.abortStream(b)
	s.forget(b)
	b.reset()
	b.share = shareTables
	s.charge(b, b.tables())
}

// recovered lets d go on after it was blocked: as soon as a pass has read what the
// shard has not taken meanwhile.
func (s *shard) recovered(d *destination) {
	d.retryAt = time.Time{}
	d.parkAll, d.dying = false, ""
	s.endDiagnosis(d)
	switch {
	case s.reads(d): // to park it; now it goes to S3
		d.mode = modeBehind
	case s.missed(d):
		s.fallBehind(d)
	default:
		s.activate(d)
	}
	s.upload(d)
	s.setTimer(d)
}

// count notes an event of a destination whose events are not being taken.
func (s *shard) count(d *destination, at position, payload []byte, v verdict) {
	if v == fresh {
		d.backlog.add(at, len(payload)+1, s.record.received)
		return
	}
	s.counts.leftOut(v)
	if d.backlog.duplicates.add(at, d.backlog.last) {
		s.chargeBacklog(d)
	}
}

// chargeBacklog charges what d's backlog takes, and is called whenever that has changed.
func (s *shard) chargeBacklog(d *destination) {
	var tables int64
	if d.mode != modeActive {
		tables = tablesOfBlocked + int64(len(d.backlog.duplicates))*duplicatesBytes
	}
	s.memory.chargeTables(tables - d.tables)
	s.backlogTables.Add(tables - d.tables)
	d.tables = tables
}

// incomplete is the first batch of d whose bytes have to be read from the journal;
// nil if there is none.
func (d *destination) incomplete() *batch {
	for _, b := range d.queue {
		if b.incomplete {
			return b
		}
	}
	for _, b := range d.closing {
		if b.incomplete {
			return b
		}
	}
	return nil
}

// resume is the position of the first event of d whose bytes have to be read from the
// journal; ok is false if there is none.
func (d *destination) resume() (p position, ok bool) {
	if b := d.incomplete(); b != nil {
		return positionOf(b.seal.GetFirst()), true
	}
	return d.backlog.first, d.backlog.events > 0
}

// missed reports whether events of d have passed the shard without being taken: none
// has before it reads its first. A batch of events below the start may stand in d's
// queue until then, since it is delivered by a later record of the control log.
func (s *shard) missed(d *destination) bool {
	p, ok := d.resume()
	return ok && s.opened && p.less(s.position())
}

// excludeRest lets d's open batch leave out the duplicates that lie between its last
// event and the shard's position.
func (s *shard) excludeRest(d *destination) {
	b := d.open
	if b == nil {
		return
	}
	for _, run := range d.backlog.duplicates {
		if b.last.less(run.first) {
			b.excluded = append(b.excluded, run)
			s.charge(b, runBytes)
		}
	}
}

// activate lets d's events go into memory as the shard reads them.
func (s *shard) activate(d *destination) {
	if d.backlog.events != 0 {
		panic(fmt.Sprintf("invariant: whatever was counted of a destination has been read before it is active (%d events of %s are not)", d.backlog.events, d.bucket))
	}
	s.leavePass(d)
	s.excludeRest(d)
	d.mode, d.backlog = modeActive, backlog{}
	d.usedAt = time.Now()
	if b := d.open; b != nil && d.usedAt.Sub(time.Unix(0, b.firstReceived)) >= s.cfg.Window {
		d.closeAt = d.usedAt // its window has ended long ago
	}
	s.chargeBacklog(d)
	s.endWaits(d)
	s.setTimer(d)
}
