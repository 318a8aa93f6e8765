package journal

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
)

// Reader reads the records of a log in order. It belongs to one goroutine, and
// holds a file open until Close.
type Reader struct {
	log    *Log
	seg    *segment // the one being read
	win    window   // on seg
	at     tip      // the next block
	recs   []byte   // what is left of the block before at
	left   uint32   // records in recs
	offset uint64   // of the next record
	closed bool
}

// NewReader returns a reader whose first record is the one at from, which must
// be at or above the start of the log and at or below its commit point.
// [ErrReleased], [ErrClosed] and the *[CorruptError] of the partition are its
// errors, besides those of opening a file.
func (l *Log) NewReader(from uint64) (*Reader, error) {
	r := &Reader{log: l, offset: from}
	if err := l.readable(from); err != nil {
		return nil, err
	}
	seg, committed := l.holding(from)
	if from > committed {
		return nil, fmt.Errorf("journal: read %s log from offset %d, above its commit point %d",
			l.kind, from, committed)
	}
	if err := r.open(seg); err != nil {
		return nil, err
	}
	return r, nil
}

// readable returns why a record may not be read, or nil.
func (l *Log) readable(offset uint64) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.mu.closed {
		return ErrClosed
	}
	if err := l.part.Err(); err != nil {
		return err
	}
	if offset < l.mu.start {
		return fmt.Errorf("%w: %d, the %s log starts at %d", ErrReleased, offset, l.kind, l.mu.start)
	}
	return nil
}

// holding returns the segment to look for an offset in, and the commit point.
func (l *Log) holding(offset uint64) (*segment, uint64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	segs := l.mu.segs
	i := len(segs) - 1
	for i > 0 && segs[i].header.Base > offset {
		i--
	}
	return segs[i], l.mu.committed
}

// after returns where the committed records of a segment end, and the segment
// behind it, if there is one.
func (l *Log) after(seg *segment) (tip, *segment) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, s := range l.mu.segs {
		if s.header.Number > seg.header.Number {
			return seg.end, s
		}
	}
	return seg.end, nil
}

// Next returns the next record and its offset. The record is valid until the
// next call. At the commit point it returns [io.EOF]; called again after an
// advance, it goes on. [ErrFull] says that there was no file descriptor to read
// with; called again later, it goes on likewise. A *[CorruptError] has closed the
// partition. No error moves the reader.
func (r *Reader) Next() (rec []byte, offset uint64, err error) {
	if r.closed {
		return nil, 0, ErrClosed
	}
	if err := r.log.readable(r.offset); err != nil {
		return nil, 0, err
	}
	for r.left == 0 {
		if err := r.load(); err != nil {
			return nil, 0, err
		}
	}
	if rec, err = r.step(); err != nil {
		return nil, 0, err
	}
	return rec, r.offset - 1, nil
}

// step takes one record off the block.
func (r *Reader) step() ([]byte, error) {
	rec, rest, err := nextRecord(r.recs)
	if err != nil {
		return nil, r.damage(r.at.pos, err)
	}
	r.recs, r.left, r.offset = rest, r.left-1, r.offset+1
	return rec, nil
}

// load reads the next block that holds records at or above the offset, or goes
// to the next segment. A segment that has one is followed until its chain has come to
// what the next one says; whatever does not verify before that is damage. What stands
// behind it belongs to no one: recovery copied it into the next one.
func (r *Reader) load() error {
	end, next := r.log.after(r.seg)
	if r.at.next == end.next && r.at.sum == end.sum {
		if next == nil {
			return io.EOF
		}
		return r.open(next)
	}
	_, recs, at, err := r.win.block(r.seg.salt, r.at, end.pos)
	if err == nil && at.next > end.next {
		err = errBeyond
	}
	if err != nil && next != nil {
		err = fmt.Errorf("%w; the next segment begins at offset %d, this one breaks off at %d", err, next.header.Base, r.at.next)
	}
	if err != nil {
		return r.damage(r.at.pos, err)
	}
	first := r.at.next
	r.at = at
	if at.next <= r.offset {
		return nil // wholly below; also a proof block
	}
	r.recs, r.left = recs, uint32(at.next-first)
	for skip := r.offset - first; skip > 0; skip-- {
		_, r.recs, _ = nextRecord(r.recs) // win.block has checked them
		r.left--
	}
	return nil
}

// open goes to the beginning of a segment.
func (r *Reader) open(seg *segment) error {
	if seg.header.Base > r.offset { // a segment in between has gone since somebody looked
		return fmt.Errorf("%w: %d, the next segment begins at %d", ErrReleased, r.offset, seg.header.Base)
	}
	f, err := r.log.part.j.fs.Open(seg.name)
	if errors.Is(err, fs.ErrNotExist) {
		// Either it was released a moment ago, or somebody took it away.
		if released := r.log.readable(r.offset); released != nil {
			return released
		}
		return r.log.part.damage(&CorruptError{File: seg.name, Err: err})
	}
	if err != nil && lacksRoom(err) {
		return full(err) // no descriptor: the caller may try again
	}
	if err != nil {
		return fmt.Errorf("open segment: %w", err)
	}
	if r.win.file != nil {
		r.win.file.Close() // only read from: nothing to lose
	}
	r.seg, r.win, r.at = seg, window{file: f, buf: r.win.buf[:0]}, seg.header.head()
	return nil
}

func (r *Reader) damage(pos int64, err error) error {
	return r.log.part.damage(&CorruptError{File: r.seg.name, Offset: pos, Err: err})
}

// Offset returns the offset of the record that Next would return.
func (r *Reader) Offset() uint64 { return r.offset }

// SegmentStart says that the record Next would return is, or will be, the first
// of a segment. At the commit point it says so only once that segment exists.
func (r *Reader) SegmentStart() bool {
	if r.left > 0 {
		return r.offset == r.seg.header.Base
	}
	seg, _ := r.log.holding(r.offset)
	return seg.header.Base == r.offset
}

// Close gives up the file. It may be called after the journal's Close, and more
// than once.
func (r *Reader) Close() error {
	if r.closed {
		return nil
	}
	r.closed = true
	return r.win.file.Close()
}
