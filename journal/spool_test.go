package journal_test

import (
	"errors"
	"io"
	"io/fs"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/open-destinations/destinations/journal"
	"github.com/open-destinations/destinations/journal/journaltest"
)

const (
	errNoDescriptor = syscall.EMFILE
	errDisk         = syscall.EIO
)

// failOnly makes the operations of one kind fail.
func failOnly(k journaltest.Kind, err error) func(journaltest.Op) error {
	return func(op journaltest.Op) error {
		if op.Kind == k {
			return err
		}
		return nil
	}
}

func TestSpoolsAreThereAfterReopen(t *testing.T) {
	real := small(journal.OS())
	real.Dir = t.TempDir()
	for name, cfg := range map[string]journal.Config{"memory": small(journaltest.NewFS()), "folder": real} {
		t.Run(name, func(t *testing.T) {
			j := open(t, cfg)
			p := j.Partition(0)
			what := strings.Repeat("line\n", 1<<18)
			if err := errors.Join(writeSpool(p, "a.gz", what, true), writeSpool(p, "b.gz", "b", true),
				writeSpool(p, "given-up.gz", "x", false), writeSpool(p, "b.gz", "other", true),
				writeSpool(p, "gone.gz", "x", true), p.RemoveSpool("gone.gz"), p.RemoveSpool("gone.gz")); err != nil {
				t.Fatal(err)
			}
			for range 2 {
				for name, want := range map[string]string{"a.gz": what, "b.gz": "other"} {
					if got, err := readSpool(p, name); err != nil || string(got) != want {
						t.Fatalf("%s: got %.20q, %v", name, got, err)
					}
				}
				if names, err := p.Spools(); err != nil || !slices.Equal(names, []string{"a.gz", "b.gz"}) {
					t.Fatalf("got %q, %v", names, err)
				}
				if _, err := p.OpenSpool("gone.gz"); !errors.Is(err, fs.ErrNotExist) || p.Err() != nil {
					t.Fatalf("got %v, want that it does not exist", err)
				}
				j.Close()
				j = open(t, cfg)
				p = j.Partition(0)
			}
		})
	}
}

func TestOneSpoolOfANameAtATime(t *testing.T) {
	j := open(t, small(journaltest.NewFS()))
	p := j.Partition(0)
	s, err := p.CreateSpool("a")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := p.CreateSpool("a"); !errors.Is(err, fs.ErrExist) || j.Err() != nil {
		t.Fatalf("got %v, %v; want that it exists", err, j.Err())
	}
	if err := s.Commit(); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Write([]byte("x")); !errors.Is(err, fs.ErrClosed) {
		t.Fatalf("write after Commit: got %v", err)
	}
}

// countedFiles returns the sizes of what the quota counts, as it lies on the disk.
func countedFiles(t *testing.T, fsys *journaltest.FS) (n int64) {
	t.Helper()
	for _, dir := range []string{"/data/0000", "/data/0001"} {
		for name, b := range files(t, fsys, dir) {
			if strings.HasPrefix(name, "events-") {
				n += int64(len(b))
			}
		}
		if names, err := fsys.List(filepath.Join(dir, "parked")); err == nil {
			for _, name := range names {
				n += int64(len(fsys.ReadFile(filepath.Join(dir, "parked", name))))
			}
		}
	}
	return n
}

