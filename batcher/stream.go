package batcher

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"hash"
	"sync"
	"time"

	journalv1 "github.com/open-destinations/destinations/gen/destinations/journal/v1"
	"github.com/open-destinations/destinations/journal"
	"github.com/open-destinations/destinations/uploader"
)

// stream writes a batch that does not fit into the memory into its file, run by run
// while it is read. The batch has it until it is written or given up.
type stream struct {
	next    int  // run that is written next; the shard's
	writing bool // some are being written; the shard's
	aborted bool // what was written is of no use; the shard's

	mu struct {
		sync.Mutex
		spool *journal.Spool // nil before the first write
		sum   hash.Hash      // of what was written
		size  int64
		ended bool
	}
}

// streamed is the message that a part of a batch was written, or why not.
type streamed struct {
	batch  *batch
	stream *stream
	parked *journalv1.Parked // of the last part; nil = there is more to come
	err    error
}

// stream has b written while it is read, and reports whether more of it may be read
// now.
func (s *shard) stream(b *batch) (readOn bool) {
	if b.stream == nil {
		if !s.cleared || time.Now().Before(s.parkAt) {
			return false
		}
		b.stream = &stream{}
		s.log.Info("a batch does not fit into the memory; it is parked while it is read", "bucket", b.dest.bucket,
			"key", b.seal.GetKey(), "events", b.seal.GetEvents(), "raw_bytes", b.seal.GetRawBytes())
	}
	s.streamOn(b)
	waits := b.stream.writing || b.underWay > 0 // for what frees memory by itself
	return !b.stream.aborted && !(waits && s.memory.muchIsFilling())
}

// streamOn has the runs of b written that are there. It may be called at any time.
func (s *shard) streamOn(b *batch) {
	st := b.stream
	if st == nil || st.writing || st.aborted || s.stopping {
		return
	}
	var runs [][]byte
	bytes := int64(0)
	for ; st.next < len(b.runs) && b.runs[st.next] != nil; st.next++ {
		runs = append(runs, b.runs[st.next])
		bytes += int64(len(b.runs[st.next]))
		b.runs[st.next] = []byte{}
	}
	m := streamed{batch: b, stream: st}
	var trailer []byte
	if b.state == batchSealed && !b.incomplete && b.underWay == 0 {
		m.parked = &journalv1.Parked{
			Seal: b.seal, File: spoolName(b.seal), RawSha256: b.sha.Sum(nil), LastReceivedUnixNanos: b.lastReceived,
		}
		_, trailer = uploader.Frame(b.crc, uint64(b.rawBytes))
		b.spooling = true
	}
	if runs == nil && trailer == nil {
		return
	}
	st.writing = true
	s.uploads++
	s.charge(b, -bytes) // they are the write's, also if b is dropped before its end
	memory := s.memory
	memory.charge(bytes, shareClosed)
	part, inbox, name := s.part, s.inbox, spoolName(b.seal)
	n := note{fmt.Sprintf("larger than the memory: %d bytes", b.seal.GetRawBytes()), b.watching.all()}
	s.spoolPool.submit(func(struct{}) {
		m.err = st.write(part, name, runs, trailer)
		memory.charge(-bytes, shareClosed)
		if m.err == nil && m.parked != nil {
			m.parked.Size, m.parked.Sha256 = uint64(st.mu.size), st.mu.sum.Sum(nil)
			m.err = writeManifest(part, m.parked, n)
		}
		inbox.put(m)
	})
}

// write writes runs, and behind the last of them the trailer. After an error nothing is
// left of it.
func (st *stream) write(part *journal.Partition, name string, runs [][]byte, trailer []byte) (err error) {
	st.mu.Lock()
	defer st.mu.Unlock()
	if st.mu.ended {
		return context.Canceled
	}
	if st.mu.spool == nil {
		if st.mu.spool, err = part.CreateSpool(name); err != nil {
			st.mu.ended = true
			return err
		}
		st.mu.sum = sha256.New()
		header, _ := uploader.Frame(0, 0)
		runs = append([][]byte{header}, runs...)
	}
	if trailer != nil {
		runs = append(runs, trailer)
	}
	for _, run := range runs {
		st.mu.sum.Write(run) // never fails
		st.mu.size += int64(len(run))
		if _, err = st.mu.spool.Write(run); err != nil {
			break
		}
	}
	if err == nil && trailer != nil {
		st.mu.ended = true
		err = st.mu.spool.Commit()
	}
	if err != nil {
		st.mu.ended = true
		return errors.Join(err, st.mu.spool.Abort())
	}
	return nil
}

// abort gives up what was written.
func (st *stream) abort() error {
	st.mu.Lock()
	defer st.mu.Unlock()
	ended := st.mu.ended
	if st.mu.ended = true; ended || st.mu.spool == nil {
		return nil
	}
	return st.mu.spool.Abort()
}

// abortStream gives up the stream of b: what it has read is dropped. Another one
// begins when this one is gone.
func (s *shard) abortStream(b *batch) {
	st := b.stream
	if st == nil || st.aborted {
		return
	}
	st.aborted = true
	log, inbox := s.log, s.inbox
	s.spoolPool.submit(func(struct{}) {
		if err := st.abort(); err != nil {
			log.Warn("an unfinished file of a batch stays until the next start", "key", b.seal.GetKey(), "error", err)
		}
		inbox.put(streamGone{b})
	})
}

// streamGone is the message that a stream was given up.
type streamGone struct{ batch *batch }

func (s *shard) streamGone(m streamGone) {
	m.batch.stream = nil
	s.upload(m.batch.dest)
}

// streamed takes the outcome of a write.
func (s *shard) streamed(m streamed) {
	s.uploads--
	b, st := m.batch, m.stream
	st.writing = false
	if st.aborted {
		if m.parked != nil && m.err == nil && b.state == batchGone {
			s.removeFiles(b.seal)
		}
		return
	}
	switch {
	case m.parked != nil && m.err == nil:
		b.stream = nil
		s.uploads++ // spooled takes it back
		s.spooled(spooled{b, m.parked, nil})
	case m.err == nil:
		s.streamOn(b)
	default:
		b.stream, b.spooling = nil, false
		s.streamFailed(b, m.err)
	}
}

// streamFailed lets b be read again later.
func (s *shard) streamFailed(b *batch, err error) {
	if s.stopping || s.told() || b.state == batchGone {
		return
	}
	if !errors.Is(err, journal.ErrFull) {
		s.saveErr = fmt.Errorf("park %s: %w", b.seal.GetKey(), err)
		return
	}
	s.dissolve(b.dest) // it may have gone on behind b
	s.evict(b)
	s.noRoom(b, err)
	if s.passAt.Before(s.parkAt) {
		s.passAt = s.parkAt
	}
}
