package batcher_test

import (
	"bytes"
	"errors"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"google.golang.org/protobuf/proto"

	journalv1 "github.com/open-destinations/destinations/gen/destinations/journal/v1"
	"github.com/open-destinations/destinations/journal/journaltest"
)

// Invariant 11: as long as the journal has not noted a delivery, it keeps the
// events.
func TestNothingIsReleasedBeforeItsDeliveryIsDurable(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, 1, func(w *world) { w.jcfg.Partitions = 1 })
		w.store.set(func() { w.store.mu.refuse[one.bucket] = errors.New("503") })
		for range 300 { // several segments
			w.send(func(n int) string { return short(n) + strings.Repeat("x", 1000) }, one)
		}
		if _, err := w.batcher.Flush(t.Context(), true, "", "", ""); err != nil {
			t.Fatal(err)
		}
		pass(10 * time.Second) // the snapshots are durable
		w.disk.Fail(func(op journaltest.Op) error {
			if op.Kind == journaltest.Write && strings.Contains(op.Name, "control") {
				return syscall.ENOSPC
			}
			return nil
		})
		w.store.set(func() { clear(w.store.mu.refuse) })
		pass(5 * time.Minute)
		if w.store.count() == 0 {
			t.Error("nothing was uploaded: the test shows nothing")
		}
		if start := w.journal.Partition(0).Start(); start.Events != 0 {
			t.Errorf("released up to %d before the delivery was noted", start.Events)
		}
		w.disk.Fail(nil)
		pass(time.Minute)
		if start := w.journal.Partition(0).Start(); start.Events == 0 {
			t.Error("nothing was released once it was noted")
		}
		w.stop()
		w.check()
	})
}

// Invariant 6: a Seal that somebody wrote who had been replaced is void, and what
// he had delivered is delivered all the same.
func TestSealsOfWhoWasReplacedAreVoid(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, 1, func(w *world) { w.jcfg.Partitions = 1 })
		w.stop() // an owner's Opened stands in the log
		w.openJournal()
		dest := &journalv1.Destination{Tenant: "default", Bucket: one.bucket, Prefix: one.prefix}
		for range 4 {
			w.send(short, one)
		}
		seal := func(event uint64, key string) *journalv1.Seal {
			at := &journalv1.Position{Offset: event}
			return &journalv1.Seal{
				Id: make([]byte, 16), Destination: dest, First: at, Last: at, Through: &journalv1.Position{Offset: event + 1},
				Events: 1, RawBytes: uint64(len(w.sent[one][event]) + 1), Level: 2, Key: one.prefix + "2019/05/25/16/2019-05-25-16-14-58-" + strings.Repeat(key, 64) + ".gz",
			}
		}
		first, second := bytes.Repeat([]byte{1}, 16), bytes.Repeat([]byte{2}, 16)
		opened := &journalv1.Decision{Kind: &journalv1.Decision_Opened{Opened: &journalv1.Opened{}}}
		sealed := func(s *journalv1.Seal) *journalv1.Decision {
			return &journalv1.Decision{Kind: &journalv1.Decision_Seal{Seal: s}}
		}
		delivered := seal(0, "a")
		w.control(first, opened, sealed(delivered))
		w.control(second, opened)
		w.control(first, &journalv1.Decision{Kind: &journalv1.Decision_Delivered{Delivered: &journalv1.Delivered{Seal: delivered}}})
		w.control(first, sealed(seal(1, "b"))) // void
		w.control(second, sealed(seal(1, "c")))
		w.control(second, opened, sealed(seal(3, "d"))) // counts: event 2 is decided by it
		if err := w.journal.Close(); err != nil {
			t.Fatal(err)
		}
		w.start()
		w.settle()
		w.stop()
		var got []string
		for _, o := range w.store.objectsOf(one.bucket, one.prefix) {
			got = append(got, o.key[len(o.key)-4:len(o.key)-3]+" "+strings.Join(o.lines, ","))
		}
		if want := `c {"n":1};d {"n":3}`; strings.Join(got, ";") != want {
			t.Errorf("got objects %q, want %q", got, want)
		}
	})
}

func (w *world) control(incarnation []byte, decisions ...*journalv1.Decision) {
	w.t.Helper()
	rec, err := proto.Marshal(&journalv1.Control{Incarnation: incarnation, Decisions: decisions})
	if err != nil {
		w.t.Fatal(err)
	}
	if _, err := w.journal.Partition(0).Control().Append(rec).Wait(w.t.Context()); err != nil {
		w.t.Fatal(err)
	}
}
