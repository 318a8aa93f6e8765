package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/open-destinations/destinations/e2e/harness"
)

const (
	// maxProblems is how many problems are described; more are only counted.
	maxProblems = 10

	// Ages are counted by these steps, up to this many of them: 20 minutes.
	ageStep  = 10 * time.Millisecond
	ageSteps = 120_000
)

// source is where objects are read from.
type source interface {
	// List returns the objects of a bucket whose keys begin with prefix.
	List(ctx context.Context, bucket, prefix string) ([]harness.Object, error)

	// Lines calls f with each line of an object, in order; the slice is f's until it
	// returns. It fails when the object can't be read to its end, or is not what it
	// says of itself.
	Lines(ctx context.Context, o harness.Object, f func(line []byte) error) error

	// Appeared is when an object was there.
	Appeared(o harness.Object) (time.Time, error)
}

// readback reads what is in the bucket and holds it against what was sent. Beside
// a sample for gzip it keeps a bit for each event and the names of the objects.
type readback struct {
	source source
	corpus *corpus
	load   *load // over: nothing changes it any more
	spread spread

	seen    []uint64 // a bit for each number of an event; changed atomically
	read    map[string]bool
	readers []*reader
	bytes   int64 // of the payloads that were read; changed atomically
	objects int
	last    time.Time // the last object's

	mu struct {
		sync.Mutex
		problems []error
		troubles int // problems, also those that are only counted
	}
}

// readbackParams says what to read and what is expected there.
type readbackParams struct {
	Source source
	Corpus *corpus
	Load   *load
	Spread spread
}

func newReadback(p readbackParams) *readback {
	requests := 0
	for i := range p.Load.streams {
		requests = max(requests, len(p.Load.streams[i].sent))
	}
	rb := &readback{
		source: p.Source, corpus: p.Corpus, load: p.Load, spread: p.Spread,
		seen: make([]uint64, requests*streams*eventsPerRequest/64+1),
		read: map[string]bool{},
	}
	for range runtime.NumCPU() {
		rb.readers = append(rb.readers, &reader{readback: rb, ages: make([]uint32, ageSteps)})
	}
	rb.readers[0].sample.limit = gzipSampleBytes
	return rb
}

// next reads the objects that were not there before. An error is that of a reading
// that went wrong, not of what was read.
func (rb *readback) next(ctx context.Context) error {
	objects, err := rb.source.List(ctx, bucket, "")
	if err != nil {
		return err
	}
	todo := make(chan harness.Object)
	reading, ctx := errgroup.WithContext(ctx)
	for _, r := range rb.readers {
		reading.Go(func() error {
			for o := range todo {
				if err := r.object(ctx, o); err != nil {
					return err
				}
			}
			return nil
		})
	}
	reading.Go(func() error {
		defer close(todo)
		for _, o := range objects {
			if rb.read[o.Key] {
				continue
			}
			rb.read[o.Key] = true
			select {
			case todo <- o:
			case <-ctx.Done():
				return ctx.Err()
			}
		}
		return nil
	})
	if err := reading.Wait(); err != nil {
		return err
	}
	rb.objects = len(rb.read)
	for _, r := range rb.readers {
		if r.last.After(rb.last) {
			rb.last = r.last
		}
	}
	return nil
}

// problem notes what is wrong with what was read.
func (rb *readback) problem(format string, args ...any) {
	rb.mu.Lock()
	defer rb.mu.Unlock()
	rb.mu.troubles++
	if len(rb.mu.problems) < maxProblems {
		rb.mu.problems = append(rb.mu.problems, fmt.Errorf(format, args...))
	}
}

// missing is how many acknowledged events were not read, and the first of them.
func (rb *readback) missing() (count int, first uint64) {
	for i := range rb.load.streams {
		for sequence := range rb.load.streams[i].latencies {
			from := requestID{i, uint64(sequence) + 1}.firstNumber()
			for n := from; n < from+eventsPerRequest; n++ {
				if rb.seen[n/64]&(1<<(n%64)) != 0 {
					continue
				}
				if count == 0 {
					first = n
				}
				count++
			}
		}
	}
	return count, first
}

