package journal

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
)

// Sizes and marks of format version 1. The package comment draws them.
const (
	formatVersion = 1

	segmentMagic      = "DSTSEGM\x01"
	segmentHeaderSize = 64

	blockMagic      = 0xB10C5EA1
	blockHeaderSize = 48
	blockAlign      = 8
	// blockPayload is where a block is closed, unless one record alone is
	// larger.
	blockPayload = 1 << 20

	// recordOverhead is what a segment spends on its only record: both
	// headers, the longest length prefix, and padding.
	recordOverhead = segmentHeaderSize + blockHeaderSize + binary.MaxVarintLen64 + blockAlign
)

// Kind tells the two logs of a partition apart.
type Kind uint32

const (
	// EventsLog is the log of events.
	EventsLog Kind = 1
	// ControlLog is the log of control records.
	ControlLog Kind = 2
)

// String is the first word of the log's file names.
func (k Kind) String() string {
	if k == ControlLog {
		return "control"
	}
	return "events"
}

func castagnoli(seed uint32, p []byte) uint32 {
	return crc32.Update(seed, crc32.MakeTable(crc32.Castagnoli), p)
}

// segmentHeader is the first 64 bytes of a segment.
type segmentHeader struct {
	Kind      Kind
	Partition uint32
	Journal   [16]byte
	Number    uint64
	Base      uint64 // offset of its first record
	Seed      uint32 // chain value at the end of the segment before it
}

func (h segmentHeader) encode() []byte {
	b := make([]byte, 0, segmentHeaderSize)
	b = append(b, segmentMagic...)
	b = binary.LittleEndian.AppendUint32(b, formatVersion)
	b = binary.LittleEndian.AppendUint32(b, uint32(h.Kind))
	b = binary.LittleEndian.AppendUint32(b, h.Partition)
	b = binary.LittleEndian.AppendUint32(b, 0)
	b = append(b, h.Journal[:]...)
	b = binary.LittleEndian.AppendUint64(b, h.Number)
	b = binary.LittleEndian.AppendUint64(b, h.Base)
	b = binary.LittleEndian.AppendUint32(b, h.Seed)
	return binary.LittleEndian.AppendUint32(b, castagnoli(0, b))
}

// decodeSegmentHeader checks the checksum first, so that a bit that has
// flipped is never mistaken for another version.
func decodeSegmentHeader(b []byte) (segmentHeader, error) {
	if len(b) < segmentHeaderSize {
		return segmentHeader{}, fmt.Errorf("segment header: %d bytes, want %d", len(b), segmentHeaderSize)
	}
	le := binary.LittleEndian
	if string(b[:8]) != segmentMagic {
		return segmentHeader{}, errors.New("segment header: not a segment")
	}
	if got, want := castagnoli(0, b[:60]), le.Uint32(b[60:]); got != want {
		return segmentHeader{}, fmt.Errorf("segment header: checksum %08x, want %08x", got, want)
	}
	if v := le.Uint32(b[8:]); v != formatVersion {
		return segmentHeader{}, fmt.Errorf("segment header: format version %d, want %d", v, formatVersion)
	}
	return segmentHeader{
		Kind:      Kind(le.Uint32(b[12:])),
		Partition: le.Uint32(b[16:]),
		Journal:   [16]byte(b[24:40]),
		Number:    le.Uint64(b[40:]),
		Base:      le.Uint64(b[48:]),
		Seed:      le.Uint32(b[56:]),
	}, nil
}

// salt starts the checksum of each block header of a segment. It differs
// between any two segments of a log, and between journals, so a block that
// strayed from one file into another does not verify there; and since nobody
// who sends payloads knows the journal's id, no payload can pose as a block.
func (h segmentHeader) salt() uint32 {
	b := make([]byte, 0, 32)
	b = append(b, h.Journal[:]...)
	b = binary.LittleEndian.AppendUint32(b, h.Partition)
	b = binary.LittleEndian.AppendUint32(b, uint32(h.Kind))
	b = binary.LittleEndian.AppendUint64(b, h.Number)
	return castagnoli(0, b)
}

