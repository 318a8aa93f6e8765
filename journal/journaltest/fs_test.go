package journaltest_test

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"syscall"
	"testing"

	"github.com/open-destinations/destinations/journal"
	"github.com/open-destinations/destinations/journal/journaltest"
)

func create(t *testing.T, fs *journaltest.FS, name string, size int64) journal.File {
	t.Helper()
	f, err := fs.Create(name)
	if err != nil {
		t.Fatal(err)
	}
	if err := f.Allocate(size); err != nil {
		t.Fatal(err)
	}
	return f
}

func folder(t *testing.T) *journaltest.FS {
	t.Helper()
	fs := journaltest.NewFS()
	if err := errors.Join(fs.MkdirAll("/d"), fs.SyncDir("/")); err != nil {
		t.Fatal(err)
	}
	return fs
}

func write(t *testing.T, f journal.File, at int64, s string) {
	t.Helper()
	if _, err := f.WriteAt([]byte(s), at); err != nil {
		t.Fatal(err)
	}
}

func TestCrashKeepsWhatWasSynced(t *testing.T) {
	fsys := folder(t)
	f := create(t, fsys, "/d/a", 8)
	write(t, f, 0, "synced")
	if err := errors.Join(f.Sync(), fsys.SyncDir("/d")); err != nil {
		t.Fatal(err)
	}
	write(t, f, 0, "change")
	create(t, fsys, "/d/b", 1)
	if err := fsys.Rename("/d/a", "/d/c"); err != nil {
		t.Fatal(err)
	}
	nothing, all := fsys.AfterCrash(0), fsys.AfterCrash(1)
	if got := string(nothing.ReadFile("/d/a")); got != "synced\x00\x00" {
		t.Errorf("seed 0: got %q", got)
	}
	if nothing.ReadFile("/d/b") != nil || nothing.ReadFile("/d/c") != nil {
		t.Error("seed 0 kept names that were not synced")
	}
	if got := string(all.ReadFile("/d/c")); got != "change\x00\x00" || all.ReadFile("/d/a") != nil {
		t.Errorf("seed 1: got %q", got)
	}
	seen := map[string]bool{}
	for seed := range uint64(256) {
		c := fsys.AfterCrash(seed)
		a, b := c.ReadFile("/d/a"), c.ReadFile("/d/c")
		if (a == nil) == (b == nil) {
			t.Fatalf("seed %d: the renamed file has both names or none", seed)
		}
		seen[fmt.Sprintf("%q %q", a, b)] = true
	}
	for _, want := range []string{`"synced\x00\x00" ""`, `"change\x00\x00" ""`, `"" "synced\x00\x00"`, `"" "change\x00\x00"`} {
		if !seen[want] {
			t.Errorf("no seed leaves %s: %v", want, seen)
		}
	}
}

func TestCrashTearsWrites(t *testing.T) {
	fsys := folder(t)
	f := create(t, fsys, "/d/a", 16384)
	if err := errors.Join(f.Sync(), fsys.SyncDir("/d")); err != nil {
		t.Fatal(err)
	}
	write(t, f, 100, string(bytes.Repeat([]byte{1}, 16000)))
	seen := map[string]int{}
	for seed := range uint64(512) {
		b := fsys.AfterCrash(seed).ReadFile("/d/a")[100:16100]
		first, last := bytes.IndexByte(b, 1), bytes.LastIndexByte(b, 1)
		switch n := bytes.Count(b, []byte{1}); {
		case n == 0:
			seen["lost"]++
		case n == len(b):
			seen["whole"]++
		case n == last-first+1 && first == 0 && (100+n)%8 != 0:
			seen["up to a byte"]++
		case n == last-first+1 && last == len(b)-1 && (100+first)%8 != 0:
			seen["from a byte on"]++
		default:
			seen["in pieces"]++
		}
	}
	if len(seen) != 5 {
		t.Errorf("got %v, want each of the five outcomes", seen)
	}
}

func TestCrashReordersAndZeroesWrites(t *testing.T) {
	fsys := folder(t)
	f := create(t, fsys, "/d/a", 6)
	write(t, f, 0, "aabbcc")
	if err := errors.Join(f.Sync(), fsys.SyncDir("/d")); err != nil {
		t.Fatal(err)
	}
	write(t, f, 0, "aaBB")
	write(t, f, 4, "CC")
	seen := map[string]bool{}
	for seed := range uint64(4096) {
		b := string(fsys.AfterCrash(seed).ReadFile("/d/a"))
		if b[:2] != "aa" {
			t.Fatalf("seed %d: %q: bytes that were synced, and not changed since, are harmed", seed, b)
		}
		seen[b] = true
	}
	for _, want := range []string{"aabbcc", "aaBBCC", "aaBBcc", "aabbCC", "aa\x00\x00cc", "aa\x00\x00CC", "aaBbcc"} {
		if !seen[want] {
			t.Errorf("no seed leaves %q", want)
		}
	}
}

