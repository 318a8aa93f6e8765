package journal_test

import (
	"errors"
	"flag"
	"math/rand/v2"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/open-destinations/destinations/journal"
	"github.com/open-destinations/destinations/journal/journaltest"
)

var seedFlag = flag.Uint64("seed", 0, "seed of the random tests; 0 draws one")

// drawn returns the seed of a random test, and prints it.
func drawn(t *testing.T) uint64 {
	t.Helper()
	seed := *seedFlag
	for seed == 0 {
		seed = rand.Uint64() >> 16
	}
	t.Logf("-seed %d", seed)
	return seed
}

// TestPowerFailsAnywhere lives through random lives of a journal, one after the other
// on the same disk, each of which ends with the power failing: half of them in or
// right behind a sync, half of them anywhere, also while the folder is recovered. In
// between the process alone is killed, or a sync fails and loses what it should have
// written. A life does what the journal can do, in any order and mixture.
//
// Holds invariants 1 to 4 and 11 of ARCHITECTURE.md.
func TestPowerFailsAnywhere(t *testing.T) {
	seed, losses, points := drawn(t), powerLosses, map[string]int{}
	if testing.Short() {
		losses = min(losses, 500)
	}
	for chain := uint64(0); points["power"] < losses; chain++ {
		c := &chainOfLives{world: newWorld(), fs: journaltest.NewFS(), rand: rand.New(rand.NewPCG(seed, chain)), points: points}
		c.cfg = small(nil)
		c.cfg.ProofDelay = []time.Duration{0, time.Hour}[chain%2]
		c.run(t)
		points["events"] += len(c.logs[0].known)
		points["control records"] += len(c.logs[1].known)
	}
	t.Log(points)
	for _, p := range []string{"in sync", "behind sync", "in recovery", "kill", "failed sync"} {
		if points[p] < losses/100 {
			t.Errorf("%q happened %d times in %d", p, points[p], losses)
		}
	}
}

// chainOfLives is a disk on which a journal is opened again and again.
type chainOfLives struct {
	*world
	fs     *journaltest.FS
	cfg    journal.Config
	rand   *rand.Rand
	points map[string]int // what happened, over all chains
}

// run lives 25 lives, and prints what the last one did to the disk if it failed.
func (c *chainOfLives) run(t *testing.T) {
	t.Helper()
	life, effects := 0, []string(nil)
	defer func() {
		if t.Failed() {
			t.Logf("in life %d of a chain, which ended with\n%s", life, strings.Join(effects, "\n"))
		}
	}()
	for ; life < 25; life++ {
		effects = effects[:0]
		c.fs.Trace = func(op string) { effects = append(effects, op) }
		c.live(t)
	}
}

// live is one life, and how it ends.
func (c *chainOfLives) live(t *testing.T) {
	t.Helper()
	c.cfg.FS = c.fs
	end := c.ending()
	opened, err := c.randomLife(t)
	switch {
	case end == "power":
		// Should the life have ended before, the power fails after it.
		c.points["power"]++
		if !opened {
			c.points["in recovery"]++
		}
		if err != nil && !c.fs.Stopped() {
			t.Fatalf("a life: %v", err)
		}
		c.fs = c.fs.AfterCrash(c.rand.Uint64())
	case err != nil && end != "failed sync":
		t.Fatalf("a life: %v", err)
	default:
		c.points[end]++
		c.fs = c.fs.AfterRestart()
	}
}

// ending arranges how the next life ends.
func (c *chainOfLives) ending() string {
	isSync := func(op journaltest.Op) bool { return op.Kind == journaltest.Sync || op.Kind == journaltest.SyncDir }
	n := c.rand.IntN(50) // syncs to wait for
	switch c.rand.IntN(12) {
	case 0:
		return "kill"
	case 1:
		c.fs.DropDirty()
		c.fs.Fail(func(op journaltest.Op) error {
			if isSync(op) {
				n--
			}
			if isSync(op) && n < 0 {
				return syscall.EIO
			}
			return nil
		})
		return "failed sync"
	case 2, 3, 4:
		c.fs.StopWhen(func(op journaltest.Op) bool {
			if isSync(op) {
				n--
			}
			c.note("in sync", n < 0)
			return n < 0
		})
	case 5, 6:
		c.fs.StopWhen(func(op journaltest.Op) bool {
			stop := n < 0
			if isSync(op) {
				n--
			}
			c.note("behind sync", stop)
			return stop
		})
	default:
		c.fs.StopAt(c.fs.Ops() + c.rand.IntN(400))
	}
	return "power"
}

func (c *chainOfLives) note(what string, happened bool) {
	if happened {
		c.points[what]++
	}
}

// randomLife opens the journal, checks it, does some things with it and closes it. It
// returns the first error.
func (c *chainOfLives) randomLife(t *testing.T) (opened bool, err error) {
	t.Helper()
	j, err := journal.Open(c.cfg)
	if err != nil {
		return false, err
	}
	defer func() { err = errors.Join(err, j.Close()) }()
	p := j.Partition(0)
	if err := c.check(t, p); err != nil {
		return true, err
	}
	c.settle()
	for range c.rand.IntN(20) {
		if err := c.act(t, p); err != nil {
			return true, err
		}
	}
	return true, c.check(t, p)
}

// act does one thing at random.
func (c *chainOfLives) act(t *testing.T, p *journal.Partition) error {
	t.Helper()
	switch n := c.rand.IntN(10); n {
	case 0:
		return c.writeBesides(t, p)
	case 1:
		return c.release(p, c.rand.Uint64N(12), c.rand.Uint64N(12))
	case 2:
		return c.check(t, p)
	case 3:
		// Both at once: what is beside the logs shares their folder and the disk.
		written := make(chan error)
		go func() { written <- c.writeBesides(t, p) }()
		err := c.append(p, 1+c.rand.IntN(4))
		return errors.Join(err, <-written)
	default:
		return c.append(p, n-3)
	}
}

// release moves the start by up to so many records.
func (w *world) release(p *journal.Partition, events, control uint64) error {
	s := p.Start()
	s.Events = min(s.Events+events, p.Events().Committed())
	s.Control = min(s.Control+control, p.Control().Committed())
	w.asked = s
	if err := p.Release(s); err != nil {
		return err
	}
	w.start = s
	return nil
}
