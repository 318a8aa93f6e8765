package harness

import (
	"cmp"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"
)

// maxProblems is how many problems a ledger describes; more are only counted.
const maxProblems = 10

// readers is how many objects a ledger reads at a time.
const readers = 4

// Destination is where events go: a bucket, and a prefix as it stands in keys
// (empty, or ending with a slash).
type Destination struct{ Bucket, Prefix string }

// Source is what a ledger reads: the buckets of an S3 server. Its methods are
// called together.
type Source interface {
	// List returns the objects of a bucket whose keys begin with prefix.
	List(ctx context.Context, bucket, prefix string) ([]Object, error)

	// Lines calls f with each line of an object, in order; the slice is f's until
	// it returns. It fails when the object can't be read to its end.
	Lines(ctx context.Context, o Object, f func(line []byte) error) error
}

// Event is an event that a ledger knows: its place, not its bytes.
type Event struct {
	Destination Destination
	Stream      int // of the sender that it belongs to
	Number      int // its place in the stream, from 0

	acked bool // guarded by Ledger.mu
	lines int  // in how many lines it arrived; guarded by Ledger.mu
}

// Ledger remembers what was sent and what was acknowledged, reads what is in the
// buckets, and compares. It holds a digest of each payload, so payloads must all
// differ. It is safe for concurrent use.
type Ledger struct {
	mu struct {
		sync.Mutex
		events   map[digest]*Event
		streams  map[int]int // stream -> events sent
		objects  map[string]*arrival
		problems []string
		troubles int // problems, also those that are only counted
	}
}

// digest identifies a payload.
type digest [16]byte

// arrival is what a ledger keeps of an object that it read.
type arrival struct {
	Object
	spans map[int]span // stream -> numbers
}

// span is the first and the last number of one stream in one object.
type span struct {
	first, last int
	closed      time.Time // time in the object's key
	key         string
}

// NewLedger returns an empty ledger.
func NewLedger() *Ledger {
	l := &Ledger{}
	l.mu.events = map[digest]*Event{}
	l.mu.streams = map[int]int{}
	l.mu.objects = map[string]*arrival{}
	return l
}

// digestOf identifies a payload.
func digestOf(payload []byte) digest {
	sum := sha256.Sum256(payload)
	return digest(sum[:len(digest{})])
}

// Sent notes an event that is about to be sent, the next one of its stream.
func (l *Ledger) Sent(d Destination, stream int, payload []byte) *Event {
	id := digestOf(payload)
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.mu.events[id] != nil {
		panic("invariant: two events of a ledger have the same payload")
	}
	e := &Event{Destination: d, Stream: stream, Number: l.mu.streams[stream]}
	l.mu.streams[stream]++
	l.mu.events[id] = e
	return e
}

// Acked notes that the service answered for events: they are durable.
func (l *Ledger) Acked(events ...*Event) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, e := range events {
		e.acked = true
	}
}

// Counts is how many events were sent, were acknowledged, and have arrived.
func (l *Ledger) Counts() (sent, acked, arrived int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, e := range l.mu.events {
		sent++
		if e.acked {
			acked++
		}
		if e.lines > 0 {
			arrived++
		}
	}
	return sent, acked, arrived
}

// Await reads the buckets until everything that was acknowledged has arrived.
func (l *Ledger) Await(ctx context.Context, src Source, buckets ...string) error {
	return Poll(ctx, "everything that was acknowledged to be in its bucket", func() error {
		if err := l.Read(ctx, src, buckets...); err != nil {
			return err
		}
		return l.missing()
	})
}

// missing fails while an acknowledged event has not arrived.
func (l *Ledger) missing() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	missing, acked := 0, 0
	for _, e := range l.mu.events {
		if e.acked {
			acked++
			if e.lines == 0 {
				missing++
			}
		}
	}
	if missing > 0 {
		return fmt.Errorf("%d of %d acknowledged events missing", missing, acked)
	}
	return nil
}

// Read reads the objects of the buckets that it has not read before, a few at a
// time.
func (l *Ledger) Read(ctx context.Context, src Source, buckets ...string) error {
	reading, ctx := errgroup.WithContext(ctx)
	reading.SetLimit(readers)
	for _, b := range buckets {
		objects, err := src.List(ctx, b, "")
		if err != nil {
			return errors.Join(err, reading.Wait())
		}
		for _, o := range objects {
			if !l.known(o) {
				reading.Go(func() error { return l.readObject(ctx, src, o) })
			}
		}
	}
	return reading.Wait()
}

