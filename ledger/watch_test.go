package ledger_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/open-destinations/destinations/ledger"
)

// deliver has n batches of a bucket delivered, each by a transaction of its own or not.
func (w *world) deliver(bucket string, n int) {
	w.t.Helper()
	first, _ := w.events(1, 0)
	for i := range n {
		place := ledger.Place{Offset: first.Offset, Index: uint32(i)}
		seal := w.batch(bucket, "", place, place)
		seal.Key = fmt.Sprintf("%s/%d/%d", bucket, place.Offset, i)
		w.append(w.owner, sealed(seal), delivered(seal))
	}
}

var errEnough = errors.New("enough")

// watch reads n changes from a cursor on, and returns their keys and the last cursor.
func (w *world) watch(filter ledger.Filter, cursor string, n int) (keys []string, last string, err error) {
	w.t.Helper()
	ctx, cancel := context.WithTimeout(w.t.Context(), 20*time.Second)
	defer cancel()
	err = w.ledger.Watch(ctx, ledger.WatchParams{Filter: filter, Cursor: cursor, CutOff: func() {}, Give: func(r *ledger.Row, at string) error {
		last = at
		if r != nil {
			keys = append(keys, r.Key)
		}
		if len(keys) == n {
			return errEnough
		}
		return nil
	}})
	return keys, last, err
}

// Who goes on with his last cursor misses nothing and sees nothing twice, also over a restart.
func TestWatcherGoesOnWithHisCursor(t *testing.T) {
	w := newWorld(t)
	only := ledger.Filter{Bucket: "good", States: []ledger.RowState{ledger.RowDelivered}}
	_, cursor, err := w.watch(only, "", 0)
	if !errors.Is(err, errEnough) || cursor == "" {
		t.Fatalf("got %q, %v, want a cursor at once", cursor, err)
	}
	seen := map[string]int{}
	for round := range 4 {
		w.deliver("good", 700) // more than are read at once
		w.deliver("other", 20)
		if round == 2 {
			w.restart(nil)
			w.takeOver("b")
		}
		for left := 700; left > 0; left -= 350 {
			keys, at, err := w.watch(only, cursor, 350)
			if !errors.Is(err, errEnough) {
				t.Fatalf("round %d: got %v\n%s", round, err, w.log)
			}
			for _, k := range keys {
				seen[k]++
			}
			cursor = at
		}
	}
	if len(seen) != 2800 {
		t.Errorf("got %d objects, want 2800", len(seen))
	}
	for k, n := range seen {
		if n != 1 {
			t.Errorf("%s was told %d times", k, n)
		}
	}
	for name, test := range map[string]struct {
		filter ledger.Filter
		cursor string
	}{
		"another filter": {ledger.Filter{Bucket: "other", States: only.States}, cursor},
		"no cursor":      {only, "hello"},
	} {
		if _, _, err := w.watch(test.filter, test.cursor, 1); !errors.Is(err, ledger.ErrCursorInvalid) {
			t.Errorf("%s: got %v, want ErrCursorInvalid", name, err)
		}
	}
}

// A watcher who does not read is cut off. The ledger goes on meanwhile.
func TestWatcherThatDoesNotReadIsCutOff(t *testing.T) {
	w := newWorld(t)
	w.written()
	cutOff, begun, read := make(chan struct{}), make(chan struct{}), make(chan struct{})
	ended := make(chan error, 1)
	given := 0
	go func() {
		ended <- w.ledger.Watch(t.Context(), ledger.WatchParams{CutOff: func() { close(cutOff) }, Give: func(r *ledger.Row, _ string) error {
			if r == nil {
				close(begun)
				return nil
			}
			given++
			<-read
			return nil
		}})
	}()
	<-begun
	w.deliver("bucket", 2) // he waits with the first of them in hand
	w.written()
	for range 3 {
		w.deliver("bucket", ledger.WatcherRows/2)
		w.written()
	}
	select {
	case <-cutOff:
	case <-time.After(20 * time.Second):
		t.Fatal("he is not cut off")
	}
	close(read)
	if err := <-ended; !errors.Is(err, ledger.ErrTooSlow) {
		t.Errorf("got %v, want ErrTooSlow", err)
	}
	if given > ledger.WatcherRows+2 || w.ledger.Counts().CutOff != 1 {
		t.Errorf("got %d rows given, %+v", given, w.ledger.Counts())
	}
}

func TestListIsPagedAndFiltered(t *testing.T) {
	w := newWorld(t)
	w.deliver("one", 7)
	w.deliver("two", 8)
	first, last := w.events(1, 0)
	open := w.batch("two", "a/", first, last)
	w.append(w.owner, sealed(open), parked(open))
	w.written()
	middle := time.Unix(0, w.closed-int64(8*time.Millisecond)) // the first of "two" but one
	for name, test := range map[string]struct {
		of   ledger.Filter
		want int
	}{
		"all":             {ledger.Filter{}, 16},
		"a bucket":        {ledger.Filter{Bucket: "two"}, 9},
		"a destination":   {ledger.Filter{Tenant: "default", Bucket: "two", Prefix: ptr("")}, 8},
		"another tenant":  {ledger.Filter{Tenant: "other"}, 0},
		"no destination":  {ledger.Filter{Tenant: "default", Bucket: "two", Prefix: ptr("b/")}, 0},
		"what is open":    {ledger.Filter{States: []ledger.RowState{ledger.RowSealed, ledger.RowParked}}, 1},
		"since":           {ledger.Filter{Since: middle}, 9},
		"until":           {ledger.Filter{Until: middle}, 7},
		"what he may see": {ledger.Filter{Admits: func(_, bucket, _ string) bool { return bucket == "one" }}, 7},
	} {
		if got := len(w.states(test.of)); got != test.want {
			t.Errorf("%s: got %d, want %d", name, got, test.want)
		}
	}
	rows, next, err := w.ledger.List(t.Context(), ledger.Filter{Bucket: "one"}, 2, "")
	if err != nil || len(rows) != 2 || !rows[0].Sealed.After(rows[1].Sealed) {
		t.Fatalf("got %v, %v; want the newest first", rows, err)
	}
	if _, _, err := w.ledger.List(t.Context(), ledger.Filter{Bucket: "two"}, 2, next); !errors.Is(err, ledger.ErrCursorInvalid) {
		t.Errorf("got %v for the page of another filter", err)
	}
}
