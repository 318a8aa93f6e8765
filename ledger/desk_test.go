package ledger_test

import (
	"errors"
	"os"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"

	journalv1 "github.com/open-destinations/destinations/gen/destinations/journal/v1"
	"github.com/open-destinations/destinations/journal"
	"github.com/open-destinations/destinations/ledger"
)

// told is the part of an answer that a test looks at.
type told struct {
	state   ledger.State
	objects int
	code    string
	expired bool
}

func toldOf(d ledger.Delivery) told {
	return told{d.State, len(d.Objects), d.Code, d.DetailsExpired}
}

// Ten events stand in the log: two batches of three that are delivered, one of two that is
// sealed, and two events that are not. Of the second batch the middle event is a duplicate.
func tenEvents(t *testing.T) (*world, *journalv1.Seal) {
	w := newWorld(t)
	w.events(10, 0)
	at := func(n uint64) ledger.Place { return ledger.Place{Offset: n} }
	one, two, three := w.batch("bucket", "", at(0), at(2)), w.batch("bucket", "", at(3), at(5)), w.batch("bucket", "", at(6), at(7))
	two.Excluded = []*journalv1.Run{{First: &journalv1.Position{Offset: 4}, Last: &journalv1.Position{Offset: 4}}}
	w.append(w.owner, sealed(one), sealed(two), sealed(three), delivered(one), delivered(two))
	w.written()
	return w, three
}

func TestDeskPutsTogetherWhatIsKnown(t *testing.T) {
	w, three := tenEvents(t)
	id := [16]byte(three.GetId())
	open := func(p ledger.Phase) ledger.Undelivered {
		return ledger.Undelivered{Batches: []ledger.OpenBatch{{ID: id, Phase: p, Reason: "refused"}}}
	}
	blocked := ledger.Health{Bucket: "bucket", Blocked: true, Code: "AccessDenied", Message: "no", NextTry: time.Now()}
	sick := func(u ledger.Undelivered) ledger.Undelivered { u.Health = blocked; return u }
	for name, test := range map[string]struct {
		first, last uint64
		shard       *ledger.Undelivered // nil = it must not be asked
		want        told
	}{
		"in one object":             {0, 1, nil, told{state: ledger.StateDelivered, objects: 1}},
		"in two objects":            {2, 3, nil, told{state: ledger.StateDelivered, objects: 2}},
		"from end to end":           {0, 5, nil, told{state: ledger.StateDelivered, objects: 2}},
		"sealed":                    {6, 7, ptr(open(ledger.PhasePending)), told{state: ledger.StatePending}},
		"on its way":                {6, 6, ptr(open(ledger.PhaseUploading)), told{state: ledger.StateUploading}},
		"blocked":                   {6, 6, ptr(sick(open(ledger.PhasePending))), told{state: ledger.StateBlocked, code: "AccessDenied"}},
		"parked and blocked":        {6, 6, ptr(sick(open(ledger.PhaseParked))), told{state: ledger.StateBlocked, code: "AccessDenied"}},
		"parked and it works":       {6, 6, ptr(open(ledger.PhaseParked)), told{state: ledger.StatePending}},
		"dead":                      {6, 6, ptr(open(ledger.PhaseDead)), told{state: ledger.StateDead}},
		"delivered and sealed":      {5, 7, ptr(open(ledger.PhaseUploading)), told{state: ledger.StatePartial, objects: 1}},
		"delivered and blocked":     {5, 7, ptr(sick(open(ledger.PhasePending))), told{state: ledger.StatePartial, objects: 1, code: "AccessDenied"}},
		"delivered and dead":        {5, 7, ptr(open(ledger.PhaseDead)), told{state: ledger.StateDead, objects: 1}},
		"not sealed":                {8, 9, &ledger.Undelivered{Unsealed: ledger.PhasePending}, told{state: ledger.StatePending}},
		"a duplicate":               {4, 4, &ledger.Undelivered{}, told{state: ledger.StateDelivered}},
		"duplicate of what waits":   {8, 8, &ledger.Undelivered{Before: ledger.PhasePending}, told{state: ledger.StatePending}},
		"duplicate of what is dead": {8, 8, &ledger.Undelivered{Before: ledger.PhaseDead}, told{state: ledger.StateDead}},
		// The shard has read more than the ledger, as while that can't be written.
		"the ledger is behind": {6, 7, &ledger.Undelivered{}, told{state: ledger.StateDelivered, expired: true}},
	} {
		shards := &fakeShards{tell: func(ledger.Span) ledger.Undelivered { return *test.shard }}
		got := w.delivery(shards, receipt("bucket", "", ledger.Place{Offset: test.first}, ledger.Place{Offset: test.last}))
		if toldOf(got) != test.want {
			t.Errorf("%s: got %+v, want %+v", name, toldOf(got), test.want)
		}
		if (shards.asked > 0) != (test.shard != nil) {
			t.Errorf("%s: the shard was asked %d times", name, shards.asked)
		}
	}
}

