package ownership_test

import (
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/open-destinations/destinations/journal/journaltest"
	"github.com/open-destinations/destinations/ownership"
)

var (
	first  = place("acme:first/a/")
	second = place("acme:second/a/")
)

// oneConfirmed is a world in which the first bucket is confirmed, durably, and the second
// one's challenge can be read.
func oneConfirmed(t *testing.T) (*world, string) {
	t.Helper()
	w := newWorld(t)
	k := w.start()
	if err := w.confirm(k, first); err != nil {
		t.Fatal(err)
	}
	standing, err := k.Challenge(t.Context(), second)
	if err != nil {
		t.Fatal(err)
	}
	k.Close()
	return w, w.s3.read("second", standing.Key)
}

// After an error at any operation nothing is lost, nothing counts that was not answered for,
// and the next try works; after a restart what was answered counts.
func TestEveryOperationOfAConfirmationFails(t *testing.T) {
	for i, failures := 0, 0; ; i++ {
		w, content := oneConfirmed(t)
		k := w.start()
		w.fs.DropDirty()
		w.fs.FailAt(w.fs.Ops() + i)
		_, err := k.Confirm(t.Context(), second, content)
		if err != nil {
			failures++
		}
		if err != nil && (!errors.Is(err, ownership.ErrNotKept) || !strings.Contains(err.Error(), "confirmed") || strings.Contains(err.Error(), strings.TrimSpace(content))) {
			t.Errorf("operation %d: got %v", i, err)
		}
		wantRefused(t, k, first, false)
		wantRefused(t, k, second, err != nil)
		w.fs.Fail(nil)
		if _, again := k.Confirm(t.Context(), second, content); again != nil {
			t.Errorf("operation %d: %v at the next try", i, again)
		}
		k.Close()
		w.fs = w.fs.AfterCrash(0)
		k = w.start()
		wantRefused(t, k, first, false)
		wantRefused(t, k, second, false)
		k.Close()
		if err == nil {
			if failures < 7 {
				t.Errorf("%d operations have failed: the test shows nothing", failures)
			}
			return
		}
	}
}

// The power fails in the middle of any operation: the file is the one before, or the new one,
// and what was answered stands in it.
func TestPowerFailsWhileABucketIsConfirmed(t *testing.T) {
	for i := 0; ; i++ {
		w, content := oneConfirmed(t)
		k := w.start()
		w.fs.StopAt(w.fs.Ops() + i)
		_, err := k.Confirm(t.Context(), second, content)
		k.Close()
		stopped := w.fs
		for seed := range uint64(50) {
			w.fs = stopped.AfterCrash(seed)
			k := w.start()
			wantRefused(t, k, first, false)
			if err == nil {
				wantRefused(t, k, second, false)
			}
			if _, err := k.Confirm(t.Context(), second, content); err != nil {
				t.Errorf("operation %d, seed %d: %v at the next try", i, seed, err)
			}
			k.Close()
		}
		if log := w.log.String(); strings.Contains(log, "set aside") {
			t.Fatalf("operation %d: %s", i, log)
		}
		if !stopped.Stopped() {
			return
		}
	}
}

// A disk that is full refuses what is new and keeps what there is.
func TestConfirmationOnAFullDisk(t *testing.T) {
	w, content := oneConfirmed(t)
	k := w.start()
	w.fs.SetCapacity(w.fs.Used() + 10)
	if _, err := k.Confirm(t.Context(), second, content); !errors.Is(err, ownership.ErrNotKept) || !errors.Is(err, syscall.ENOSPC) {
		t.Errorf("got %v", err)
	}
	wantRefused(t, k, first, false)
	w.fs.SetCapacity(-1)
	if _, err := k.Confirm(t.Context(), second, content); err != nil {
		t.Error(err)
	}
}

