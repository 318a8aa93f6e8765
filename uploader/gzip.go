package uploader

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
	"sort"

	"github.com/klauspost/compress/flate"
)

// The frame of a gzip file (RFC 1952) around runs of raw deflate (RFC 1951).
const (
	gzipHeaderSize  = len(gzipHeader)
	gzipTrailerSize = 2 + 4 + 4 // empty final block, CRC-32, size
)

// gzipHeader is the same for every file: deflate, no flags, no modification
// time, no statement about the level, operating system unknown (255). Nothing
// in it depends on when or where the file was made.
const gzipHeader = "\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\xff"

// Compressor turns chunks of raw bytes into runs of deflate that [NewBody] joins
// into one gzip file. It owns a deflate writer of about 1.2 MB, so there should
// be one for each goroutine that compresses, not one for each batch. It must not
// be used by two goroutines at once.
type Compressor struct {
	out bytes.Buffer  // the run being made; its memory is used again
	w   *flate.Writer // writes to out
}

// NewCompressor returns a Compressor of the given level: 1 is the fastest, 9
// makes the smallest files. Any other level is an error.
func NewCompressor(level int) (*Compressor, error) {
	if level < flate.BestSpeed || level > flate.BestCompression {
		return nil, fmt.Errorf("compression level %d: must be between %d and %d",
			level, flate.BestSpeed, flate.BestCompression)
	}
	c := &Compressor{}
	w, err := flate.NewWriter(&c.out, level)
	if err != nil {
		return nil, fmt.Errorf("compression level %d: %w", level, err)
	}
	c.w = w
	return c, nil
}

// Run compresses raw into one run of deflate blocks. The run ends at a byte
// boundary (a sync flush), holds no final block and refers to nothing before it,
// so runs can be made in any order, by any compressors, and be joined in any
// order. The same bytes at the same level give the same run. The result is
// freshly allocated, exactly as large as needed, and the caller's; raw is not
// kept.
func (c *Compressor) Run(raw []byte) []byte {
	c.out.Reset()
	c.w.Reset(&c.out)
	if _, err := c.w.Write(raw); err != nil {
		panic(fmt.Sprintf("uploader: invariant: compressing into memory cannot fail: %v", err))
	}
	if err := c.w.Flush(); err != nil {
		panic(fmt.Sprintf("uploader: invariant: flushing into memory cannot fail: %v", err))
	}
	run := make([]byte, c.out.Len())
	copy(run, c.out.Bytes())
	return run
}

// StoredRun returns raw as a run like those of a [Compressor], without compressing it
// (stored blocks, RFC 1951, 3.2.4).
func StoredRun(raw []byte) []byte {
	run := make([]byte, 0, len(raw)+5*(len(raw)/math.MaxUint16+1))
	for {
		n := min(len(raw), math.MaxUint16)
		run = append(run, 0) // not the final block, stored
		run = binary.LittleEndian.AppendUint16(run, uint16(n))
		run = binary.LittleEndian.AppendUint16(run, ^uint16(n))
		run = append(run, raw[:n]...)
		if raw = raw[n:]; len(raw) == 0 {
			return run
		}
	}
}

// errNegativeOffset is what ReadAt answers for a place before the file.
var errNegativeOffset = errors.New("uploader: read at a negative offset")

// Body is a gzip file of one member, made of runs without copying them: memory
// beside the runs is 8 bytes a run. It may be read any number of times and by
// any number of goroutines at once.
type Body struct {
	pieces  [][]byte // header, the runs, trailer; immutable
	ends    []int64  // ends[i] is the offset just after pieces[i]; immutable
	trailer [gzipTrailerSize]byte
}

// NewBody joins runs, in order, under one gzip header and one trailer. rawCRC32
// is the CRC-32 (IEEE polynomial) and rawBytes the size of what the runs hold
// together before compression; a reader checks both. The body refers to the
// runs: they must not be changed as long as it is used.
func NewBody(runs [][]byte, rawCRC32 uint32, rawBytes uint64) *Body {
	b := &Body{
		pieces: make([][]byte, 0, len(runs)+2),
		ends:   make([]int64, 0, len(runs)+2),
	}
	// An empty block with fixed codes, marked final: the runs have no end mark.
	b.trailer[0], b.trailer[1] = 0x03, 0x00
	binary.LittleEndian.PutUint32(b.trailer[2:], rawCRC32)
	binary.LittleEndian.PutUint32(b.trailer[6:], uint32(rawBytes)) // RFC 1952: modulo 2^32
	b.add([]byte(gzipHeader))
	for _, run := range runs {
		b.add(run)
	}
	b.add(b.trailer[:])
	return b
}

// add appends one piece to a body that is being built.
func (b *Body) add(piece []byte) {
	end := int64(len(piece))
	if n := len(b.ends); n > 0 {
		end += b.ends[n-1]
	}
	b.pieces = append(b.pieces, piece)
	b.ends = append(b.ends, end)
}

// Size returns the size of the file in bytes.
func (b *Body) Size() int64 { return b.ends[len(b.ends)-1] }

// ReadAt reads the file from offset off, as [io.ReaderAt] says.
func (b *Body) ReadAt(p []byte, off int64) (int, error) {
	if off < 0 {
		return 0, errNegativeOffset
	}
	n := 0
	i := sort.Search(len(b.ends), func(i int) bool { return b.ends[i] > off })
	for ; i < len(b.pieces) && n < len(p); i++ {
		piece := b.pieces[i]
		start := b.ends[i] - int64(len(piece))
		n += copy(p[n:], piece[off+int64(n)-start:])
	}
	if n < len(p) {
		return n, io.EOF
	}
	return n, nil
}

// Frame returns what stands before and behind the runs in the file that [NewBody]
// makes of them, for whoever writes it himself because it need not be in memory whole.
func Frame(rawCRC32 uint32, rawBytes uint64) (header, trailer []byte) {
	b := NewBody(nil, rawCRC32, rawBytes)
	return b.pieces[0], b.pieces[1]
}

// BodySize returns the size of the file that [NewBody] makes of runs of
// runBytes bytes together.
func BodySize(runBytes int64) int64 { return int64(gzipHeaderSize) + runBytes + int64(gzipTrailerSize) }
