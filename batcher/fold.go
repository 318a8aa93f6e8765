package batcher

import (
	"fmt"
	"slices"
	"time"

	"google.golang.org/protobuf/proto"

	journalv1 "github.com/open-destinations/destinations/gen/destinations/journal/v1"
	"github.com/open-destinations/destinations/uploader"
)

// findDestinations looks up the destinations of the record in hand.
func (s *shard) findDestinations() error {
	s.byRec = s.byRec[:0]
	for _, encoded := range s.record.destinations {
		var err error
		if s.lookup, err = appendName(s.lookup[:0], encoded); err != nil {
			return s.part.Damage(fmt.Errorf("record %d of the events log: %w", s.offset, err))
		}
		d := s.dests[string(s.lookup)] // no allocation
		if d == nil {
			var m journalv1.Destination
			if err := proto.Unmarshal(encoded, &m); err != nil {
				return s.part.Damage(fmt.Errorf("record %d of the events log: destination: %w", s.offset, err))
			}
			d = s.destination(&m)
		}
		s.byRec = append(s.byRec, d)
	}
	return nil
}

// destination is the shard's state of d, made if it is new.
func (s *shard) destination(d *journalv1.Destination) *destination {
	key := nameOf(d)
	if known := s.dests[key]; known != nil {
		return known
	}
	made := &destination{
		name: key, tenant: d.GetTenant(), bucket: d.GetBucket(), prefix: d.GetPrefix(),
		phase: phase(key, s.cfg.Window), heapIndex: -1, usedAt: time.Now(),
	}
	if s.digestOf != nil {
		made.digest = s.digestOf(made.tenant, made.bucket, made.prefix)
		s.byDigest[made.digest] = made
	}
	s.dests[key] = made
	return made
}

// foldRecord folds the events of the record in hand, unless too many chunks wait
// for the compressors before its end; then it goes on from there later.
func (s *shard) foldRecord() error {
	s.crashes.handling = handlingEvent
	for ; int(s.at) < len(s.record.events); s.at++ {
		if s.chunks >= chunksUnderWay {
			return nil
		}
		e := &s.record.events[s.at]
		if d := s.byRec[e.destination]; !s.passes(d, e) {
			return nil
		} else if err := s.fold(d, e); err != nil {
			return err
		}
	}
	s.crashes.handling = handlingRecord
	s.atSet = false
	s.dedupe.end(&s.record)
	s.chargeTables()
	return nil
}

// fold decides one event: it belongs to a batch that was sealed before, or was
// delivered with one, or was sent before, or goes into the open batch.
func (s *shard) fold(d *destination, e *eventRecord) error {
	at := position{s.offset, s.at}
	if s.asides.any() && s.asides.has(at) {
		s.leaveOut(d, e, at)
		return nil
	}
	active := d.mode == modeActive
	if at.less(d.through) {
		// The tables get every event, also one that a Seal has decided: in a replay they
		// have to become what they were.
		s.dedupe.retake(e, d.name, at, s.isMember(d, at))
		if active {
			return s.refill(d, at, s.record.received, e)
		}
		return nil // a pass gives it back
	}
	switch verdict := s.dedupe.take(e, d.name, at); {
	case !active:
		s.count(d, at, e.payload, verdict)
		return nil
	case verdict != fresh:
		s.counts.leftOut(verdict)
		s.exclude(d, at)
	default:
		s.collect(d, at, s.record.received, e)
	}
	s.closeFull(d, at.next())
	return nil
}

// collect puts an event into d's open batch.
func (s *shard) collect(d *destination, at position, received int64, e *eventRecord) {
	if d.open == nil {
		s.open(d)
	}
	s.take(d.open, at, received, e)
}

// closeFull closes d's open batch if it is as large as an object may be.
func (s *shard) closeFull(d *destination, through position) {
	if d.open != nil && d.open.full(s.cfg) {
		s.close(d, journalv1.SealReason_SEAL_REASON_SIZE, through)
	}
}

// exclude passes a duplicate by. Between events of a batch it has to stand in the
// Seal; anywhere else the Seal's through decides it, or the tables do once more.
func (s *shard) exclude(d *destination, at position) {
	if b := d.open; b != nil && b.excluded.add(at, b.last) {
		s.charge(b, runBytes)
	}
}

// refill gives an event that a Seal has decided back to its batch, if that is not
// delivered.
func (s *shard) refill(d *destination, at position, received int64, e *eventRecord) error {
	b := d.incomplete() // those behind it hold later events
	if b == nil || !sealHolds(b.seal, at) {
		return nil
	}
	if b.share != shareFilling {
		s.recharge(b, shareFilling)
	}
	s.take(b, at, received, e)
	if at != positionOf(b.seal.GetLast()) {
		return nil
	}
	b.incomplete = false
	s.recharge(b, d.closedShare())
	s.cut(b)
	if err := b.matchesSeal(); err != nil {
		return s.part.Damage(err)
	}
	s.streamOn(b)
	s.upload(d)
	return nil
}

