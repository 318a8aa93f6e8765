package batcher_test

import (
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/open-destinations/destinations/batcher"
)

var noBucket = refusal("NoSuchBucket", 404)

// A bucket that is gone may come back as somebody else's: no probe frees it, over
// restarts and when all that was said of it was released.
func TestABucketThatIsGoneIsFreedByHand(t *testing.T) {
	bubble(t, func(w *world) { w.jcfg.ControlSegmentBytes = 8 << 10 }, func(w *world) {
		w.put(one, numbered{lines: w.lines(2)})
		w.flush()
		w.fill(3, works)
		pass(2 * time.Minute)
		if w.start0() == 0 {
			w.t.Fatal("nothing was released: the test shows nothing")
		}
		w.crash() // only the state knows what was delivered
		w.refuse(one.bucket, noBucket)
		w.put(one, numbered{lines: w.lines(1)})
		w.flush()
		w.crash()
		_, before := w.asked()
		w.refuse(one.bucket, nil)
		pass(24 * time.Hour)
		if _, after := w.asked(); after != before {
			w.t.Errorf("%d probes of a bucket that is gone", after-before)
		}
		if n := w.delivered(one); n != 2 {
			w.t.Errorf("%d events delivered into a bucket that has come back, want 2", n)
		}
		w.redrive()
		pass(time.Minute)
		if n := w.delivered(one); n != 3 {
			w.t.Errorf("%d events delivered after a redrive, want 3", n)
		}
	})
}

// A redrive is one try: as long as the bucket is gone, the next one needs somebody again.
func TestARedriveIsOneTryOfABucketThatIsGone(t *testing.T) {
	bubble(t, nil, func(w *world) {
		w.put(one, numbered{lines: w.lines(2)})
		w.flush()
		w.refuse(one.bucket, denied) // it is found to be gone by a probe
		w.put(one, numbered{lines: w.lines(1)})
		w.flush()
		w.refuse(one.bucket, noBucket)
		pass(2 * w.cfg.ProbeMax)
		_, before := w.asked()
		w.redrive()
		pass(24 * time.Hour)
		if _, after := w.asked(); after != before+1 {
			w.t.Errorf("%d probes after a redrive, want 1", after-before)
		}
		w.refuse(one.bucket, nil)
		w.redrive()
		pass(time.Minute)
		if n := w.delivered(one); n != 3 {
			w.t.Errorf("%d events delivered, want 3", n)
		}
	})
}

// A bucket that nothing was ever written to is one that is still to be made.
func TestABucketThatNeverWasIsFreedByAProbe(t *testing.T) {
	bubble(t, nil, func(w *world) {
		w.refuse(one.bucket, noBucket)
		w.put(one, numbered{lines: w.lines(2)})
		w.flush()
		pass(time.Hour)
		w.refuse(one.bucket, nil)
		pass(2 * w.cfg.ProbeMax)
		if n := w.delivered(one); n != 2 {
			w.t.Errorf("%d events delivered, want 2", n)
		}
	})
}

// What one partition has delivered to a bucket counts for the destinations that another
// one has there.
func TestABucketThatIsGoneIsGoneForEveryPartition(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, 1, nil)
		a, b := destIn(0, 2, "bucket"), destIn(1, 2, "bucket")
		w.send(short, a)
		w.flush()
		w.crash()
		w.refuse("bucket", noBucket)
		w.send(short, b)
		w.flush()
		w.refuse("bucket", nil)
		pass(24 * time.Hour)
		if s := w.status(b); !s.ByHand || w.delivered(b) != 0 {
			t.Errorf("%d events delivered, %+v; want none, by hand", w.delivered(b), s)
		}
		w.redrive()
		w.settle()
		w.stop()
		w.check()
	})
}

// A prefix that was quiet when its bucket was found to be gone does not write to whoever
// has the name now, in no partition and after no restart; and one redrive is for the whole
// bucket.
func TestABucketThatIsGoneIsGoneForEveryPrefix(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, 1, nil)
		a, b, c := destIn(0, 2, "bucket"), destIn(1, 2, "bucket"), dest{"bucket", "denied/"}
		w.send(short, a, b, c)
		w.flush()
		pass(time.Second)
		w.refuse("bucket", denied)
		w.send(short, c)
		w.flush()
		pass(time.Second)
		w.refuse("bucket", noBucket)
		w.send(short, a)
		w.flush()
		w.crash()
		w.refuse("bucket", nil)
		w.send(short, b)
		pass(time.Hour)
		for _, d := range []dest{a, b, c} {
			if s := w.status(d); !s.ByHand || s.Code != "NoSuchBucket" || w.delivered(d) != 1 {
				t.Errorf("%v: %d events delivered, %+v; want one, by hand", d, w.delivered(d), s)
			}
		}
		if _, err := w.batcher.Redrive(t.Context(), false, "default", a.bucket, a.prefix); err != nil {
			t.Fatal(err)
		}
		pass(time.Minute)
		for _, d := range []dest{a, b, c} {
			if w.delivered(d) != 2 {
				t.Errorf("%v: %d events delivered after a redrive, want 2", d, w.delivered(d))
			}
		}
		w.crash()
		w.send(short, a, b, c)
		w.settle()
		w.stop()
		w.check()
	})
}

