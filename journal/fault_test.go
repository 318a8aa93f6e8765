package journal_test

import (
	"errors"
	"fmt"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/open-destinations/destinations/journal"
	"github.com/open-destinations/destinations/journal/journaltest"
)

// variants are the two ends of what a proof may do: it is written after every
// sync, or never before Close.
func variants(t *testing.T, run func(t *testing.T, cfg journal.Config)) {
	for name, delay := range map[string]time.Duration{"proofs at once": 0, "no proofs": time.Hour} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			cfg := small(nil)
			cfg.ProofDelay = delay
			run(t, cfg)
		})
	}
}

// lived returns a file system on which a journal has lived some lives, killed
// after each, and what it must hold.
func lived(t *testing.T, cfg journal.Config, lives int) (*journaltest.FS, *world) {
	t.Helper()
	fs, w := journaltest.NewFS(), newWorld()
	for range lives {
		cfg.FS = fs
		if err := w.life(t, cfg); err != nil {
			t.Fatal(err)
		}
		fs = fs.AfterRestart()
	}
	return fs, w
}

// Holds invariants 1, 2 and 3 of ARCHITECTURE.md.
func TestPowerFailsAtEveryOperation(t *testing.T) {
	variants(t, func(t *testing.T, cfg journal.Config) {
		for _, lives := range []int{0, 2} {
			sweep(t, func(t *testing.T, i int) bool {
				fs, w := lived(t, cfg, lives)
				fs.StopAt(i)
				cfg.FS = fs
				err := w.life(t, cfg)
				for n := range uint64(crashSeeds) {
					w.clone().revive(t, cfg, fs.AfterCrash((uint64(i)+n)%4)) // every seed, at one operation or the next
				}
				return err != nil
			})
		}
	})
}

// Holds invariant 3 of ARCHITECTURE.md.
func TestPowerFailsAtEveryOperationOfRecovery(t *testing.T) {
	variants(t, func(t *testing.T, cfg journal.Config) {
		crashed, known := lived(t, cfg, 1)
		ops := crashed.Ops()
		cfg.FS = crashed
		known.clone().life(t, cfg)
		for at := ops + 31; at < crashed.Ops(); at += 37 {
			fs, w := lived(t, cfg, 1)
			fs.StopAt(at)
			cfg.FS = fs
			w.life(t, cfg)
			for _, seed := range []uint64{0, 2} {
				sweep(t, func(t *testing.T, i int) bool {
					again, w := fs.AfterCrash(seed), w.clone()
					again.StopAt(i)
					cfg.FS = again
					j, err := journal.Open(cfg)
					if err == nil {
						err = j.Partition(0).Err()
						j.Close()
					}
					w.revive(t, cfg, again.AfterCrash(seed+uint64(i)))
					return err != nil
				})
			}
		}
	})
}

// failAt makes operation i fail, and returns a function that says whether it came and
// was a sync.
func failAt(fs *journaltest.FS, i int) func() bool {
	var sync atomic.Bool
	fs.Fail(func(op journaltest.Op) error {
		if op.Index != i {
			return nil
		}
		sync.Store(op.Kind == journaltest.Sync || op.Kind == journaltest.SyncDir)
		return syscall.EIO
	})
	return sync.Load
}

// requireBroken checks that a failed sync was final.
func requireBroken(t *testing.T, j *journal.Journal) {
	t.Helper()
	select {
	case <-j.Failed():
	default:
		t.Fatal("a sync has failed, and the journal goes on")
	}
	p := j.Partition(0)
	_, events := p.Events().Append([]byte("x")).Wait(t.Context())
	_, control := p.Control().Append([]byte("x")).Wait(t.Context())
	_, spool := p.CreateSpool("x")
	for what, err := range map[string]error{
		"events": events, "control": control, "spool": spool, "file": p.WriteFile("x", nil),
		"release": p.Release(journal.Start{Events: p.Events().Committed(), Control: p.Control().Committed()}), "journal": j.Err(),
	} {
		if !errors.Is(err, journal.ErrBroken) {
			t.Fatalf("%s after a failed sync: got %v, want ErrBroken", what, err)
		}
	}
}

// Holds invariants 1 to 4 of ARCHITECTURE.md.
func TestEveryOperationFails(t *testing.T) {
	variants(t, func(t *testing.T, cfg journal.Config) {
		for _, lives := range []int{0, 2} {
			sweep(t, func(t *testing.T, i int) bool {
				fs, w := lived(t, cfg, lives)
				fs.DropDirty()
				sync := failAt(fs, i)
				cfg.FS = fs
				w.lifeUntil(t, cfg, func(j *journal.Journal) {
					if sync() {
						requireBroken(t, j)
					}
				})
				met := fs.Ops() > i
				for seed := range uint64(2) {
					w.clone().revive(t, cfg, fs.AfterCrash(seed))
				}
				// The process alone is started again: what a failed sync has
				// dropped can still be read. What recovery lets anybody read
				// must then survive the power failing as well.
				again, w := fs.AfterRestart(), w.clone()
				w.revive(t, cfg, again)
				w.revive(t, cfg, again.AfterCrash(0))
				return met
			})
		}
	})
}

func TestDiskFullFromEveryOperationOn(t *testing.T) {
	variants(t, func(t *testing.T, cfg journal.Config) {
		sweep(t, func(t *testing.T, i int) bool {
			fs, w := lived(t, cfg, 2)
			met := false
			fs.Fail(func(op journaltest.Op) error {
				switch op.Kind {
				case journaltest.Create, journaltest.Allocate, journaltest.Write:
					if op.Index >= i {
						met = true
						return syscall.ENOSPC
					}
				}
				return nil
			})
			cfg.FS = fs
			j, err := journal.Open(cfg)
			if err == nil {
				w.work(t, j.Partition(0))
				if err := j.Err(); err != nil {
					t.Fatalf("a full disk broke the journal: %v", err)
				}
				fs.Fail(nil)
				if err := w.append(j.Partition(0), 4); err != nil {
					t.Fatalf("append with space again: %v", err)
				}
				if err := w.check(t, j.Partition(0)); err != nil {
					t.Fatal(err)
				}
				if err := j.Close(); err != nil {
					t.Fatal(err)
				}
			}
			fs.Fail(nil)
			for seed := range uint64(2) {
				w.clone().revive(t, cfg, fs.AfterCrash(seed))
			}
			return met
		})
	})
}

// sweep runs a case with 0, 1, 2, ... until it says that the fault was not met.
func sweep(t *testing.T, run func(t *testing.T, i int) (met bool)) {
	t.Helper()
	for i := 0; ; i++ {
		met := false
		ok := t.Run(fmt.Sprint(i), func(t *testing.T) { met = run(t, i) })
		if !ok || !met {
			return
		}
		if i == 2000 {
			t.Fatal("the sweep does not end")
		}
	}
}