// What can't be read refuses the start by its name; it is not taken for what is not there.
func TestEveryOperationOfAStartFails(t *testing.T) {
	for i := 0; ; i++ {
		w, _ := oneConfirmed(t)
		w.fs.FailAt(w.fs.Ops() + i)
		k, err := w.open()
		if err == nil {
			wantRefused(t, k, first, false)
			k.Close()
			if i < 3 {
				t.Errorf("a start reads in %d operations: the test shows nothing", i)
			}
			return
		}
		if !strings.Contains(err.Error(), filepath.Join(dataDir, "confirmed")) {
			t.Errorf("operation %d: got %v, want the file's name in it", i, err)
		}
		w.fs.Fail(nil)
		k = w.start()
		wantRefused(t, k, first, false)
		k.Close()
	}
}

// write puts a file into the data folder as it is.
func (w *world) write(name string, text []byte) {
	w.t.Helper()
	path := filepath.Join(dataDir, name)
	if err := w.fs.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		w.t.Fatal(err)
	}
	f, err := w.fs.Create(path)
	if err != nil {
		w.t.Fatal(err)
	}
	defer f.Close()
	if err := f.Allocate(int64(len(text))); err != nil {
		w.t.Fatal(err)
	}
	if _, err := f.WriteAt(text, 0); err != nil {
		w.t.Fatal(err)
	}
}

func (w *world) readFile(name string) string {
	w.t.Helper()
	f, err := w.fs.Open(filepath.Join(dataDir, name))
	if err != nil {
		w.t.Fatal(err)
	}
	defer f.Close()
	size, err := f.Size()
	if err != nil {
		w.t.Fatal(err)
	}
	text := make([]byte, size)
	if _, err := f.ReadAt(text, 0); err != nil {
		w.t.Fatal(err)
	}
	return string(text)
}

// A file that is damaged anywhere is set aside, loudly; nothing is confirmed by it, and the
// service starts.
func TestDamagedConfirmationsAreSetAside(t *testing.T) {
	w, _ := oneConfirmed(t)
	whole := w.readFile("confirmed")
	damaged := map[string]string{"empty": "", "another line": strings.Replace(whole, "acme first", "acme firsu", 1), "more behind it": whole + "acme x 2026-01-01T00:00:00Z\n"}
	for i := range whole {
		damaged[fmt.Sprintf("cut at byte %d", i)] = whole[:i]
		damaged[fmt.Sprintf("byte %d", i)] = whole[:i] + string(whole[i]^4) + whole[i+1:]
	}
	for what, text := range damaged {
		w.write("confirmed", []byte(text))
		w.log = &lockedBuffer{}
		k, err := w.open()
		if err != nil {
			t.Errorf("%s: %v", what, err)
			continue
		}
		wantRefused(t, k, first, true)
		k.Close()
		if log := w.log.String(); !strings.Contains(log, "level=ERROR") || !strings.Contains(log, "set aside") {
			t.Errorf("%s: got the log %s", what, log)
		}
		if len(text) > 0 && w.readFile("confirmed.set-aside") != text {
			t.Errorf("%s: not set aside", what)
		}
	}
	k := w.start()
	if err := w.confirm(k, first); err != nil {
		t.Error(err)
	}
	wantRefused(t, k, first, false)
}

// What is damaged and can't be set aside refuses the start: another file would take its place.
func TestDamageThatCannotBeSetAsideRefusesTheStart(t *testing.T) {
	for _, kind := range []journaltest.Kind{journaltest.Rename, journaltest.SyncDir} {
		w, _ := oneConfirmed(t)
		w.write("confirmed", []byte("x"))
		w.fs.Fail(func(op journaltest.Op) error {
			if op.Kind == kind {
				return syscall.EIO
			}
			return nil
		})
		if _, err := w.open(); err == nil || !strings.Contains(err.Error(), filepath.Join(dataDir, "confirmed")) || !errors.Is(err, syscall.EIO) {
			t.Errorf("%s: got %v", kind, err)
		}
	}
}
