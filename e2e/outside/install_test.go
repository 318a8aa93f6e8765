package outside_test

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// installPatience is how long an installation may take: it downloads.
const installPatience = 5 * time.Minute

// installation is what the programs of one folder need.
type installation struct {
	folder   string     // of the programs; the commands run there
	makes    string     // what the commands make in it
	pins     string     // file that says what is installed
	runtime  string     // the language's own program, which prints its version for --version
	commands [][]string // to run one after the other
}

// ensure runs the commands unless what they make is there, made from the same
// pins, by the same runtime and in the same place.
func (i installation) ensure(t *testing.T) {
	t.Helper()
	for _, program := range []string{i.runtime, i.commands[0][0]} {
		if _, err := exec.LookPath(program); err != nil {
			t.Fatalf("these tests need %s on the PATH: %v", program, err)
		}
	}
	defer lock(t, i.folder)()
	want := i.inputs(t)
	stamp := filepath.Join(i.folder, i.makes, ".installed")
	got, err := os.ReadFile(stamp)
	if err == nil && string(got) == want {
		return
	}
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		t.Fatal(err)
	}
	began := time.Now()
	for _, c := range i.commands {
		run(t, command{path: c[0], args: c[1:], dir: i.folder, patience: installPatience})
	}
	must(t, os.WriteFile(stamp, []byte(want), 0o644))
	t.Logf("installed %s in %v", i.pins, time.Since(began).Round(time.Millisecond))
}

// inputs identifies everything that an installation depends on.
func (i installation) inputs(t *testing.T) string {
	t.Helper()
	pins, err := os.ReadFile(filepath.Join(i.folder, i.pins))
	must(t, err)
	version := run(t, command{path: i.runtime, args: []string{"--version"}, dir: i.folder, patience: patience}).stdout
	sum := sha256.Sum256(fmt.Appendf(nil, "%s\n%s\n%s\n%q", i.folder, version, pins, i.commands))
	return hex.EncodeToString(sum[:])
}

// lock keeps other runs of the tests in the same checkout out of a folder until
// the function that it returns is called.
func lock(t *testing.T, folder string) (unlock func()) {
	t.Helper()
	f, err := os.Open(folder)
	must(t, err)
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX); err != nil {
		t.Fatalf("lock %s: %v", folder, err)
	}
	return func() { f.Close() }
}

// TestPinsNameNoRegistry keeps the pins free of the address of whatever registry
// they were made with: everybody installs from his own.
func TestPinsNameNoRegistry(t *testing.T) {
	t.Parallel()
	clients, err := filepath.Glob(filepath.Join(root, "clients", "python", "requirements*.txt"))
	must(t, err)
	clients = append(clients, filepath.Join(root, "clients", "node", "package-lock.json"))
	for _, name := range append(clients, "node/package-lock.json", "python/requirements.txt") {
		pins, err := os.ReadFile(name)
		must(t, err)
		for _, word := range []string{`"resolved"`, "--index-url", "--extra-index-url", "--find-links", "--trusted-host"} {
			if strings.Contains(string(pins), word) {
				t.Errorf("%s: got %s in it", name, word)
			}
		}
	}
}
