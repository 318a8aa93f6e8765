package batcher_test

import (
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/open-destinations/destinations/batcher"
)

// twoRegions lets each bucket be where its name says.
func twoRegions(w *world) {
	littleMemory(time.Minute)(w)
	w.regionOf = func(bucket string) string { return strings.SplitN(bucket, "_", 2)[0] }
}

// inRegion are destinations in three buckets of a region.
func inRegion(region string, n int) (dests []dest) {
	for i := range n {
		dests = append(dests, dest{fmt.Sprint(region, "_", i%3), fmt.Sprintf("%d/", i)})
	}
	return dests
}

// Each region has an endpoint of its own: one that is down is one state with one probe, and those of
// other regions feel nothing of it, though there are fewer of them.
func TestAnEndpointThatIsDownIsThatOfItsRegion(t *testing.T) {
	bubble(t, twoRegions, func(w *world) {
		sick, sound := inRegion("eu", 60), inRegion("us", 6)
		for n := range 6 {
			if n == 1 {
				for _, d := range sick {
					w.refuse(d.bucket, slowDown)
				}
			}
			w.send(short, sick...)
			w.send(short, sound...)
			pass(time.Minute)
		}
		pass(2 * time.Minute)
		for _, d := range sound {
			if got := w.delivered(d); got != 6 {
				w.t.Errorf("%v: %d of 6 delivered while another region is down", d, got)
			}
		}
		shared := w.batcher.Shared()
		if len(shared) != 3 {
			w.t.Fatalf("got %+v", shared)
		}
		if s := shared[0]; s.Subject != "endpoint" || s.Region != "eu" || s.State != batcher.StateBlocked || s.Destinations != 60 {
			w.t.Errorf("got %+v", s)
		}
		if s := shared[1]; s.Subject != "endpoint" || s.Region != "us" || s.State != batcher.StateActive || s.Destinations != 0 {
			w.t.Errorf("got %+v", s)
		}
		before, _ := w.asked()
		pass(5 * time.Minute)
		if after, _ := w.asked(); after != before {
			w.t.Errorf("%d tries to store while the endpoint is down", after-before)
		}
		for _, d := range sick {
			w.refuse(d.bucket, nil)
		}
		pass(30 * time.Second)
		synctest.Wait()
		for _, d := range sick {
			if got := w.delivered(d); got != 6 {
				w.t.Errorf("%v: %d of 6 delivered half a minute later", d, got)
				break
			}
		}
		if c := w.batcher.Counts(); c.Blocked != 0 {
			w.t.Errorf("got counts %+v, want none blocked", c)
		}
	})
}

// Credentials are those of all regions: one probe, and it may be made in any of them.
func TestCredentialsAreThoseOfAllRegions(t *testing.T) {
	bubble(t, twoRegions, func(w *world) {
		w.down(refusal("ExpiredToken", 400))
		all := append(inRegion("eu", 3), inRegion("us", 3)...)
		w.send(short, all...)
		w.flush()
		shared := w.batcher.Shared()
		if s := shared[len(shared)-1]; s.Subject != "credentials" || s.State != batcher.StateBlocked || s.Destinations != uint64(len(all)) {
			w.t.Errorf("got %+v", shared)
		}
		w.down(nil)
	})
}

// A bucket that is found in another region while its endpoint is down is not kept waiting for that,
// and says nothing about it.
func TestABucketMovesAwayFromAnEndpointThatIsDown(t *testing.T) {
	moved := false
	bubble(t, func(w *world) {
		twoRegions(w)
		of := w.regionOf
		w.regionOf = func(bucket string) string {
			if moved && bucket == "eu_0" {
				return "us"
			}
			return of(bucket)
		}
	}, func(w *world) {
		sick := inRegion("eu", 30)
		for _, d := range sick {
			w.refuse(d.bucket, slowDown)
		}
		w.send(short, sick...)
		pass(3 * time.Minute)
		if s := w.batcher.Shared()[0]; s.State != batcher.StateBlocked || s.Destinations != 30 {
			w.t.Errorf("got %+v", s)
		}
		w.store.set(func() { moved = true })
		w.refuse("eu_0", nil)
		pass(10 * time.Minute)
		for _, d := range sick {
			want := 0
			if d.bucket == "eu_0" {
				want = 1
			}
			if got := w.delivered(d); got != want {
				w.t.Errorf("%v: %d delivered, want %d", d, got, want)
			}
		}
		if s := w.batcher.Shared()[0]; s.State != batcher.StateBlocked || s.Destinations != 20 {
			w.t.Errorf("got %+v", s)
		}
		for _, d := range sick {
			w.refuse(d.bucket, nil)
		}
	})
}
