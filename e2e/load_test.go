package e2e_test

import (
	"fmt"
	"math/rand/v2"
	"regexp"
	"sync"
	"testing"
	"time"

	"github.com/open-destinations/destinations/e2e/harness"
)

// TestHundredThousandEvents sends 100,000 JSON events of 50 bytes to 64 KiB,
// about 0.9 GB, over 8 streams to 200 destinations.
func TestHundredThousandEvents(t *testing.T) {
	const (
		streams   = 8
		perStream = 100_000 / streams
	)
	buckets := []string{"load-a", "load-b", "load-c", "load-d"}
	destinations := destinationsIn(50, buckets...)
	w := newWorld(t, buckets...)
	svc := w.serve("data", "--window", "5s")

	w.inParallel(streams, func(stream int) error {
		made := newJSONMaker(uint64(stream))
		events := func(yield func(outgoing) bool) {
			for n := range perStream {
				size := made.logUniform(50, 64<<10)
				to := destinations[made.rnd.IntN(len(destinations))]
				if !yield(outgoing{to, made.event(stream, n, size)}) {
					return
				}
			}
		}
		return w.send(t.Context(), svc, stream, inRequests(100, events))
	})
	w.await(2 * time.Minute)
	w.check(svc)
}

// TestTenThousandDestinations sends 10 events to each of 10,000 destinations, so
// that as many batches are open at a time.
func TestTenThousandDestinations(t *testing.T) {
	const (
		streams = 4
		each    = 10
	)
	destinations := destinationsIn(5_000, "many-a", "many-b")
	w := newWorld(t, "many-a", "many-b")
	w.s3.Decompress = harness.LibraryGunzip
	svc := w.serve("data", "--window", "10s")

	w.inParallel(streams, func(stream int) error {
		events := func(yield func(outgoing) bool) {
			for n := range each * len(destinations) / streams {
				to := destinations[(n*streams+stream)%len(destinations)]
				if !yield(outgoing{to, numbered(stream, n)}) {
					return
				}
			}
		}
		return w.send(t.Context(), svc, stream, inRequests(500, events))
	})
	w.await(2 * time.Minute)
	w.check(svc)
}

// TestLargeObjects sends 400 MB that don't compress to one destination: its
// objects are cut by size and uploaded in parts.
func TestLargeObjects(t *testing.T) {
	const (
		events    = 400
		size      = 1_000_000
		maxObject = 128 << 20
		partSize  = 16 << 20
	)
	w := newWorld(t, "large")
	svc := w.serve("data", "--window", longWindow)
	src := rand.NewChaCha8([32]byte{1})
	made := func(yield func(outgoing) bool) {
		for range events {
			if !yield(outgoing{harness.Destination{Bucket: "large", Prefix: "noise/"}, noise(src, size)}) {
				return
			}
		}
	}
	must(t, w.send(t.Context(), svc, 0, inRequests(2, made)))
	w.flush(svc)
	w.await(2 * time.Minute)

	objects := w.ledger.Objects()
	if least := events * size / maxObject; len(objects) <= least || len(objects) > 2*least {
		t.Errorf("got %d objects of %d MB, want a few more than %d: %v", len(objects), events, least, objects)
	}
	multipart := regexp.MustCompile(`-[0-9]+$`)
	for _, o := range objects {
		if o.Size > maxObject+2*size {
			t.Errorf("%s has %d bytes, want about %d at most", o, o.Size, maxObject)
		}
		if o.Size > partSize && !multipart.MatchString(o.ETag) {
			t.Errorf("%s has %d bytes and ETag %s, want it uploaded in parts", o, o.Size, o.ETag)
		}
	}
	w.check(svc)
}

// destinationsIn returns n destinations in each bucket.
func destinationsIn(n int, buckets ...string) []harness.Destination {
	var all []harness.Destination
	for _, b := range buckets {
		for i := range n {
			all = append(all, harness.Destination{Bucket: b, Prefix: fmt.Sprintf("tenant-%d/flow-%d/", i%7, i)})
		}
	}
	return all
}

// inParallel runs f once for each stream and fails the test if one of them fails.
func (w *world) inParallel(streams int, f func(stream int) error) {
	w.t.Helper()
	began := time.Now()
	errs := make([]error, streams)
	var running sync.WaitGroup
	for stream := range streams {
		running.Go(func() { errs[stream] = f(stream) })
	}
	running.Wait()
	for stream, err := range errs {
		if err != nil {
			w.t.Fatalf("stream %d: %v", stream, err)
		}
	}
	w.t.Logf("%d streams sent and acknowledged in %v", streams, time.Since(began).Round(time.Millisecond))
}
