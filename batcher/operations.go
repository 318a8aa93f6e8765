package batcher

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"time"

	journalv1 "github.com/open-destinations/destinations/gen/destinations/journal/v1"
)

// ErrBatchUnknown says that there is no dead batch of that key.
var ErrBatchUnknown = errors.New("there is no such dead batch")

// ErrBatchDamaged says that the file of a dead batch is missing or is not what was
// written.
var ErrBatchDamaged = errDamagedFile

// EventsDifferError says that somebody would have destroyed another number of events
// than he thought. Nothing was.
type EventsDifferError struct{ Have, Said uint64 }

// Error implements error.
func (e *EventsDifferError) Error() string {
	return fmt.Sprintf("%d events would be destroyed, not %d", e.Have, e.Said)
}

// Redriven is what is tried again.
type Redriven struct {
	Destinations uint64 // that are blocked, and are tried at once
	Batches      uint64 // that were dead
	Events       uint64 // in these
}

// DeadBatch is a batch that is kept in a file and not tried by itself.
type DeadBatch struct {
	Tenant, Bucket, Prefix string
	Key                    string    // of its object
	Events                 uint64    // in it
	Size                   uint64    // of its object in bytes
	SHA256                 [32]byte  // of its object
	Reason                 string    // why it is dead, for people
	Since                  time.Time // when it died
}

// Discarded is what was destroyed.
type Discarded struct{ Batches, Events uint64 }

// operation is something that a shard is asked to do. It belongs to the shard once it
// has been put into its inbox; the shard answers it exactly once, unless nobody waits.
type operation struct {
	ctx    context.Context // of who asked: once it has ended nobody waits for the answer
	do     func(s *shard, o *operation) error
	answer chan error

	begun bool
	waits int // for that many decisions to be read back
	err   error
}

// serveOperations begins what can be begun, and answers what is done.
func (s *shard) serveOperations() {
	kept := s.operations[:0]
	for _, o := range s.operations {
		if o.ctx.Err() != nil {
			continue
		}
		if !o.begun && s.opened && !s.stopping {
			o.begun = true
			o.err = o.do(s, o)
		}
		if o.begun && o.waits == 0 {
			o.answer <- o.err
			continue
		}
		kept = append(kept, o)
	}
	clear(s.operations[len(kept):])
	s.operations = kept
}

