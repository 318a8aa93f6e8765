package batcher

import "time"

// clockLead is how far ahead of the shard's clock a time of receipt may be. The
// clock may have been set back since; one that was wrong by years must not make
// everything be forgotten.
const clockLead = time.Minute

// verdict is what the tables say of an event.
type verdict int

const (
	fresh             verdict = iota // not taken before
	duplicateBySender                // its sender has sent it before: the same request, the same place
	duplicateByID                    // an earlier event of the destination has its id
)

// dedupe tells the events that were sent again. It is part of the fold: what it
// says of an event depends on the records before it and on nothing else, and it is
// fed with every event once. A replay begins with its tables as they were there.
type dedupe struct {
	time    int64 // log time: the latest time of receipt that was read, Unix nanoseconds
	senders *senders
	ids     *ids

	// Of the record in hand:
	sender  *sender      // nil = it names none
	request *openRequest // nil = it names no sender, or is settled
}

// tablesPart is the part of the memory that tables may take: half of it. They hold
// as much as their bounds say in the default memory, and less in a smaller one.
const tablesPart = 2

// newDedupe makes the tables of one of so many shards.
func newDedupe(cfg *Config, journalID [16]byte, shards int, counts *counters) *dedupe {
	part := cfg.MemoryBytes / tablesPart / int64(shards) / 8
	return &dedupe{
		senders: newSenders(cfg.DedupeSenders, 5*part, cfg.SenderRetention, &counts.sendersEarly),
		ids:     newIDs(min(cfg.DedupeIDs/shards, int(3*part/idBytes)), cfg.DedupeWindow, journalID, &counts.idsEarly),
	}
}

// begin takes the next record, before its events.
func (d *dedupe) begin(r *eventsRecord, now time.Time) {
	received := r.received
	if received > now.Add(clockLead).UnixNano() {
		received = now.UnixNano()
	}
	d.time = max(d.time, received)
	d.ids.expire(d.time)
	d.senders.expire(d.time)
	d.sender, d.request = nil, nil
	if len(r.senderID) == 0 || r.sequence == 0 || d.senders.most == 0 {
		return
	}
	d.sender = d.senders.use(r.principal, r.senderID, d.time)
	if r.sequence > d.sender.settled {
		d.request = d.senders.request(d.sender, r.sequence)
	}
}

// take says what the tables know of an event of the record in hand, and notes it.
//
// An event that an earlier one's id makes a duplicate was taken of its sender all
// the same: sent again when the id is forgotten, it is still the same event.
func (d *dedupe) take(e *eventRecord, destination string, at position) verdict {
	if d.sender != nil && (d.request == nil || !d.senders.take(d.request, e.index)) {
		return duplicateBySender
	}
	if len(e.id) > 0 && !d.ids.take(destination, e.id, at, d.time) {
		return duplicateByID
	}
	return fresh
}

// retake notes an event that a Seal has decided: as one that was taken if it is a member of
// the batch, and else as a duplicate, whatever the tables know. An id must not come to stand
// for an event that was left out: the next one that has it would be left out for it.
func (d *dedupe) retake(e *eventRecord, destination string, at position, member bool) {
	if d.request != nil {
		d.senders.take(d.request, e.index)
	}
	if member && len(e.id) > 0 {
		d.ids.take(destination, e.id, at, d.time)
	}
}

// end is told when all events of the record in hand were taken. What it says is
// settled counts from here on: a sender may have the answer of a request that it
// sends again meanwhile.
func (d *dedupe) end(r *eventsRecord) {
	if d.sender != nil {
		d.senders.settle(d.sender, r.settled)
		d.sender, d.request = nil, nil
	}
	d.senders.expire(d.time)
}

// bytes is what is charged for the tables.
func (d *dedupe) bytes() int64 { return d.senders.bytes + d.ids.bytes() }
