package batcher

import (
	"cmp"
	"context"
	"errors"
	"maps"
	"slices"
	"time"

	"github.com/open-destinations/destinations/journal"
	"github.com/open-destinations/destinations/uploader"
)

// State is how a destination, or what all share, is.
type State int

const (
	// StateActive: events are collected and delivered.
	StateActive State = iota
	// StateRetrying: the last upload failed; it is tried again.
	StateRetrying
	// StateBlocked: nothing is uploaded until it works again.
	StateBlocked
	// StateCatchingUp: it works again, and its backlog is being read from the journal.
	StateCatchingUp
)

// String is the state in words.
func (s State) String() string {
	return [...]string{"active", "retrying", "blocked", "catching up"}[s]
}

// Status is how a destination is. Times that are zero are not known, or never.
type Status struct {
	Tenant, Bucket, Prefix string
	State                  State
	Since                  time.Time // of the first failure, if it is retrying or blocked
	Code, Message          string    // of the last failure; empty if there was none
	WaitsFor               string    // what does not work, such as "credentials", if it waits for that: Code and Message are of it, and may name another destination

	// BacklogEvents and BacklogBytes are its events that are not in S3, and the bytes of
	// their lines, those that are parked or dead included. Oldest is when the
	// first of them was received.
	BacklogEvents, BacklogBytes uint64
	Oldest                      time.Time
	ParkedEvents, DeadEvents    uint64 // of the backlog; what is dead is parked, too

	// Diagnosis is what exactly S3 refuses, if it is blocked by its own failures; nil = that
	// is not known. It must not be changed.
	Diagnosis *uploader.Diagnosis

	NextTry   time.Time
	ByHand    bool // it stays blocked until somebody asks for a redrive
	OverQuota bool // Refusal has a reason
}

// SharedStatus is how something is that destinations share.
type SharedStatus struct {
	Subject       string    // "endpoint" or "credentials"
	Region        string    // of the endpoint; empty = it is one for all regions, or nothing was tried yet
	Tenant        string    // whose own the credentials are; empty = the service's, or it is an endpoint
	State         State     // StateActive or StateBlocked
	Since         time.Time // if it is blocked
	Code, Message string    // of the last failure, if it is blocked
	NextTry       time.Time // zero also while it is being tried
	Destinations  uint64    // that wait for it
}

// Closed returns the damage of each partition that is closed by it, in their order.
func (b *Batcher) Closed() (closed []*journal.CorruptError) {
	for i := range b.shards {
		var damage *journal.CorruptError
		if errors.As(b.journal.Partition(i).Err(), &damage) {
			closed = append(closed, damage)
		}
	}
	return closed
}

// Destinations lists those that have undelivered events or are blocked, by bucket and
// prefix: each partition as it is at one moment. One that is closed by damage is left
// out: see [Batcher.Closed]. The error is [journal.ErrClosed] while the batcher stops, or ctx's.
func (b *Batcher) Destinations(ctx context.Context) ([]Status, error) {
	parts := make([][]Status, len(b.shards))
	err := b.ask(ctx, b.undamaged(), func(i int) func(*shard, *operation) error {
		return func(s *shard, _ *operation) error {
			parts[i] = s.statuses()
			return nil
		}
	})
	if ctx.Err() != nil || err != nil && !isDamage(err) {
		return nil, cmp.Or(ctx.Err(), err)
	}
	list := slices.Concat(parts...)
	slices.SortFunc(list, func(a, b Status) int {
		return compareParts([3]string{a.Bucket, a.Prefix, a.Tenant}, [3]string{b.Bucket, b.Prefix, b.Tenant})
	})
	return list, nil
}

// undamaged are the partitions that have a shard, or had one until the end came.
func (b *Batcher) undamaged() (found []int) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for i := range b.shards {
		if !isDamage(b.mu.ended[i]) {
			found = append(found, i)
		}
	}
	return found
}

func (s *shard) statuses() (list []Status) {
	for _, d := range s.dests {
		if st := s.status(d); st.BacklogEvents > 0 || st.State == StateBlocked {
			list = append(list, st)
		}
	}
	return list
}

