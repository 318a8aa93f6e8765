package journal_test

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/open-destinations/destinations/journal"
	"github.com/open-destinations/destinations/journal/journaltest"
)

func TestSecondOpenIsLockedOut(t *testing.T) {
	real := small(journal.OS())
	real.Dir = t.TempDir()
	for name, cfg := range map[string]journal.Config{"memory": small(journaltest.NewFS()), "folder": real} {
		t.Run(name, func(t *testing.T) {
			j := open(t, cfg)
			if _, err := journal.Open(cfg); !errors.Is(err, journal.ErrLocked) {
				t.Fatalf("got %v, want ErrLocked", err)
			} else if who := fmt.Sprintf("another process (%d): stop that first", os.Getpid()); name == "folder" && !strings.Contains(err.Error(), who) {
				t.Errorf("got %v, want it to name who has it", err)
			}
			appendAll(t, j.Partition(0).Events(), 1)
			j.Close()
			open(t, cfg).Close()
		})
	}
}

func TestFolderMadeWithOtherSettings(t *testing.T) {
	for _, tc := range []struct {
		field, have, want string
		edit              func(*journal.Config)
	}{
		{"partitions", "1", "2", func(c *journal.Config) { c.Partitions = 2 }},
		{"endpoint", "", "http://localhost:9000", func(c *journal.Config) { c.Endpoint = "http://localhost:9000" }},
	} {
		t.Run(tc.field, func(t *testing.T) {
			cfg := small(journaltest.NewFS())
			open(t, cfg).Close()
			tc.edit(&cfg)
			var got *journal.MismatchError
			_, err := journal.Open(cfg)
			if !errors.As(err, &got) || *got != (journal.MismatchError{Field: tc.field, Have: tc.have, Want: tc.want}) {
				t.Fatalf("got %v", err)
			}
		})
	}
}

func TestIdentityRefusesTheStart(t *testing.T) {
	for _, tc := range []struct {
		name, old, new, want string
	}{
		{"bit flipped", "partitions 1", "partitions 3", "checksum"},
		{"cut", "crc32c", "", "checksum"},
		{"unknown version", "format 1", "format 2", "checksum"},
		{"empty", "", "", "checksum"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			fs := journaltest.NewFS()
			cfg := small(fs)
			open(t, cfg).Close()
			text := string(fs.ReadFile("/data/IDENTITY"))
			if tc.old != "" {
				text = strings.Replace(text, tc.old, tc.new, 1)
			} else {
				text = ""
			}
			fs.WriteFile("/data/IDENTITY", []byte(text))
			if _, err := journal.Open(cfg); err == nil || !strings.Contains(err.Error(), tc.want) {
				t.Fatalf("got %v, want an error about the %s", err, tc.want)
			}
			if _, err := fs.Lock("/data/LOCK"); err != nil {
				t.Fatalf("a refused start holds the lock: %v", err)
			}
		})
	}
	t.Run("missing", func(t *testing.T) {
		fsys := journaltest.NewFS()
		cfg := small(fsys)
		open(t, cfg).Close()
		if err := fsys.Remove("/data/IDENTITY"); err != nil {
			t.Fatal(err)
		}
		if _, err := journal.Open(cfg); !errors.Is(err, fs.ErrNotExist) {
			t.Fatalf("got %v, want that IDENTITY is missing", err)
		}
	})
	t.Run("other version with its checksum", func(t *testing.T) {
		fs := journaltest.NewFS()
		cfg := small(fs)
		open(t, cfg).Close()
		fs.WriteFile("/data/IDENTITY", journal.IdentityOfVersion(2, fs.ReadFile("/data/IDENTITY")))
		var got *journal.MismatchError
		if _, err := journal.Open(cfg); !errors.As(err, &got) || got.Field != "format" {
			t.Fatalf("got %v, want a mismatch of the format", err)
		}
	})
}

func TestFilesOfOthersAreLeftAlone(t *testing.T) {
	cfg := small(journal.OS())
	cfg.Dir = t.TempDir()
	other := filepath.Join(cfg.Dir, "token.key")
	if err := os.WriteFile(other, []byte("theirs"), 0o600); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		open(t, cfg).Close()
	}
	if b, err := os.ReadFile(other); err != nil || string(b) != "theirs" {
		t.Fatalf("got %q, %v", b, err)
	}
	info, err := os.Stat(filepath.Join(cfg.Dir, "0000", "start"))
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Fatalf("start is not for its owner alone: %v, %v", info.Mode(), err)
	}
}