// readObject reads one object to its end and notes it.
func (l *Ledger) readObject(ctx context.Context, src Source, o Object) error {
	var lines []digest
	err := src.Lines(ctx, o, func(line []byte) error {
		lines = append(lines, digestOf(line))
		return nil
	})
	if err != nil {
		return err
	}
	l.add(o, lines)
	return nil
}

// known says whether o was read before, and notes it if it has changed since:
// objects are never written twice.
func (l *Ledger) known(o Object) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	before := l.mu.objects[o.String()]
	if before == nil {
		return false
	}
	if before.ETag != o.ETag || before.Size != o.Size {
		l.problemLocked("%s was written again", o)
	}
	return true
}

// add notes an object that was read to its end.
func (l *Ledger) add(o Object, lines []digest) {
	l.mu.Lock()
	defer l.mu.Unlock()
	r := &arrival{Object: o, spans: map[int]span{}}
	l.mu.objects[o.String()] = r
	if len(lines) == 0 {
		l.problemLocked("%s is empty", o)
	}
	for i, id := range lines {
		l.addLineLocked(r, i+1, id)
	}
}

// addLineLocked notes one line of an object, counted from 1.
func (l *Ledger) addLineLocked(r *arrival, n int, id digest) {
	e := l.mu.events[id]
	if e == nil {
		l.problemLocked("%s line %d is not a payload that was sent", r, n)
		return
	}
	e.lines++
	if e.lines > 1 {
		l.problemLocked("%s line %d: event %d of stream %d arrived %d times", r, n, e.Number, e.Stream, e.lines)
	}
	if d := (Destination{r.Bucket, r.Prefix}); d != e.Destination {
		l.problemLocked("%s line %d: an event for %q", r, n, e.Destination)
	}
	sp, ok := r.spans[e.Stream]
	if !ok {
		sp = span{first: e.Number, closed: r.Time, key: r.Key}
	} else if e.Number <= sp.last {
		l.problemLocked("%s line %d: event %d of stream %d behind event %d", r, n, e.Number, e.Stream, sp.last)
	}
	sp.last = max(sp.last, e.Number)
	r.spans[e.Stream] = sp
}

// problemLocked notes something that is wrong.
func (l *Ledger) problemLocked(format string, args ...any) {
	l.mu.troubles++
	if len(l.mu.problems) < maxProblems {
		l.mu.problems = append(l.mu.problems, fmt.Sprintf(format, args...))
	}
}

// Check compares what was read with what was sent: every acknowledged event is in
// exactly one line, every other one in at most one, byte for byte, in its own
// destination, and the events of one stream and destination are in the order in
// which they were sent, within an object and from object to object.
func (l *Ledger) Check() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, e := range l.mu.events {
		if e.acked && e.lines == 0 {
			l.problemLocked("event %d of stream %d for %q was acknowledged and is lost", e.Number, e.Stream, e.Destination)
		}
	}
	l.checkOrderLocked()
	if l.mu.troubles == 0 {
		return nil
	}
	errs := []error{fmt.Errorf("%d problems in %d events and %d objects", l.mu.troubles, len(l.mu.events), len(l.mu.objects))}
	for _, p := range l.mu.problems {
		errs = append(errs, errors.New(p))
	}
	return errors.Join(errs...)
}

// Objects are the objects that were read, in the order of their keys.
func (l *Ledger) Objects() []Object {
	l.mu.Lock()
	defer l.mu.Unlock()
	var objects []Object
	for _, r := range l.mu.objects {
		objects = append(objects, r.Object)
	}
	slices.SortFunc(objects, func(a, b Object) int { return cmp.Compare(a.String(), b.String()) })
	return objects
}

// checkOrderLocked compares the objects of each destination: what one holds of a
// stream lies wholly before or behind what another holds of it, and the earlier
// one was not closed later.
func (l *Ledger) checkOrderLocked() {
	type line struct {
		Destination
		stream int
	}
	spans := map[line][]span{}
	for _, r := range l.mu.objects {
		for stream, sp := range r.spans {
			at := line{Destination{r.Bucket, r.Prefix}, stream}
			spans[at] = append(spans[at], sp)
		}
	}
	for at, sps := range spans {
		slices.SortFunc(sps, func(a, b span) int { return cmp.Compare(a.first, b.first) })
		for i := 1; i < len(sps); i++ {
			before, behind := sps[i-1], sps[i]
			if behind.first <= before.last {
				l.problemLocked("stream %d for %q: %s reaches to event %d, %s begins with %d",
					at.stream, at.Destination, before.key, before.last, behind.key, behind.first)
			}
			if behind.closed.Before(before.closed) {
				l.problemLocked("stream %d for %q: %s holds earlier events than %s and was closed later",
					at.stream, at.Destination, before.key, behind.key)
			}
		}
	}
}
