package e2e_test

import (
	"os/exec"
	"testing"
	"time"

	"github.com/open-destinations/destinations/e2e/harness"
)

// TestCopiesOfADataFolderShareNoKey runs two copies of one data folder side by
// side. The folder has events that were delivered, and events that are sealed and
// were not delivered because S3 was away: both copies deliver these, under the
// same key, and so once. What each is sent anew for the same destinations goes
// under keys of its own: were they shared, the events of one copy would be lost,
// as an object that exists already counts as delivered.
func TestCopiesOfADataFolderShareNoKey(t *testing.T) {
	w := newWorld(t, "copies")
	args := []string{"--window", longWindow, "--shutdown-grace", "1s"}
	svc := w.serve("first", args...)
	destinations := destinationsIn(5, "copies")
	send := func(svc *service, stream int) {
		for i, d := range destinations {
			w.sendNumbered(svc, stream+i, 20, d)
		}
		w.flush(svc)
	}
	send(svc, 0)
	w.await(30 * time.Second)

	w.s3.Kill()
	send(svc, 100)
	w.stop(svc)
	// Not os.CopyFS: it would lose the files' modes.
	out, err := exec.Command("cp", "-a", w.dataDir("first"), w.dataDir("second")).CombinedOutput()
	if err != nil {
		t.Fatalf("copy the data folder: %v: %s", err, out)
	}
	w.restartS3()

	copies := make([]*service, 2)
	w.inParallel(len(copies), func(i int) (err error) {
		copies[i], err = w.tryServe([]string{"first", "second"}[i], args...)
		return err
	})
	for round := range 3 {
		for i, svc := range copies {
			send(svc, 1_000*(1+i)+100*round)
		}
	}
	w.await(time.Minute)
	w.check(copies...)
	for _, d := range destinations {
		w.checkObjects(d, 1+1+2*3)
	}
}

// checkObjects checks how many objects a destination has.
func (w *world) checkObjects(d harness.Destination, want int) {
	w.t.Helper()
	got := 0
	for _, o := range w.ledger.Objects() {
		if o.Bucket == d.Bucket && o.Prefix == d.Prefix {
			got++
		}
	}
	if got != want {
		w.t.Errorf("%v has %d objects, want %d", d, got, want)
	}
}
