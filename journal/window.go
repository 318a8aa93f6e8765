package journal

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
)

// windowBytes is how much is read at a time when smaller pieces are asked for.
const windowBytes = 256 << 10

// tip is a boundary between blocks: where it lies, the chain value of the
// blocks before it, and the offset of the first record behind it.
type tip struct {
	pos  int64
	sum  uint32
	next uint64
}

// window reads a file forwards through one buffer. It belongs to one goroutine.
type window struct {
	file File
	buf  []byte
	at   int64 // position in file of buf[0]
}

// bytes returns n bytes at pos, valid until the next call. It never reads at or
// above limit, so that bytes which another goroutine still writes do not get
// into the buffer.
func (w *window) bytes(pos, n, limit int64) ([]byte, error) {
	if n > limit-pos {
		return nil, errShort
	}
	if pos >= w.at && pos+n <= w.at+int64(len(w.buf)) {
		return w.buf[pos-w.at:][:n], nil
	}
	want := min(max(n, windowBytes), limit-pos)
	var kept int64 // bytes at pos that are here already: most blocks lie across two reads
	if pos >= w.at {
		kept = max(w.at+int64(len(w.buf))-pos, 0)
	}
	have := w.buf[int64(len(w.buf))-kept:]
	if w.buf = w.buf[:cap(w.buf)]; int64(len(w.buf)) < want {
		w.buf = make([]byte, want)
	}
	copy(w.buf, have)
	w.at = pos
	got, err := w.file.ReadAt(w.buf[kept:want], pos+kept)
	got += int(kept)
	w.buf = w.buf[:got]
	if int64(got) >= n {
		return w.buf[:n], nil
	}
	if err == nil || errors.Is(err, io.EOF) {
		err = errShort
	}
	return nil, err
}

var (
	errShort  = errors.New("block: the segment ends before it does")
	errChain  = errors.New("block header: does not follow the block before it")
	errLength = errors.New("block: reaches beyond the end of the file, which is too short")
	errBody   = errors.New("block: checksum of the records does not match")
	errSynced = errors.New("block header: states a sync that no block ends at")
	errBeyond = errors.New("block: holds records of the next segment")
)

// block reads the block at a boundary and verifies all of it. It returns its
// records, valid until the next call, and the boundary behind it.
func (w *window) block(salt uint32, at tip, limit int64) (blockHeader, []byte, tip, error) {
	refuse := func(err error) (blockHeader, []byte, tip, error) { return blockHeader{}, nil, at, err }
	b, err := w.bytes(at.pos, blockHeaderSize, limit)
	if errors.Is(err, errShort) && w.beginsBlock(at.pos, limit) {
		err = errLength
	}
	if err != nil {
		return refuse(err)
	}
	h, err := decodeBlockHeader(b, salt)
	switch {
	case err != nil:
		return refuse(err)
	case h.Prev != at.sum, h.First != at.next:
		return refuse(errChain)
	case h.size() > limit-at.pos:
		return refuse(errLength)
	case h.Synced > uint64(at.pos):
		return refuse(errSynced)
	}
	if b, err = w.bytes(at.pos, h.size(), limit); err != nil {
		return refuse(err)
	}
	if castagnoli(0, b[blockHeaderSize:]) != h.Body {
		return refuse(errBody)
	}
	recs := b[blockHeaderSize:][:h.Length]
	if err := checkRecords(recs, h.Count); err != nil {
		return refuse(err)
	}
	return h, recs, tip{pos: at.pos + h.size(), sum: h.Sum, next: at.next + uint64(h.Count)}, nil
}

// beginsBlock says that the magic of a block stands at pos.
func (w *window) beginsBlock(pos, limit int64) bool {
	b, err := w.bytes(pos, 4, limit)
	return err == nil && binary.LittleEndian.Uint32(b) == blockMagic
}

// latestSync looks in [from, limit) for block headers that verify by
// themselves, wherever they stand, and returns the highest position that one of
// them says was synced.
func (w *window) latestSync(salt uint32, from, limit int64) (int64, error) {
	var latest int64
	for pos := padded(from); pos+blockHeaderSize <= limit; pos += windowBytes {
		// The pieces overlap by a header, so that none is cut in two.
		b, err := w.bytes(pos, min(windowBytes+blockHeaderSize, limit-pos), limit)
		if err != nil {
			return 0, fmt.Errorf("read at byte %d: %w", pos, err)
		}
		latest = max(latest, latestSyncIn(b, salt))
	}
	return latest, nil
}

// latestSyncIn is latestSync for bytes of a segment, from an aligned position.
func latestSyncIn(b []byte, salt uint32) int64 {
	mark := binary.LittleEndian.AppendUint32(nil, blockMagic)
	var latest int64
	for at := 0; at+blockHeaderSize <= len(b); {
		i := bytes.Index(b[at:], mark)
		if i < 0 {
			break
		}
		at += i &^ (blockAlign - 1)
		if i%blockAlign == 0 && at+blockHeaderSize <= len(b) {
			// What it says is true also where it does not belong: only this
			// segment's writer can have made it.
			if h, err := decodeBlockHeader(b[at:], salt); err == nil {
				latest = max(latest, int64(h.Synced))
			}
		}
		at += blockAlign
	}
	return latest
}