// ask has the shards of some partitions do something, and waits for all of them. Of
// those that can't it returns the errors.
func (b *Batcher) ask(ctx context.Context, partitions []int, do func(partition int) func(*shard, *operation) error) error {
	var errs []error
	var asked []*operation
	for _, i := range partitions {
		o := &operation{ctx: ctx, do: do(i), answer: make(chan error, 1)}
		if err := b.hand(i, o); err != nil {
			errs = append(errs, err)
			continue
		}
		asked = append(asked, o)
	}
	for _, o := range asked {
		select {
		case err := <-o.answer:
			errs = append(errs, err)
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return errors.Join(errs...)
}

// partitions are those of one destination, or all.
func (b *Batcher) partitions(all bool, tenant, bucket, prefix string) (found []int) {
	if !all {
		return []int{b.partitionOf(tenant, bucket, prefix)}
	}
	for i := range b.shards {
		found = append(found, i)
	}
	return found
}

// named are the destinations of a shard that are asked for: one, or all of a tenant, or
// all there are if that is empty.
func (s *shard) named(all bool, tenant, bucket, prefix string) (found []*destination) {
	if !all {
		if d := s.dests[name(tenant, bucket, prefix)]; d != nil {
			found = append(found, d)
		}
		return found
	}
	for _, d := range s.dests {
		if d.isOf(tenant) {
			found = append(found, d)
		}
	}
	slices.SortFunc(found, func(a, b *destination) int { return compareNames(a, b) })
	return found
}

// Redrive has one destination, or all of a tenant or of everybody, tried at once: the blocked are probed, also
// those that nobody but a person may free, and for an hour at short pauses again also those
// that were given up; and dead batches go to S3 under their own keys, in order. Of a bucket
// that was gone every prefix is tried, whichever was named. It returns when that is durable,
// and not when they are delivered. Errors are those of [Batcher.Flush]; what was done in other
// partitions stays done.
func (b *Batcher) Redrive(ctx context.Context, all bool, tenant, bucket, prefix string) (total Redriven, err error) {
	parts := make([]Redriven, len(b.shards))
	err = b.ask(ctx, b.partitions(all, tenant, bucket, prefix), func(i int) func(*shard, *operation) error {
		return func(s *shard, o *operation) error {
			for _, d := range s.named(all, tenant, bucket, prefix) {
				s.redrive(d, o, &parts[i])
			}
			return nil
		}
	})
	if err != nil && ctx.Err() != nil {
		return Redriven{}, err
	}
	for _, r := range parts {
		total.Destinations += r.Destinations
		total.Batches += r.Batches
		total.Events += r.Events
	}
	return total, err
}

// redrive has d tried for o.
func (s *shard) redrive(d *destination, o *operation, total *Redriven) {
	for _, b := range d.queue {
		if b.dead == nil || b.deciding {
			continue
		}
		s.decideFor(o, b, &journalv1.Decision{Kind: &journalv1.Decision_Redriven{Redriven: &journalv1.Redriven{
			Id: b.seal.GetId(), Destination: d.proto(),
		}}})
		total.Batches++
		total.Events += uint64(b.events)
	}
	if d.mode != modeBlocked || d.deciding {
		return
	}
	total.Destinations++
	if d.cause != subjectNone {
		s.conditions.hurry(d.cause)
		return
	}
	now := time.Now()
	d.pause = nil // begin with short pauses again
	d.diagnosis.at = time.Time{}
	d.hopeful, d.giveUpNext = now.Add(giveUpPause), now.Add(giveUpAgain)
	if d.blocked.GetByHand() {
		d.redrives = append(d.redrives, o)
		o.waits++
		s.decideBlocked(d, false) // that it is not by hand
		s.gone.forgive(d.bucket)
		s.tell(bucketVouched{d.bucket})
		return
	}
	if d.probe != nil && d.probe.withdraw() { // it goes before the others
		s.uploads--
		d.probe = nil
	}
	d.urgent, d.retryAt = true, now
	s.setTimer(d)
}

// decideFor decides something about a dead batch for somebody who waits for it.
func (s *shard) decideFor(o *operation, b *batch, decision *journalv1.Decision) {
	b.deciding = true
	b.asked = append(b.asked, o)
	o.waits++
	s.decide(decision)
}

// decided tells those who wait that what was being decided about b has been read back.
func (b *batch) decided() {
	b.deciding = false
	for _, o := range b.asked {
		o.waits--
	}
	b.asked = nil
}

// applyRedriven lets a dead batch be tried again.
func (s *shard) applyRedriven(m *journalv1.Redriven) {
	b := s.batchOf(m.GetDestination(), m.GetId())
	if b == nil {
		return
	}
	b.dead = nil
	b.decided()
	s.counts.redriven.Add(1)
	s.log.Info("dead batch is tried again", "bucket", b.dest.bucket, "key", b.seal.GetKey(), "events", b.events, s.replayed())
	s.upload(b.dest)
	s.setTimer(b.dest)
}

// Dead lists the dead batches of one destination, or of all of a tenant or of everybody, by bucket, prefix and the
// order of their events. Errors are those of [Batcher.Flush], with what the other
// partitions have.
func (b *Batcher) Dead(ctx context.Context, all bool, tenant, bucket, prefix string) (list []DeadBatch, err error) {
	parts := make([][]DeadBatch, len(b.shards))
	err = b.ask(ctx, b.partitions(all, tenant, bucket, prefix), func(i int) func(*shard, *operation) error {
		return func(s *shard, _ *operation) error {
			for _, d := range s.named(all, tenant, bucket, prefix) {
				parts[i] = append(parts[i], d.listDead()...)
			}
			return nil
		}
	})
	if err != nil && ctx.Err() != nil {
		return nil, err
	}
	list = slices.Concat(parts...)
	slices.SortStableFunc(list, func(a, b DeadBatch) int {
		return compareParts([3]string{a.Bucket, a.Prefix, a.Tenant}, [3]string{b.Bucket, b.Prefix, b.Tenant})
	})
	return list, err
}

func (d *destination) listDead() (list []DeadBatch) {
	for _, b := range d.queue {
		if b.dead == nil {
			continue
		}
		list = append(list, DeadBatch{
			Tenant: d.tenant, Bucket: d.bucket, Prefix: d.prefix, Key: b.seal.GetKey(),
			Events: uint64(b.events), Size: b.parked.GetSize(), SHA256: [32]byte(b.parked.GetSha256()),
			Reason: b.dead.GetReason(), Since: time.Unix(0, b.dead.GetSinceUnixNanos()).UTC(),
		})
	}
	return list
}

func compareNames(a, b *destination) int {
	return compareParts([3]string{a.bucket, a.prefix, a.tenant}, [3]string{b.bucket, b.prefix, b.tenant})
}

func compareParts(a, b [3]string) int { return slices.Compare(a[:], b[:]) }

// OpenDead opens the object of a dead batch as it would stand in S3. What it gives
// was checked against its checksum when this returns. The error is [ErrBatchUnknown] if there
// is no dead batch of that key, wraps [ErrBatchDamaged], or is one of [Batcher.Flush]'s.
func (b *Batcher) OpenDead(ctx context.Context, bucket, key string) (io.ReadCloser, error) {
	found := make([]*journalv1.Parked, len(b.shards))
	err := b.ask(ctx, b.partitions(true, "", "", ""), func(i int) func(*shard, *operation) error {
		return func(s *shard, _ *operation) error {
			for _, d := range s.dests {
				for _, dead := range d.queue {
					if dead.dead != nil && d.bucket == bucket && dead.seal.GetKey() == key {
						found[i] = dead.parked
					}
				}
			}
			return nil
		}
	})
	if err != nil && ctx.Err() != nil {
		return nil, err
	}
	for i, m := range found {
		if m == nil {
			continue
		}
		file, err := openParked(b.journal.Partition(i), m)
		if err != nil {
			return nil, fmt.Errorf("partition %d, batch %s: %w", i, key, err)
		}
		return &deadReader{io.NewSectionReader(file, 0, file.Size()), file}, nil
	}
	if err != nil {
		return nil, err
	}
	return nil, ErrBatchUnknown
}

// deadReader reads the object of a dead batch.
type deadReader struct {
	io.Reader
	io.Closer
}

// DiscardDead destroys the dead batch of a key, or all of the destination if that is
// empty, and returns when that is durable. The caller says how many events that is:
// if it is another number nothing is destroyed, and the error is an
// *[EventsDifferError]. It is [ErrBatchUnknown] if there is no dead batch of that key,
// and otherwise one of [Batcher.Flush]'s.
func (b *Batcher) DiscardDead(ctx context.Context, tenant, bucket, prefix, key string, events uint64) (Discarded, error) {
	var total Discarded
	err := b.ask(ctx, b.partitions(false, tenant, bucket, prefix), func(int) func(*shard, *operation) error {
		return func(s *shard, o *operation) (err error) {
			total, err = s.discard(s.dests[name(tenant, bucket, prefix)], o, key, events)
			return err
		}
	})
	if err != nil {
		return Discarded{}, err
	}
	return total, nil
}

// discard decides that dead batches of d are destroyed.
func (s *shard) discard(d *destination, o *operation, key string, events uint64) (total Discarded, err error) {
	var those []*batch
	if d != nil {
		for _, b := range d.queue {
			if b.dead != nil && !b.deciding && (key == "" || b.seal.GetKey() == key) {
				those = append(those, b)
				total.Events += uint64(b.events)
			}
		}
	}
	total.Batches = uint64(len(those))
	switch {
	case key != "" && len(those) == 0:
		return Discarded{}, ErrBatchUnknown
	case total.Events != events:
		return Discarded{}, &EventsDifferError{Have: total.Events, Said: events}
	}
	for _, b := range those {
		s.decideFor(o, b, &journalv1.Decision{Kind: &journalv1.Decision_Discarded{Discarded: &journalv1.Discarded{
			Id: b.seal.GetId(), Destination: d.proto(), Events: uint64(b.events),
		}}})
	}
	return total, nil
}

// applyDiscarded destroys a dead batch.
//
// Commit point: its file may go.
func (s *shard) applyDiscarded(m *journalv1.Discarded) {
	b := s.batchOf(m.GetDestination(), m.GetId())
	if b == nil || b.dead == nil {
		return
	}
	b.decided()
	s.leaveQueue(b)
	s.counts.discarded.Add(1)
	s.log.Warn("dead batch destroyed, as somebody has asked", "bucket", b.dest.bucket, "key", b.seal.GetKey(), "events", b.events, s.replayed())
	s.upload(b.dest)
	s.setTimer(b.dest)
}
