package journal

// writeBytes is about how much goes into one write.
const writeBytes = 4 << 20

// writer puts blocks into the active segment of a log. It belongs to the log's
// committer.
type writer struct {
	file    File
	seg     *segment
	size    int64  // of the file: no block may reach beyond it
	tip     tip    // where the next block goes
	synced  int64  // up to where the file was synced
	attempt uint32 // writes that failed for want of space
	buf     []byte // reused between writes
}

// fit returns how many of the records go into the next block, if the segment
// ends at size and the block begins at pos; 0 if not even the first does.
func (w *writer) fit(recs []*Append, pos int64) int {
	n, payload := 0, int64(0)
	for _, a := range recs {
		payload += recordSize(a.rec)
		if n > 0 && payload > blockPayload || pos+blockHeaderSize+padded(payload) > w.size {
			break
		}
		n++
	}
	return n
}

// fits says that at least the first of the records goes into the segment.
func (w *writer) fits(recs []*Append) bool { return w.fit(recs, w.tip.pos) > 0 }

// open makes room for a block header at the end of buf.
func openBlock(buf []byte) []byte { return append(buf, make([]byte, blockHeaderSize)...) }

// closeBlock ends the block that begins at start in buf and holds count
// records, and returns the boundary behind it.
func (w *writer) closeBlock(buf []byte, start int, count uint32, at tip) ([]byte, tip) {
	length := len(buf) - start - blockHeaderSize
	buf = append(buf, make([]byte, padded(int64(length))-int64(length))...)
	h := blockHeader{
		Length: uint32(length), Count: count, Attempt: w.attempt,
		First: at.next, Synced: uint64(w.synced), Prev: at.sum,
	}
	sum := h.seal(buf[start:], w.seg.salt)
	return buf, tip{pos: at.pos + int64(len(buf)-start), sum: sum, next: at.next + uint64(count)}
}

// append writes as many of the records as the segment holds, and returns how
// many that were and the boundary behind them. The writer goes there only with
// advance: until then another append overwrites what this one has written.
func (w *writer) append(recs []*Append) (taken int, end tip, err error) {
	buf, at := w.buf[:0], w.tip
	pos := at.pos
	for taken < len(recs) {
		n := w.fit(recs[taken:], at.pos)
		if n == 0 {
			break
		}
		start := len(buf)
		buf = openBlock(buf)
		for _, a := range recs[taken : taken+n] {
			buf = appendRecord(buf, a.rec)
		}
		buf, at = w.closeBlock(buf, start, uint32(n), at)
		taken += n
		if len(buf) >= writeBytes {
			if err := w.write(buf, pos); err != nil {
				return 0, tip{}, err
			}
			pos, buf = pos+int64(len(buf)), buf[:0]
		}
	}
	err = w.write(buf, pos)
	w.keep(buf)
	return taken, at, err
}

// write puts bytes above the tip. Should it fail for want of space, blocks of
// this attempt may stand in the file, whole, where the next attempt does not
// overwrite them. The number of the attempt is in each block, hence in the
// chain, so they never follow on a block of another attempt, even if that one
// holds the very same records.
func (w *writer) write(buf []byte, pos int64) error {
	if len(buf) == 0 {
		return nil
	}
	if _, err := w.file.WriteAt(buf, pos); err != nil {
		w.attempt++
		return err
	}
	return nil
}

// keep holds on to the buffer for the next write, unless one large record has
// blown it up.
func (w *writer) keep(buf []byte) {
	if w.buf = buf[:0]; cap(buf) > 2*writeBytes {
		w.buf = nil
	}
}

// sync makes everything up to end durable and goes there.
func (w *writer) sync(end tip) error {
	if err := w.file.Sync(); err != nil {
		return err
	}
	w.tip, w.synced = end, end.pos
	return nil
}

// prove writes the empty block that says up to where the segment is synced. It
// is not synced itself: it matters only if it gets to the disk.
func (w *writer) prove() error {
	if w.tip.pos+blockHeaderSize > w.size {
		return nil // the segment is full; its successor will prove it
	}
	buf, at := w.closeBlock(openBlock(w.buf[:0]), 0, 0, w.tip)
	defer w.keep(buf)
	if err := w.write(buf, w.tip.pos); err != nil {
		return err
	}
	w.tip = at
	return nil
}
