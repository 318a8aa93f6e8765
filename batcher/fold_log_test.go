package batcher_test

import (
	"bytes"
	"cmp"
	"errors"
	"io"
	"maps"
	"sync"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"

	journalv1 "github.com/open-destinations/destinations/gen/destinations/journal/v1"
	"github.com/open-destinations/destinations/journal"
	"github.com/open-destinations/destinations/journal/journaltest"
)

// place is the position of an event: offset of its record, and index in it.
type place struct {
	offset uint64
	index  uint32
}

func (p place) compare(q place) int {
	return cmp.Or(cmp.Compare(p.offset, q.offset), cmp.Compare(p.index, q.index))
}

func (p place) proto() *journalv1.Position {
	return &journalv1.Position{Offset: p.offset, Index: p.index}
}

func placeOf(p *journalv1.Position) place { return place{p.GetOffset(), p.GetIndex()} }

func destOf(d *journalv1.Destination) dest { return dest{d.GetBucket(), d.GetPrefix()} }

func (d dest) proto() *journalv1.Destination {
	return &journalv1.Destination{Tenant: "default", Bucket: d.bucket, Prefix: d.prefix}
}

// transcript is a copy of both logs of a partition from their beginning on, also of
// what the service has released since. It is the memory of somebody who looks on.
type transcript struct {
	t    *testing.T
	part int

	mu struct {
		sync.Mutex
		rawEvents, rawControl [][]byte // by offset
		events                []*journalv1.Events
		lines                 map[*journalv1.Event]string
		control               []*journalv1.Control
		owner                 []byte          // incarnation that had opened the partition last
		sealed                map[string]bool // by bucket and key: batches whose Seals count
		eventsReader          *journal.Reader // nil while no process has the journal open
		controlReader         *journal.Reader
	}
}

// open reads what a start has found. What was durable before has to be there as it was.
func (c *transcript) open(p *journal.Partition) {
	c.t.Helper()
	c.mu.Lock()
	defer c.mu.Unlock()
	start := p.Start()
	if err := p.Err(); err != nil {
		c.t.Errorf("partition %d is closed: %v", c.part, err)
		return
	}
	if n := len(c.mu.events); p.Events().Committed() < uint64(n) {
		c.t.Errorf("partition %d: LOST from the events log: %d records were durable, %d are there", c.part, n, p.Events().Committed())
	}
	if n := len(c.mu.control); p.Control().Committed() < uint64(n) {
		c.t.Errorf("partition %d: LOST from the control log: %d records were durable, %d are there", c.part, n, p.Control().Committed())
	}
	c.mu.eventsReader = c.reader(p.Events(), start.Events)
	c.mu.controlReader = c.reader(p.Control(), start.Control)
	c.readLocked()
}

func (c *transcript) reader(log *journal.Log, from uint64) *journal.Reader {
	r, err := log.NewReader(from)
	if err != nil {
		c.t.Errorf("partition %d: read from %d: %v", c.part, from, err)
	}
	return r
}

// close lets go of a journal that is about to be closed, or is dead.
func (c *transcript) close() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.mu.eventsReader != nil {
		c.mu.eventsReader.Close()
		c.mu.controlReader.Close()
	}
	c.mu.eventsReader, c.mu.controlReader = nil, nil
}

// read takes in what has become durable.
func (c *transcript) read() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.readLocked()
}

func (c *transcript) readLocked() {
	if c.mu.eventsReader == nil {
		return
	}
	c.mu.rawEvents = c.follow("events", c.mu.eventsReader, c.mu.rawEvents)
	for _, b := range c.mu.rawEvents[len(c.mu.events):] {
		var m journalv1.Events
		if err := proto.Unmarshal(b, &m); err != nil {
			c.t.Fatal(err)
		}
		c.mu.events = append(c.mu.events, &m)
		for _, e := range m.GetEvents() {
			c.mu.lines[e] = string(e.GetPayload())
		}
	}
	c.mu.rawControl = c.follow("control", c.mu.controlReader, c.mu.rawControl)
	for _, b := range c.mu.rawControl[len(c.mu.control):] {
		var m journalv1.Control
		if err := proto.Unmarshal(b, &m); err != nil {
			c.t.Fatal(err)
		}
		c.mu.control = append(c.mu.control, &m)
		c.noteSealedLocked(&m)
	}
}

func (c *transcript) noteSealedLocked(m *journalv1.Control) {
	for _, d := range m.GetDecisions() {
		if d.GetOpened() != nil {
			c.mu.owner = m.GetIncarnation()
		}
		if b := d.GetSeal(); b != nil && bytes.Equal(c.mu.owner, m.GetIncarnation()) {
			c.mu.sealed[b.GetDestination().GetBucket()+"/"+b.GetKey()] = true
		}
	}
}

// counts reports whether there is a batch whose Seal counts, by its bucket and key. open: the log
// can be read now.
func (c *transcript) counts(name string) (counts, open bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.mu.sealed[name], c.mu.controlReader != nil
}

// follow appends what r gives to known, or holds it against what is known.
func (c *transcript) follow(kind string, r *journal.Reader, known [][]byte) [][]byte {
	for {
		rec, offset, err := r.Next()
		switch {
		case err == nil:
		case errors.Is(err, io.EOF), errors.Is(err, journal.ErrClosed), errors.Is(err, journal.ErrFull):
			return known
		default:
			if !errors.Is(err, journal.ErrBroken) && !errors.Is(err, journaltest.ErrStopped) {
				c.t.Errorf("partition %d: read the %s log: %v", c.part, kind, err)
			}
			return known
		}
		switch n := uint64(len(known)); {
		case offset > n:
			c.t.Errorf("partition %d: records %d to %d of the %s log were released before anybody could see them", c.part, n, offset, kind)
			return known
		case offset == n:
			known = append(known, bytes.Clone(rec))
		case !bytes.Equal(known[offset], rec):
			c.t.Errorf("partition %d: record %d of the %s log has changed", c.part, offset, kind)
		}
	}
}

