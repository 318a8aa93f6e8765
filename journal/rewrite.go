package journal

import (
	"fmt"
	"hash/crc32"
)

// rewriter writes a segment anew: what could be salvaged of it, and empty records, or
// given ones, in place of those that are lost. Offsets stay as they are, because what
// was decided speaks of them.
type rewriter struct {
	w       writer
	records map[uint64][]byte // what stands at an offset from now on, unless what stood there
}

// newRewriter begins a segment with the header of seg.
func newRewriter(f File, seg *segment, records map[uint64][]byte) (*rewriter, error) {
	r := &rewriter{w: writer{file: f, seg: seg, tip: seg.header.head(), synced: segmentHeaderSize}, records: records}
	if err := f.Allocate(segmentHeaderSize); err != nil {
		return nil, err
	}
	_, err := f.WriteAt(seg.header.encode(), 0)
	return r, err
}

// piece writes what a piece of the old segment becomes.
func (r *rewriter) piece(p piece) error {
	if p.lost != nil {
		return r.fill(p.lost.To)
	}
	if p.count == 0 {
		return nil // a proof, of the old file
	}
	var b block
	for i := range uint64(p.count) {
		var rec []byte
		rec, p.recs, _ = nextRecord(p.recs) // the block was verified
		if given, ok := r.records[p.first+i]; ok {
			rec = given
		}
		b.add(rec)
	}
	return r.write(b)
}

// fill writes records up to an offset where there are none any more.
func (r *rewriter) fill(to uint64) error {
	for r.w.tip.next < to {
		var b block
		for at := r.w.tip.next; at < to && len(b.recs) < blockPayload; at++ {
			b.add(r.records[at])
		}
		if err := r.write(b); err != nil {
			return err
		}
	}
	return nil
}

// block is the records of a block that is being made.
type block struct {
	recs  []byte
	count uint32
}

func (b *block) add(rec []byte) { b.recs, b.count = appendRecord(b.recs, rec), b.count+1 }

func (r *rewriter) write(b block) error {
	buf, end := r.w.closeBlock(append(openBlock(r.w.buf[:0]), b.recs...), 0, b.count, r.w.tip)
	return r.put(buf, end)
}

func (r *rewriter) put(buf []byte, end tip) error {
	if err := r.w.file.Allocate(end.pos); err != nil {
		return err
	}
	if err := r.w.write(buf, r.w.tip.pos); err != nil {
		return err
	}
	r.w.tip = end
	r.w.keep(buf)
	return nil
}

// end writes the last block: the proof of the sync that is to follow before the file
// gets its name, and the bridge to the segment behind, whose seed cannot be changed
// without changing every block from there on.
func (r *rewriter) end(next *segment) error {
	r.w.synced = r.w.tip.pos
	buf, end := r.w.closeBlock(openBlock(r.w.buf[:0]), 0, 0, r.w.tip)
	if next == nil {
		return r.put(buf, end)
	}
	if end.next != next.header.Base {
		return fmt.Errorf("rewrite %s: it ends at offset %d, the next segment begins at %d", r.w.seg.name, end.next, next.header.Base)
	}
	end.sum = bridge(buf, r.w.seg.salt, next.header.Seed)
	return r.put(buf, end)
}

// bridge makes the chain value behind a block that holds no records a given one, by
// what it puts into the field that is there for it, and returns it. A CRC can be led
// to any value by four bytes: going back from it, each step's highest byte tells
// which entry of the table was used.
func bridge(buf []byte, salt, sum uint32) uint32 {
	table := crc32.MakeTable(crc32.Castagnoli)
	want := ^sum
	for range 4 {
		for i, entry := range table {
			if entry>>24 == want>>24 {
				want = (want^entry)<<8 | uint32(i)
				break
			}
		}
	}
	// The four bytes are mixed into the value that is there before them.
	h, _ := decodeBlockHeader(buf, salt) // made a moment ago
	h.Bridge = want ^ ^castagnoli(salt, buf[:40])
	return h.seal(buf, salt)
}
