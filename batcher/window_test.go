package batcher

import (
	"container/heap"
	"fmt"
	"math/rand/v2"
	"testing"
	"time"
)

func TestWindowEndIsOnTheShiftedClock(t *testing.T) {
	utc := func(s string) time.Time {
		at, err := time.Parse(time.RFC3339Nano, s)
		if err != nil {
			t.Fatal(err)
		}
		return at
	}
	for _, c := range []struct {
		now           string
		window, phase time.Duration
		want          string
	}{
		{"2019-05-25T16:14:00Z", time.Minute, 0, "2019-05-25T16:15:00Z"},
		{"2019-05-25T16:14:59.999999999Z", time.Minute, 0, "2019-05-25T16:15:00Z"},
		{"2019-05-25T16:14:58Z", time.Minute, 58 * time.Second, "2019-05-25T16:15:58Z"},
		{"2019-05-25T16:14:57Z", time.Minute, 58 * time.Second, "2019-05-25T16:14:58Z"},
		{"2019-05-25T16:14:57Z", 10 * time.Second, 1500 * time.Millisecond, "2019-05-25T16:15:01.5Z"},
		{"1969-12-31T23:59:30Z", time.Minute, 0, "1970-01-01T00:00:00Z"},
		{"1969-12-31T23:59:30Z", time.Minute, 20 * time.Second, "1970-01-01T00:00:20Z"},
	} {
		if got := windowEnd(utc(c.now), c.window, c.phase); !got.Equal(utc(c.want)) {
			t.Errorf("windowEnd(%s, %v, %v): got %v, want %s", c.now, c.window, c.phase, got, c.want)
		}
	}
}

func TestWindowEndIsAtMostOneWindowAway(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for range 10_000 {
		now := time.Unix(r.Int64N(4e9), r.Int64N(1e9))
		window := time.Second + time.Duration(r.Int64N(int64(time.Hour)))
		shift := phase(fmt.Sprint(r.Uint64()), window)
		away := windowEnd(now, window, shift).Sub(now)
		if away <= 0 || away > window {
			t.Fatalf("now %v, window %v, phase %v: %v away", now, window, shift, away)
		}
	}
}

func TestPhasesAreSpread(t *testing.T) {
	const destinations, slots = 60_000, 60
	var counts [slots]int
	for i := range destinations {
		counts[phase(name("default", "bucket", fmt.Sprintf("prefix-%d/", i)), time.Minute)/time.Second]++
	}
	for second, n := range counts {
		if n < destinations/slots/2 || n > destinations/slots*2 {
			t.Errorf("%d of %d destinations close at second %d, want about %d", n, destinations, second, destinations/slots)
		}
	}
}

func TestTimersGiveTheEarliest(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	var h timers
	var all []*destination
	for range 500 {
		d := &destination{timer: time.Unix(r.Int64N(1000), 0), heapIndex: -1}
		all = append(all, d)
		heap.Push(&h, d)
	}
	for _, d := range all[:250] {
		d.timer = time.Unix(r.Int64N(1000), 0)
		heap.Fix(&h, d.heapIndex)
	}
	for _, d := range all[250:300] {
		heap.Remove(&h, d.heapIndex)
		if d.heapIndex != -1 {
			t.Fatalf("a destination out of the heap has index %d", d.heapIndex)
		}
	}
	last := time.Time{}
	for n := len(h); n > 0; n-- {
		d := heap.Pop(&h).(*destination)
		if d.timer.Before(last) {
			t.Fatalf("%v came after %v", d.timer, last)
		}
		last = d.timer
	}
}
