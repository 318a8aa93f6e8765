package batcher_test

import (
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// poison lets S3 refuse the objects that begin with one of these lines; none = none.
func (w *world) poison(lines ...string) {
	w.store.set(func() {
		w.store.mu.poison = func(line string) bool {
			for _, l := range lines {
				if strings.HasPrefix(line, l) {
					return true
				}
			}
			return false
		}
	})
}

// everything begins like every line.
const everything = `{"n":`

// A batch that is refused while S3 takes others of its bucket dies alone, when that has
// lasted.
func TestOneRefusedBatchIsDeadAlone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, 1, onePartition)
		neighbour := dest{one.bucket, "neighbour/"}
		w.put(one, numbered{lines: w.lines(3)})
		w.poison(w.sent[one][0])
		w.flush()
		began := time.Now()
		for len(w.dead()) == 0 && time.Since(began) < time.Hour {
			w.put(neighbour, numbered{lines: w.lines(1)})
			w.flush()
			pass(time.Second)
		}
		if took := time.Since(began); took < w.cfg.BlockAfter || took > 2*w.cfg.BlockAfter {
			t.Errorf("dead after %v", took)
		}
		for range 3 {
			w.put(one, numbered{lines: w.lines(1)})
			pass(2 * time.Minute)
		}
		if n := w.delivered(one); n != 3 || w.batcher.Counts().Blocked != 0 {
			t.Errorf("%d of 3 later ones delivered, counts %+v", n, w.batcher.Counts())
		}
		if n := len(w.store.objectsOf(one.bucket, one.prefix)); n != 3 {
			t.Errorf("%d objects, want one a window beside the dead one", n)
		}
		w.crash()
		if n := len(w.dead()); n != 1 {
			t.Errorf("%d are dead after a restart", n)
		}
		w.poison()
		w.redrive()
		w.settle()
		w.stop()
		w.check2()
	})
}

// Where S3 is asked for nothing else meanwhile, a probe that works shows that it is the batch.
func TestARefusedBatchOfAQuietBucketIsDead(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, 1, onePartition)
		w.put(one, numbered{lines: w.lines(3)})
		w.poison(w.sent[one][0])
		w.flush()
		w.put(one, numbered{lines: w.lines(2)})
		pass(5 * time.Minute)
		if dead := w.dead(); len(dead) != 1 || dead[0].Events != 3 {
			t.Errorf("got dead %+v, want one of 3 events", dead)
		}
		if n := w.delivered(one); n != 2 {
			t.Errorf("%d delivered, want the 2 behind it", n)
		}
		w.poison()
		w.redrive()
		w.settle()
		w.stop()
		w.check2()
	})
}

// S3, or what stands before it, refuses everything for ten seconds: nobody is needed to
// mend that.
func TestAShortTimeOfRefusalsNeedsNobody(t *testing.T) {
	for name, bad := range map[string]time.Duration{"short": 10 * time.Second, "long": 10 * time.Minute} {
		t.Run(name, func(t *testing.T) {
			bubble(t, nil, func(w *world) {
				dests := prefixes(one.bucket, 200)
				w.send(short, dests...)
				w.refuse(one.bucket, invalid)
				w.flush()
				pass(bad)
				w.refuse(one.bucket, nil)
				pass(2 * w.cfg.ProbeMax)
				if n := len(w.dead()); n > 0 {
					w.t.Errorf("%d are dead", n)
				}
				for _, d := range dests {
					if w.delivered(d) != 1 {
						w.t.Errorf("%v has nothing", d)
						break
					}
				}
			})
		})
	}
}

// A destination whose every object is refused is blocked, whatever probes say, and keeps
// no more of the journal than any other that is.
func TestADestinationThatIsRefusedIsBlocked(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, 1, func(w *world) {
			onePartition(w)
			littleMemory(time.Minute)(w)
			w.cfg.DestinationQuota, w.jcfg.QuotaBytes = 100<<10, 8<<20
		})
		w.poison(everything)
		for minute := 0; w.refused(one) == "" && minute < 60; minute++ {
			if err := w.put(one, numbered{lines: w.kilobytes(20)}); err != nil {
				t.Fatalf("minute %d: %v", minute, err)
			}
			pass(time.Minute)
		}
		pass(time.Hour)
		if why := w.refused(one); why == "" {
			t.Errorf("it is %+v, and its new events are not refused", w.status(one))
		}
		if n := len(w.dead()); n > 1 {
			t.Errorf("%d are dead", n)
		}
		if c := w.batcher.Counts(); c.Blocked == 0 || c.Blocked > 40 {
			t.Errorf("blocked %d times in two hours", c.Blocked)
		}
		w.poison()
		w.settle()
		w.redrive()
		w.settle()
		w.stop()
		w.check2()
	})
}

// A destination that works keeps no more dead ones than it may have undelivered.
func TestTooManyDeadRefuseMore(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, 1, func(w *world) {
			onePartition(w)
			w.cfg.DestinationQuota = 50 << 10
		})
		for len(w.dead()) < 2 {
			w.put(one, numbered{lines: w.kilobytes(30)})
			w.poison(w.sent[one][len(w.sent[one])-30])
			w.flush()
			pass(5 * time.Minute)
			if w.refused(one) != "" {
				break
			}
			w.put(one, numbered{lines: w.kilobytes(1)})
			w.flush()
			pass(time.Minute)
		}
		if why := w.refused(one); !strings.Contains(why, "dead") {
			t.Errorf("%d are dead, and new events are refused for %q", len(w.dead()), why)
		}
		w.poison()
		w.redrive()
		pass(time.Minute)
		if why := w.refused(one); why != "" {
			t.Errorf("still refused: %s", why)
		}
		w.settle()
		w.stop()
		w.check2()
	})
}

// When what was too much has been destroyed, more is taken, however long nothing else has happened to
// the destination.
func TestWhatWasDiscardedRefusesNothing(t *testing.T) {
	bubble(t, func(w *world) { w.cfg.DestinationQuota = 10 << 10 }, func(w *world) {
		w.put(one, numbered{lines: w.lines(1)})
		w.flush()
		w.put(one, numbered{lines: w.kilobytes(30)})
		w.poison(w.sent[one][1])
		w.flush()
		w.put(dest{one.bucket, "beside/"}, numbered{lines: w.lines(1)})
		pass(10 * time.Minute)
		dead := w.dead()
		if len(dead) != 1 || w.refused(one) == "" {
			w.t.Fatalf("dead: %+v, refused for %q", dead, w.refused(one))
		}
		if _, err := w.batcher.DiscardDead(w.t.Context(), "default", one.bucket, one.prefix, "", dead[0].Events); err != nil {
			w.t.Fatal(err)
		}
		w.sent[one] = w.sent[one][:1]
		pass(10 * time.Second)
		if why := w.refused(one); why != "" {
			w.t.Errorf("still refused: %s", why)
		}
	})
}
