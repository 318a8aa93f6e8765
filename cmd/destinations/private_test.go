package main

import (
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/open-destinations/destinations/uploader/uploadertest"
)

// wantPrivate fails for everything in a folder that somebody else than its owner could use.
func wantPrivate(t *testing.T, dir string) {
	t.Helper()
	count := 0
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		count++
		want := fs.FileMode(0o600)
		if d.IsDir() {
			want = 0o700
		}
		if info, err := d.Info(); err != nil || info.Mode().Perm() != want {
			t.Errorf("%s: got %v, %v; want %#o", path, info.Mode(), err, want)
		}
		return nil
	})
	if err != nil || count < 8 {
		t.Errorf("%d files and folders, %v: the test shows nothing", count, err)
	}
}

// The whole data folder, with the ledger and the key of the receipts, whatever the umask.
func TestDataFolderIsForItsOwnerAloneWhateverTheUmask(t *testing.T) {
	for _, mask := range []int{0, 0o777} {
		dir := filepath.Join(t.TempDir(), "above", "data")
		before := syscall.Umask(mask)
		c := serveChild(t, dir)
		syscall.Umask(before)
		if got := (invocation{args: []string{"send", "--target", c.listen, "--bucket", "demo"}, stdin: "one\n"}).run(t); got.code != exitOK {
			t.Fatalf("send: got %+v", got)
		}
		wantPrivate(t, filepath.Dir(dir)) // SQLite's files beside the database are there now
		c.signal(t, syscall.SIGTERM)
		if code := c.exit(t); code != exitOK {
			t.Fatalf("got exit code %d", code)
		}
		for _, command := range []string{"verify", "dump", "repair"} {
			if got := run(t, "journal", command, "--data-dir", dir); got.code != exitOK {
				t.Errorf("journal %s: got %+v", command, got)
			}
		}
		wantPrivate(t, filepath.Dir(dir))
	}
}

func TestDataFolderThatOthersCanWriteRefusesTheStart(t *testing.T) {
	dir := t.TempDir()
	if err := os.Chmod(dir, 0o777); err != nil {
		t.Fatal(err)
	}
	_, err := newService(testParams(testConfig(t, dir), uploadertest.NewS3(t).Config()))
	if err == nil || !strings.HasPrefix(err.Error(), "--data-dir: open data folder: "+dir+" can be written by others") {
		t.Errorf("got %v", err)
	}
	if left, err := os.ReadDir(dir); err != nil || len(left) != 0 {
		t.Errorf("a refused start leaves %v, %v", left, err)
	}
}