func (s *shard) status(d *destination) Status {
	st := Status{
		Tenant: d.tenant, Bucket: d.bucket, Prefix: d.prefix,
		Code: d.code, Message: d.message, NextTry: d.retryAt,
		ByHand: s.byHand(d), OverQuota: d.refusal != "",
	}
	switch {
	case d.mode == modeBlocked && d.cause != subjectNone:
		st.WaitsFor = d.cause.String()
		shared := s.conditions.status(d.cause)
		st.State, st.Since, st.Code, st.Message, st.NextTry = StateBlocked, shared.Since, shared.Code, shared.Message, shared.NextTry
	case d.mode == modeBlocked:
		st.State, st.Since, st.Diagnosis = StateBlocked, d.since, d.diagnosis.found
	case d.mode == modeBehind:
		st.State = StateCatchingUp
	case d.failed > 0:
		st.State, st.Since = StateRetrying, d.since
	}
	total := d.undeliveredEvents()
	st.BacklogEvents, st.BacklogBytes = uint64(total.events), uint64(total.bytes)
	st.ParkedEvents, st.DeadEvents = uint64(total.parked), uint64(total.dead)
	if total.oldest > 0 {
		st.Oldest = time.Unix(0, total.oldest)
	}
	return st
}

// totals are the events of a destination that are not in S3.
type totals struct {
	events, bytes, parked, dead int64
	deadBytes                   int64
	oldest                      int64 // earliest known time of receipt, Unix nanoseconds; 0 = none
	oldestAlive                 int64 // the same without dead batches
}

func (d *destination) undeliveredEvents() (t totals) {
	for _, b := range d.queue {
		if b.state >= batchStored {
			continue
		}
		events := int64(b.seal.GetEvents())
		if b.parked != nil {
			t.parked += events
		}
		if b.dead != nil {
			t.dead += events
			t.deadBytes += int64(b.seal.GetRawBytes())
			t.events, t.bytes = t.events+events, t.bytes+int64(b.seal.GetRawBytes())
			t.oldest = earliest(t.oldest, b.seal.GetFirstReceivedUnixNanos())
			continue
		}
		t.add(events, int64(b.seal.GetRawBytes()), b.seal.GetFirstReceivedUnixNanos())
	}
	for _, b := range d.closing {
		t.add(int64(b.seal.GetEvents()), int64(b.seal.GetRawBytes()), b.seal.GetFirstReceivedUnixNanos())
	}
	if d.open != nil {
		t.add(d.open.events, d.open.rawBytes, d.open.firstReceived)
	}
	if d.backlog.events > 0 {
		t.add(d.backlog.events, d.backlog.bytes, d.backlog.oldest)
	}
	return t
}

func (t *totals) add(events, bytes, received int64) {
	t.events += events
	t.bytes += bytes
	t.oldest, t.oldestAlive = earliest(t.oldest, received), earliest(t.oldestAlive, received)
}

// earliest is the earlier of two times of receipt, either of which may be unknown.
func earliest(a, b int64) int64 {
	if a == 0 || b > 0 && b < a {
		return b
	}
	return a
}

// Shared says how the endpoints of the regions are that something was tried in, in their order,
// behind them how the credentials are, and behind these which tenants' own do not work.
func (b *Batcher) Shared() []SharedStatus {
	return b.common.conditions.statuses()
}

func (c *conditions) statuses() (all []SharedStatus) {
	c.mu.Lock()
	regions := slices.Sorted(maps.Keys(c.mu.regions))
	var tenants []string
	for s := range c.mu.state {
		if s.tenant != "" {
			tenants = append(tenants, s.tenant)
		}
	}
	c.mu.Unlock()
	slices.Sort(tenants)
	if len(regions) == 0 {
		regions = []string{""}
	}
	for _, region := range regions {
		all = append(all, c.status(subject{kind: kindEndpoint, region: region}))
	}
	all = append(all, c.status(subjectCredentials))
	for _, tenant := range tenants {
		if st := c.status(subject{kind: kindCredentials, tenant: tenant}); st.State != StateActive {
			all = append(all, st)
		}
	}
	return all
}

func (c *conditions) status(s subject) SharedStatus {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.lapseLocked(s, time.Now())
	st := SharedStatus{Subject: subject{kind: s.kind}.String(), Region: s.region, Tenant: s.tenant, Destinations: uint64(max(c.mu.wait[s], 0))}
	state := c.mu.state[s]
	if state == nil {
		return st
	}
	st.State, st.Since, st.Code, st.Message = StateBlocked, state.since, state.code, state.message
	if !state.probing {
		st.NextTry = state.nextTry
	}
	return st
}
