package batcher

import (
	"context"

	journalv1 "github.com/open-destinations/destinations/gen/destinations/journal/v1"
)

// flush asks a shard to close open batches. It belongs to the shard once it has been
// put into its inbox; the shard answers it exactly once.
type flush struct {
	ctx    context.Context // of who asked: once it has ended nobody waits for the answer
	name   string          // of the destination; empty = all, or all of the bucket
	tenant string          // empty = everybody
	bucket string          // empty = any
	upTo   uint64          // the partition's commit point when it was asked for
	answer chan flushAnswer

	closed  bool   // batches have been closed for it
	batches uint64 // how many of them
	waits   int    // for that many Seals to be read back
}

type flushAnswer struct {
	batches uint64
	err     error
}

// serveFlushes closes batches for the flushes whose events have all been read, and
// answers those whose Seals have been read back.
func (s *shard) serveFlushes() {
	kept := s.flushes[:0]
	for _, f := range s.flushes {
		if f.ctx.Err() != nil {
			continue
		}
		if !f.closed && s.opened && !s.stopping && s.position().offset >= f.upTo {
			s.closeFor(f)
		}
		if f.closed && f.waits == 0 {
			f.answer <- flushAnswer{batches: f.batches}
			continue
		}
		kept = append(kept, f)
	}
	clear(s.flushes[len(kept):])
	s.flushes = kept
}

func (s *shard) closeFor(f *flush) {
	f.closed = true
	if f.name == "" {
		for _, d := range s.dests {
			if d.isOf(f.tenant) && (f.bucket == "" || f.bucket == d.bucket) {
				s.closeDestinationFor(f, d)
			}
		}
	} else if d := s.dests[f.name]; d != nil {
		s.closeDestinationFor(f, d)
	}
}

// closeDestinationFor closes d's open batch, and lets f wait for every Seal of d that
// is on its way: its events, too, were acknowledged before the call. If d is catching
// up, f waits until the rest of its events has been read. Nothing is waited for if d is
// blocked.
func (s *shard) closeDestinationFor(f *flush, d *destination) {
	if d.open != nil {
		s.close(d, journalv1.SealReason_SEAL_REASON_FLUSH, s.cursor(d))
		f.batches++
	}
	if d.mode == modeBehind {
		d.flushes = append(d.flushes, f)
		f.waits++
	}
	for _, b := range d.closing {
		b.flushes = append(b.flushes, f)
		f.waits++
	}
}

// endWaits serves the flushes that have waited until d has caught up: it has, or it is
// blocked again.
func (s *shard) endWaits(d *destination) {
	waiting := d.flushes
	d.flushes = nil
	for _, f := range waiting {
		f.waits--
		s.closeDestinationFor(f, d)
	}
}

// sealed tells the flushes that wait for b that its Seal has been read back.
func (s *shard) sealed(b *batch) {
	for _, f := range b.flushes {
		f.waits--
	}
	b.flushes = nil
}

// answerFlushes answers every flush that the shard has taken or that lies in its
// inbox, when it has ended.
func (s *shard) answerFlushes(err error) {
	for _, m := range s.inbox.take() {
		s.receive(m)
	}
	for _, f := range s.flushes {
		f.answer <- flushAnswer{err: err}
	}
	s.flushes = nil
	for _, o := range s.operations {
		o.answer <- err
	}
	s.operations = nil
}
