package ledger_test

import (
	"context"
	"errors"
	"io"
	"math"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"
)

// Shards ask what has passed, and wait for nothing, however long the disk takes to say why the
// database can't be written.
func TestShardsDoNotWaitForAHangingDisk(t *testing.T) {
	w := newWorld(t)
	w.restart(func() {
		for _, suffix := range []string{"", "-wal", "-shm"} {
			os.Remove(w.file() + suffix) // as far as they are there
		}
		check(t, os.Mkdir(w.file()+"-wal", 0o755)) // no log, no database
	})
	probe := w.file() + ".probe"
	var failures uint64
	eventually(t, "the ledger has no file of its own there", func() bool {
		failures = w.ledger.Counts().Failures // before there is anything to wait for: the next one may never end
		err := syscall.Mkfifo(probe, 0o600)   // who opens it to write waits until somebody reads
		if !errors.Is(err, os.ErrExist) {
			check(t, err)
		}
		return err == nil
	})
	eventually(t, "the disk is asked", func() bool { return w.ledger.Counts().Failures > failures })
	asked := make(chan uint64)
	go func() { asked <- w.ledger.Passed(0, 0) }()
	select {
	case <-asked:
	case <-time.After(10 * time.Second):
		t.Error("a shard waits for the disk")
	}
	reader, err := os.Open(probe)
	check(t, err)
	_, err = io.Copy(io.Discard, reader)
	check(t, errors.Join(err, reader.Close()))
	if t.Failed() {
		<-asked
	}
}

// A disk that hangs gives no error. What the recorder is at for a minute is taken for one.
func TestLedgerThatHangsIsLeftBehind(t *testing.T) {
	w := newWorld(t)
	w.ledger.Close()
	w.config.HeldBytes = 100 << 10
	w.open()
	w.written()
	end := w.journal.Partition(0).Control().Committed()
	hung, goOn := w.ledger.Hangs()
	eventually(t, "the recorder hangs", hung)
	w.takeOver("b")
	if got := w.ledger.Passed(0, 1<<40); got != end {
		t.Errorf("got %d passed when it hangs for a moment, want %d", got, end)
	}
	w.ledger.Ages(time.Minute)
	if got := w.ledger.Passed(0, 100<<10); got != end {
		t.Errorf("got %d passed while it holds no more than it may, want %d", got, end)
	}
	if got := w.ledger.Passed(0, 100<<10+1); got != math.MaxUint64 || w.ledger.Counts().LeftBehind != 1 {
		t.Errorf("got %d passed while it holds too much, want everything; left behind %d times", got, w.ledger.Counts().LeftBehind)
	}
	began := time.Now()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	if w.ledger.Await(ctx, 0, end+1) || ctx.Err() != nil {
		t.Errorf("who waits is told %v later, or that it is written", time.Since(began))
	}
	goOn()
	eventually(t, "it goes on", func() bool { return w.ledger.Await(t.Context(), 0, end+1) })
	if got := w.ledger.Passed(0, 1<<40); got != end+1 || !strings.Contains(w.log.String(), "can be written again") {
		t.Errorf("got %d passed when it goes on, want %d\n%s", got, end+1, w.log)
	}
}