// copyFrom takes over what another folder's transcript has: this one is its copy.
func (c *transcript) copyFrom(o *transcript) {
	o.mu.Lock()
	defer o.mu.Unlock()
	c.mu.rawEvents, c.mu.rawControl = append(c.mu.rawEvents, o.mu.rawEvents...), append(c.mu.rawControl, o.mu.rawControl...)
	maps.Copy(c.mu.lines, o.mu.lines)
	c.mu.events, c.mu.control = append(c.mu.events, o.mu.events...), append(c.mu.control, o.mu.control...)
	c.mu.owner = o.mu.owner
	maps.Copy(c.mu.sealed, o.mu.sealed)
}

// logged is an event as it stands in the log.
type logged struct {
	at        place
	to        dest
	id, line  string
	duplicate bool // by the reference
}

// untaken returns the events of a destination that have to be in a batch and are in none
// of those taken. Where less is remembered, of events with one id any is as good as the
// other: one that the reference takes for its sender's duplicate may have been the first.
func (r *foldRun) untaken(events []logged, taken func(place) bool) (missing []logged) {
	ids := map[string]bool{}
	for _, e := range events {
		if r.plan.forgets && taken(e.at) && e.id != "" {
			ids[e.id] = true
		}
	}
	for _, e := range events {
		if !e.duplicate && !taken(e.at) && !ids[e.id] {
			missing = append(missing, e)
		}
	}
	return missing
}

// judge says of every event of the log whether it is a duplicate, in the plainest way
// that there is: tables without bounds, from the first record to the last. by holds
// them by destination.
func (c *transcript) judge(window time.Duration) (by map[dest][]logged) {
	c.mu.Lock()
	defer c.mu.Unlock()
	type source struct {
		principal, sender string
	}
	type piece struct {
		source
		sequence uint64
		index    uint32
	}
	type name struct {
		to dest
		id string
	}
	var now int64
	settled, taken, seen := map[source]uint64{}, map[piece]bool{}, map[name]int64{}
	by = map[dest][]logged{}
	for offset, rec := range c.mu.events {
		now = max(now, rec.GetReceivedUnixNanos())
		who := source{rec.GetPrincipal(), string(rec.GetSenderId())}
		numbered := who.sender != "" && rec.GetSequence() > 0
		for i, e := range rec.GetEvents() {
			to := destOf(rec.GetDestinations()[e.GetDestination()])
			l := logged{at: place{uint64(offset), uint32(i)}, to: to, id: e.GetId(), line: c.mu.lines[e]}
			if numbered {
				key := piece{who, rec.GetSequence(), e.GetIndex()}
				l.duplicate = rec.GetSequence() <= settled[who] || taken[key]
				taken[key] = true
			}
			if key := (name{to, e.GetId()}); key.id != "" && !l.duplicate {
				if since, ok := seen[key]; ok && since >= now-int64(window) {
					l.duplicate = true
				} else {
					seen[key] = now
				}
			}
			by[to] = append(by[to], l)
		}
		if numbered {
			settled[who] = max(settled[who], rec.GetSettled())
		}
	}
	return by
}

// sealed is a batch whose Seal counts.
type sealed struct {
	*journalv1.Seal
	part    int
	at      uint64 // offset of its control record
	members []logged
}

func (s *sealed) lines() (lines []string) {
	for _, m := range s.members {
		lines = append(lines, m.line)
	}
	return lines
}

// holds reports whether the event of the batch's destination at p is a member.
func (s *sealed) holds(p place) bool {
	if p.compare(placeOf(s.GetFirst())) < 0 || p.compare(placeOf(s.GetLast())) > 0 {
		return false
	}
	for _, r := range s.GetExcluded() {
		if p.compare(placeOf(r.GetFirst())) >= 0 && p.compare(placeOf(r.GetLast())) <= 0 {
			return false
		}
	}
	return true
}

// seals returns the batches whose Seals count, in the order of the log: those of whoever
// had opened the partition last.
func (c *transcript) seals(by map[dest][]logged) (found []*sealed) {
	c.decided(func(offset int, d *journalv1.Decision, counts bool) {
		if d.GetSeal() == nil || !counts {
			return
		}
		s := &sealed{Seal: d.GetSeal(), part: c.part, at: uint64(offset)}
		for _, l := range by[destOf(s.GetDestination())] {
			if s.holds(l.at) {
				s.members = append(s.members, l)
			}
		}
		found = append(found, s)
	})
	return found
}

// decided calls f with every decision, and whether it counts: it is of whoever had opened the
// partition last.
func (c *transcript) decided(f func(offset int, d *journalv1.Decision, counts bool)) {
	c.mu.Lock()
	defer c.mu.Unlock()
	var owner []byte
	for offset, rec := range c.mu.control {
		for _, d := range rec.GetDecisions() {
			if d.GetOpened() != nil {
				owner = rec.GetIncarnation()
			}
			f(offset, d, bytes.Equal(owner, rec.GetIncarnation()))
		}
	}
}