// matchesSeal reports whether what was read again is what was sealed.
func (b *batch) matchesSeal() error {
	if b.first == positionOf(b.seal.GetFirst()) && uint64(b.events) == b.seal.GetEvents() && uint64(b.rawBytes) == b.seal.GetRawBytes() {
		return nil
	}
	return fmt.Errorf("batch %s: the journal holds %d events of %d bytes from %v, its Seal says %d of %d from %v",
		b.seal.GetKey(), b.events, b.rawBytes, b.first, b.seal.GetEvents(), b.seal.GetRawBytes(), positionOf(b.seal.GetFirst()))
}

// open begins a batch of d, and its window.
func (s *shard) open(d *destination) {
	now := time.Now()
	d.open = s.newBatch(d)
	d.usedAt = now
	s.charge(d.open, d.overhead())
	d.closeAt = windowEnd(now, s.cfg.Window, d.phase)
	s.setTimer(d)
}

// newBatch is a batch of d of which nothing is known.
func (s *shard) newBatch(d *destination) *batch {
	return &batch{dest: d, watching: watching{on: s.observed, traced: traced{most: s.cfg.TracedPerBatch}}}
}

// rebuilt is a batch of d whose Seal was read before its events.
func (s *shard) rebuilt(d *destination, seal *journalv1.Seal) *batch {
	b := s.newBatch(d)
	b.state, b.seal, b.rebuilt, b.incomplete, b.share = batchSealed, seal, true, true, shareTables
	return b
}

// take puts one event into b, and hands a chunk to the compressors when one is full.
func (s *shard) take(b *batch, at position, received int64, e *eventRecord) {
	if len(b.lines) == 0 && len(b.runs) > 0 {
		b.lines = s.spareChunk()
		s.charge(b, int64(cap(b.lines)))
	}
	s.charge(b, b.grow(len(e.payload)+1))
	s.charge(b, b.add(at, received, e))
	if len(b.lines) >= s.chunkSize() {
		s.cut(b)
	}
}

// chunkSize is at how many bytes a chunk is cut.
func (s *shard) chunkSize() int {
	if s.memory.tight() {
		return smallChunkBytes
	}
	return chunkBytes
}

// spareChunk is a used buffer for the next chunk of a batch that has filled one
// before; nil if there is none, or if memory is tight: it may be much too large.
func (s *shard) spareChunk() []byte {
	if s.memory.tight() {
		return nil
	}
	spare, _ := s.spares.Get().(*[]byte)
	if spare == nil {
		return nil
	}
	return (*spare)[:0]
}

// chargeTables charges what the tables have grown by, in steps.
func (s *shard) chargeTables() {
	if n := s.dedupe.bytes() - s.tables; n >= tablesStep || n <= -tablesStep {
		s.memory.chargeTables(n)
		s.tables += n
	}
}

func (s *shard) charge(b *batch, n int64) {
	if n == 0 {
		return
	}
	b.charged += n
	s.memory.charge(n, b.share)
}

// recharge charges what b holds to another share.
func (s *shard) recharge(b *batch, to share) {
	s.memory.move(b.charged, b.share, to)
	b.share = to
}

// closedShare is what a closed batch of d is charged to: behind one that S3 did not take it
// does not come free by itself either.
func (d *destination) closedShare() share {
	if d.failed > 0 {
		return shareFailed
	}
	return shareClosed
}

// rechargeClosed is called when d has failed, or works again.
func (s *shard) rechargeClosed(d *destination) {
	for _, b := range slices.Concat(d.queue, d.closing) {
		if b.share == shareClosed || b.share == shareFailed {
			s.recharge(b, d.closedShare())
		}
	}
}

// forget lets go of b's content and of what was charged for it.
func (s *shard) forget(b *batch) {
	b.drop()
	s.charge(b, -b.charged)
}

// cut hands the lines of b that are waiting to the compressors.
func (s *shard) cut(b *batch) {
	if len(b.lines) == 0 {
		return
	}
	chunk, index := b.cut()
	s.chunks++
	inbox, filled := s.inbox, b.filled
	s.compressors.submit(func(c *uploader.Compressor) {
		inbox.put(compressedChunk{batch: b, filled: filled, index: index, run: c.Run(chunk), raw: len(chunk), held: cap(chunk)})
		if cap(chunk) >= chunkBytes && cap(chunk) <= 4*chunkBytes {
			s.spares.Put(&chunk)
		}
	})
}

func (s *shard) compressed(m compressedChunk) {
	s.chunks--
	b := m.batch
	if b.state >= batchStored || m.filled != b.filled {
		return // its bytes were dropped
	}
	b.compressed(m.index, m.run, m.raw)
	s.charge(b, int64(len(m.run)-m.held))
	s.streamOn(b)
	s.upload(b.dest)
}
