package batcher

import "time"

// Backlog is how much a [Batcher] has read and not delivered.
type Backlog struct {
	// Waiting are events of destinations that wait for what all share, the endpoint or the
	// credentials; Blocked those of destinations that are blocked by themselves; Dead those in
	// dead batches of any; and Active the rest.
	Active, Waiting, Blocked, Dead Undelivered
	// Blocking is how many destinations are blocked by themselves.
	Blocking int64
	// Lag is how many records of the events logs are durable and not read yet.
	Lag uint64
}

// Undelivered are events that are not in S3.
type Undelivered struct {
	Events, Bytes int64     // bytes of raw lines
	Oldest        time.Time // receipt of the first of them, as far as it is known; zero = there is none
}

// add adds others.
func (u *Undelivered) add(events, bytes int64, oldest time.Time) {
	u.Events += events
	u.Bytes += bytes
	if !oldest.IsZero() && (u.Oldest.IsZero() || oldest.Before(u.Oldest)) {
		u.Oldest = oldest
	}
}

// Backlog returns what the shards have last said of themselves, a second ago at most. It
// waits for nothing.
func (b *Batcher) Backlog() (total Backlog) {
	for _, s := range b.shards {
		if s == nil {
			continue
		}
		if p := s.backlog.Load(); p != nil {
			total.Active.add(p.Active.Events, p.Active.Bytes, p.Active.Oldest)
			total.Waiting.add(p.Waiting.Events, p.Waiting.Bytes, p.Waiting.Oldest)
			total.Blocked.add(p.Blocked.Events, p.Blocked.Bytes, p.Blocked.Oldest)
			total.Dead.add(p.Dead.Events, p.Dead.Bytes, p.Dead.Oldest)
			total.Blocking += p.Blocking
			total.Lag += p.Lag
		}
	}
	return total
}

// tellBacklog says how much is not delivered. What is not read yet counts as received
// when the shard was last seen without any such.
func (s *shard) tellBacklog(now time.Time) {
	told := &Backlog{}
	for _, d := range s.dests {
		t := d.undeliveredEvents()
		to := &told.Active
		switch {
		case d.mode == modeBlocked && d.cause != subjectNone:
			to = &told.Waiting
		case d.mode == modeBlocked:
			told.Blocking++
			to = &told.Blocked
		}
		to.add(t.events-t.dead, t.bytes-t.deadBytes, timeOf(t.oldestAlive))
		told.Dead.add(t.dead, t.deadBytes, timeOf(t.oldest))
	}
	if at, end := s.position(), s.part.Events().Committed(); at.offset < end {
		told.Lag = end - at.offset
		told.Active.add(0, 0, s.levelAt)
	} else {
		s.levelAt = now
	}
	s.backlog.Store(told)
}

// timeOf is a time in Unix nanoseconds; zero if it is not known.
func timeOf(nanos int64) time.Time {
	if nanos == 0 {
		return time.Time{}
	}
	return time.Unix(0, nanos)
}

// Memory returns what the batches and the tables of all shards are charged with, and the
// limit of both together, in bytes.
func (b *Batcher) Memory() (batches, tables, limit int64) {
	m := b.common.memory
	return m.used.Load(), m.tables.Load(), m.limit
}
