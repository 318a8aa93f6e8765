package batcher

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"log/slog"
	"time"

	journalv1 "github.com/open-destinations/destinations/gen/destinations/journal/v1"
	"github.com/open-destinations/destinations/uploader"
)

// Observer is told what becomes of batches, for those who watch the service: nothing
// that a batcher does depends on it. It is told of what this process does, and never
// of what is only read again after a restart. Its methods are called on the goroutines of
// shards, several together, and must return at once; what they are given stays as it is.
type Observer interface {
	// Sealed: a batch was closed, and its Seal has been read back.
	Sealed(b *Batch)
	// Tried: S3 was asked to store a batch, and the try has ended.
	Tried(t *Try)
	// Delivered: a batch is in S3, and its Delivered has been read back. It comes once
	// for each batch, in the process that has delivered it; never if that dies
	// in between.
	Delivered(d *Delivery)
}

// Batch is a batch that was closed.
type Batch struct {
	ID            [batchIDBytes]byte
	Partition     int
	Bucket, Key   string
	Events        uint64
	RawBytes      uint64
	FirstReceived time.Time // receipt of its first event; zero = not known
	Closed        time.Time
	Reason        string // window, size, memory, flush, crash
	Replayed      bool   // an earlier process has closed it
}

// Try is one call of the uploader for a batch, which may have sent several requests.
type Try struct {
	Batch
	Watched
	// TraceID is the batch's, SpanID this try's, of which there is one in all processes.
	TraceID      [16]byte
	SpanID       [8]byte
	Number       uint32 // of the tries of this batch in this process, from 1
	Began, Ended time.Time
	Result       uploader.Result
	Err          error // nil = the object is in S3
}

// Delivery is a batch that is in S3.
type Delivery struct {
	Try // the last one
}

// unobserved is the Observer of a batcher that nobody watches.
type unobserved struct{}

func (unobserved) Sealed(*Batch)       {}
func (unobserved) Tried(*Try)          {}
func (unobserved) Delivered(*Delivery) {}

// describe is b, which is closed, for the observer.
func (s *shard) describe(b *batch) Batch {
	seal := b.seal
	d := Batch{
		Partition: s.id, Bucket: b.dest.bucket, Key: seal.GetKey(), Events: seal.GetEvents(), RawBytes: seal.GetRawBytes(),
		Closed: time.Unix(0, seal.GetClosedUnixNanos()), Reason: reasons[seal.GetReason()], Replayed: b.rebuilt,
	}
	copy(d.ID[:], seal.GetId())
	if first := seal.GetFirstReceivedUnixNanos(); first != 0 {
		d.FirstReceived = time.Unix(0, first)
	}
	return d
}

// describeTry is the try that has ended with m, for the observer.
func (s *shard) describeTry(m *uploaded, ended time.Time) *Try {
	b := m.batch
	watched := m.watched
	if watched == nil {
		watched = b.watching.all()
	}
	b.tries++
	try := &Try{Batch: s.describe(b), Watched: *watched, Number: b.tries, Began: m.began, Ended: ended, Result: m.result, Err: m.err}
	try.TraceID = traceIDOf(b.seal.GetId())
	try.SpanID = s.spanIDOf(b)
	return try
}

// ids are the span of the try, for the log.
func (t *Try) ids() slog.Attr {
	return slog.Group("", "trace_id", hex.EncodeToString(t.TraceID[:]), "span_id", hex.EncodeToString(t.SpanID[:]))
}

// traceAttr is the trace of the batch's tries, for the log.
func (b *batch) traceAttr() slog.Attr {
	id := traceIDOf(b.seal.GetId())
	return slog.String("trace_id", hex.EncodeToString(id[:]))
}

// sampled is how many of the events are.
func (w *Watched) sampled() uint64 {
	n := w.TracedOmitted
	for i := range w.Traced {
		n += max(1, w.Traced[i].More)
	}
	return n
}

// traceIDOf is the trace of a batch's tries, in every process.
func traceIDOf(batch []byte) [16]byte {
	sum := sha256.Sum256(append([]byte("trace of a batch "), batch...))
	return [16]byte(sum[:16])
}

// spanIDOf is the span of the batch's next try, or of the one that is under way.
func (s *shard) spanIDOf(b *batch) [8]byte {
	sum := sha256.Sum256(fmt.Appendf(nil, "try %d of %x by %x", b.tries, b.seal.GetId(), s.incarnation))
	return [8]byte(sum[:8])
}

// keepForObserver lets go of all of b, which is in S3, but for what the observer is
// told when its Delivered has been read back.
func (s *shard) keepForObserver(b *batch, last *Try) {
	bytes := b.watching.bytes()
	s.forget(b)
	b.delivery = &Delivery{Try: *last}
	s.charge(b, bytes)
}

// reasons are the words of a SealReason.
var reasons = map[journalv1.SealReason]string{
	journalv1.SealReason_SEAL_REASON_WINDOW: "window",
	journalv1.SealReason_SEAL_REASON_SIZE:   "size",
	journalv1.SealReason_SEAL_REASON_MEMORY: "memory",
	journalv1.SealReason_SEAL_REASON_FLUSH:  "flush",
	journalv1.SealReason_SEAL_REASON_CRASH:  "crash",
}
