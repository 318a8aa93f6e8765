package batcher

import (
	"fmt"
	"time"
)

// destinationName names a destination without a byte being copied.
type destinationName struct{ tenant, bucket, prefix string }

// backlogPart is the part of the memory that is the quota of what blocked destinations keep in
// tables.
const backlogPart = 2

// refusals are the destinations of a shard whose new events are refused, and why. They
// are never changed once they are published.
type refusals map[destinationName]string

// Refusal says why new events for a destination are to be refused: it is blocked for
// what is its own, and has more undelivered events than it may, or more dead ones, or its tenant has. "" = they may be sent.
// It may be called from any goroutine, waits for nothing and may be a few seconds old.
func (b *Batcher) Refusal(tenant, bucket, prefix string) string {
	if b.common.refusing.Load() == 0 {
		return ""
	}
	s := b.shards[b.partitionOf(tenant, bucket, prefix)]
	if s == nil {
		return ""
	}
	all := s.refusals.Load()
	if all == nil {
		return ""
	}
	return (*all)[destinationName{tenant, bucket, prefix}]
}

// allowance is how many bytes of undelivered lines a blocked destination may have. From
// half of a quota on it shrinks, to nothing at three quarters: the largest are refused
// first, and what is left belongs to those that work.
func allowance(most, used, quota int64) int64 {
	if quota == 0 {
		return most
	}
	left := float64(quota/4*3-used) / float64(quota/4)
	return int64(float64(most) * min(max(left, 0), 1))
}

// tendRefusals finds out, now and then, whose new events are refused, and publishes
// that if it has changed.
func (s *shard) tendRefusals() {
	most := s.cfg.DestinationQuota
	// What was decided of events that are not taken stands in memory until they are, and
	// nothing else bounds it.
	waiting := allowance(most, s.backlogTables.Load(), s.cfg.MemoryBytes/backlogPart)
	allowed := min(allowance(most, s.journal.Used(), s.journal.Quota()), waiting)
	s.countTenants()
	changed, count := false, 0
	for _, d := range s.dests {
		reason := s.refusalOf(d, allowed, waiting)
		if reason == "" {
			reason = s.tenantHasTooMuch(d)
		}
		changed = changed || reason != d.refusal
		d.refusal = reason
		if reason != "" {
			count++
		}
	}
	if changed {
		s.publishRefusals(count)
	}
}

func (s *shard) publishRefusals(count int) {
	all := make(refusals, count)
	for _, d := range s.dests {
		if d.refusal != "" {
			all[destinationName{d.tenant, d.bucket, d.prefix}] = d.refusal
		}
	}
	before := 0
	if old := s.refusals.Swap(&all); old != nil {
		before = len(*old)
	}
	s.refusing.Add(int64(count - before))
}

// refusalOf is why new events of d are refused; "" if they are not. One that is blocked may have
// so many bytes of events allowed, and so may one that waits for what is its tenant's; one that waits for what others
// wait for, too, as many as the journal has room for, unless the memory for what is known of them gets short.
func (s *shard) refusalOf(d *destination, allowed, whileWaiting int64) string {
	switch {
	case d.mode != modeBlocked:
		return s.tooManyDead(d)
	case d.cause.tenant != "":
		return s.tooManyForTenant(d, allowed)
	case d.cause != subjectNone && whileWaiting < s.cfg.DestinationQuota:
		return s.tooManyWait(d, whileWaiting)
	case d.cause != subjectNone:
		return s.tooManyDead(d)
	}
	waiting := d.undeliveredEvents().bytes
	if waiting <= allowed {
		return ""
	}
	if d.refusal != "" && d.refusedCode == d.code {
		return d.refusal
	}
	d.refusedCode = d.code
	return fmt.Sprintf("the destination is blocked since %s (%s): %d bytes of its events wait, limit %d (--destination-quota is %d; less while the journal is more than half full)",
		d.since.UTC().Format(time.RFC3339), d.code, waiting, allowed, s.cfg.DestinationQuota)
}

// tooManyForTenant is why new events of d are refused that waits for credentials of its tenant;
// "" if they are not.
func (s *shard) tooManyForTenant(d *destination, allowed int64) string {
	waiting := d.undeliveredEvents().bytes
	if waiting <= allowed {
		return ""
	}
	on := s.conditions.status(d.cause)
	if code := d.cause.String() + on.Code; d.refusal == "" || d.refusedCode != code {
		d.refusedCode = code
		return fmt.Sprintf("the credentials of its tenant do not work since %s (%s): %d bytes of the destination's events wait, limit %d (--destination-quota is %d; less while the journal is more than half full)",
			on.Since.UTC().Format(time.RFC3339), on.Code, waiting, allowed, s.cfg.DestinationQuota)
	}
	return d.refusal
}

// tooManyWait is why new events of d are refused that waits for what does not work; "" if
// they are not.
func (s *shard) tooManyWait(d *destination, allowed int64) string {
	waiting := d.undeliveredEvents().bytes
	if waiting <= allowed {
		return s.tooManyDead(d)
	}
	on := s.conditions.status(d.cause)
	d.refusedCode = ""
	return fmt.Sprintf("what it waits for (%v) does not work since %s (%s): %d bytes of its events wait, limit %d while what is known of all that wait takes so much memory",
		d.cause, on.Since.UTC().Format(time.RFC3339), on.Code, waiting, allowed)
}

// tooManyDead is why new events of d are refused though it is not blocked; "" if they are
// not.
func (s *shard) tooManyDead(d *destination) string {
	if len(d.queue) == 0 {
		return ""
	}
	dead := d.undeliveredEvents().deadBytes
	if dead <= s.cfg.DestinationQuota {
		return ""
	}
	d.refusedCode = ""
	return fmt.Sprintf("%d bytes of the destination's events are dead, limit %d (--destination-quota): somebody has to redrive or discard them",
		dead, s.cfg.DestinationQuota)
}
