package journal_test

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"slices"
	"syscall"
	"testing"
	"time"

	"github.com/open-destinations/destinations/journal"
	"github.com/open-destinations/destinations/journal/journaltest"
)

func TestClaimIsForOneAndForDataFolders(t *testing.T) {
	cfg := small(journal.OS())
	cfg.Dir = t.TempDir()
	if _, err := journal.Claim(cfg.Dir, nil); err == nil {
		t.Fatal("an empty folder is taken for a data folder")
	}
	if entries, err := os.ReadDir(cfg.Dir); err != nil || len(entries) > 0 {
		t.Fatalf("left behind: %v, %v", entries, err)
	}
	j := open(t, cfg)
	if _, err := journal.Claim(cfg.Dir, nil); !errors.Is(err, journal.ErrLocked) {
		t.Fatalf("got %v, want ErrLocked", err)
	}
	j.Close()
	f, err := journal.Claim(cfg.Dir, nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := journal.Open(cfg); !errors.Is(err, journal.ErrLocked) {
		t.Fatalf("got %v, want ErrLocked", err)
	}
	if f.ID() != j.ID() || f.Partitions() != 1 || f.Endpoint() != "" {
		t.Fatalf("got %x, %d, %q", f.ID(), f.Partitions(), f.Endpoint())
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	open(t, cfg).Close()
}

func TestFolderThatIsOnlyLookedAtIsNotMended(t *testing.T) {
	fsys, _, _ := built(t)
	before := files(t, fsys, "/data/0000")
	flipIn(fsys, "events-00000000000000000004.seg", 70)
	f, err := journal.Examine("/data", fsys)
	if err != nil {
		t.Fatal(err)
	}
	s, err := f.Survey(0, nil)
	if err != nil || len(s.Damage()) != 1 {
		t.Fatalf("got %v, %v", s.Damage(), err)
	}
	if err := f.Mend(s, journal.Mending{Dropped: "dropped"}); err == nil {
		t.Fatal("mended a folder that was not claimed")
	}
	if len(files(t, fsys, "/data/0000")) != len(before) {
		t.Fatal("files were added or removed")
	}
}

func TestRecordsBesideAService(t *testing.T) {
	cfg := small(journaltest.NewFS())
	j := open(t, cfg)
	l := j.Partition(0).Events()
	f, err := journal.Examine("/data", cfg.FS)
	if err != nil {
		t.Fatal(err)
	}
	stop, done := make(chan struct{}), make(chan error)
	go func() {
		for {
			select {
			case <-stop:
				done <- nil
				return
			default:
			}
			if _, err := l.Append(record(l.Committed())).Wait(t.Context()); err != nil {
				done <- err
				return
			}
			if n := l.Committed(); n%50 == 0 {
				if err := j.Partition(0).Release(journal.Start{Events: n - 20}); err != nil {
					done <- err
					return
				}
			}
		}
	}()
	released := func(offset uint64) bool { return offset < j.Partition(0).Start().Events }
	for range 200 {
		from, committed := j.Partition(0).Start().Events, l.Committed()
		next := uint64(0)
		for r, err := range f.Records(0, journal.EventsLog, from) {
			if err != nil || r.Lost != nil {
				t.Fatal(err, r.Lost)
			}
			if next != 0 && r.Offset != next && !released(next) || string(r.Data) != string(record(r.Offset)) {
				t.Fatalf("got %d, want %d: %q", r.Offset, next, r.Data)
			}
			next = r.Offset + 1
		}
		if next < committed && !released(next) {
			t.Fatalf("ends at %d, %d were committed", next, committed)
		}
	}
	close(stop)
	if err := <-done; err != nil {
		t.Fatal(err)
	}
}

func TestRecordsGoOnBehindDamage(t *testing.T) {
	fsys, _, _ := built(t)
	flipIn(fsys, "events-00000000000000000004.seg", 120)
	flipIn(fsys, "control-00000000000000000004.seg", 3)
	f := claim(t, fsys)
	s := survey(t, f, journal.Start{})
	for _, k := range []journal.Kind{journal.EventsLog, journal.ControlLog} {
		found := s.Events
		if k == journal.ControlLog {
			found = s.Control
		}
		next, lost := found.From+2, []uint64{}
		for r, err := range f.Records(0, k, next) {
			switch {
			case err != nil:
				t.Fatal(err)
			case r.Lost != nil:
				lost = append(lost, r.Lost.From, r.Lost.To)
				next = max(next, r.Lost.To)
			case r.Offset != next || string(r.Data) != string(record(next)):
				t.Fatalf("%s: got %d, want %d: %q", k, r.Offset, next, r.Data)
			default:
				next++
			}
		}
		if next != found.To {
			t.Fatalf("%s: ends at %d, want %d", k, next, found.To)
		}
		if k == journal.EventsLog && !slices.Equal(lost, []uint64{found.Lost[0].From, found.Lost[0].To}) {
			t.Fatalf("lost %v, want %v", lost, found.Lost)
		}
	}
	for r := range f.Records(0, journal.EventsLog, 0) {
		if r.Offset > 50 {
			break // may be left at any time
		}
	}
}

// TestPageThatTheDiskDoesNotGive has a disk that refuses to read one page, in every
// place of a log.
func TestPageThatTheDiskDoesNotGive(t *testing.T) {
	original, cfg, start := built(t)
	names, err := original.List("/data/0000")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range names {
		if _, ok := slices.BinarySearch([]string{"control.spare", "files.spare", "parked", "start"}, name); ok {
			continue
		}
		fsys := original.AfterRestart()
		path := "/data/0000/" + name
		fsys.Fail(func(op journaltest.Op) error {
			if op.Kind == journaltest.Read && op.Name == path && op.Len > 0 {
				return syscall.EIO
			}
			return nil
		})
		f := claim(t, fsys)
		s := survey(t, f, start)
		if len(s.Damage()) == 0 {
			t.Fatalf("%s: no damage is seen", name)
		}
		m := journal.Mending{Dropped: "dropped"}
		if name == "state-1" {
			m.Remove = []string{name}
		}
		if err := f.Mend(s, m); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		f.Close()
		fsys.Fail(nil)
		again := cfg
		again.FS = fsys
		p := open(t, again).Partition(0)
		if err := p.Err(); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if name == "state-1" {
			if _, err := p.ReadFile(name); !errors.Is(err, fs.ErrNotExist) {
				t.Fatalf("got %v, want that it does not exist", err)
			}
			continue
		}
		requireMended(t, p.Events(), s.Events, start.Events, name)
		requireMended(t, p.Control(), s.Control, start.Control, name)
	}
}

// TestUnusedPageThatTheDiskDoesNotGive has one behind the end of a log, which may hide
// what was there.
func TestUnusedPageThatTheDiskDoesNotGive(t *testing.T) {
	fsys := journaltest.NewFS()
	cfg := small(fsys)
	cfg.SegmentBytes, cfg.Partitions = 16384, 2
	for i := range 2 {
		appendAll(t, open(t, cfg).Partition(i).Events(), 10)
		fsys = fsys.AfterCrash(1)
		cfg.FS = fsys
	}
	name := lastSegment(t, fsys, "/data/0000", "events")
	refuse := func(op journaltest.Op) error {
		if op.Kind == journaltest.Read && op.Name == name && op.Off+op.Len > 12288 {
			return syscall.EIO
		}
		return nil
	}
	killed := fsys.AfterRestart()
	for _, fs := range []*journaltest.FS{fsys, killed} {
		fs.Fail(refuse)
	}
	cfg.FS = killed
	if err := open(t, cfg).Partition(0).Err(); !errors.Is(err, syscall.EIO) {
		t.Fatalf("recovery: got %v, want EIO", err)
	}
	f := claim(t, fsys)
	s := survey(t, f, journal.Start{})
	if d := s.Damage(); len(d) != 1 || !errors.Is(d[0], syscall.EIO) {
		t.Fatalf("survey: got %v, want EIO once", d)
	}
	if err := f.Mend(s, journal.Mending{Dropped: "dropped"}); err != nil {
		t.Fatal(err)
	}
	f.Close()
	fsys.Fail(nil)
	cfg.FS = fsys
	if got := readAll(t, open(t, cfg).Partition(0).Events(), 0); got != 10 {
		t.Fatalf("got %d records, want 10", got)
	}
}

func TestLogThatEndsBelowItsStart(t *testing.T) {
	fsys := journaltest.NewFS()
	cfg := small(fsys)
	cfg.Partitions = 2
	j := open(t, cfg)
	for i := range 2 {
		appendAll(t, j.Partition(i).Events(), 100)
	}
	start := journal.Start{Events: 99}
	if err := j.Partition(0).Release(start); err != nil {
		t.Fatal(err)
	}
	fsys = fsys.AfterCrash(1)
	j.Close()
	name := lastSegment(t, fsys, "/data/0000", "events")
	fsys.WriteFile(name, fsys.ReadFile(name)[:journal.SegmentHeaderSize])
	cure(t, fsys, cfg, start, "cut")
}

func TestSurveyOfFilesBesideTheLogs(t *testing.T) {
	fsys, _, _ := built(t)
	f := claim(t, fsys)
	if data, err := f.ReadFile(0, "state-1"); err != nil || string(data) != "state" {
		t.Fatalf("got %q, %v", data, err)
	}
	spool, err := f.OpenSpool(0, "batch-1")
	if err != nil {
		t.Fatal(err)
	}
	if data, err := io.ReadAll(spool); err != nil || string(data) != "spool" {
		t.Fatalf("got %q, %v", data, err)
	}
	spool.Close()
	s := survey(t, f, journal.Start{})
	if got := fmt.Sprint(s.Files, s.Spools); got != "[{state-1 5 <nil>}] [{batch-1 5 <nil>}]" {
		t.Fatalf("got %s", got)
	}
	flipIn(fsys, "state-1", 1)
	s = survey(t, f, journal.Start{})
	var damage *journal.CorruptError
	if d := s.Damage(); len(d) != 1 || !errors.As(d[0], &damage) || damage.File != "/data/0000/state-1" {
		t.Fatalf("got %v", d)
	}
	// Damage is a message for people: it says where, and what it costs.
	want := "journal: damage in /data/0000/state-1 at byte 0: file: checksum of the data does not match"
	if got := damage.Error(); got != want {
		t.Fatalf("got %q", got)
	}
}

func TestSurveyOfAKilledJournalIsClean(t *testing.T) {
	cfg := small(nil)
	for seed := range uint64(200) {
		fsys, w := lived(t, cfg, 2)
		fsys.StopAt(fsys.Ops() + int(seed))
		cfg.FS, cfg.ProofDelay = fsys, time.Duration(seed%2)*time.Hour
		w.life(t, cfg)
		fsys = fsys.AfterCrash(seed)
		f := claim(t, fsys)
		s := survey(t, f, journal.Start{})
		f.Close()
		if d := s.Damage(); len(d) > 0 {
			t.Fatalf("seed %d: %v", seed, d)
		}
		cfg.FS = fsys
		p := open(t, cfg).Partition(0)
		if p.Events().Committed() != s.Events.To || p.Control().Committed() != s.Control.To {
			t.Fatalf("seed %d: recovered up to %d and %d, the survey said %d and %d", seed,
				p.Events().Committed(), p.Control().Committed(), s.Events.To, s.Control.To)
		}
	}
}
