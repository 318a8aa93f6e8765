package batcher

import (
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

func TestLanesTakeTurns(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLanes(1, func(string) int { return 1 }, alike)
		var order []string
		say := func(what string) func() {
			return func() { order = append(order, what) }
		}
		l.submit(laneOf{bucket: "a"}, false, func() { time.Sleep(time.Second) })
		synctest.Wait()
		for _, what := range []string{"a1", "a2", "b1", "b2", "c1"} {
			l.submit(laneOf{bucket: what[:1]}, false, say(what))
		}
		gone := l.submit(laneOf{bucket: "b"}, false, say("withdrawn"))
		l.submit(laneOf{bucket: "c"}, true, say("urgent"))
		if !gone.withdraw() || gone.withdraw() {
			t.Error("a job is withdrawn once")
		}
		l.close()
		if want := []string{"urgent", "a1", "b1", "c1", "a2", "b2"}; !slices.Equal(order, want) {
			t.Errorf("got %v, want %v", order, want)
		}
		if len(l.mu.tenants) != 0 || len(l.mu.running) != 0 {
			t.Errorf("%d lanes stay", len(l.mu.tenants))
		}
	})
}

// One lane leaves goroutines to the others, and takes what they leave.
func TestALaneHasSoManyAtMost(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLanes(4, func(string) int { return 3 }, alike)
		began := time.Now()
		hangs := make([]*job, 6)
		for i := range hangs {
			hangs[i] = l.submit(laneOf{bucket: "hangs"}, false, func() { time.Sleep(time.Minute) })
		}
		synctest.Wait()
		var at time.Duration
		l.submit(laneOf{bucket: "works"}, false, func() { at = time.Since(began) })
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

// alike is the weight of tenants that are alike.
func alike(string) int { return 1 }

// A tenant's flood does not keep others from the goroutines: the next one that is free is
// theirs, and what is left is shared by weight.
func TestTenantsShareByWeight(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		weights := map[string]int{"flood": 1, "double": 2, "small": 1}
		l := newLanes(4, func(string) int { return 4 }, func(tenant string) int { return weights[tenant] })
		began := time.Now()
		var mu sync.Mutex // guards what follows
		done := map[string]int{}
		var all []string // whose jobs began, in order
		var smallBegan time.Duration
		submit := func(tenant, bucket string) {
			l.submit(laneOf{tenant, bucket}, false, func() {
				mu.Lock()
				all = append(all, tenant)
				mu.Unlock()
				time.Sleep(time.Second)
				mu.Lock()
				done[tenant]++
				mu.Unlock()
			})
		}
		for i := range 100 { // of many buckets, each of them a lane
			submit("flood", string(rune('A'+i)))
		}
		synctest.Wait()
		for range 30 {
			submit("double", "d")
		}
		l.submit(laneOf{"small", "s"}, false, func() {
			mu.Lock()
			defer mu.Unlock()
			smallBegan = time.Since(began)
		})
		synctest.Wait()
		mu.Lock()
		if slices.Contains(all, "double") {
			t.Error("a job of the flood was cut off")
		}
		mu.Unlock()
		time.Sleep(10*time.Second + time.Millisecond)
		mu.Lock()
		flood, double := done["flood"]-4, done["double"] // without the four that were there first
		waited := smallBegan
		mu.Unlock()
		// The flood's four end at 1 s. From then on four goroutines are shared 1 to 2.
		if waited != time.Second || double < 20 || flood < 9 || flood+double != 36 {
			t.Errorf("small began after %v, want 1s; the flood got %d, double %d, want a third and two thirds of 36", waited, flood, double)
		}
		l.close()
	})
}

// Who is idle saves no turns, and who comes last need not wait behind all that waits.
func TestTenantsTakeTurnsOfOneGoroutine(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLanes(1, func(string) int { return 1 }, alike)
		var order []string
		l.submit(laneOf{"a", "0"}, false, func() { time.Sleep(time.Second) })
		synctest.Wait()
		for _, bucket := range []string{"1", "2", "3"} {
			l.submit(laneOf{"a", bucket}, false, func() { order = append(order, "a"+bucket) })
		}
		for _, bucket := range []string{"1", "2"} {
			l.submit(laneOf{"b", bucket}, false, func() { order = append(order, "b"+bucket) })
		}
		l.close()
		if want := []string{"b1", "a1", "b2", "a2", "a3"}; !slices.Equal(order, want) {
			t.Errorf("got %v, want %v", order, want)
		}
	})
}