// expecting lets the usual tenant expect an owner of its buckets while on holds; another does
// not, whose prefix is other/.
func expecting(on *atomic.Bool) func(*world) {
	return func(w *world) {
		w.tenants = map[string]string{one.bucket + "/other/": "other"}
		w.tenantOf = func(tenant string) batcher.Tenant {
			return batcher.Tenant{Weight: 1, ExpectsOwner: tenant == "default" && on.Load()}
		}
	}
}

// Where S3 is told whose a bucket must be, one that is gone is free as soon as it is there and
// that one's, and not when it is another's; also over a restart. Those who do not say whose
// it must be wait for somebody.
func TestABucketThatIsGoneIsFreedByItsOwner(t *testing.T) {
	var on atomic.Bool
	on.Store(true)
	bubble(t, expecting(&on), func(w *world) {
		two, other := dest{one.bucket, "two/"}, dest{one.bucket, "other/"}
		for _, d := range []dest{one, two, other} {
			w.put(d, numbered{lines: w.lines(1)})
		}
		w.flush()
		w.refuse(one.bucket, noBucket)
		for _, d := range []dest{one, other} {
			w.put(d, numbered{lines: w.lines(1)})
		}
		w.flush()
		pass(time.Hour)
		if s := w.status(one); s.ByHand || s.Code != "NoSuchBucket" || s.NextTry.IsZero() {
			w.t.Errorf("while it is gone: got %+v", s)
		}
		if s := w.status(other); !s.ByHand || !s.NextTry.IsZero() {
			w.t.Errorf("of who expects nobody: got %+v", s)
		}
		w.crash()
		w.refuse(one.bucket, denied) // it is somebody else's
		w.put(two, numbered{lines: w.lines(1)})
		w.flush()
		pass(time.Hour)
		if s := w.status(one); s.ByHand || s.Code != "AccessDenied" || s.State != batcher.StateBlocked {
			w.t.Errorf("while it is another's: got %+v", s)
		}
		w.refuse(one.bucket, nil)
		pass(2 * w.cfg.ProbeMax)
		for d, want := range map[dest]int{one: 2, two: 2, other: 1} {
			if got := w.delivered(d); got != want {
				w.t.Errorf("%v: %d events delivered, want %d", d, got, want)
			}
		}
		if s := w.status(other); !s.ByHand {
			w.t.Errorf("of who expects nobody: got %+v", s)
		}
		w.redrive()
	})
}

// It may be said later whose a bucket must be, or not any more: that counts for what is gone already.
func TestAnOwnerIsSaidLater(t *testing.T) {
	var on atomic.Bool
	bubble(t, expecting(&on), func(w *world) {
		lose := func() {
			w.put(one, numbered{lines: w.lines(1)})
			w.flush()
			w.refuse(one.bucket, noBucket)
			w.put(one, numbered{lines: w.lines(1)})
			w.flush()
			pass(10 * time.Minute)
		}
		lose()
		if s := w.status(one); !s.ByHand {
			w.t.Errorf("got %+v, want it by hand", s)
		}
		w.refuse(one.bucket, nil)
		pass(time.Hour)
		on.Store(true)
		w.batcher.TenantsChanged()
		pass(2 * w.cfg.ProbeMax)
		if got := w.delivered(one); got != 2 {
			w.t.Errorf("%d events delivered once it is said whose the bucket must be, want 2", got)
		}
		lose()
		on.Store(false)
		w.batcher.TenantsChanged()
		w.refuse(one.bucket, nil)
		pass(time.Hour)
		if s := w.status(one); !s.ByHand || w.delivered(one) != 3 {
			w.t.Errorf("when it is not said any more: %d delivered, want 3; %+v", w.delivered(one), s)
		}
		w.redrive()
	})
}

// A probe that was made when nothing was said of an owner frees nothing.
func TestAProbeThatAskedForNoOwnerFreesNothing(t *testing.T) {
	var on atomic.Bool
	on.Store(true)
	bubble(t, expecting(&on), func(w *world) {
		w.put(one, numbered{lines: w.lines(1)})
		w.flush()
		w.refuse(one.bucket, noBucket)
		w.put(one, numbered{lines: w.lines(1)})
		w.flush()
		pass(time.Minute)
		w.store.set(func() { w.store.mu.slow = 20 * time.Second })
		w.refuse(one.bucket, nil)
		_, before := w.asked()
		for _, after := w.asked(); after == before; _, after = w.asked() {
			pass(time.Second)
		}
		on.Store(false) // while a probe is under way
		pass(time.Minute)
		w.store.set(func() { w.store.mu.slow = 0 })
		pass(time.Hour)
		if s := w.status(one); !s.ByHand || w.delivered(one) != 1 {
			w.t.Errorf("%d delivered, want 1; %+v", w.delivered(one), s)
		}
		w.redrive()
	})
}
