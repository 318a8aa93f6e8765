package journal_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/open-destinations/destinations/journal"
	"github.com/open-destinations/destinations/journal/journaltest"
)

// gate holds up the first sync of an events segment after the call, until it is
// opened; entered is closed once the sync is under way.
func gate(fs *journaltest.FS, then func(journaltest.Op) error) (entered, release chan struct{}) {
	entered, release = make(chan struct{}), make(chan struct{})
	passed := false
	fs.Fail(func(op journaltest.Op) error {
		if !passed && op.Kind == journaltest.Sync && strings.Contains(op.Name, "events-") {
			passed = true
			close(entered)
			<-release
			return nil
		}
		if passed && then != nil {
			return then(op)
		}
		return nil
	})
	return entered, release
}

// Holds invariant 1 of ARCHITECTURE.md.
func TestOneSyncForAllThatWait(t *testing.T) {
	fs := journaltest.NewFS()
	cfg := small(fs)
	cfg.SegmentBytes, cfg.ProofDelay = 1<<20, time.Hour
	l := open(t, cfg).Partition(0).Events()
	entered, release := gate(fs, nil)
	first := l.Append([]byte("first"))
	<-entered
	var waiting []*journal.Append
	for i := range 1000 {
		waiting = append(waiting, l.Append(fmt.Appendf(nil, "record %d", i)))
	}
	close(release)
	if _, err := first.Wait(t.Context()); err != nil {
		t.Fatal(err)
	}
	before := fs.Count(journaltest.Sync)
	for i, a := range waiting {
		if offset, err := a.Wait(t.Context()); err != nil || offset != uint64(i+1) {
			t.Fatalf("append %d: got offset %d, %v", i, offset, err)
		}
	}
	// The sync of the first record may be counted before or after its answer.
	if got := fs.Count(journaltest.Sync) - before; got > 1 {
		t.Fatalf("got %d syncs for 1000 appends, want 1", got)
	}
	select {
	case <-l.Changed():
	default:
		t.Fatal("Changed has no value after an advance")
	}
}

func TestCloseCommitsAndAnswersEveryAppend(t *testing.T) {
	fs := journaltest.NewFS()
	cfg := small(fs)
	j := open(t, cfg)
	l := j.Partition(0).Events()
	entered, release := gate(fs, nil)
	appends := []*journal.Append{l.Append(record(0))}
	<-entered
	for i := range uint64(50) {
		appends = append(appends, l.Append(record(i+1)))
	}
	closed := make(chan error)
	go func() { closed <- j.Close() }()
	close(release)
	if err := <-closed; err != nil {
		t.Fatal(err)
	}
	for i, a := range appends {
		<-a.Done()
		if a.Err() != nil || a.Offset() != uint64(i) {
			t.Fatalf("append %d: got offset %d, %v", i, a.Offset(), a.Err())
		}
	}
	if _, err := l.Append(nil).Wait(t.Context()); !errors.Is(err, journal.ErrClosed) {
		t.Fatalf("append after Close: got %v, want ErrClosed", err)
	}
	if _, err := l.NewReader(0); !errors.Is(err, journal.ErrClosed) {
		t.Fatalf("reader after Close: got %v, want ErrClosed", err)
	}
	if err := j.Partition(0).Release(journal.Start{}); !errors.Is(err, journal.ErrClosed) {
		t.Fatalf("release after Close: got %v, want ErrClosed", err)
	}
	if err := j.Close(); err != nil {
		t.Fatalf("second Close: %v", err)
	}
	if got := readAll(t, open(t, cfg).Partition(0).Events(), 0); got != 51 {
		t.Fatalf("got %d records, want 51", got)
	}
}

