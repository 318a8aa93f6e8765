package e2e_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/open-destinations/destinations/e2e/harness"
)

// TestTerminateUnderLoad stops the service as an operator does while it is being
// sent to, and starts it again.
func TestTerminateUnderLoad(t *testing.T) {
	w := newWorld(t, "crash-a", "crash-b")
	svc := w.serve("data", "--window", "1s")
	load := w.startLoad(svc, 0)
	load.awaitFull()
	began := time.Now()
	w.stop(svc)
	t.Logf("stopped under load in %v", time.Since(began).Round(time.Millisecond))
	load.join()
	for _, err := range load.longErrs {
		if _, ok, _ := durableSequence(err); !ok {
			t.Errorf("a running stream ended without saying what is durable: %v", err)
		}
	}

	svc = w.serve("data", "--window", "1s")
	w.sendNumbered(svc, 1_000, 10, harness.Destination{Bucket: "crash-a"})
	w.await(time.Minute)
	w.check(svc)
}

// TestKillUnderLoad kills the service three times while it is being sent to and
// uploads, and starts it again each time.
func TestKillUnderLoad(t *testing.T) {
	w := newWorld(t, "crash-a", "crash-b")
	for round := range 3 {
		svc := w.serve("data", "--window", "1s")
		load := w.startLoad(svc, 100*round)
		load.awaitFull()
		svc.Kill()
		load.join()
	}
	svc := w.serve("data", "--window", "1s")
	w.sendNumbered(svc, 1_000, 10, harness.Destination{Bucket: "crash-a"})
	w.await(time.Minute)
	w.check(svc)
}

// TestKilledS3UnderLoad kills the S3 server three times while objects are being
// written: the service does not know what became of those.
func TestKilledS3UnderLoad(t *testing.T) {
	w := newWorld(t, "crash-a", "crash-b")
	svc := w.serve("data", "--window", "1s")
	for round := range 3 {
		load := w.startLoad(svc, 100*round)
		load.awaitFull()
		w.s3.Kill()
		w.restartS3()
		load.stop()
		load.join()
	}
	w.await(time.Minute)
	w.check(svc)
}

// TestSecondSignalLosesNothing asks the service twice to end while it can't
// deliver what it has.
func TestSecondSignalLosesNothing(t *testing.T) {
	w := newWorld(t, "crash-a")
	svc := w.serve("data", "--window", longWindow)
	w.s3.Kill()
	w.sendNumbered(svc, 0, 1_000, harness.Destination{Bucket: "crash-a"})
	w.flush(svc)
	svc.Terminate()
	w.awaitNotReady(svc) // two signals at once may arrive as one
	svc.Terminate()
	select {
	case <-svc.Done():
	case <-time.After(5 * time.Second):
		t.Error("still runs 5 seconds after the second signal")
	}
	svc.Kill()
	w.restartS3()

	svc = w.serve("data", "--window", longWindow)
	w.await(time.Minute)
	w.check(svc)
}

// awaitNotReady waits until the service says that it takes no more events.
func (w *world) awaitNotReady(svc *service) {
	w.t.Helper()
	ctx, cancel := context.WithTimeout(w.t.Context(), 10*time.Second)
	defer cancel()
	must(w.t, harness.Poll(ctx, "the service to say that it is not ready", func() error {
		if svc.Ready(ctx) == nil {
			return errors.New("it says that it is")
		}
		return nil
	}))
}