// The ledger may have read more than the shard.
func TestDeskBelievesADelivered(t *testing.T) {
	w, three := tenEvents(t)
	shards := &fakeShards{tell: func(ledger.Span) ledger.Undelivered {
		w.append(w.owner, delivered(three))
		w.written()
		return ledger.Undelivered{Batches: []ledger.OpenBatch{{ID: [16]byte(three.GetId()), Phase: ledger.PhaseUploading}}}
	}}
	if got := toldOf(w.delivery(shards, receipt("bucket", "", ledger.Place{Offset: 6}, ledger.Place{Offset: 7}))); got != (told{state: ledger.StateDelivered, objects: 1}) {
		t.Errorf("got %+v", got)
	}
}

func TestWhatWasDiscardedIsDead(t *testing.T) {
	w, three := tenEvents(t)
	w.append(w.owner, parked(three), dead(three), discarded(three))
	w.written()
	if got := w.delivery(&fakeShards{}, receipt("bucket", "", ledger.Place{Offset: 5}, ledger.Place{Offset: 6})); got.State != ledger.StateDead || got.Message == "" || len(got.Objects) != 1 {
		t.Errorf("got %+v", got)
	}
}

// An event that was set aside lies within another batch, or behind what nobody has sealed.
func TestEventsThatWereSetAsideDecideNothingOfOthers(t *testing.T) {
	w := newWorld(t)
	w.events(20, 0)
	at := func(n uint64) ledger.Place { return ledger.Place{Offset: n} }
	one := w.batch("bucket", "", at(0), at(9))
	w.append(w.owner, sealed(one), w.setAside("bucket", at(5)), delivered(one), w.setAside("bucket", at(15)))
	w.written()
	aside := func(s ledger.Span) (u ledger.Undelivered) {
		if s.Last.Offset >= 10 {
			u.Unsealed = ledger.PhasePending
		}
		for _, n := range []uint64{5, 15} {
			if s.First.Offset <= n && n <= s.Last.Offset {
				u.Batches = append(u.Batches, ledger.OpenBatch{ID: [16]byte(w.batch("bucket", "", at(n), at(n)).GetId()), Phase: ledger.PhaseDead})
			}
		}
		return u
	}
	for span, want := range map[[2]uint64]told{
		{7, 8}:   {state: ledger.StateDelivered, objects: 1}, // behind the one within
		{0, 4}:   {state: ledger.StateDelivered, objects: 1},
		{5, 5}:   {state: ledger.StateDead, objects: 1},
		{8, 11}:  {state: ledger.StatePartial, objects: 1}, // before the other one, and not sealed
		{14, 16}: {state: ledger.StateDead},
	} {
		if got := toldOf(w.delivery(&fakeShards{tell: aside}, receipt("bucket", "", at(span[0]), at(span[1])))); got != want {
			t.Errorf("%v: got %+v, want %+v", span, got, want)
		}
	}
}

