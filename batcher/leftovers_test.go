package batcher_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// calls are what S3 was asked for since the last call, without the repetitions of one.
func (w *world) calls() (calls []string) {
	w.store.set(func() { calls, w.store.mu.calls = slices.Compact(w.store.mu.calls), nil })
	return calls
}

// aborts are those of calls that look for leftovers.
func aborts(calls []string) []string {
	return slices.DeleteFunc(slices.Clone(calls), func(call string) bool { return !strings.HasPrefix(call, "abort ") })
}

// putLarge sends what may become an object of several parts.
func (w *world) putLarge(d dest) {
	w.t.Helper()
	for range 6 {
		w.put(d, numbered{lines: []string{short(w.next) + strings.Repeat(" ", 1<<20)}})
		w.next++
	}
}

func largeSegments(w *world) { w.jcfg.SegmentBytes = 4 << 20 }

// What a killed process may have left under a key is aborted before the upload, once, and
// only where it may have been in parts.
func TestLeftoversAreClearedAfterACrash(t *testing.T) {
	bubble(t, largeSegments, func(w *world) {
		small := dest{"works", "small/"}
		w.store.set(func() { w.store.mu.down, w.store.mu.keep = errLost, errLost })
		w.putLarge(one)
		w.put(small, numbered{lines: w.lines(1)})
		w.flush()
		if calls := w.calls(); len(aborts(calls)) != 0 || len(calls) < 2 {
			w.t.Errorf("calls %v: nothing is left of what this process has sealed", calls)
		}
		w.crash()
		pass(10 * time.Second) // it fails for some time, and the listing too
		w.store.set(func() { w.store.mu.down, w.store.mu.keep = nil, nil })
		pass(time.Minute)
		calls := w.calls()
		found := aborts(calls)
		if len(found) != 1 || strings.Contains(found[0], "small/") {
			w.t.Fatalf("calls %v, want one abort, of the large one", calls)
		}
		put := "put" + strings.TrimPrefix(found[0], "abort")
		if at := slices.Index(calls, put); at < slices.Index(calls, found[0]) {
			w.t.Errorf("calls %v, want the abort before the upload", calls)
		}
		if w.delivered(one) != 6 || w.delivered(small) != 1 {
			w.t.Errorf("%d and %d delivered", w.delivered(one), w.delivered(small))
		}
	})
}

// A probe is a multipart upload under the key of the next object, whatever its size.
func TestLeftoversOfProbesAreClearedAfterACrash(t *testing.T) {
	bubble(t, nil, func(w *world) {
		w.refuse(one.bucket, denied)
		w.put(one, numbered{lines: w.lines(1)})
		w.flush()
		w.crash()
		w.calls()
		w.refuse(one.bucket, nil)
		pass(2 * w.cfg.ProbeMax)
		if calls := w.calls(); len(calls) != 2 || len(aborts(calls[:1])) != 1 {
			w.t.Errorf("calls %v, want an abort and a put", calls)
		}
	})
}

// leaveBehind has an upload that says it may have left something behind, and then works.
func (w *world) leaveBehind(d dest) {
	w.t.Helper()
	w.store.set(func() { w.store.mu.down, w.store.mu.left, w.store.mu.keep = errLost, true, denied })
	w.put(d, numbered{lines: w.lines(1)})
	w.flush()
	w.store.set(func() { w.store.mu.down, w.store.mu.left = nil, false })
	pass(time.Minute)
	if w.delivered(d) != 1 {
		w.t.Fatal("not delivered")
	}
	w.calls()
}

func TestALeftoverIsTriedDailyForAWeek(t *testing.T) {
	bubble(t, nil, func(w *world) {
		w.leaveBehind(one)
		for day := range 10 {
			pass(24 * time.Hour)
			synctest.Wait()
			want := 1
			if day >= 7 {
				want = 0
			}
			if got := aborts(w.calls()); len(got) != want {
				w.t.Errorf("day %d: %v, want %d", day+1, got, want)
			}
		}
	})
}

func TestALeftoverThatIsGoneIsForgotten(t *testing.T) {
	bubble(t, nil, func(w *world) {
		w.leaveBehind(one)
		w.store.set(func() { w.store.mu.keep = nil })
		pass(72 * time.Hour)
		if got := aborts(w.calls()); len(got) != 1 {
			w.t.Errorf("%v, want 1", got)
		}
	})
}

