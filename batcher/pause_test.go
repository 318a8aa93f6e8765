package batcher_test

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/open-destinations/destinations/journal/journaltest"
)

// What is committed one request at a time is read many at a time; the first one after a
// pause is read at once, and a flush waits for nothing.
func TestCommitsAreReadTogether(t *testing.T) {
	bubble(t, nil, func(w *world) {
		pass(time.Minute)
		before := w.disk.Count(journaltest.Read)
		w.send(short, one)
		synctest.Wait()
		if n := w.disk.Count(journaltest.Read) - before; n == 0 {
			w.t.Error("the first commit was not read at once")
		}
		before = w.disk.Count(journaltest.Read)
		for range 100 {
			w.send(short, one)
			pass(time.Millisecond)
		}
		if n := w.disk.Count(journaltest.Read) - before; n == 0 || n > 10 {
			w.t.Errorf("%d reads for 100 commits in 100 ms, want one for each 20 ms or so", n)
		}
		w.send(short, one)
		began := time.Now()
		batches, err := w.batcher.Flush(w.t.Context(), true, "", "", "")
		if err != nil || batches != 1 || time.Since(began) > 0 {
			w.t.Errorf("a flush closed %d batches in %v, %v", batches, time.Since(began), err)
		}
	})
}