// A ledger that was lost begins at the start of the log, above which the batch around an event
// that was set aside may have its Seal, and that event not.
func TestWhatABatchLeavesOutMayBeDead(t *testing.T) {
	w := newWorld(t)
	w.events(10, 0)
	at := func(n uint64) ledger.Place { return ledger.Place{Offset: n} }
	one := w.batch("bucket", "", at(0), at(9))
	one.Excluded = []*journalv1.Run{{First: positionOf(at(5)), Last: positionOf(at(5))}}
	check(t, w.journal.Partition(0).Release(journal.Start{Events: 3, Control: w.journal.Partition(0).Control().Committed()}))
	w.append(w.owner, sealed(one), delivered(one))
	w.restart(func() { check(t, os.Remove(w.file())) })
	w.written()
	id := [16]byte(w.batch("bucket", "", at(5), at(5)).GetId())
	aside := func(ledger.Span) ledger.Undelivered {
		return ledger.Undelivered{Batches: []ledger.OpenBatch{{ID: id, Phase: ledger.PhaseDead, Reason: "crashed"}}}
	}
	for span, want := range map[[2]uint64]told{
		{0, 9}: {state: ledger.StateDead, objects: 1},
		{5, 5}: {state: ledger.StateDead},
	} {
		if got := toldOf(w.delivery(&fakeShards{tell: aside}, receipt("bucket", "", at(span[0]), at(span[1])))); got != want {
			t.Errorf("%v: got %+v, want %+v", span, got, want)
		}
	}
	if got := toldOf(w.delivery(&fakeShards{tell: aside}, receipt("bucket", "", at(0), at(4)))); got != (told{state: ledger.StateDelivered, objects: 1}) {
		t.Errorf("beside it: got %+v", got)
	}
}

// While damage has closed the partition the ledger alone answers, and knows what was delivered.
func TestClosedPartitionIsToldByWhatTheLedgerKnows(t *testing.T) {
	w, _ := tenEvents(t)
	shards := &fakeShards{err: &journal.CorruptError{File: "f", Err: errors.New("torn")}}
	for last, want := range map[uint64]told{
		1: {state: ledger.StateDelivered, objects: 1},
		7: {state: ledger.StatePartial, objects: 2, code: "PARTITION_UNAVAILABLE"},
	} {
		if got := toldOf(w.delivery(shards, receipt("bucket", "", ledger.Place{Offset: 1}, ledger.Place{Offset: last}))); got != want {
			t.Errorf("up to %d: got %+v, want %+v", last, got, want)
		}
	}
	if got := toldOf(w.delivery(shards, receipt("bucket", "", ledger.Place{Offset: 8}, ledger.Place{Offset: 9}))); got.state != ledger.StateBlocked || got.code != "PARTITION_UNAVAILABLE" {
		t.Errorf("got %+v", got)
	}
}

// A clock that was ahead when the service started, and was set before it started again, makes
// nothing unknown.
func TestReceiptsAreTheOnesOfTheLastStart(t *testing.T) {
	w := newWorld(t)
	w.append(w.owner, &journalv1.Decision{Kind: &journalv1.Decision_Opened{Opened: &journalv1.Opened{
		OpenedUnixNanos: time.Now().Add(time.Hour).UnixNano(), EventsOffset: proto.Uint64(0),
	}}})
	w.takeOver("b")
	first, last := w.events(1, 0)
	for _, when := range []string{"while it runs", "after a restart"} {
		w.written()
		if got := w.delivery(&fakeShards{}, receipt("bucket", "", first, last)); got.State != ledger.StateDelivered {
			t.Errorf("%s: got %+v", when, got)
		}
		w.restart(nil)
	}
}

func TestReceiptsThatDoNotFitAreUnknown(t *testing.T) {
	w, _ := tenEvents(t)
	w.takeOver("b") // what is received from here on stands at 10 or behind
	w.events(1, 0)
	w.written()
	at := func(first, last uint64) ledger.Receipt {
		return receipt("bucket", "", ledger.Place{Offset: first}, ledger.Place{Offset: last})
	}
	early, elsewhere := at(10, 10), at(1, 1)
	early.Received = early.Received.Add(-time.Minute)
	elsewhere.Partition = 1
	for name, test := range map[string]struct {
		of   ledger.Receipt
		know bool
	}{
		"as it was":              {at(1, 1), true},
		"received before it was": {early, false},
		"received later":         {at(10, 10), true},
		"above the end":          {at(10, 11), false},
		"backwards":              {at(2, 1), false},
		"no such partition":      {elsewhere, false},
	} {
		_, err := ledger.NewDesk(w.ledger, &fakeShards{world: w}).Deliveries(t.Context(), []ledger.Receipt{at(1, 1), test.of})
		var unknown *ledger.UnknownError
		if test.know && err != nil || !test.know && (!errors.As(err, &unknown) || unknown.Index != 1) {
			t.Errorf("%s: got %v, want it known: %v", name, err, test.know)
		}
	}
}