// A leftover goes from one start to the next in the state.
func TestALeftoverOutlivesARestart(t *testing.T) {
	bubble(t, nil, func(w *world) {
		w.leaveBehind(one)
		w.fill(3, works)
		pass(2 * time.Minute)
		if w.start0() == 0 {
			w.t.Fatal("nothing was released: the test shows nothing")
		}
		w.calls()
		for day := range 3 {
			w.crash() // no process lives for a day
			pass(12 * time.Hour)
			w.crash()
			pass(12 * time.Hour)
			if got := aborts(w.calls()); len(got) != 1 {
				w.t.Errorf("day %d: %v, want 1", day+1, got)
			}
		}
		w.store.set(func() { w.store.mu.keep = nil })
	})
}

// The upload of a batch that is not delivered is never aborted by the search for what an
// earlier try has left.
func TestWhatIsNotDeliveredIsNotLookedAt(t *testing.T) {
	bubble(t, nil, func(w *world) {
		w.store.set(func() { w.store.mu.left = true })
		w.refuse(one.bucket, errors.New("reset"))
		w.put(one, numbered{lines: w.lines(1)})
		w.put(works, numbered{lines: w.lines(1)})
		w.flush()
		pass(48 * time.Hour)
		if got := aborts(w.calls()); len(got) != 0 {
			w.t.Errorf("%v", got)
		}
		w.refuse(one.bucket, nil)
		pass(2 * w.cfg.ProbeMax)
		pass(24 * time.Hour)
		if got := aborts(w.calls()); len(got) != 1 {
			w.t.Errorf("%v after the delivery, want 1", got)
		}
	})
}

// A process that is killed can't say what it has left behind. That it took several tries to
// deliver a large object is all that is known.
func TestALargeObjectOfSeveralTriesIsLookedAtAfterACrash(t *testing.T) {
	bubble(t, func(w *world) { w.jcfg.SegmentBytes = 16 << 20 }, func(w *world) {
		w.store.set(func() { w.store.mu.down = errLost })
		w.putLarge(one)
		w.flush()
		w.store.set(func() { w.store.mu.down = nil })
		pass(time.Minute)
		w.putLarge(works)
		w.flush()
		w.crash()
		w.calls()
		pass(72 * time.Hour)
		if got := aborts(w.calls()); len(got) != 1 || !strings.Contains(got[0], one.prefix) {
			w.t.Errorf("%v, want one, of what took several tries", got)
		}
	})
}

func TestLeftoversAreBounded(t *testing.T) {
	bubble(t, func(w *world) { w.jcfg.ControlSegmentBytes = 4 << 20 }, func(w *world) {
		const most = 1000
		w.store.set(func() { w.store.mu.down, w.store.mu.left = errLost, true })
		for n := range most + 10 {
			w.put(dest{"bucket", fmt.Sprint(n, "/")}, numbered{lines: []string{short(n)}})
		}
		w.flush()
		pass(5 * time.Second)
		w.store.set(func() { w.store.mu.down, w.store.mu.left = nil, false })
		pass(10 * time.Minute)
		w.calls()
		pass(24 * time.Hour)
		if got := aborts(w.calls()); len(got) != most {
			w.t.Errorf("%d are looked at, want %d", len(got), most)
		}
	})
}

// TestANotedLeftoverIsTriedDaily notes the key of a check, of a destination that nothing
// was sent to.
func TestANotedLeftoverIsTriedDaily(t *testing.T) {
	bubble(t, nil, func(w *world) {
		w.store.set(func() { w.store.mu.keep = denied })
		for range 2 { // the same is one
			if err := w.batcher.NoteLeftover(context.Background(), "default", "quiet", "p/", "p/key.gz"); err != nil {
				w.t.Fatal(err)
			}
		}
		pass(25 * time.Hour)
		if got, want := w.calls(), "abort p/key.gz"; len(got) != 1 || !strings.Contains(got[0], "p/key.gz") {
			w.t.Errorf("calls %v, want %q", got, want)
		}
		w.store.set(func() { w.store.mu.keep = nil })
		pass(24 * time.Hour)
		w.calls()
		pass(48 * time.Hour)
		if got := w.calls(); len(got) != 0 {
			w.t.Errorf("calls %v after it was aborted", got)
		}
	})
}
