package batcher

import (
	"encoding/binary"
	"math/rand/v2"
	"slices"
	"testing"

	gocmp "github.com/google/go-cmp/cmp"
)

// sampledEvent is an event of a trace, sent by a parent of it.
func sampledEvent(traceNumber, parent uint64) *eventRecord {
	context := make([]byte, contextBytes)
	binary.BigEndian.PutUint64(context[8:], traceNumber)
	binary.BigEndian.PutUint64(context[traceIDBytes:], parent)
	context[contextBytes-1] = sampledFlag
	return &eventRecord{trace: context, id: []byte("id"), payload: []byte("line")}
}

// sum is how many events are told of.
func (t *traced) sum() (events uint64) {
	events = t.omitted
	for _, e := range t.all {
		events += max(1, e.More)
	}
	return events
}

// charged is what the entries and traces have to be charged for.
func (t *traced) charged() (bytes int64) {
	for i := range t.all {
		bytes += t.all[i].size()
	}
	return bytes + traceBytes*int64(len(t.traces))
}

// One workflow that sends a million events shows a hundred of them, and the number of
// the rest.
func TestEventsOfOneTraceAreGrouped(t *testing.T) {
	const events = 1_000_000
	tr := traced{most: 10_000}
	grown := int64(0)
	e := sampledEvent(7, 8)
	for i := range events {
		grown += tr.add(position{uint64(i), 0}, int64(events-i), e)
	}
	last := tr.all[len(tr.all)-1]
	if len(tr.all) != maxPerTrace+1 || last.More != events-maxPerTrace || tr.omitted != 0 {
		t.Fatalf("got %d entries, the last for %d events, %d left out", len(tr.all), last.More, tr.omitted)
	}
	if last.Received != 1 || last.Offset != events-1 {
		t.Errorf("the group is of %d and at %d, want the earliest receipt and the last position", last.Received, last.Offset)
	}
	if grown != tr.charged() || grown != tr.bytes {
		t.Errorf("charged %d and %d, want %d", grown, tr.bytes, tr.charged())
	}
}

// With too many traces some are kept whole; which ones depends neither on the order nor on
// how the events came.
func TestTracesAreKeptWholeWhateverTheOrder(t *testing.T) {
	const traces, each, most = 3000, 5, 1000
	random := rand.New(rand.NewPCG(1, 2))
	var events []int
	for i := range traces * each {
		events = append(events, i)
	}
	var first []uint64
	for run := range 3 {
		tr := traced{most: most}
		grown := int64(0)
		for i, n := range events {
			grown += tr.add(position{uint64(i), 0}, 1, sampledEvent(uint64(n%traces)+1, 1))
		}
		kept := map[uint64]int{}
		for _, e := range tr.all {
			kept[binary.BigEndian.Uint64(e.Context[8:])]++
		}
		var ids []uint64
		for id, n := range kept {
			if ids = append(ids, id); n != each {
				t.Fatalf("run %d: %d of %d events of a trace are kept", run, n, each)
			}
		}
		slices.Sort(ids)
		if len(tr.all) > most || len(tr.all) < most/4 || tr.sum() != traces*each {
			t.Errorf("run %d: %d events are kept, %d told of", run, len(tr.all), tr.sum())
		}
		if grown != tr.charged() {
			t.Errorf("run %d: charged %d, want %d", run, grown, tr.charged())
		}
		if first == nil {
			first = ids
		} else if !slices.Equal(ids, first) {
			t.Errorf("run %d: other traces are kept in another order", run)
		}
		random.Shuffle(len(events), func(i, j int) { events[i], events[j] = events[j], events[i] })
	}
}

// A trace whose every event has another parent makes no more entries than twice the limit.
func TestParentsOfOneTraceAreBounded(t *testing.T) {
	tr := traced{most: 2 * maxPerTrace}
	for i := range 5000 {
		tr.add(position{uint64(i), 0}, 1, sampledEvent(1, uint64(i)+1))
	}
	if len(tr.all) != 2*maxPerTrace || tr.sum() != 5000 || tr.omitted != 0 {
		t.Errorf("got %d entries of %d events, %d left out", len(tr.all), tr.sum(), tr.omitted)
	}
}

// What a manifest says is what was known, up to its bound.
func TestManifestKeepsWhatIsWatched(t *testing.T) {
	w := watching{on: true, traced: traced{most: 10_000}}
	for i := range 300 {
		w.add(position{uint64(i), 3}, int64(i)*1e9, sampledEvent(uint64(1+i/200), 5))
	}
	m := w.all().manifest()
	if diff := gocmp.Diff(w.all(), m.watched()); diff != "" {
		t.Error(diff)
	}
	for i := range 9000 {
		w.add(position{uint64(i), 3}, 0, sampledEvent(uint64(10+i), 5))
	}
	m = w.all().manifest()
	told := m.TracedOmitted
	for _, e := range m.watched().Traced {
		told += max(1, e.More)
	}
	if told != w.traced.sum() || len(m.Traced) == len(w.traced.all) {
		t.Errorf("the manifest tells of %d events with %d entries, want %d with fewer than %d", told, len(m.Traced), w.traced.sum(), len(w.traced.all))
	}
}

func TestUnsampledEventsAllocateNothing(t *testing.T) {
	w := watching{on: true, traced: traced{most: 10_000}}
	e, none := sampledEvent(1, 1), &eventRecord{payload: []byte("line")}
	e.trace[contextBytes-1] = 0
	w.add(position{}, 5, e)
	if n := testing.AllocsPerRun(1000, func() {
		w.add(position{}, 5, e)
		w.add(position{}, 5, none)
	}); n != 0 || w.traced.all != nil {
		t.Errorf("got %v allocations, %d traced, want none", n, len(w.traced.all))
	}
}
