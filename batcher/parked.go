package batcher

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"
	"time"

	journalv1 "github.com/open-destinations/destinations/gen/destinations/journal/v1"
)

// kept is what a batch has to do with the file that it is kept in.
type kept struct {
	// parked is its Parked and dead its Dead, as they were read back; nil = it is not.
	parked *journalv1.Parked
	dead   *journalv1.Dead

	stream    *stream      // that writes it while it is read; nil = none
	spooling  bool         // its file is being written, or its Parked is on its way into the journal
	deciding  bool         // a Dead, Redriven or Discarded of it is on its way into the journal
	condemned string       // why it dies when it is parked; empty = it does not
	refused   int          // how often S3 has refused it alone
	refusedAt time.Time    // for the first time
	asked     []*operation // that wait for what is being decided
}

// batchIDBytes is how long the id of a batch is.
const batchIDBytes = 16

const (
	spoolSuffix    = ".gz"
	manifestSuffix = ".json"
)

// spoolName and manifestName are the names of a parked batch's files.
func spoolName(seal *journalv1.Seal) string { return hex.EncodeToString(seal.GetId()) + spoolSuffix }
func manifestName(seal *journalv1.Seal) string {
	return hex.EncodeToString(seal.GetId()) + manifestSuffix
}

// checkParkedRecord reports whether m is as a shard makes it: what it says is used as it
// stands when the batch is sent or listed.
func checkParkedRecord(m *journalv1.Parked) error {
	seal := m.GetSeal()
	if len(seal.GetId()) != batchIDBytes || m.GetFile() != spoolName(seal) || len(m.GetSha256()) != sha256.Size || len(m.GetRawSha256()) != sha256.Size {
		return fmt.Errorf("batch %.500q is parked in %.100q, with an id of %d bytes and checksums of %d and %d", seal.GetKey(), m.GetFile(),
			len(seal.GetId()), len(m.GetSha256()), len(m.GetRawSha256()))
	}
	return nil
}

// applyParked lets a batch be in its file alone.
//
// Commit point: the log need not keep its events from here on. Its Parked says all
// that its Seal has said, which may stand below the start.
func (s *shard) applyParked(m *journalv1.Parked) {
	s.counts.parked.Add(1)
	b := s.loadParked(&journalv1.ParkedState{Parked: m})
	d := b.dest
	if reason := cmp.Or(b.condemned, d.dying); reason != "" {
		s.decideDead(b, reason)
	}
	if s.opened {
		s.log.Info("batch parked", "bucket", d.bucket, "key", b.seal.GetKey(), "events", b.events, "size", m.GetSize(), "code", d.code, b.traceAttr())
	}
	s.endParking(d)
	s.upload(d)
}

// loadParked makes a batch one that lies in its file, and may be dead.
func (s *shard) loadParked(m *journalv1.ParkedState) *batch {
	seal := m.GetParked().GetSeal()
	b := s.batchOf(seal.GetDestination(), seal.GetId())
	if b == nil {
		b = s.enqueue(seal)
	}
	b.spooling, b.parked = false, nil
	s.unload(b)
	b.parked, b.dead = m.GetParked(), m.GetDead()
	b.incomplete = false
	b.first, b.last = positionOf(seal.GetFirst()), positionOf(seal.GetLast())
	b.events, b.rawBytes = int64(seal.GetEvents()), int64(seal.GetRawBytes())
	b.firstReceived, b.lastReceived = seal.GetFirstReceivedUnixNanos(), m.GetParked().GetLastReceivedUnixNanos()
	return b
}

// enqueue puts a batch that was sealed below the start into its destination's queue.
func (s *shard) enqueue(seal *journalv1.Seal) *batch {
	d := s.destination(seal.GetDestination())
	b := s.rebuilt(d, seal)
	at := len(d.queue) // a dead batch of an event that was set aside may stand before earlier ones
	for first := positionOf(seal.GetFirst()); at > 0 && first.less(positionOf(d.queue[at-1].seal.GetFirst())); {
		at--
	}
	d.queue = slices.Insert(d.queue, at, b)
	if through := positionOf(seal.GetThrough()); d.through.less(through) {
		d.through = through
	}
	if closed := time.Unix(0, seal.GetClosedUnixNanos()); closed.After(d.lastClose) {
		d.lastClose = closed
	}
	return b
}

