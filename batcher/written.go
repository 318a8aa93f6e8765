package batcher

const (
	// maxWritten is how many buckets a shard remembers to have written to. Of one that it
	// has forgotten it would take the loss for a mistake in its name.
	maxWritten = 10_000
	// writtenOverhead is charged for one of them beside its name.
	writtenOverhead = 64
	// codeNoBucket is S3's for a bucket that is not there.
	codeNoBucket = "NoSuchBucket"
)

// written are the buckets that something was delivered to.
type written struct {
	known map[string]struct{}
	order []string // of known, the one that was noted first in front
}

// wrote notes that something was delivered to a bucket.
func (s *shard) wrote(bucket string) {
	w := &s.written
	if _, ok := w.known[bucket]; ok {
		return
	}
	if w.known == nil {
		w.known = map[string]struct{}{}
	}
	if len(w.order) == maxWritten {
		s.memory.chargeTables(-w.size(w.order[0]))
		delete(w.known, w.order[0])
		w.order = w.order[1:]
	}
	w.known[bucket] = struct{}{}
	w.order = append(w.order, bucket)
	s.memory.chargeTables(w.size(bucket))
}

func (*written) size(bucket string) int64 { return int64(len(bucket) + writtenOverhead) }

// bytes is what all of them are charged for.
func (w *written) bytes() (n int64) {
	for _, bucket := range w.order {
		n += w.size(bucket)
	}
	return n
}

// lost reports whether d has last failed because its bucket is gone that was there once:
// the name may be somebody else's by the time there is a bucket again, so only
// a person can tell whether that is to get the events.
func (s *shard) lost(d *destination) bool {
	_, was := s.written.known[d.bucket]
	return was && d.code == codeNoBucket
}