// Holds invariant 4 of ARCHITECTURE.md.
func TestFailedSyncIsFinal(t *testing.T) {
	for _, cause := range []error{syscall.EIO, syscall.ENOSPC} {
		t.Run(cause.Error(), func(t *testing.T) {
			fs := journaltest.NewFS()
			fs.DropDirty()
			cfg := small(fs)
			cfg.ProofDelay = time.Hour
			j := open(t, cfg)
			l := j.Partition(0).Events()
			appendAll(t, l, 5)
			entered, release := gate(fs, nil)
			appends := []*journal.Append{l.Append(record(5))}
			<-entered
			fsFail := func(op journaltest.Op) error {
				if op.Kind == journaltest.Sync {
					return cause
				}
				return nil
			}
			for i := range uint64(10) {
				appends = append(appends, l.Append(record(i+6)))
			}
			close(release)
			if _, err := appends[0].Wait(t.Context()); err != nil {
				t.Fatal(err)
			}
			fs.Fail(fsFail) // may come after the second sync
			appends = append(appends[1:], l.Append(record(16)))
			<-j.Failed()
			acked := uint64(6)
			for _, a := range appends {
				if offset, err := a.Wait(t.Context()); err == nil {
					acked = offset + 1
				} else if !errors.Is(err, journal.ErrBroken) || !errors.Is(err, cause) {
					t.Fatalf("waiter: got %v, want ErrBroken and %v", err, cause)
				}
			}
			for _, l := range []*journal.Log{l, j.Partition(0).Control()} {
				if _, err := l.Append(nil).Wait(t.Context()); !errors.Is(err, journal.ErrBroken) {
					t.Fatalf("append after it: got %v, want ErrBroken", err)
				}
			}
			if got := readAll(t, l, 0); uint64(got) != acked {
				t.Fatalf("read %d records, %d were acknowledged", got, acked)
			}
			if err := j.Close(); !errors.Is(err, journal.ErrBroken) {
				t.Fatalf("close: got %v, want ErrBroken", err)
			}
			// The process is started again, then the power fails: what the
			// second process has shown to anybody is there.
			fs = fs.AfterRestart()
			cfg.FS = fs
			shown := readAll(t, open(t, cfg).Partition(0).Events(), 0)
			cfg.FS = fs.AfterCrash(0)
			if got := readAll(t, open(t, cfg).Partition(0).Events(), 0); got != shown || uint64(shown) < acked {
				t.Fatalf("got %d records after the crash, %d before, %d acknowledged", got, shown, acked)
			}
		})
	}
}

func TestFullDiskInTheMiddleOfABatch(t *testing.T) {
	fs := journaltest.NewFS()
	cfg := small(fs)
	cfg.SegmentBytes, cfg.ProofDelay = 16<<20, time.Hour
	j := open(t, cfg)
	l := j.Partition(0).Events()
	big := func(i int) []byte { return []byte(strings.Repeat(fmt.Sprint(i), 1<<20)) }
	writes := 0
	entered, release := gate(fs, func(op journaltest.Op) error {
		if op.Kind == journaltest.Write {
			if writes++; writes == 2 {
				return syscall.ENOSPC
			}
		}
		return nil
	})
	first := l.Append([]byte("first"))
	<-entered
	var refused []*journal.Append
	for i := range 6 {
		refused = append(refused, l.Append(big(i)))
	}
	close(release)
	if _, err := first.Wait(t.Context()); err != nil {
		t.Fatal(err)
	}
	for i, a := range refused {
		if _, err := a.Wait(t.Context()); !errors.Is(err, journal.ErrFull) {
			t.Fatalf("append %d: got %v, want ErrFull", i, err)
		}
	}
	if writes != 2 {
		t.Fatalf("got %d writes, want the second to fail", writes)
	}
	// The same record again lies where it lay, in front of the others.
	if offset, err := l.Append(big(0)).Wait(t.Context()); err != nil || offset != 1 {
		t.Fatalf("again: got offset %d, %v; want 1", offset, err)
	}
	cfg.FS = fs.AfterRestart()
	if got := open(t, cfg).Partition(0).Events().Committed(); got != 2 {
		t.Fatalf("got %d records, want 2: blocks that were refused came back", got)
	}
}

func TestFullDiskAtARollAndSpaceAgain(t *testing.T) {
	fs := journaltest.NewFS()
	cfg := small(fs)
	cfg.ControlSegmentBytes = 16 << 10
	j := open(t, cfg)
	p := j.Partition(0)
	appendAll(t, p.Events(), 100)
	fs.SetCapacity(fs.Used())
	fill(t, p.Events())
	spare := p.Control().Committed()
	appendAll(t, p.Control(), 100) // more than one segment holds
	if fs.ReadFile("/data/0000/control.spare") != nil {
		t.Fatal("the control log has not used its spare")
	}
	readAll(t, p.Control(), spare)
	events := readAll(t, p.Events(), 0)
	j.Close()

	// The same on a disk that is full when the journal is opened.
	cfg.FS = fs.AfterRestart()
	j = open(t, cfg)
	p = j.Partition(0)
	if got := readAll(t, p.Events(), 0); got != events {
		t.Fatalf("got %d records after reopening, want %d", got, events)
	}
	appendAll(t, p.Control(), 1)
	if err := p.Release(journal.Start{Events: uint64(events), Control: 3}); err != nil {
		t.Fatalf("release on a full disk: %v", err)
	}
	appendAll(t, p.Events(), 20)
	readAll(t, p.Events(), uint64(events))
	if err := j.Close(); err != nil {
		t.Fatal(err)
	}
}

