package batcher_test

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"errors"
	"log/slog"
	"slices"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/open-destinations/destinations/batcher"
	journalv1 "github.com/open-destinations/destinations/gen/destinations/journal/v1"
	"github.com/open-destinations/destinations/journal"
)

var errNoSpace = syscall.ENOSPC

// dead are the dead batches.
func (w *world) dead() []batcher.DeadBatch {
	w.t.Helper()
	list, err := w.batcher.Dead(w.t.Context(), true, "", "", "")
	if err != nil {
		w.t.Errorf("dead: %v", err)
	}
	return list
}

func givingUp(w *world) { onePartition(w); w.cfg.GiveUpAfter = time.Hour }

// kill sends lines to a destination that is given up.
func (w *world) kill(d dest, n int) {
	w.t.Helper()
	w.refuse(d.bucket, denied)
	w.put(d, numbered{lines: w.lines(n)})
	w.flush()
	w.put(d, numbered{lines: w.lines(n)})
	pass(w.cfg.GiveUpAfter + 5*time.Minute)
	synctest.Wait()
	if len(w.dead()) == 0 {
		w.t.Fatal("nothing is dead: the test shows nothing")
	}
}

// A destination that has failed for too long is given up: what it has is dead, stays so
// when it works again, and comes back when somebody asks for it.
func TestGivenUpAndRedriven(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, 1, givingUp)
		w.refuse(one.bucket, denied)
		w.put(one, numbered{lines: w.lines(3)})
		w.flush()
		w.put(one, numbered{lines: w.lines(4)})
		pass(w.cfg.GiveUpAfter - time.Minute)
		if n := len(w.dead()); n != 0 {
			t.Errorf("%d are dead before their time", n)
		}
		pass(2 * time.Minute)
		dead := w.dead()
		if len(dead) != 2 || dead[0].Events != 3 || dead[1].Events != 4 || dead[0].Bucket != one.bucket || dead[0].Prefix != one.prefix {
			t.Fatalf("got dead %+v, want 3 and 4 events", dead)
		}
		_, before := w.asked()
		pass(10 * time.Hour)
		if _, after := w.asked(); after-before < 9 || after-before > 11 {
			t.Errorf("%d probes in ten hours", after-before)
		}
		w.crash()
		if got := w.dead(); len(got) != 2 || got[0].Key != dead[0].Key || got[0].SHA256 != dead[0].SHA256 {
			t.Errorf("got dead %+v after a restart", got)
		}
		r, err := w.batcher.OpenDead(t.Context(), one.bucket, dead[0].Key)
		if err != nil {
			t.Fatal(err)
		}
		if got := linesOf(t, r); !slices.Equal(got, w.sent[one][:3]) {
			t.Errorf("exported %.40q", got)
		}
		r.Close()
		w.put(one, numbered{lines: w.lines(2)})
		w.refuse(one.bucket, nil)
		pass(2 * time.Hour) // a probe, and the new ones go
		if n := w.delivered(one); n != 2 {
			t.Errorf("%d delivered, want the 2 that are not dead", n)
		}
		if got := w.redrive(); got != (batcher.Redriven{Batches: 2, Events: 7}) {
			t.Errorf("got %+v", got)
		}
		w.settle()
		for _, o := range w.store.objectsOf(one.bucket, one.prefix)[1:] {
			if o.key != dead[0].Key && o.key != dead[1].Key {
				t.Errorf("redriven under another key: %s", o.key)
			}
		}
		if len(w.spools()) != 0 || len(w.dead()) != 0 {
			t.Errorf("%v stay", w.spools())
		}
		w.stop()
		w.check2()
	})
}

