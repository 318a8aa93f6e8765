package batcher

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"time"

	"google.golang.org/protobuf/proto"

	journalv1 "github.com/open-destinations/destinations/gen/destinations/journal/v1"
	"github.com/open-destinations/destinations/journal"
)

// questionsAtOnce bounds what shards are asked at the same time by [Batcher.Spans]:
// however many callers there are, a shard has a handful of questions before it between
// two of its own steps.
const questionsAtOnce = 16

// Place is an event's position in its partition's events log.
type Place struct {
	Offset uint64 // of its record
	Index  uint32 // its place in the record
}

// Span is what a receipt stands for: a destination's events from the first to the last
// of its own, others' in between included.
type Span struct {
	Digest      [DigestBytes]byte // of the destination
	First, Last Place
}

// Progress is how far events are that are not known to be delivered. It grows
// with how much somebody has to do about it.
type Progress int

const (
	// ProgressNone: there are none.
	ProgressNone Progress = iota
	// ProgressUploading: S3 has been asked to store their batch.
	ProgressUploading
	// ProgressWaiting: they are not read, collected, counted or sealed, and wait.
	ProgressWaiting
	// ProgressParked: their batch lies in a file.
	ProgressParked
	// ProgressDead: their batch is not tried by itself.
	ProgressDead
)

// UndeliveredBatch is a sealed batch that is not known to be delivered.
type UndeliveredBatch struct {
	ID       [batchIDBytes]byte
	Progress Progress
	Reason   string // why it is dead
}

// SpanStatus is what the shard knows of a span.
type SpanStatus struct {
	// Status is how the destination is; its names are empty if the shard does not know
	// it, since nothing of it is undelivered that it has read.
	Status Status
	// Batches hold some of the span's events and are not delivered, in order.
	Batches []UndeliveredBatch
	// Unsealed is the progress of those of its events that no Seal that was read back has
	// decided: ProgressNone or ProgressWaiting.
	Unsealed Progress
	// Before is the progress of earlier events of the destination: duplicates in the
	// span are of those.
	Before Progress
}

// Spans asks the shard of a partition what of some spans is undelivered. control
// is how far it had read the control log then: what is delivered and stands above
// is not in the answer. Errors are those of [Batcher.Flush].
func (b *Batcher) Spans(ctx context.Context, partition int, spans []Span) (found []SpanStatus, control uint64, err error) {
	select {
	case b.questions <- struct{}{}:
		defer func() { <-b.questions }()
	case <-ctx.Done():
		return nil, 0, ctx.Err()
	}
	var answer struct { // the shard's until it has answered
		found   []SpanStatus
		control uint64
	}
	o := &operation{ctx: ctx, answer: make(chan error, 1), do: func(s *shard, _ *operation) error {
		answer.control = s.control.Offset()
		for i := range spans {
			answer.found = append(answer.found, s.spanStatus(&spans[i]))
		}
		return nil
	}}
	// A shard with work looks into its mailbox all the time; only one that has none is woken.
	var idle *time.Timer
	err = b.reach(partition, func(in *mailbox[any]) {
		in.lay(o)
		idle = time.AfterFunc(readPause, in.poke)
	})
	if err != nil {
		return nil, 0, err
	}
	defer idle.Stop()
	select {
	case err = <-o.answer:
	case <-ctx.Done():
		return nil, 0, ctx.Err()
	}
	if err != nil {
		return nil, 0, err
	}
	return answer.found, answer.control, nil
}

// Destination says how one destination is; zero but for its names if nothing of it is
// undelivered. Errors are those of [Batcher.Flush].
func (b *Batcher) Destination(ctx context.Context, tenant, bucket, prefix string) (Status, error) {
	st := Status{Tenant: tenant, Bucket: bucket, Prefix: prefix}
	err := b.ask(ctx, b.partitions(false, tenant, bucket, prefix), func(int) func(*shard, *operation) error {
		return func(s *shard, _ *operation) error {
			for _, d := range s.named(false, tenant, bucket, prefix) {
				st = s.status(d)
			}
			return nil
		}
	})
	if err != nil {
		return Status{}, err // st may still be the shard's
	}
	return st, nil
}

