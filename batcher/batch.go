package batcher

import (
	"crypto/sha256"
	"hash"
	"hash/crc32"
	"math/bits"
	"time"

	journalv1 "github.com/open-destinations/destinations/gen/destinations/journal/v1"
	"github.com/open-destinations/destinations/uploader"
)

const (
	// chunkBytes is how many raw bytes are compressed as one deflate run, and
	// smallChunkBytes when half of the memory is used: lines that wait for their chunk
	// take five times the memory of a run. Below 15 KiB runs get so much larger, and
	// compressing so much slower, that it does not pay. A chunk is cut behind the line
	// that reaches it; each is less than a power of two by what that line may be too
	// long, or the chunk's memory would double for its last line.
	chunkBytes      = 60 << 10
	smallChunkBytes = 15 << 10
	// batchOverhead is charged for a batch beside its bytes: its tables here, its
	// seal, its place in the maps.
	batchOverhead = 1 << 10
)

// batchState is how far a batch has come. It only grows, but that a failed upload
// leaves the batch sealed.
type batchState int

const (
	batchOpen      batchState = iota // takes events
	batchClosing                     // its Seal is on its way into the journal
	batchSealed                      // its Seal has been read back
	batchUploading                   // S3 has been asked
	batchStored                      // S3 has it; its Delivered is on its way into the journal
	batchGone                        // its Delivered has been read back, or it was dissolved before it was closed
)

// batch is the events of one destination that become one object. It is owned by
// its destination's shard.
type batch struct {
	dest  *destination
	state batchState

	// What it consists of.
	first, last                 position
	events, rawBytes            int64
	firstReceived, lastReceived int64 // Unix nanoseconds
	excluded                    runs  // duplicates behind first

	// Its content: lines that no chunk was cut of yet, then chunks under way, then
	// compressed runs by the order of their chunks (nil = under way).
	lines    []byte
	runs     [][]byte
	underWay int   // chunks handed to the compressors
	runRaw   int64 // raw bytes of finished runs
	runBytes int64 // bytes of finished runs
	crc      uint32
	sha      hash.Hash
	charged  int64 // of the memory budget
	share    share // what it is charged to

	// seal is set when it is closed, or when it was read from the journal.
	seal *journalv1.Seal
	// rebuilt: its Seal was read before its events, which are being read again.
	rebuilt bool
	// incomplete: some of its events have to be read from the journal.
	incomplete bool
	filled     int // how often its content was dropped to be read again
	kept

	cleared  bool     // what an earlier process may have left under its key was aborted
	flushes  []*flush // that wait for its Seal
	attempts uint32   // that S3 was asked to store it, by the uploader's count
	tries    uint32   // calls of the uploader
	job      *job     // the last of them

	watching watching  // its events, as far as they have been read
	delivery *Delivery // once S3 has it, until its Delivered has been read back; nil = another process has delivered it
}

// add takes one line, for which there is room, and returns by how many bytes anything
// else has grown. The caller has checked that the event belongs here.
func (b *batch) add(at position, received int64, e *eventRecord) (grown int64) {
	if b.events == 0 {
		b.first, b.firstReceived, b.lastReceived = at, received, received
		b.sha = sha256.New()
	}
	b.last = at
	b.events++
	b.rawBytes += int64(len(e.payload)) + 1
	b.firstReceived = min(b.firstReceived, received)
	b.lastReceived = max(b.lastReceived, received)
	b.lines = append(append(b.lines, e.payload...), '\n')
	return b.watching.add(at, received, e)
}

// grow makes room for n more bytes of lines, and returns by how much their memory has
// grown. It keeps to powers of two, for which the sizes of chunks are made: append
// grows large slices by a quarter, and would copy each line five times until its chunk
// is full.
func (b *batch) grow(n int) (more int64) {
	have, need := cap(b.lines), len(b.lines)+n
	if need <= have {
		return 0
	}
	size := max(1<<bits.Len(uint(need-1)), 512)
	b.lines = append(make([]byte, 0, size), b.lines...)
	return int64(cap(b.lines) - have)
}

// cut takes the lines that are waiting, for a compressor; their checksums go into
// the batch's. The batch does not touch the chunk again.
func (b *batch) cut() (chunk []byte, index int) {
	chunk, b.lines = b.lines, nil
	b.crc = crc32.Update(b.crc, crc32.IEEETable, chunk)
	b.sha.Write(chunk) // never fails
	b.underWay++
	b.runs = append(b.runs, nil)
	return chunk, len(b.runs) - 1
}

// compressed takes the run of a chunk that was cut.
func (b *batch) compressed(index int, run []byte, rawBytes int) {
	b.runs[index] = run
	b.underWay--
	b.runRaw += int64(rawBytes)
	b.runBytes += int64(len(run))
}

// size estimates the compressed size: what is compressed, and the rest at the
// ratio so far.
func (b *batch) size() int64 {
	rest := b.rawBytes - b.runRaw
	if b.runRaw > 0 {
		rest = int64(float64(rest) * float64(b.runBytes) / float64(b.runRaw))
	}
	return b.runBytes + rest
}

// full reports whether the batch has to be closed before its window ends.
func (b *batch) full(c *Config) bool {
	return b.events >= c.MaxEvents || len(b.excluded) >= maxRuns || b.rawBytes >= c.MaxRawBytes || b.size() >= c.MaxObjectSize
}

// ready reports whether every byte of the object is there.
func (b *batch) ready() bool {
	return b.state == batchSealed && !b.incomplete && b.underWay == 0 && !b.spooling && b.stream == nil
}

func (b *batch) object() *uploader.Object {
	o := &uploader.Object{
		Tenant: b.dest.tenant,
		Bucket: b.dest.bucket,
		Key:    b.seal.GetKey(),
		Body:   uploader.NewBody(b.runs, b.crc, uint64(b.rawBytes)),
		Metadata: uploader.Metadata{
			Events:        uint64(b.events),
			RawBytes:      uint64(b.rawBytes),
			FirstReceived: time.Unix(0, b.firstReceived).UTC(),
			LastReceived:  time.Unix(0, b.lastReceived).UTC(),
		},
	}
	b.sha.Sum(o.Metadata.RawSHA256[:0])
	return o
}

// tables is what a closed batch is charged for while its bytes are in the journal
// alone.
func (b *batch) tables() int64 {
	return b.dest.overhead() + runBytes*int64(len(b.seal.GetExcluded()))
}

// reset makes it as if nothing of the batch had been read.
func (b *batch) reset() {
	b.incomplete = true
	b.filled++
	b.events, b.rawBytes, b.underWay, b.runRaw, b.runBytes, b.crc = 0, 0, 0, 0, 0, 0
}

// drop lets go of the content.
func (b *batch) drop() {
	b.lines, b.runs, b.sha, b.excluded = nil, nil, nil, nil
	b.watching = watching{on: b.watching.on, traced: traced{most: b.watching.traced.most}}
	b.delivery = nil
}
