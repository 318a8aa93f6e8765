package journal

import (
	"errors"
	"fmt"
)

// scan is what a segment's blocks say about it.
type scan struct {
	end    tip   // behind the last block that verifies in the chain
	proven tip   // the highest boundary that a block says was synced
	stop   error // why the chain ends at end; nil if it was not followed further
}

// tail says that records stand above the proven boundary.
func (s scan) tail() bool { return s.end.next > s.proven.next }

// scanTo follows the chain of a segment that has a successor until it reaches
// the boundary at which the successor begins. All of that was synced before the
// successor was made, so whatever does not verify before it is damage. What
// stands behind it belongs to no one: recovery copied it into the successor.
func scanTo(f File, seg *segment, size int64, successor segmentHeader) (scan, error) {
	w := window{file: f}
	at := seg.header.head()
	for at.next != successor.Base || at.sum != successor.Seed {
		_, _, next, err := w.block(seg.salt, at, size)
		if err != nil {
			return scan{}, &CorruptError{File: seg.name, Offset: at.pos, Err: fmt.Errorf(
				"%w; the next segment begins at offset %d, this one breaks off at %d",
				err, successor.Base, at.next)}
		}
		at = next
	}
	return scan{end: at, proven: at}, nil
}

// scanLast follows the chain of the last segment as far as it goes, and finds
// out how much of it is proven. It returns a *CorruptError if the chain ends
// below what any block, also one behind the end, says was synced.
func scanLast(f File, seg *segment, size int64) (scan, error) {
	w := window{file: f}
	s := scan{end: seg.header.head(), proven: seg.header.head()}
	var unproven []tip // the boundaries above proven, up to end
	prove := func(synced uint64) bool {
		if synced <= uint64(s.proven.pos) {
			return true
		}
		for i, t := range unproven {
			if uint64(t.pos) == synced {
				s.proven, unproven = t, unproven[i+1:]
				return true
			}
		}
		return false
	}
	for {
		h, _, next, err := w.block(seg.salt, s.end, size)
		if err == nil && !prove(h.Synced) {
			err = errSynced
		}
		if err != nil {
			s.stop = err
			break
		}
		s.end = next
		unproven = append(unproven, next)
	}
	if !isContent(s.stop) {
		return s, &CorruptError{File: seg.name, Offset: s.end.pos, Err: s.stop}
	}
	synced, err := w.latestSync(seg.salt, s.end.pos, size)
	if err != nil {
		return s, &CorruptError{File: seg.name, Offset: s.end.pos, Err: err}
	}
	if !prove(uint64(synced)) {
		return s, &CorruptError{File: seg.name, Offset: s.end.pos, Err: fmt.Errorf(
			"%w; a block further on says that all was synced up to byte %d", s.stop, synced)}
	}
	return s, nil
}

// isContent tells bytes that do not verify, which may be a torn tail, from a
// disk that does not give them, which may hide anything; and from a file that ends in
// the middle of a block: it was synced at its full length before the first one was
// written, and recovery cuts between two, so somebody else has cut it.
func isContent(err error) bool {
	for _, e := range []error{errBlockEnd, errBlockMagic, errBlockSum, errChain, errSynced,
		errBody, errRecords, errShort} {
		if errors.Is(err, e) {
			return true
		}
	}
	return false
}
