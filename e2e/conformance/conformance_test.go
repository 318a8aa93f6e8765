package conformance_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"

	"github.com/open-destinations/destinations/e2e/driver"
)

// TestClients plays the scenarios with each client. CONFORMANCE_LANGUAGES is a list of
// those to test, CONFORMANCE_RUN a part of the names of the scenarios.
func TestClients(t *testing.T) {
	languages, err := driver.Named(os.Getenv("CONFORMANCE_LANGUAGES"))
	must(t, err)
	all := scenarios(t, root, os.Getenv("CONFORMANCE_RUN"))
	install := installer()
	for _, l := range languages {
		t.Run(l.String(), func(t *testing.T) {
			t.Parallel()
			install(t, l)
			w := &language{Language: l}
			w.world = newWorld(t, nil)
			w.start(t)
			for _, s := range all {
				if w.driver == nil {
					w.start(t)
				}
				if s.isFor(l, w.driver) {
					t.Run(s.name, func(t *testing.T) { w.play(t, s) })
				}
			}
			if w.driver != nil {
				must(t, w.driver.Close())
			}
		})
	}
}

// language is what is tested of one language.
type language struct {
	driver.Language
	world  *world
	driver *driver.Driver // nil when it has to be started
}

// start starts the driver.
func (l *language) start(t *testing.T) {
	t.Helper()
	d, err := driver.Start(t.Context(), driver.Params{Root: root, Language: l.Language, Log: filepath.Join(t.TempDir(), "driver.log")})
	must(t, err)
	l.driver = d
}

// installer returns a function that installs a language's package, once.
func installer() func(*testing.T, driver.Language) {
	var mu sync.Mutex // one at a time: each uses all there is of the machine
	done := map[string]error{}
	return func(t *testing.T, l driver.Language) {
		t.Helper()
		mu.Lock()
		defer mu.Unlock()
		err, known := done[l.Folder]
		if !known {
			var out []byte
			out, err = exec.CommandContext(t.Context(), "make", "-s", "-C", filepath.Join(root, "clients", l.Folder), "driver").CombinedOutput()
			if err != nil {
				t.Logf("%s", out)
			}
			done[l.Folder] = err
		}
		if err != nil {
			t.Fatalf("install the client of %s: %v", l.Folder, err)
		}
	}
}
