package journal_test

import (
	"errors"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/open-destinations/destinations/journal"
	"github.com/open-destinations/destinations/journal/journaltest"
)

// failSyncs makes the syncs of files fail whose name contains a word, and lose
// what they should have written.
func failSyncs(fs *journaltest.FS, word string) {
	fs.DropDirty()
	fs.Fail(func(op journaltest.Op) error {
		if op.Kind == journaltest.Sync && strings.Contains(op.Name, word) {
			return syscall.EIO
		}
		return nil
	})
}

func TestUnprovenTailOnAFullDiskIsWrittenAgain(t *testing.T) {
	fs := journaltest.NewFS()
	cfg := small(fs)
	cfg.ProofDelay = time.Hour
	j := open(t, cfg)
	l := j.Partition(0).Events()
	appendAll(t, l, 5)
	failSyncs(fs, "events-")
	if _, err := l.Append(record(5)).Wait(t.Context()); !errors.Is(err, journal.ErrBroken) {
		t.Fatalf("got %v, want ErrBroken", err)
	}
	j.Close()

	fs = fs.AfterRestart()
	fs.SetCapacity(fs.Used())
	cfg.FS = fs
	j = open(t, cfg)
	l = j.Partition(0).Events()
	if got := readAll(t, l, 0); got != 6 {
		t.Fatalf("got %d records, want the 6 that can be read", got)
	}
	fs = fs.AfterCrash(0)
	cfg.FS = fs
	if got := readAll(t, open(t, cfg).Partition(0).Events(), 0); got != 6 {
		t.Fatalf("got %d records after the power failed, 6 had been shown", got)
	}
}

func TestStartWhoseSyncFailedIsDurableBeforeItCounts(t *testing.T) {
	for name, start := range map[string]uint64{"segments below it": 90, "nothing below it": 1} {
		t.Run(name, func(t *testing.T) {
			fs := journaltest.NewFS()
			cfg := small(fs)
			j := open(t, cfg)
			appendAll(t, j.Partition(0).Events(), 100)
			failSyncs(fs, "start")
			if err := j.Partition(0).Release(journal.Start{Events: start}); !errors.Is(err, journal.ErrBroken) {
				t.Fatalf("got %v, want ErrBroken", err)
			}
			j.Close()

			fs = fs.AfterRestart()
			cfg.FS = fs
			j = open(t, cfg) // what lies below the start that it has read may be removed
			counts := j.Partition(0).Start()
			j.Close()
			for seed := range uint64(20) {
				cfg.FS = fs.AfterCrash(seed)
				p := open(t, cfg).Partition(0)
				if err := p.Err(); err != nil {
					t.Fatalf("seed %d: %v", seed, err)
				}
				if got := p.Start(); got != counts {
					t.Fatalf("seed %d: the start went back from %+v to %+v", seed, counts, got)
				}
				if got := readAll(t, p.Events(), p.Start().Events); p.Start().Events+uint64(got) != 100 {
					t.Fatalf("seed %d: %d records from %+v", seed, got, p.Start())
				}
			}
		})
	}
}
