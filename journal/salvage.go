package journal

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
)

// Where recovery stops at the first byte that does not verify, salvage goes on
// behind it: it finds what of a damaged segment can still be trusted. Whatever it
// takes has its own checksum, which only the segment's writer can have made, so the
// records between two such places are known by number even where nothing can be read.

// Lost says that records cannot be read back.
type Lost struct {
	// From and To are the offsets of the first of them and of the first behind
	// them. They are equal if bytes are damaged that hold no record.
	From, To uint64
	// Damage says where, and what was found there.
	Damage *CorruptError
	// Until is the position in the file from which on it can be trusted again; 0 if
	// nothing is known of what stands before that.
	Until int64
}

// Error says what is lost, and where.
func (l *Lost) Error() string {
	if l.From == l.To {
		return fmt.Sprintf("%v; no record is lost by it", l.Damage)
	}
	if l.From+1 == l.To {
		return fmt.Sprintf("%v; record %d is lost", l.Damage, l.From)
	}
	return fmt.Sprintf("%v; records %d to %d are lost", l.Damage, l.From, l.To-1)
}

// Unwrap returns the damage.
func (l *Lost) Unwrap() error { return l.Damage }

// piece is what a segment consists of: a block that verifies, or damage.
type piece struct {
	first uint64 // offset of the block's first record
	count uint32
	recs  []byte // the block's records
	lost  *Lost  // instead of them
}

// salvager reads one segment.
type salvager struct {
	seg   *segment // header, name and salt; its end is not used
	next  *segment // the one behind it; nil for the last
	size  int64
	file  *patient
	win   window
	at    tip // everything before it has been visited
	visit func(piece) error
}

// salvage visits all pieces of a segment in order, and returns where it ends: where
// the next segment begins, or, of the last one, where nothing follows but what was
// never answered.
func salvage(f File, seg, next *segment, visit func(piece) error) (tip, error) {
	size, err := f.Size()
	if err != nil {
		return tip{}, err
	}
	s := &salvager{seg: seg, next: next, size: size, file: &patient{File: f}, at: seg.header.head(), visit: visit}
	s.win = window{file: s.file}
	for {
		if next != nil && s.at.next == next.header.Base && s.at.sum == next.header.Seed {
			return s.at, nil
		}
		if done, err := s.step(); done || err != nil {
			return s.at, err
		}
	}
}

// step visits the next piece.
func (s *salvager) step() (done bool, err error) {
	h, recs, at, damage := s.block()
	if damage != nil && s.next == nil && !errors.Is(damage, errLength) {
		if torn, err := s.torn(); torn || err != nil {
			return true, err
		}
		// Beside a service it may have been written in the meantime.
		s.win.buf = s.win.buf[:0]
		h, recs, at, damage = s.block()
	}
	if damage != nil {
		return s.skip(damage)
	}
	first := s.at.next
	s.at = at
	return false, s.visit(piece{first: first, count: h.Count, recs: recs})
}

// block reads the block that follows.
func (s *salvager) block() (blockHeader, []byte, tip, error) {
	h, recs, at, err := s.win.block(s.seg.salt, s.at, s.size)
	if err == nil && !s.fits(h) {
		err = fmt.Errorf("block: it reaches beyond offset %d, where the next segment begins", s.next.header.Base)
	}
	return h, recs, at, err
}

// fits says that a block ends before the next segment begins.
func (s *salvager) fits(h blockHeader) bool {
	return s.next == nil || h.First+uint64(h.Count) <= s.next.header.Base
}

// torn says of the last segment that what is behind here need not have been on the
// disk: that no block says that it was, and that the disk gives all of it.
func (s *salvager) torn() (bool, error) {
	synced, err := s.win.latestSync(s.seg.salt, s.at.pos, s.size)
	return synced <= s.at.pos && s.file.refused == nil, err
}

// skip goes on behind damage: at the next block header that verifies by itself, or at
// the end of the segment.
func (s *salvager) skip(damage error) (done bool, err error) {
	if s.file.refused != nil {
		damage, s.file.refused = s.file.refused, nil
	}
	pos, sum, next := s.resume()
	if errors.Is(damage, errLength) && s.next == nil {
		next += s.cutOff()
	}
	lost := &Lost{From: s.at.next, To: next, Until: pos,
		Damage: &CorruptError{File: s.seg.name, Offset: s.at.pos, Err: damage}}
	s.at = tip{pos: pos, sum: sum, next: next}
	if err := s.visit(piece{lost: lost}); err != nil {
		return true, err
	}
	return s.next == nil && pos >= s.size, nil
}

// resume returns the place to go on at.
func (s *salvager) resume() (pos int64, sum uint32, next uint64) {
	for pos := padded(s.at.pos + blockAlign); pos+blockHeaderSize <= s.size; pos += blockAlign {
		if h, ok := s.headerAt(pos); ok {
			return pos, h.Prev, h.First
		}
	}
	if s.next != nil {
		return s.size, s.next.header.Seed, s.next.header.Base
	}
	return s.size, s.at.sum, s.at.next
}

// cutOff returns how many records the block holds, at the least, in the middle of which
// the file ends.
func (s *salvager) cutOff() uint64 {
	b, err := s.win.bytes(s.at.pos, blockHeaderSize, s.size)
	if err != nil {
		return 1
	}
	h, err := decodeBlockHeader(b, s.seg.salt)
	if err != nil {
		return 1
	}
	return uint64(h.Count)
}

// headerAt returns the block header at a place, if it verifies by itself and can be
// what follows there.
func (s *salvager) headerAt(pos int64) (blockHeader, bool) {
	b, err := s.win.bytes(pos, blockHeaderSize, s.size)
	if err != nil || binary.LittleEndian.Uint32(b) != blockMagic {
		return blockHeader{}, false
	}
	h, err := decodeBlockHeader(b, s.seg.salt)
	return h, err == nil && h.First >= s.at.next && s.fits(h) && h.size() <= s.size-pos
}

// patient is a file that gives zeros for the pages that the disk does not give, which
// then do not verify.
type patient struct {
	File
	refused error // the first error of the disk
}

const patientPage = 4096

// ReadAt implements [io.ReaderAt].
func (p *patient) ReadAt(b []byte, off int64) (int, error) {
	n, err := p.File.ReadAt(b, off)
	if err == nil || errors.Is(err, io.EOF) {
		return n, err
	}
	for n = 0; n < len(b); {
		at := off + int64(n)
		page := b[n:min(len(b), n+int(patientPage-at%patientPage))]
		got, err := p.File.ReadAt(page, at)
		switch {
		case err == nil:
		case errors.Is(err, io.EOF):
			return n + got, io.EOF
		default:
			clear(page)
			if p.refused == nil {
				p.refused = err
			}
		}
		n += len(page)
	}
	return n, nil
}

// guess makes up the header of a segment whose own one does not verify, from its
// name and its first block that does. It returns false if nothing of it can be read.
func guess(f File, seg *segment) (bool, error) {
	size, err := f.Size()
	if err != nil {
		return false, err
	}
	seg.salt = seg.header.salt()
	s := &salvager{seg: seg, size: size, file: &patient{File: f}, at: tip{}}
	s.win = window{file: s.file}
	for pos := int64(segmentHeaderSize); pos+blockHeaderSize <= size; pos += blockAlign {
		h, ok := s.headerAt(pos)
		if !ok {
			continue
		}
		seg.header.Base = h.First
		if pos == segmentHeaderSize {
			seg.header.Seed = h.Prev
		}
		return true, nil
	}
	return false, nil
}
