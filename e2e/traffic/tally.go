package traffic

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/open-destinations/destinations/e2e/harness"
)

const (
	// maxProblems is how many problems a tally describes; more are only counted.
	maxProblems = 10

	// Ages are counted by these steps, up to this many of them: an hour.
	ageStep  = 50 * time.Millisecond
	ageSteps = 72_000
)

// Source is what a tally reads: an S3 server. Its methods are called together.
type Source interface {
	// List returns the objects of a bucket whose keys begin with prefix.
	List(ctx context.Context, bucket, prefix string) ([]harness.Object, error)

	// Lines calls f with each line of an object, in order; the slice is f's until it
	// returns. It fails when the object can't be read to its end.
	Lines(ctx context.Context, o harness.Object, f func(line []byte) error) error

	// Appeared is when an object was there.
	Appeared(o harness.Object) (time.Time, error)
}

// TallyParams says what a tally reads and what it expects there.
type TallyParams struct {
	Source  Source
	Buckets []string
	Clients []*Client     // whose Run has returned; all with one corpus
	Fresh   time.Duration // older events are late

	// Order says that the events of one client and destination must be in the order
	// in which they were sent, within an object and from object to object. It can't be
	// asked for where a request may be refused while the next one is taken.
	Order bool

	// Holders says that it is kept which object holds which event.
	Holders bool
}

// Tally reads what is in the buckets and holds it against what the clients did.
type Tally struct {
	p       TallyParams
	clients map[int]*Client
	objects map[string]bool // by address, that were read; owned by Read

	mu       sync.Mutex // guards what follows
	seen     map[int][]uint64
	lines    uint64 // of events that were not read before
	twice    uint64
	holders  map[int][]uint32 // by client and number: place in names, from 1; 0 = not read
	names    []string         // of objects
	spans    map[way][]span
	ages     []uint64 // by ageStep: events that were so old when their objects appeared
	last     time.Time
	lastLate time.Time
	problems []error
	troubles uint64 // problems, also those that are only counted
}

// way is a client and a destination.
type way struct {
	client int
	harness.Destination
}

// span is the first and the last event of a way in an object.
type span struct {
	first, last uint64
	closed      int64 // time in the object's key, Unix seconds
}

// NewTally returns a tally that has read nothing.
func NewTally(p TallyParams) *Tally {
	t := &Tally{p: p, clients: map[int]*Client{}, objects: map[string]bool{}, seen: map[int][]uint64{}, spans: map[way][]span{}, holders: map[int][]uint32{}, ages: make([]uint64, ageSteps)}
	for _, c := range p.Clients {
		t.clients[c.p.Number] = c
		t.seen[c.p.Number] = make([]uint64, c.Sent()/64+1)
		if p.Holders {
			t.holders[c.p.Number] = make([]uint32, c.Sent())
		}
	}
	return t
}

// Result is what a tally found so far.
type Result struct {
	Acknowledged uint64 // events
	Delivered    uint64 // events that are there, each once
	Lost         uint64 // acknowledged and not there
	Duplicated   uint64 // lines of events that are there already
	Objects      int
	Last         time.Time // when the last object appeared

	// LastLate is when the last object with an event older than Fresh appeared; zero
	// if there was none.
	LastLate time.Time
}

// Result is what was found so far.
func (t *Tally) Result() Result {
	t.mu.Lock()
	defer t.mu.Unlock()
	r := Result{Delivered: t.lines, Duplicated: t.twice, Objects: len(t.objects), Last: t.last, LastLate: t.lastLate}
	for _, c := range t.p.Clients {
		r.Acknowledged += c.Acknowledged()
	}
	r.Lost = t.missingLocked()
	return r
}

// Freshness is the age that a part of the events, such as 0.99, did not exceed when
// their objects appeared.
func (t *Tally) Freshness(part float64) time.Duration {
	t.mu.Lock()
	defer t.mu.Unlock()
	below := uint64(0)
	for i, n := range t.ages {
		if below += n; float64(below) >= part*float64(t.lines) {
			return time.Duration(i+1) * ageStep
		}
	}
	return ageSteps * ageStep
}

// Check says what is wrong with what was read: what is lost, what is there twice, and
// whatever else must not be.
func (t *Tally) Check() error {
	r := t.Result()
	t.mu.Lock()
	defer t.mu.Unlock()
	t.checkOrderLocked()
	errs := slices.Clone(t.problems)
	if more := t.troubles - uint64(len(t.problems)); more > 0 {
		errs = append(errs, fmt.Errorf("and %d more of these", more))
	}
	if r.Lost > 0 {
		errs = append(errs, fmt.Errorf("LOST: %d acknowledged events are in no object", r.Lost))
	}
	return errors.Join(errs...)
}

// Await reads until everything that was acknowledged has been read.
func (t *Tally) Await(ctx context.Context) error {
	return harness.Poll(ctx, "everything that was acknowledged to be in its bucket", func() error {
		if err := t.Read(ctx); err != nil {
			return err
		}
		t.mu.Lock()
		defer t.mu.Unlock()
		if n := t.missingLocked(); n > 0 {
			return fmt.Errorf("%d events are missing", n)
		}
		return nil
	})
}

// missingLocked is how many acknowledged events were not read.
func (t *Tally) missingLocked() (n uint64) {
	for _, c := range t.p.Clients {
		seen := t.seen[c.p.Number]
		for number := range c.Sent() {
			if seen[number/64]&(1<<(number%64)) == 0 && c.isAcknowledged(number) {
				n++
			}
		}
	}
	return n
}

