package e2e_test

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"

	"github.com/open-destinations/destinations/e2e/faultproxy"
	"github.com/open-destinations/destinations/e2e/harness"
	"github.com/open-destinations/destinations/e2e/upgrade"
	destinationsv1 "github.com/open-destinations/destinations/gen/destinations/v1"
)

// TestFoldersOfEarlierVersions gives the service each data folder of testdata/upgrade,
// which an earlier one was killed over. What that had acknowledged and not delivered comes
// once, what it had sealed under the keys that it had chosen, and what it had delivered
// does not come again. However old a folder is: nothing is given up.
func TestFoldersOfEarlierVersions(t *testing.T) {
	archives, err := filepath.Glob("testdata/upgrade/*.tar.gz")
	must(t, err)
	if len(archives) < 3 {
		t.Fatalf("%d archives: the test shows nothing", len(archives))
	}
	for _, archive := range archives {
		t.Run(strings.TrimSuffix(filepath.Base(archive), ".tar.gz"), func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, "upgrade")
			note := w.unpack(archive)
			w.verifyJournal()
			svc := w.serve("data", "--window", longWindow, "--give-up-after", "0")
			w.noteOwed(note)
			w.deliver(svc)
			w.checkTokens(svc, note)
			w.check(svc)
			w.checkKeys(note)
			w.verifyJournal()
		})
	}
}

// at is a context that ends after d.
func at(t *testing.T, d time.Duration) context.Context {
	ctx, cancel := context.WithTimeout(t.Context(), d)
	t.Cleanup(cancel)
	return ctx
}

// unpack makes the data folder of an archive, and lets the services reach the endpoint that
// it was made with.
func (w *world) unpack(archive string) *upgrade.Note {
	w.t.Helper()
	file, err := os.Open(archive)
	must(w.t, err)
	defer file.Close()
	note, err := upgrade.Unpack(file, w.dataDir("data"))
	must(w.t, err)
	w.endpoint = note.Endpoint
	w.env = upgrade.Through(w.listenProxy().URL())
	return note
}

// verifyJournal has the journal of the data folder read whole, beside no service.
func (w *world) verifyJournal() {
	w.t.Helper()
	found, err := harness.Output(w.t.Context(), nil, bins.Service, "journal", "verify", "--data-dir", w.dataDir("data"))
	if err != nil {
		w.t.Fatalf("%v\n%s", err, found)
	}
}

// noteOwed puts what was acknowledged and not delivered into the ledger, and nothing else:
// each prefix is a stream.
func (w *world) noteOwed(note *upgrade.Note) {
	streams := map[string]int{}
	for _, r := range note.Requests {
		for _, e := range r.Events {
			if _, known := streams[e.Prefix]; !known {
				streams[e.Prefix] = len(streams)
			}
			w.ledger.Acked(w.ledger.Sent(harness.Destination{Bucket: note.Bucket, Prefix: e.Prefix}, streams[e.Prefix], []byte(e.Payload)))
		}
	}
}

// checkTokens asks what became of the receipts that the earlier version gave.
func (w *world) checkTokens(svc *service, note *upgrade.Note) {
	w.t.Helper()
	conn, err := grpc.NewClient(svc.Target, grpc.WithTransportCredentials(insecure.NewCredentials()))
	must(w.t, err)
	defer conn.Close()
	ctx, cancel := context.WithTimeout(w.t.Context(), startTimeout)
	defer cancel()
	answer, err := destinationsv1.NewDeliveriesClient(conn).GetDelivery(ctx, &destinationsv1.GetDeliveryRequest{Tokens: note.Tokens})
	must(w.t, err)
	for _, d := range answer.GetDeliveries() {
		if d.GetState() != destinationsv1.DeliveryState_DELIVERY_STATE_DELIVERED || len(d.GetObjects()) == 0 {
			w.t.Errorf("a receipt of the earlier version is told to be %v, in %d objects", d.GetState(), len(d.GetObjects()))
		}
	}
}

// checkKeys compares the objects with the batches that the earlier version had sealed: each
// has its key and its events.
func (w *world) checkKeys(note *upgrade.Note) {
	w.t.Helper()
	want := map[string][]string{} // by key
	for _, r := range note.Requests {
		for _, e := range r.Events {
			if r.Sealed {
				key := note.Sealed[e.Prefix]
				want[key] = append(want[key], e.Payload)
			}
		}
	}
	for _, o := range w.ledger.Objects() {
		var got []string
		must(w.t, w.s3.Lines(w.t.Context(), o, func(line []byte) error {
			got = append(got, string(line))
			return nil
		}))
		if sealed, ok := want[o.Key]; ok && !slices.Equal(got, sealed) {
			w.t.Errorf("%s holds %q, and was sealed with %q", o, got, sealed)
		}
		delete(want, o.Key)
	}
	for key := range want {
		w.t.Errorf("%s was sealed and is not there", key)
	}
}

// TestRepairBehindAnUpgrade gives the service the oldest folder, keeps it from delivering, and
// loses the files that say where the logs start. What older versions have noted of that counts
// as well as what the service has: its own lies behind events that nobody has delivered.
func TestRepairBehindAnUpgrade(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "upgrade")
	note := w.unpack("testdata/upgrade/first.tar.gz")
	w.noteOwed(note)
	proxied := w.env
	blocked := w.listenProxy()
	blocked.SetRules(faultproxy.Rule{Op: faultproxy.PutObject, Fault: faultproxy.Answer(http.StatusForbidden, "AccessDenied")})
	w.env = upgrade.Through(blocked.URL())
	svc := w.serve("data", "--window", longWindow, "--give-up-after", "0")
	w.poll("a state of each partition", func() error {
		states, err := filepath.Glob(filepath.Join(w.dataDir("data"), "*", "state-*"))
		if err == nil && len(states) < 4 {
			err = fmt.Errorf("%d states", len(states))
		}
		return err
	})
	w.stop(svc)
	starts, err := filepath.Glob(filepath.Join(w.dataDir("data"), "*", "start"))
	must(t, err)
	for _, start := range starts {
		must(t, os.Remove(start))
	}
	_, err = harness.Output(t.Context(), nil, bins.Service, "journal", "repair", "--yes", "--data-dir", w.dataDir("data"))
	must(t, err)
	w.env = proxied
	svc = w.serve("data", "--window", longWindow, "--give-up-after", "0")
	w.deliver(svc)
	w.check(svc)
	w.checkKeys(note)
}

// deliver has everything that was acknowledged delivered, blocked or not.
func (w *world) deliver(svc *service) {
	w.t.Helper()
	_, err := svc.operations.Redrive(w.t.Context(), &destinationsv1.RedriveRequest{})
	must(w.t, err)
	w.poll("everything to be delivered", func() error {
		w.flush(svc) // a destination that was blocked has an open batch when it has caught up
		return w.ledger.Await(at(w.t, time.Second), w.s3, w.buckets...)
	})
}