// Holds invariant 11 of ARCHITECTURE.md.
func TestReleaseRemovesWholeSegments(t *testing.T) {
	fsys := journaltest.NewFS()
	var trace []string
	fsys.Trace = func(op string) { trace = append(trace, op) }
	cfg := small(fsys)
	j := open(t, cfg)
	p := j.Partition(0)
	appendAll(t, p.Events(), 100)
	r, err := p.Events().NewReader(10)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	trace = nil
	if err := p.Release(journal.Start{Events: 60}); err != nil {
		t.Fatal(err)
	}
	effects := strings.Join(trace, "\n")
	if !strings.HasPrefix(effects, "write /data/0000/start\nsync /data/0000/start\nremove /data/0000/events-") {
		t.Fatalf("the start is not durable before the first removal:\n%s", effects)
	}
	for name, s := range map[string]journal.Start{
		"lower": {Events: 59}, "above the commit point": {Events: 101}, "control above": {Events: 60, Control: 1},
	} {
		if err := p.Release(s); err == nil {
			t.Errorf("release %s is not refused", name)
		}
	}
	if err := p.Release(journal.Start{Events: 60}); err != nil {
		t.Fatalf("the same start again: %v", err)
	}
	if _, _, err := r.Next(); !errors.Is(err, journal.ErrReleased) {
		t.Fatalf("reader below the start: got %v, want ErrReleased", err)
	}
	if _, err := p.Events().NewReader(59); !errors.Is(err, journal.ErrReleased) {
		t.Fatalf("new reader below the start: got %v, want ErrReleased", err)
	}
	if got := readAll(t, p.Events(), 60); got != 40 {
		t.Fatalf("got %d records, want 40", got)
	}
	j.Close()
	p = open(t, cfg).Partition(0)
	if s := p.Start(); s != (journal.Start{Events: 60}) {
		t.Fatalf("start after reopening: %+v", s)
	}
	if got := readAll(t, p.Events(), 60); got != 40 {
		t.Fatalf("after reopening: got %d records, want 40", got)
	}
}

func TestDamageBelowTheStartIsNotJudged(t *testing.T) {
	fsys := journaltest.NewFS()
	cfg := small(fsys)
	j := open(t, cfg)
	appendAll(t, j.Partition(0).Events(), 100)
	before := files(t, fsys, "/data/0000")
	if err := j.Partition(0).Release(journal.Start{Events: 100}); err != nil {
		t.Fatal(err)
	}
	j.Close()
	after := files(t, fsys, "/data/0000")
	came := 0
	for name, b := range before {
		if _, there := after[name]; !there && strings.HasPrefix(name, "events-") {
			came++
			b[came*13%len(b)] ^= 1 // also in a header
			fsys.WriteFile(filepath.Join("/data/0000", name), b)
		}
	}
	if came < 3 {
		t.Fatalf("only %d segments were removed", came)
	}
	p := open(t, cfg).Partition(0)
	if err := p.Err(); err != nil {
		t.Fatal(err)
	}
	for name := range before {
		if _, there := after[name]; !there && fsys.ReadFile(filepath.Join("/data/0000", name)) != nil {
			t.Fatalf("%s is still there", name)
		}
	}
	appendAll(t, p.Events(), 5)
}

func TestConfigNamesEachProblem(t *testing.T) {
	err := journal.Config{
		Partitions: -1, Endpoint: "a\nb", SegmentBytes: 1, ControlSegmentBytes: 2 << 30,
		QuotaBytes: -5, ProofDelay: -1, CommitInterval: -1,
	}.Validate()
	for _, field := range []string{"Dir", "Partitions", "Endpoint", "SegmentBytes", "ControlSegmentBytes", "QuotaBytes", "ProofDelay", "CommitInterval"} {
		if err == nil || !strings.Contains(err.Error(), field+": ") {
			t.Errorf("got %v, want a problem of %s", err, field)
		}
	}
	cfg := journal.DefaultConfig()
	cfg.Dir = "x"
	if err := cfg.Validate(); err != nil {
		t.Errorf("the defaults: %v", err)
	}
}

func TestRemovedFilesBreakTheJournal(t *testing.T) {
	fsys := journaltest.NewFS()
	j := open(t, small(fsys))
	if j.CheckFolder(); j.Err() != nil {
		t.Fatalf("got %v, and nothing was removed", j.Err())
	}
	fsys.Fail(func(op journaltest.Op) error { return syscall.EMFILE })
	if j.CheckFolder(); j.Err() != nil {
		t.Fatalf("got %v, want that only a missing file counts", j.Err())
	}
	fsys.Fail(nil)
	if err := fsys.Remove("/data/0000/start"); err != nil {
		t.Fatal(err)
	}
	if j.CheckFolder(); !errors.Is(j.Err(), journal.ErrBroken) {
		t.Errorf("got %v, want %v", j.Err(), journal.ErrBroken)
	}
	j.Close()
}

// A release may come between a reader's look at the start and its step into the next segment. What
// is there then is not the next one.
func TestReleaseWhileAReaderGoesOn(t *testing.T) {
	j := open(t, small(journaltest.NewFS()))
	log := j.Partition(0).Events()
	r, err := log.NewReader(0)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	for range 4 { // a segment each
		if _, err := log.Append(make([]byte, log.Limit())).Wait(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	if _, _, err := r.Next(); err != nil {
		t.Fatal(err)
	}
	if err := j.Partition(0).Release(journal.Start{Events: 3}); err != nil {
		t.Fatal(err)
	}
	if err := r.Load(); !errors.Is(err, journal.ErrReleased) {
		t.Errorf("got %v, want ErrReleased", err)
	}
	if _, _, err := r.Next(); !errors.Is(err, journal.ErrReleased) {
		t.Errorf("then got %v, want ErrReleased", err)
	}
}