// verdict is an error unless each acknowledged event was read exactly once, and each
// other one at most once.
func (rb *readback) verdict() error {
	rb.mu.Lock()
	defer rb.mu.Unlock()
	errs := append([]error{}, rb.mu.problems...)
	if more := rb.mu.troubles - len(rb.mu.problems); more > 0 {
		errs = append(errs, fmt.Errorf("and %d more of these", more))
	}
	if n, first := rb.missing(); n > 0 {
		errs = append(errs, fmt.Errorf("LOST: %d acknowledged events are in no object; the first is number %d, request %d of stream %d",
			n, first, requestOf(first).sequence, requestOf(first).stream))
	}
	return errors.Join(errs...)
}

// freshness is the age that a part of the events, such as 0.99, did not exceed when
// their objects appeared.
func (rb *readback) freshness(part float64) time.Duration {
	var total, below uint64
	ages := make([]uint64, ageSteps)
	for _, r := range rb.readers {
		for i, n := range r.ages {
			ages[i] += uint64(n)
			total += uint64(n)
		}
	}
	for i, n := range ages {
		if below += n; float64(below) >= part*float64(total) {
			return time.Duration(i+1) * ageStep
		}
	}
	return ageSteps * ageStep
}

// reader reads one object after the other. It belongs to one goroutine at a time.
type reader struct {
	readback *readback
	ages     []uint32 // by ageStep: events that were so old when their objects appeared
	sample   sample
	last     time.Time // the last object's

	scratch [payloadBytes]byte
	stamp   []byte // of the request of the line before
	stampOf int64
}

// object reads one object.
func (r *reader) object(ctx context.Context, o harness.Object) error {
	appeared, err := r.readback.source.Appeared(o)
	if err != nil {
		return err
	}
	if appeared.After(r.last) {
		r.last = appeared
	}
	err = r.readback.source.Lines(ctx, o, func(line []byte) error {
		r.line(o, appeared, line)
		return nil
	})
	r.sample.endObject()
	if err != nil && ctx.Err() == nil {
		r.readback.problem("%w", err) // an object that can't be read, or lies about itself
		return nil
	}
	return err
}

// line judges one line of an object.
func (r *reader) line(o harness.Object, appeared time.Time, line []byte) {
	rb := r.readback
	number, ok := uint64(0), len(line) == payloadBytes
	if ok {
		number, ok = parseDigits(line[numberAt:numberEnd])
	}
	if !ok {
		rb.problem("FOREIGN: %s holds a line that is no event of this run: %.60q", o, line)
		return
	}
	id := requestOf(number)
	sent := rb.load.streams[id.stream].sent
	if id.sequence > uint64(len(sent)) {
		rb.problem("FOREIGN: %s holds event %d, which was never sent", o, number)
		return
	}
	at := sent[id.sequence-1]
	if !bytes.Equal(line, r.expected(number, at)) {
		rb.problem("CHANGED: %s holds event %d with other bytes than were sent: %q", o, number, line)
		return
	}
	if d, ok := parsePrefix(o.Prefix); !ok || d != rb.spread.of(number) {
		rb.problem("MISPLACED: %s holds event %d, which was sent to destination %d", o, number, rb.spread.of(number))
	}
	bit := uint64(1) << (number % 64)
	if atomic.OrUint64(&rb.seen[number/64], bit)&bit != 0 {
		rb.problem("DUPLICATED: %s holds event %d, which was read before", o, number)
		return
	}
	atomic.AddInt64(&rb.bytes, int64(len(line)))
	r.ages[min(max(int(appeared.Sub(time.Unix(0, at))/ageStep), 0), ageSteps-1)]++
	r.sample.add(line)
}

// expected is the payload that was sent at a time.
func (r *reader) expected(number uint64, sent int64) []byte {
	if sent != r.stampOf {
		r.stampOf = sent
		r.stamp = time.Unix(0, sent).UTC().AppendFormat(r.stamp[:0], timeFormat)
	}
	copy(r.scratch[:], r.readback.corpus.payloadOf(number))
	stampPayload(r.scratch[:], number, r.stamp)
	return r.scratch[:]
}

// parsePrefix is the destination that a prefix belongs to.
func parsePrefix(prefix string) (destination int, ok bool) {
	if len(prefix) != len(prefixFormat) || prefix[:prefixNumberAt] != prefixFormat[:prefixNumberAt] || prefix[len(prefix)-1] != '/' {
		return 0, false
	}
	n, ok := parseDigits([]byte(prefix[prefixNumberAt : prefixNumberAt+prefixDigits]))
	return int(n), ok
}