// A start tells again of what was decided before it, and says so: nobody is called for a
// batch that was sent long ago.
func TestWhatIsReplayedIsLoggedAsSuch(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var first, second bytes.Buffer
		w := newWorld(t, 1, func(w *world) {
			givingUp(w)
			w.log = slog.NewJSONHandler(&first, nil)
		})
		w.kill(one, 1)
		w.refuse(one.bucket, nil)
		w.redrive()
		w.settle()
		w.log = slog.NewJSONHandler(&second, nil)
		w.crash()
		w.stop()
		for _, text := range []string{"destination blocked", "batch is dead: it is kept, and not tried any more until somebody asks for it", "dead batch is tried again", "destination works again"} {
			for log, want := range map[*bytes.Buffer]bool{&first: false, &second: true} {
				if got, ok := replayedOf(t, log, text); !ok || got != want {
					t.Errorf("%s: got it %v, replayed %v, want %v", text, ok, got, want)
				}
			}
		}
	})
}

// replayedOf is what the log's first line with that text says of being replayed.
func replayedOf(t *testing.T, log *bytes.Buffer, text string) (replayed, ok bool) {
	for line := range bytes.Lines(log.Bytes()) {
		var said struct {
			Msg      string
			Replayed *bool
		}
		if err := json.Unmarshal(line, &said); err != nil {
			t.Fatal(err)
		}
		if said.Msg == text && said.Replayed != nil {
			return *said.Replayed, true
		}
	}
	return false, false
}

// A redrive lets a blocked destination be probed at once.
func TestRedriveProbesAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, 1, givingUp)
		w.kill(one, 2)
		w.refuse(one.bucket, nil)
		got := w.redrive()
		if want := (batcher.Redriven{Destinations: 1, Batches: 2, Events: 4}); got != want {
			t.Errorf("got %+v, want %+v", got, want)
		}
		pass(10 * time.Second)
		if n := w.delivered(one); n != 4 {
			t.Errorf("%d of 4 delivered ten seconds later", n)
		}
		w.stop()
		w.check()
	})
}

// Somebody who redrives before he has mended everything need not wait for an hour, nor ask
// again: for an hour a destination that was given up is probed as often as any other.
func TestRedrivenTooEarlyIsProbedSoon(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, 1, givingUp)
		w.kill(one, 2)
		w.redrive()
		pass(40 * time.Minute)
		if n := w.delivered(one); n != 0 {
			t.Fatalf("%d delivered: the test shows nothing", n)
		}
		w.refuse(one.bucket, nil)
		pass(w.cfg.ProbeMax * 3 / 2) // its jitter
		if n := w.delivered(one); n != 4 {
			t.Errorf("%d of 4 delivered after the longest pause between two probes", n)
		}
		w.stop()
		w.check()
	})
}

// An hour after a redrive that has not helped it is one probe an hour again.
func TestRedrivenInVainIsProbedOnceAnHour(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, 1, givingUp)
		w.kill(one, 2)
		w.redrive()
		pass(90 * time.Minute)
		_, before := w.asked()
		pass(10 * time.Hour)
		if _, after := w.asked(); after-before < 9 || after-before > 11 {
			t.Errorf("%d probes in ten hours", after-before)
		}
		w.stop()
	})
}

// A destination that only a person may free is not probed before somebody redrives it,
// and that outlives a restart.
func TestByHandIsFreedByHand(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, 1, onePartition)
		w.stop()
		w.openJournal()
		w.put(one, numbered{lines: w.lines(2)})
		owner := slices.Repeat([]byte{1}, 16)
		w.control(owner, &journalv1.Decision{Kind: &journalv1.Decision_Opened{Opened: &journalv1.Opened{}}},
			&journalv1.Decision{Kind: &journalv1.Decision_Blocked{Blocked: &journalv1.Blocked{
				Destination: &journalv1.Destination{Tenant: "default", Bucket: one.bucket, Prefix: one.prefix},
				Code:        "NoSuchBucket", SinceUnixNanos: time.Now().UnixNano(), ByHand: true,
			}}})
		w.journal.Close()
		w.start()
		pass(24 * time.Hour)
		if _, probes := w.asked(); probes != 0 {
			t.Errorf("%d probes", probes)
		}
		w.refuse(one.bucket, denied)
		if got := w.redrive(); got.Destinations != 1 {
			t.Errorf("got %+v", got)
		}
		w.crash()
		w.refuse(one.bucket, nil)
		pass(w.cfg.ProbeMax)
		w.stop()
		w.check()
	})
}