// fill appends until the log is full.
func fill(t *testing.T, l *journal.Log) {
	t.Helper()
	for range 1000 {
		_, err := l.Append(record(l.Committed())).Wait(context.Background())
		if errors.Is(err, journal.ErrFull) {
			return
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	t.Fatal("the log does not get full")
}

func TestQuotaCountsEventSegmentsOfAllPartitions(t *testing.T) {
	cfg := small(journaltest.NewFS())
	cfg.Partitions, cfg.QuotaBytes = 2, 6*4096
	j := open(t, cfg)
	full, other := j.Partition(0), j.Partition(1)
	fill(t, full.Events())
	appendAll(t, other.Events(), 5) // its segment was counted when it was begun
	appendAll(t, full.Control(), 100)
	fill(t, other.Events())
	if err := full.Release(journal.Start{Events: full.Events().Committed()}); err != nil {
		t.Fatal(err)
	}
	appendAll(t, other.Events(), 20)
	if err := j.Err(); err != nil {
		t.Fatal(err)
	}
}

func TestRecordSizes(t *testing.T) {
	cfg := small(journaltest.NewFS())
	j := open(t, cfg)
	l := j.Partition(0).Events()
	for _, n := range []int{0, 1, 127, 128, l.Limit() - 1, l.Limit(), 0, l.Limit()} {
		if _, err := l.Append(make([]byte, n)).Wait(t.Context()); err != nil {
			t.Fatalf("%d bytes: %v", n, err)
		}
	}
	if _, err := l.Append(make([]byte, l.Limit()+1)).Wait(t.Context()); !errors.Is(err, journal.ErrTooLarge) {
		t.Fatalf("got %v, want ErrTooLarge", err)
	}
	r, err := l.NewReader(4)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	for _, n := range []int{l.Limit() - 1, l.Limit(), 0, l.Limit()} {
		if rec, _, err := r.Next(); err != nil || len(rec) != n {
			t.Fatalf("got %d bytes, %v; want %d", len(rec), err, n)
		}
	}
	if _, _, err := r.Next(); !errors.Is(err, io.EOF) {
		t.Fatalf("got %v, want EOF", err)
	}
	if _, err := l.NewReader(9); err == nil {
		t.Fatal("a reader above the commit point is not refused")
	}
}

func TestReaderGoesOnAfterEOF(t *testing.T) {
	j := open(t, small(journaltest.NewFS()))
	l := j.Partition(0).Events()
	r, err := l.NewReader(0)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	starts := 0
	for i := range uint64(100) {
		if _, _, err := r.Next(); !errors.Is(err, io.EOF) {
			t.Fatalf("got %v, want EOF", err)
		}
		appendAll(t, l, 1)
		if r.SegmentStart() {
			starts++
		}
		rec, offset, err := r.Next()
		if err != nil || offset != i || string(rec) != string(record(i)) {
			t.Fatalf("got %d, %q, %v; want %d", offset, rec, err, i)
		}
	}
	if starts < 3 {
		t.Fatalf("got %d segment starts, want several", starts)
	}
}

func TestWaitEndsWithItsContext(t *testing.T) {
	fs := journaltest.NewFS()
	l := open(t, small(fs)).Partition(0).Events()
	entered, release := gate(fs, nil)
	a := l.Append([]byte("x"))
	<-entered
	ctx, cancel := context.WithCancelCause(context.Background())
	why := errors.New("caller has gone")
	cancel(why)
	if _, err := a.Wait(ctx); !errors.Is(err, why) {
		t.Fatalf("got %v, want %v", err, why)
	}
	close(release)
	if offset, err := a.Wait(context.Background()); err != nil || offset != 0 {
		t.Fatalf("got %d, %v; want the record durable all the same", offset, err)
	}
}