// batchOf finds a batch whose Seal has been read back, and which is not delivered;
// nil if there is none.
func (s *shard) batchOf(dest *journalv1.Destination, id []byte) *batch {
	d := s.dests[nameOf(dest)]
	if d == nil {
		return nil
	}
	i := slices.IndexFunc(d.queue, func(b *batch) bool { return string(b.seal.GetId()) == string(id) })
	if i < 0 {
		return nil
	}
	return d.queue[i]
}

// leaveQueue forgets a batch that is delivered or destroyed, and removes its files:
// that this is durable is why it was read back.
func (s *shard) leaveQueue(b *batch) {
	b.state = batchGone
	s.abortStream(b)
	s.forget(b)
	b.dest.queue = slices.DeleteFunc(b.dest.queue, func(other *batch) bool { return other == b })
	if b.parked != nil && s.opened { // else removeOrphans will
		s.removeFiles(b.seal)
	}
}

// removeFiles removes the files of a batch that is not parked any more. What stays is
// removed at the next start.
func (s *shard) removeFiles(seal *journalv1.Seal) {
	part, log := s.part, s.log
	s.spoolPool.submit(func(struct{}) {
		if err := errors.Join(part.RemoveSpool(spoolName(seal)), part.RemoveFile(manifestName(seal))); err != nil {
			log.Warn("the files of a batch that was parked stay until the next start", "key", seal.GetKey(), "error", err)
		}
	})
}

// captureParked is what is parked, by what was read back.
func (s *shard) captureParked() (all []*journalv1.ParkedState) {
	for _, d := range s.dests {
		for _, b := range d.queue {
			if b.parked != nil {
				all = append(all, &journalv1.ParkedState{Parked: b.parked, Dead: b.dead})
			}
		}
	}
	slices.SortFunc(all, func(a, b *journalv1.ParkedState) int {
		first := positionOf(a.GetParked().GetSeal().GetFirst())
		return first.compare(positionOf(b.GetParked().GetSeal().GetFirst()))
	})
	return all
}

// checkParked makes sure that what is parked is there.
func (s *shard) checkParked() error {
	for _, d := range s.dests {
		for _, b := range d.queue {
			if b.parked == nil {
				continue
			}
			file, err := s.part.OpenSpool(b.parked.GetFile())
			if errors.Is(err, fs.ErrNotExist) {
				return s.part.Damage(fmt.Errorf("batch %s is parked, but its file %s is missing", b.seal.GetKey(), b.parked.GetFile()))
			}
			if err != nil {
				return fmt.Errorf("open parked batch %s: %w", b.seal.GetKey(), err)
			}
			size := file.Size()
			file.Close() // only looked at: nothing to lose
			if size != int64(b.parked.GetSize()) {
				return s.part.Damage(fmt.Errorf("batch %s is parked in %d bytes, but its file %s has %d",
					b.seal.GetKey(), b.parked.GetSize(), b.parked.GetFile(), size))
			}
		}
	}
	return nil
}

// orphansGone is the message that files which no batch has were removed.
type orphansGone struct{}

// removeOrphans removes the files that no parked batch has: a crash has come between
// them and their Parked, or has brought them back. Nothing is parked before that is
// done, since it may be under the same name.
func (s *shard) removeOrphans() {
	wanted := map[string]bool{}
	for _, d := range s.dests {
		for _, b := range d.queue {
			if b.parked != nil {
				wanted[spoolName(b.seal)], wanted[manifestName(b.seal)] = true, true
			}
		}
	}
	part, log, inbox := s.part, s.log, s.inbox
	s.spoolPool.submit(func(struct{}) {
		defer inbox.put(orphansGone{})
		spools, err := part.Spools()
		files, err2 := part.Files()
		err = errors.Join(err, err2)
		for _, name := range spools {
			if !wanted[name] {
				err = errors.Join(err, part.RemoveSpool(name))
			}
		}
		for _, name := range files {
			if strings.HasSuffix(name, manifestSuffix) && !wanted[name] {
				err = errors.Join(err, part.RemoveFile(name))
			}
		}
		if err != nil {
			log.Warn("files that nothing needs stay until the next start", "error", err)
		}
	})
}