// blockHeader stands before each block's records.
type blockHeader struct {
	Length  uint32 // bytes of records, without padding
	Count   uint32 // records; 0 is a proof block
	Attempt uint32 // writes to this segment that had failed for want of space
	First   uint64 // offset of the first record, or of the next one if Count is 0
	Synced  uint64 // position up to which the segment was known to be synced
	Prev    uint32 // chain value before this block
	Body    uint32 // CRC32C of records and padding
	Bridge  uint32 // 0; in the last block of a repaired segment, what makes Sum the seed of the next
	Sum     uint32 // CRC32C of salt and all the above: the chain value after it
}

// seal fills in the checksums of the block that is buf, header room included,
// and returns the chain value after it.
func (h blockHeader) seal(buf []byte, salt uint32) uint32 {
	le := binary.LittleEndian
	le.PutUint32(buf[0:], blockMagic)
	le.PutUint32(buf[4:], h.Length)
	le.PutUint32(buf[8:], h.Count)
	le.PutUint32(buf[12:], h.Attempt)
	le.PutUint64(buf[16:], h.First)
	le.PutUint64(buf[24:], h.Synced)
	le.PutUint32(buf[32:], h.Prev)
	le.PutUint32(buf[36:], castagnoli(0, buf[blockHeaderSize:]))
	le.PutUint32(buf[40:], h.Bridge)
	sum := castagnoli(salt, buf[:44])
	le.PutUint32(buf[44:], sum)
	return sum
}

var (
	errBlockEnd   = errors.New("block header: zeros, where the log ends")
	errBlockMagic = errors.New("block header: not a block")
	errBlockSum   = errors.New("block header: checksum does not match")
)

// decodeBlockHeader verifies a block header by itself, without the chain.
func decodeBlockHeader(b []byte, salt uint32) (blockHeader, error) {
	le := binary.LittleEndian
	switch magic := le.Uint32(b); {
	case magic == 0:
		return blockHeader{}, errBlockEnd
	case magic != blockMagic:
		return blockHeader{}, errBlockMagic
	}
	h := blockHeader{
		Length:  le.Uint32(b[4:]),
		Count:   le.Uint32(b[8:]),
		Attempt: le.Uint32(b[12:]),
		First:   le.Uint64(b[16:]),
		Synced:  le.Uint64(b[24:]),
		Prev:    le.Uint32(b[32:]),
		Body:    le.Uint32(b[36:]),
		Bridge:  le.Uint32(b[40:]),
		Sum:     le.Uint32(b[44:]),
	}
	if castagnoli(salt, b[:44]) != h.Sum {
		return blockHeader{}, errBlockSum
	}
	return h, nil
}

// size is the length of the whole block in the file.
func (h blockHeader) size() int64 { return blockHeaderSize + padded(int64(h.Length)) }

func padded(n int64) int64 { return (n + blockAlign - 1) &^ (blockAlign - 1) }

// recordSize is what a record takes in a block.
func recordSize(rec []byte) int64 {
	n := int64(1)
	for v := len(rec); v >= 0x80; v >>= 7 {
		n++
	}
	return n + int64(len(rec))
}

// appendRecord adds a record to a block.
func appendRecord(buf, rec []byte) []byte {
	buf = binary.AppendUvarint(buf, uint64(len(rec)))
	return append(buf, rec...)
}

var errRecords = errors.New("block: records do not fill it as its header says")

// nextRecord splits the first record off the records of a block.
func nextRecord(b []byte) (rec, rest []byte, err error) {
	n, w := binary.Uvarint(b)
	if w <= 0 || n > uint64(len(b)-w) {
		return nil, nil, errRecords
	}
	return b[w : w+int(n)], b[w+int(n):], nil
}

// checkRecords verifies that exactly count records fill b.
func checkRecords(b []byte, count uint32) error {
	for ; count > 0; count-- {
		var err error
		if _, b, err = nextRecord(b); err != nil {
			return err
		}
	}
	if len(b) != 0 {
		return errRecords
	}
	return nil
}