// spanStatus is what s knows of a span. What no table knows is delivered, as far as
// the shard has read; what it has not read, and no Seal has decided, waits.
func (s *shard) spanStatus(of *Span) (found SpanStatus) {
	first, last := position{of.First.Offset, of.First.Index}, position{of.Last.Offset, of.Last.Index}
	decided := s.position()
	d := s.byDigest[of.Digest]
	if d != nil && decided.less(d.through) {
		decided = d.through
	}
	if !last.less(decided) {
		found.Unsealed = ProgressWaiting
	}
	if d == nil {
		return found
	}
	found.Status = s.status(d)
	for _, b := range d.queue {
		switch {
		case b.state >= batchGone:
		case sealOverlaps(b.seal, first, last):
			found.Batches = append(found.Batches, UndeliveredBatch{ID: [batchIDBytes]byte(b.seal.GetId()), Progress: b.progress(), Reason: b.dead.GetReason()})
		case positionOf(b.seal.GetFirst()).less(first):
			found.Before = max(found.Before, b.progress())
		}
	}
	for _, b := range d.unsealed() {
		switch {
		case overlap(b.first, b.last, b.excluded, first, last):
			found.Unsealed = ProgressWaiting
		case b.first.less(first):
			found.Before = max(found.Before, ProgressWaiting)
		}
	}
	return found
}

// unsealed are the events of d that no Seal which was read back has decided, as far as
// the shard has read them.
func (d *destination) unsealed() (all []span) {
	for _, b := range d.closing {
		all = append(all, span{positionOf(b.seal.GetFirst()), positionOf(b.seal.GetLast()), runsOf(b.seal.GetExcluded())})
	}
	if b := d.open; b != nil && b.events > 0 {
		all = append(all, span{b.first, b.last, b.excluded})
	}
	if d.backlog.events > 0 {
		all = append(all, span{d.backlog.first, d.backlog.last, d.backlog.duplicates})
	}
	return all
}

// span is events of a destination from the first to the last, without those that are
// left out.
type span struct {
	first, last position
	excluded    runs
}

func runsOf(all []*journalv1.Run) runs {
	made := make(runs, len(all))
	for i, r := range all {
		made[i] = run{positionOf(r.GetFirst()), positionOf(r.GetLast())}
	}
	return made
}

// progress is how far a closed batch is that is not delivered.
func (b *batch) progress() Progress {
	switch {
	case b.dead != nil:
		return ProgressDead
	case b.state == batchUploading, b.state == batchStored:
		return ProgressUploading
	case b.parked != nil:
		return ProgressParked
	}
	return ProgressWaiting
}

// sealOverlaps reports whether events from first to last may be members of a batch.
func sealOverlaps(seal *journalv1.Seal, first, last position) bool {
	if last.less(positionOf(seal.GetFirst())) || positionOf(seal.GetLast()).less(first) {
		return false
	}
	return overlap(positionOf(seal.GetFirst()), positionOf(seal.GetLast()), runsOf(seal.GetExcluded()), first, last)
}

// overlap reports whether events from first to last may be among those of a batch from
// its first to its last: not if one run that is left out has all of them.
func overlap(from, to position, excluded runs, first, last position) bool {
	if last.less(from) || to.less(first) {
		return false
	}
	for _, r := range excluded {
		if !first.less(r.first) && !r.last.less(last) {
			return false
		}
	}
	return true
}

// Incarnation is the incarnation in force where the replay of a partition begins, as
// the file beside it says; nil if there is none, since the log begins there or an
// older version wrote it.
func Incarnation(part *journal.Partition) ([]byte, error) {
	start := part.Start()
	if start.Events == 0 {
		return nil, nil
	}
	data, err := part.ReadFile(stateName(start.Events))
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, nil
	case err != nil:
		return nil, fmt.Errorf("read %s: %w", stateName(start.Events), err)
	}
	var state journalv1.State
	if err := proto.Unmarshal(data, &state); err != nil {
		return nil, fmt.Errorf("%s: %w", stateName(start.Events), err)
	}
	return state.GetIncarnation(), nil
}