func TestDiscard(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, 1, givingUp)
		w.kill(one, 3)
		dead := w.dead()
		discard := func(key string, events uint64) (batcher.Discarded, error) {
			return w.batcher.DiscardDead(t.Context(), "default", one.bucket, one.prefix, key, events)
		}
		var differ *batcher.EventsDifferError
		if _, err := discard("", 5); !errors.As(err, &differ) || *differ != (batcher.EventsDifferError{Have: 6, Said: 5}) {
			t.Errorf("got %v, want 6 and 5", err)
		}
		if _, err := discard("other", 3); !errors.Is(err, batcher.ErrBatchUnknown) {
			t.Errorf("got %v", err)
		}
		if len(w.dead()) != 2 || len(w.spools()) != 2 {
			t.Fatal("something was destroyed")
		}
		if got, err := discard(dead[0].Key, 3); err != nil || got != (batcher.Discarded{Batches: 1, Events: 3}) {
			t.Errorf("got %+v, %v", got, err)
		}
		w.crash() // it was durable before the answer
		if got := w.dead(); len(got) != 1 || got[0].Key != dead[1].Key {
			t.Errorf("got %+v, want the other one", got)
		}
		pass(time.Second)
		if len(w.spools()) != 1 || len(w.manifests()) != 1 {
			t.Errorf("files %v %v", w.spools(), w.manifests())
		}
		w.refuse(one.bucket, nil)
		w.redrive()
		w.settle()
		if got := w.delivered(one); got != 3 {
			t.Errorf("%d delivered, want 3", got)
		}
		if _, err := w.batcher.OpenDead(t.Context(), one.bucket, dead[1].Key); !errors.Is(err, batcher.ErrBatchUnknown) {
			t.Errorf("got %v", err)
		}
		w.stop()
		if _, err := w.batcher.Dead(t.Context(), true, "", "", ""); !errors.Is(err, journal.ErrClosed) {
			t.Errorf("got %v at the end", err)
		}
	})
}

// What a deposed owner has parked, killed or discarded is void.
func TestADeposedOwnersParkedIsVoid(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, 1, smallQuota)
		w.parkSome(one)
		parked := w.spools()
		w.stop()
		w.openJournal()
		owner, late := slices.Repeat([]byte{1}, 16), slices.Repeat([]byte{2}, 16)
		to := &journalv1.Destination{Tenant: "default", Bucket: one.bucket, Prefix: one.prefix}
		w.put(one, numbered{lines: w.lines(1)})
		died := &journalv1.Dead{Id: unhex(parked[1][:32]), Destination: to}
		w.control(owner, &journalv1.Decision{Kind: &journalv1.Decision_Opened{Opened: &journalv1.Opened{}}},
			&journalv1.Decision{Kind: &journalv1.Decision_Dead{Dead: died}})
		end := w.journal.Partition(0).Events().Committed()
		w.control(late,
			&journalv1.Decision{Kind: &journalv1.Decision_Parked{Parked: &journalv1.Parked{File: "none.gz", Size: 1, Seal: &journalv1.Seal{
				Id: late, Destination: to, First: &journalv1.Position{Offset: end - 1}, Last: &journalv1.Position{Offset: end - 1},
				Through: &journalv1.Position{Offset: end}, Events: 1, Key: "no key",
			}}}},
			&journalv1.Decision{Kind: &journalv1.Decision_Dead{Dead: &journalv1.Dead{Id: unhex(parked[0][:32]), Destination: to}}},
			&journalv1.Decision{Kind: &journalv1.Decision_Discarded{Discarded: &journalv1.Discarded{Id: unhex(parked[1][:32]), Destination: to}}})
		w.journal.Close()
		w.start()
		if n := len(w.dead()); n != 1 {
			t.Errorf("%d are dead, want the one that its owner has killed", n)
		}
		w.settle()
		w.redrive()
		w.settle()
		w.stop()
		w.check2()
	})
}

func unhex(s string) []byte {
	b, err := hex.DecodeString(s)
	if err != nil {
		panic("invariant: an id is hex: " + err.Error())
	}
	return b
}
