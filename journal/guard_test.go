package journal_test

import (
	"bytes"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/open-destinations/destinations/journal"
)

// underUmask runs f under a umask, which is the process's: no test that calls it is
// parallel to others.
func underUmask(mask int, f func()) {
	defer syscall.Umask(syscall.Umask(mask))
	f()
}

// modes are those of everything below a folder, and its own as ".".
func modes(t *testing.T, dir string) map[string]fs.FileMode {
	t.Helper()
	found := map[string]fs.FileMode{}
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		name, err := filepath.Rel(dir, path)
		found[name] = info.Mode().Perm()
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return found
}

// wantPrivate fails for everything that somebody else than the owner could use, or that
// the owner could not.
func wantPrivate(t *testing.T, dir string) {
	t.Helper()
	for name, mode := range modes(t, dir) {
		want := fs.FileMode(0o600)
		if info, err := os.Stat(filepath.Join(dir, name)); err == nil && info.IsDir() {
			want = 0o700
		}
		if mode != want {
			t.Errorf("%s: got mode %#o, want %#o", name, mode, want)
		}
	}
}

// filled opens a journal on a folder of the disk and fills it with one of everything: some
// segments, a small file, a spool.
func filled(t *testing.T, cfg journal.Config) {
	t.Helper()
	j := open(t, cfg)
	p := j.Partition(0)
	appendAll(t, p.Events(), 30)
	if err := p.WriteFile("state", []byte("state")); err != nil {
		t.Fatal(err)
	}
	s, err := p.CreateSpool("batch.gz")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.Write([]byte("parked")); err != nil {
		t.Fatal(err)
	}
	if err := s.Commit(); err != nil {
		t.Fatal(err)
	}
	if err := j.Close(); err != nil {
		t.Fatal(err)
	}
}

func onDisk(t *testing.T) journal.Config {
	cfg := small(journal.OS())
	cfg.Dir = filepath.Join(t.TempDir(), "above", "data")
	return cfg
}

func TestWhatIsMadeIsForItsOwnerAloneWhateverTheUmask(t *testing.T) {
	for _, mask := range []int{0, 0o022, 0o077, 0o277, 0o777} {
		cfg := onDisk(t)
		underUmask(mask, func() {
			filled(t, cfg)
			filled(t, cfg) // the second start finds what the first has made
		})
		wantPrivate(t, filepath.Dir(cfg.Dir))
	}
}

// A folder that was copied, or made by hand, is taken back from those who could read it.
func TestWhatOthersCouldReadIsNarrowed(t *testing.T) {
	cfg := onDisk(t)
	filled(t, cfg)
	theirs := filepath.Join(cfg.Dir, "notes.txt")
	if err := os.WriteFile(theirs, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for name, mode := range modes(t, cfg.Dir) {
		if err := os.Chmod(filepath.Join(cfg.Dir, name), mode|mode>>3&0o055|mode>>6&0o055); err != nil {
			t.Fatal(err)
		}
	}
	var log bytes.Buffer
	cfg.Log = slog.New(slog.NewTextHandler(&log, nil))
	filled(t, cfg)
	if !strings.Contains(log.String(), "others could read what is in the data folder; they can't any more") {
		t.Errorf("nothing is said of it:\n%s", log.String())
	}
	if got := modes(t, cfg.Dir)["notes.txt"]; got != 0o644 {
		t.Errorf("a file that is not the journal's: got mode %#o, want that it is left alone", got)
	}
	if err := os.Remove(theirs); err != nil {
		t.Fatal(err)
	}
	wantPrivate(t, cfg.Dir)
	log.Reset()
	filled(t, cfg)
	if log.Len() > 0 {
		t.Errorf("nothing is left to narrow, and the log says:\n%s", log.String())
	}
}

// "file exists" would read as if a data folder that is there could not be opened.
func TestAFileIsNoDataFolder(t *testing.T) {
	cfg := onDisk(t)
	cfg.Dir = filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(cfg.Dir, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if j, err := journal.Open(cfg); err == nil || !strings.Contains(err.Error(), cfg.Dir+": not a directory") {
		t.Errorf("got %v, %v, want that it is not a directory", j, err)
	}
}

func TestAFolderThatOthersCanWriteIsRefused(t *testing.T) {
	for _, test := range []struct {
		name string // below the data folder
		mode fs.FileMode
		open fs.FileMode // of the data folder
		want bool        // refused
	}{
		{".", 0o770, 0o770, true},
		{".", 0o702, 0o702, true},
		{"0000", 0o770, 0o750, true},
		{"0000/start", 0o660, 0o710, true},
		{"0000/parked", 0o707, 0o701, true},
		{"0000/start", 0o666, 0o700, false}, // nobody could come there
	} {
		cfg := onDisk(t)
		filled(t, cfg)
		for name, mode := range map[string]fs.FileMode{test.name: test.mode, ".": test.open} {
			if err := os.Chmod(filepath.Join(cfg.Dir, name), mode); err != nil {
				t.Fatal(err)
			}
		}
		before := modes(t, cfg.Dir)
		j, err := journal.Open(cfg)
		if !test.want {
			if err != nil {
				t.Errorf("%s with mode %#o in a closed folder: got %v, want that it is narrowed", test.name, test.mode, err)
				continue
			}
			j.Close()
			wantPrivate(t, cfg.Dir)
			continue
		}
		if err == nil {
			j.Close()
			t.Errorf("%s with mode %#o: not refused", test.name, test.mode)
			continue
		}
		for _, text := range []string{filepath.Join(cfg.Dir, test.name) + " can be written by others", "chmod -R go-rwx " + cfg.Dir} {
			if !strings.Contains(err.Error(), text) {
				t.Errorf("%s: got %q, want it to say %q", test.name, err, text)
			}
		}
		if after := modes(t, cfg.Dir)[test.name]; after != before[test.name] {
			t.Errorf("%s: a refusal has changed its mode to %#o", test.name, after)
		}
	}
}

func TestAFolderOfSomebodyElseIsRefused(t *testing.T) {
	cfg := onDisk(t)
	filled(t, cfg)
	if narrowed, err := journal.GuardAs(cfg.Dir, os.Geteuid()); narrowed != 0 || err != nil {
		t.Fatalf("its owner: got %d narrowed, %v", narrowed, err)
	}
	_, err := journal.GuardAs(cfg.Dir, os.Geteuid()+1)
	if err == nil || !strings.Contains(err.Error(), "belongs to user") || !strings.Contains(err.Error(), "chown -R") {
		t.Fatalf("got %v, want that it belongs to another user", err)
	}
}
