package batcher

import (
	"slices"
	"testing"
	"testing/synctest"
	"time"
)

func TestLanesTakeTurns(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLanes(1, func(string) int { return 1 })
		var order []string
		say := func(what string) func() {
			return func() { order = append(order, what) }
		}
		l.submit("a", false, func() { time.Sleep(time.Second) })
		synctest.Wait()
		for _, what := range []string{"a1", "a2", "b1", "b2", "c1"} {
			l.submit(what[:1], false, say(what))
		}
		gone := l.submit("b", false, say("withdrawn"))
		l.submit("c", true, say("urgent"))
		if !gone.withdraw() || gone.withdraw() {
			t.Error("a job is withdrawn once")
		}
		l.close()
		if want := []string{"urgent", "a1", "b1", "c1", "a2", "b2"}; !slices.Equal(order, want) {
			t.Errorf("got %v, want %v", order, want)
		}
		if len(l.mu.lanes) != 0 {
			t.Errorf("%d lanes stay", len(l.mu.lanes))
		}
	})
}

// One lane leaves goroutines to the others, and takes what they leave.
func TestALaneHasSoManyAtMost(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLanes(4, func(string) int { return 3 })
		began := time.Now()
		hangs := make([]*job, 6)
		for i := range hangs {
			hangs[i] = l.submit("hangs", false, func() { time.Sleep(time.Minute) })
		}
		synctest.Wait()
		var at time.Duration
		l.submit("works", false, func() { at = time.Since(began) })
		synctest.Wait()
		if at != 0 || hangs[2].withdraw() || !hangs[3].withdraw() {
			t.Errorf("works began after %v; three of the others should have begun", at)
		}
		l.close()
		if took := time.Since(began); took != 2*time.Minute {
			t.Errorf("five of a minute, three at a time, took %v", took)
		}
	})
}