func TestCrashTakesFoldersThatWereNotSynced(t *testing.T) {
	fsys := folder(t)
	if err := fsys.MkdirAll("/d/e"); err != nil {
		t.Fatal(err)
	}
	f := create(t, fsys, "/d/e/a", 1)
	if err := errors.Join(f.Sync(), fsys.SyncDir("/d/e")); err != nil {
		t.Fatal(err)
	}
	if c := fsys.AfterCrash(0); c.ReadFile("/d/e/a") != nil {
		t.Error("a file is there whose folder was not synced")
	} else if _, err := c.List("/d/e"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("got %v, want that the folder does not exist", err)
	}
	if err := fsys.SyncDir("/d"); err != nil {
		t.Fatal(err)
	}
	if fsys.AfterCrash(0).ReadFile("/d/e/a") == nil {
		t.Error("the file is gone, whose folders were all synced")
	}
}

func TestFailedSyncDropsWhatItShouldHaveWritten(t *testing.T) {
	fsys := folder(t)
	fsys.DropDirty()
	f := create(t, fsys, "/d/a", 4)
	if err := errors.Join(f.Sync(), fsys.SyncDir("/d")); err != nil {
		t.Fatal(err)
	}
	write(t, f, 0, "lost")
	fsys.FailAt(fsys.Ops(), journaltest.Sync)
	if err := f.Sync(); !errors.Is(err, syscall.EIO) {
		t.Fatalf("got %v, want EIO", err)
	}
	if got := string(fsys.ReadFile("/d/a")); got != "lost" {
		t.Errorf("before the crash: got %q", got)
	}
	again := fsys.AfterRestart()
	f, err := again.Open("/d/a")
	if err != nil {
		t.Fatal(err)
	}
	if err := f.Sync(); err != nil {
		t.Fatal(err)
	}
	if got := string(again.AfterCrash(1).ReadFile("/d/a")); got != "\x00\x00\x00\x00" {
		t.Errorf("after it: got %q, and a later sync does not bring it back", got)
	}
}

func TestCapacity(t *testing.T) {
	fsys := folder(t)
	fsys.SetCapacity(10)
	f := create(t, fsys, "/d/a", 10)
	if err := f.Allocate(11); !errors.Is(err, syscall.ENOSPC) {
		t.Fatalf("got %v, want ENOSPC", err)
	}
	if err := f.Truncate(4); err != nil || fsys.Used() != 4 {
		t.Fatalf("used %d after a cut, %v", fsys.Used(), err)
	}
	if err := fsys.Remove("/d/a"); err != nil || fsys.Used() != 0 {
		t.Fatalf("used %d after the removal, %v", fsys.Used(), err)
	}
	if _, err := fsys.Open("/d/a"); !errors.Is(err, fs.ErrNotExist) {
		t.Fatalf("got %v, want that it does not exist", err)
	}
}

func TestStoppedMachineDoesNothing(t *testing.T) {
	fsys := folder(t)
	f := create(t, fsys, "/d/a", 4)
	if err := fsys.SyncDir("/d"); err != nil {
		t.Fatal(err)
	}
	fsys.StopAt(fsys.Ops())
	for range 2 {
		if _, err := f.WriteAt([]byte("x"), 0); !errors.Is(err, journaltest.ErrStopped) {
			t.Fatalf("got %v, want ErrStopped", err)
		}
	}
	if err := f.Sync(); !errors.Is(err, journaltest.ErrStopped) {
		t.Fatalf("got %v, want ErrStopped", err)
	}
	if got := string(fsys.AfterCrash(1).ReadFile("/d/a")); got != "x\x00\x00\x00" {
		t.Errorf("got %q, want the write it stopped in", got)
	}
}

func TestMisusePanics(t *testing.T) {
	for name, misuse := range map[string]func(fsys *journaltest.FS, f journal.File){
		"write behind the end": func(_ *journaltest.FS, f journal.File) { f.WriteAt([]byte("12345"), 0) },
		"write after close":    func(_ *journaltest.FS, f journal.File) { f.Close(); f.WriteAt([]byte("1"), 0) },
		"close twice":          func(_ *journaltest.FS, f journal.File) { f.Close(); f.Close() },
		"sync after its error": func(fsys *journaltest.FS, f journal.File) {
			fsys.Fail(func(journaltest.Op) error { return syscall.EIO })
			f.Sync()
			fsys.Fail(nil)
			f.Sync()
		},
	} {
		t.Run(name, func(t *testing.T) {
			fsys := folder(t)
			f := create(t, fsys, "/d/a", 4)
			defer func() {
				if recover() == nil {
					t.Error("no panic")
				}
			}()
			misuse(fsys, f)
		})
	}
}
