package batcher_test

import (
	"context"
	"fmt"
	"slices"
	"testing/synctest"
	"time"

	"github.com/open-destinations/destinations/batcher"
	journalv1 "github.com/open-destinations/destinations/gen/destinations/journal/v1"
)

// memorySlack is by how much batches may exceed the memory: each shard and its pass look at it
// before they take a record.
const memorySlack = 1 << 20

// expected is what a destination's Status has to say.
type expected struct {
	events, bytes, parked, dead uint64
	blocked                     *journalv1.Blocked // as it stands in the log; nil = it does not
}

// sealedBatch is a batch that counts, with what was decided of it since.
type sealedBatch struct {
	*sealed
	parked, dead, gone bool
}

// decisions follows what counts of the control log: the batches by their ids, and which
// destinations are blocked for what is their own.
func (c *transcript) decisions(by map[dest][]logged) (batches []*sealedBatch, blocked map[dest]*journalv1.Blocked) {
	byID, blocked := map[string]*sealedBatch{}, map[dest]*journalv1.Blocked{}
	for _, s := range c.seals(by) {
		b := &sealedBatch{sealed: s}
		batches, byID[string(s.GetId())] = append(batches, b), b
	}
	c.decided(func(_ int, d *journalv1.Decision, counts bool) {
		if b := byID[string(d.GetDelivered().GetSeal().GetId())]; b != nil { // whoever says so
			b.gone = true
		}
		switch {
		case !counts:
		case d.GetBlocked() != nil:
			blocked[destOf(d.GetBlocked().GetDestination())] = d.GetBlocked()
		case d.GetFreed() != nil:
			delete(blocked, destOf(d.GetFreed().GetDestination()))
		case d.GetParked() != nil:
			byID[string(d.GetParked().GetSeal().GetId())].parked = true
		case d.GetDead() != nil:
			byID[string(d.GetDead().GetId())].dead = true
		case d.GetRedriven() != nil:
			byID[string(d.GetRedriven().GetId())].dead = false
		case d.GetDiscarded() != nil:
			byID[string(d.GetDiscarded().GetId())].gone = true
		}
	})
	return batches, blocked
}

// expect says how the destinations of a partition are, if the shard has read everything
// below a position and the whole control log.
func (s *service) expect(l *transcript, position place) map[dest]*expected {
	by := l.judge(s.run.plan.idWindow)
	batches, blocked := l.decisions(by)
	all, through := map[dest]*expected{}, map[dest]place{}
	for d := range by {
		all[d] = &expected{blocked: blocked[d]}
	}
	for _, b := range batches {
		d := destOf(b.GetDestination())
		through[d] = placeOf(b.GetThrough())
		if b.gone || s.wire.hasStored(d.bucket, b.GetKey()) {
			continue
		}
		e := all[d]
		e.events += b.GetEvents()
		e.bytes += b.GetRawBytes()
		if b.parked {
			e.parked += b.GetEvents()
		}
		if b.dead {
			e.dead += b.GetEvents()
		}
	}
	for d, events := range by {
		for _, e := range events {
			if !e.duplicate && e.at.compare(position) < 0 && e.at.compare(through[d]) >= 0 {
				all[d].events++
				all[d].bytes += uint64(len(e.line)) + 1
			}
		}
	}
	return all
}

// known counts what the batcher may know: decisions, and what S3 has told it.
func (s *service) known() (n int) {
	s.look()
	for _, l := range s.logs {
		n += l.controls()
	}
	s.run.s3.change(func() { n += len(s.wire.stored) })
	return n
}

// checkStatus holds what the service says of its destinations against what the logs say.
// Nothing may be under way that does not wait for something.
func (s *service) checkStatus() {
	s.run.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), time.Millisecond)
	defer cancel()
	before, _ := s.batcher.Positions(ctx)
	known := s.known()
	list, err := s.batcher.Destinations(ctx)
	at, err2 := s.batcher.Positions(ctx)
	synctest.Wait()
	if batches, _, _ := s.batcher.Memory(); batches > s.cfg.MemoryBytes+memorySlack {
		s.run.fail("%sbatches are charged for %d bytes of %d", s.name, batches, s.cfg.MemoryBytes)
	}
	if err != nil || err2 != nil || s.run.plan.forgets {
		return // it is not open: there is no room to say so; or the reference knows more
	}
	if !slices.Equal(at, before) || s.known() != known {
		return // to be asked was an occasion to go on
	}
	says := map[dest]batcher.Status{}
	for _, st := range list {
		says[dest{st.Bucket, st.Prefix}] = st
	}
	for part, l := range s.logs {
		for d, want := range s.expect(l, place{at[part].Offset, at[part].Index}) {
			s.compareStatus(d, says[d], want)
		}
	}
}

func (s *service) compareStatus(d dest, got batcher.Status, want *expected) {
	r := s.run
	r.t.Helper()
	if got.BacklogEvents != want.events || got.BacklogBytes != want.bytes || got.ParkedEvents != want.parked || got.DeadEvents != want.dead {
		r.fail("%s%v (%v) is said to have a backlog of %d events and %d bytes, %d parked, %d dead; by the logs it has %d, %d, %d, %d", s.name, d, got.State,
			got.BacklogEvents, got.BacklogBytes, got.ParkedEvents, got.DeadEvents, want.events, want.bytes, want.parked, want.dead)
	}
	byHand := want.blocked.GetByHand() && !r.s3.tenant("").ExpectsOwner // else S3 tells whose the bucket is
	switch since := time.Unix(0, want.blocked.GetSinceUnixNanos()); {
	case want.blocked != nil && (got.State != batcher.StateBlocked || !got.Since.Equal(since) || got.ByHand != byHand):
		r.fail("%s%v is said to be %v since %v (by hand: %v), and was blocked since %v (by hand: %v)",
			s.name, d, got.State, got.Since.UTC(), got.ByHand, since.UTC(), byHand)
	case want.blocked == nil && (got.ByHand || got.State == batcher.StateBlocked && !s.sharedFails()):
		r.fail("%s%v is said to be %v (by hand: %v), and no Blocked says so", s.name, d, got.State, got.ByHand)
	}
	if refused := s.refused(d); got.Bucket != "" && got.OverQuota != refused {
		r.fail("%s%v is refused: %v, and said to be over its quota: %v", s.name, d, refused, got.OverQuota)
	}
}

// sharedFails reports whether something does not work that all destinations share.
func (s *service) sharedFails() bool {
	for _, shared := range s.batcher.Shared() {
		if shared.State != batcher.StateActive {
			return true
		}
	}
	return false
}

// refused reports whether the batcher wants new events of a destination refused.
func (s *service) refused(d dest) bool { return s.batcher.Refusal("default", d.bucket, d.prefix) != "" }

// ailing is what is said to wait for anything; empty if there is nothing.
func (s *service) ailing() string {
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	list, err := s.batcher.Destinations(ctx)
	if err != nil || len(list) > 0 {
		return fmt.Sprintf("destinations %+v, %v", list, err)
	}
	for _, d := range s.run.dests {
		if s.refused(d) {
			return fmt.Sprintf("events of %v are refused", d)
		}
	}
	for _, shared := range s.batcher.Shared() {
		if shared.Destinations > 0 || shared.State != batcher.StateActive {
			return fmt.Sprintf("%+v", shared)
		}
	}
	return ""
}