func TestSpoolsCountTowardsTheQuota(t *testing.T) {
	fsys := journaltest.NewFS()
	cfg := small(fsys)
	cfg.Partitions, cfg.QuotaBytes = 2, 8*4096
	j := open(t, cfg)
	requireUsed := func() {
		t.Helper()
		if got, want := j.Used(), countedFiles(t, fsys); got != want {
			t.Fatalf("used %d bytes, %d are on the disk", got, want)
		}
	}
	if j.Quota() != 8*4096 {
		t.Fatalf("got a quota of %d", j.Quota())
	}
	p := j.Partition(0)
	requireUsed()
	s, err := p.CreateSpool("large")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.Write(make([]byte, 24000)); err != nil {
		t.Fatal(err)
	}
	requireUsed()
	if _, err := s.Write(make([]byte, 9000)); err != nil { // beyond the quota, which refuses events alone
		t.Fatal(err)
	}
	requireUsed()
	if j.Used() <= j.Quota() {
		t.Fatalf("used %d of %d bytes: the test shows nothing", j.Used(), j.Quota())
	}
	if err := s.Abort(); err != nil {
		t.Fatal(err)
	}
	requireUsed()
	if err := writeSpool(p, "a", strings.Repeat("x", 10000), true); err != nil {
		t.Fatal(err)
	}
	requireUsed()
	if err := writeSpool(p, "a", strings.Repeat("x", 9000), true); err != nil {
		t.Fatal(err)
	}
	requireUsed()
	fill(t, j.Partition(1).Events())
	if err := writeSpool(p, "b", strings.Repeat("x", 4096), true); err != nil {
		t.Fatal(err)
	}
	requireUsed()
	if err := p.RemoveSpool("b"); err != nil {
		t.Fatal(err)
	}
	if err := p.RemoveSpool("a"); err != nil {
		t.Fatal(err)
	}
	requireUsed()
	appendAll(t, j.Partition(1).Events(), 10)
	if err := writeSpool(p, "c", "c", true); err != nil {
		t.Fatal(err)
	}
	j.Close()
	j = open(t, cfg)
	requireUsed()
}

func TestFullDiskEndsASpoolAlone(t *testing.T) {
	fsys := journaltest.NewFS()
	j := open(t, small(fsys))
	p := j.Partition(0)
	appendAll(t, p.Events(), 1)
	if err := writeSpool(p, "a", "a", true); err != nil {
		t.Fatal(err)
	}
	fsys.SetCapacity(fsys.Used() + 100)
	before := j.Used()
	if err := writeSpool(p, "b", strings.Repeat("x", 1000), true); !errors.Is(err, journal.ErrFull) {
		t.Fatalf("got %v, want ErrFull", err)
	}
	if j.Used() != before || j.Err() != nil {
		t.Fatalf("used %d, before %d, %v", j.Used(), before, j.Err())
	}
	if err := writeSpool(p, "b", strings.Repeat("x", 100), true); err != nil {
		t.Fatalf("a smaller one: %v", err)
	}
}

func TestUnreadableSpoolClosesThePartition(t *testing.T) {
	fsys := journaltest.NewFS()
	p := open(t, small(fsys)).Partition(0)
	if err := writeSpool(p, "a", "what", true); err != nil {
		t.Fatal(err)
	}
	s, err := p.OpenSpool("a")
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if _, err := s.ReadAt(make([]byte, 10), 0); !errors.Is(err, io.EOF) {
		t.Fatalf("got %v, want EOF", err)
	}
	fsys.Fail(failOnly(journaltest.Read, errDisk))
	_, err = s.ReadAt(make([]byte, 4), 0)
	requireDamage(t, p, err, "/data/0000/parked/a")
}

func TestEventBytesAreWhatAReleaseRemoves(t *testing.T) {
	fsys := journaltest.NewFS()
	j := open(t, small(fsys))
	p := j.Partition(0)
	appendAll(t, p.Events(), 100)
	whole := p.EventBytes(0, p.Events().Committed())
	if whole == 0 || p.EventBytes(50, 50) != 0 || p.EventBytes(0, 50)+p.EventBytes(50, 100) != whole {
		t.Fatalf("got %d + %d of %d", p.EventBytes(0, 50), p.EventBytes(50, 100), whole)
	}
	for to := uint64(10); to <= 100; to += 30 {
		want, before := p.EventBytes(p.Start().Events, to), j.Used()
		if err := p.Release(journal.Start{Events: to}); err != nil {
			t.Fatal(err)
		}
		if got := before - j.Used(); got != want {
			t.Fatalf("release to %d: %d bytes came free, want %d", to, got, want)
		}
	}
}