// Read reads the objects that it has not read before.
func (t *Tally) Read(ctx context.Context) error {
	reading, ctx := errgroup.WithContext(ctx)
	reading.SetLimit(runtime.NumCPU())
	for _, bucket := range t.p.Buckets {
		objects, err := t.p.Source.List(ctx, bucket, "")
		if err != nil {
			return errors.Join(err, reading.Wait())
		}
		for _, o := range objects {
			if !t.objects[o.String()] {
				t.objects[o.String()] = true
				reading.Go(func() error { return t.object(ctx, o) })
			}
		}
	}
	return reading.Wait()
}

// line is one line of an object.
type line struct {
	client int
	number uint64
}

// object reads one object.
func (t *Tally) object(ctx context.Context, o harness.Object) error {
	appeared, err := t.p.Source.Appeared(o)
	if err != nil {
		return err
	}
	var lines []line
	var wrong []error
	var scratch []byte
	err = t.p.Source.Lines(ctx, o, func(text []byte) error {
		l, err := t.judge(o, text, &scratch)
		if err != nil {
			wrong = append(wrong, err)
			return nil
		}
		lines = append(lines, l)
		return nil
	})
	if ctx.Err() != nil {
		return ctx.Err()
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, err := range append(wrong, err) {
		t.problemLocked(err)
	}
	t.addLocked(o, appeared, lines)
	return nil
}

// judge tells which event a line is, and that it is that to the last byte and where
// it belongs.
func (t *Tally) judge(o harness.Object, text []byte, scratch *[]byte) (line, error) {
	client, number, ok := parse(text)
	c := t.clients[client]
	if !ok || c == nil || number >= c.Sent() {
		return line{}, fmt.Errorf("FOREIGN: %s holds a line that nobody sent: %.60q", o, text)
	}
	*scratch = c.p.Corpus.appendPayload((*scratch)[:0], client, number)
	if !bytes.Equal(text, *scratch) {
		return line{}, fmt.Errorf("CHANGED: %s holds event %d of client %d with other bytes than were sent", o, number, client)
	}
	if to := *c.p.Corpus.destination(client, number); to != (harness.Destination{Bucket: o.Bucket, Prefix: o.Prefix}) {
		return line{}, fmt.Errorf("MISPLACED: %s holds event %d of client %d, which was sent to %v", o, number, client, to)
	}
	return line{client, number}, nil
}

// addLocked counts the lines of an object.
func (t *Tally) addLocked(o harness.Object, appeared time.Time, lines []line) {
	if len(lines) == 0 {
		t.problemLocked(fmt.Errorf("EMPTY: %s holds no event", o))
	}
	if appeared.After(t.last) {
		t.last = appeared
	}
	spans := map[int]span{}
	t.names = append(t.names, o.String())
	for _, l := range lines {
		if of := t.holders[l.client]; of != nil && of[l.number] == 0 {
			of[l.number] = uint32(len(t.names))
		}
		bit := uint64(1) << (l.number % 64)
		if t.seen[l.client][l.number/64]&bit != 0 {
			t.twice++
			t.problemLocked(fmt.Errorf("DUPLICATED: %s holds event %d of client %d, which was read before", o, l.number, l.client))
			continue
		}
		t.seen[l.client][l.number/64] |= bit
		t.lines++
		age := appeared.Sub(t.clients[l.client].sentTime(l.number))
		t.ages[min(max(int(age/ageStep), 0), ageSteps-1)]++
		if t.p.Fresh > 0 && age > t.p.Fresh && appeared.After(t.lastLate) {
			t.lastLate = appeared
		}
		sp, ok := spans[l.client]
		if !ok {
			sp = span{first: l.number, closed: o.Time.Unix()}
		} else if t.p.Order && l.number <= sp.last {
			t.problemLocked(fmt.Errorf("DISORDERED: %s holds event %d of client %d behind event %d", o, l.number, l.client, sp.last))
		}
		sp.last = max(sp.last, l.number)
		spans[l.client] = sp
	}
	if t.p.Order {
		for client, sp := range spans {
			at := way{client, harness.Destination{Bucket: o.Bucket, Prefix: o.Prefix}}
			t.spans[at] = append(t.spans[at], sp)
		}
	}
}

// checkOrderLocked compares the objects of each way: what one holds lies wholly before
// or behind what another one holds, and the earlier one was not closed later.
func (t *Tally) checkOrderLocked() {
	for at, spans := range t.spans {
		slices.SortFunc(spans, func(a, b span) int { return cmp.Compare(a.first, b.first) })
		for i := 1; i < len(spans); i++ {
			before, behind := spans[i-1], spans[i]
			if behind.first <= before.last || behind.closed < before.closed {
				t.problemLocked(fmt.Errorf("DISORDERED: client %d to %v: an object closed at %s reaches from event %d to %d, another one, closed at %s, from %d to %d",
					at.client, at.Destination, clock(before.closed), before.first, before.last, clock(behind.closed), behind.first, behind.last))
			}
		}
	}
}

// clock shows a time for people.
func clock(unix int64) string { return time.Unix(unix, 0).UTC().Format(time.TimeOnly) }

// problemLocked notes something that is wrong, if it is anything.
func (t *Tally) problemLocked(err error) {
	if err == nil {
		return
	}
	t.troubles++
	if len(t.problems) < maxProblems {
		t.problems = append(t.problems, err)
	}
}
