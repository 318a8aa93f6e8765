package conformance_test

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/open-destinations/destinations/e2e/driver"
	"github.com/open-destinations/destinations/e2e/harness"
)

// TestExamples runs each client's examples, with the package as a user has it, and looks
// for what they send: a step's events, every line of a file once and in order, and those
// that were traced and waited for.
func TestExamples(t *testing.T) {
	languages, err := driver.Named(os.Getenv("CONFORMANCE_LANGUAGES"))
	must(t, err)
	install := installer()
	seen := map[string]bool{}
	for _, l := range languages {
		if seen[l.Folder] {
			continue
		}
		seen[l.Folder] = true
		t.Run(l.Folder, func(t *testing.T) {
			t.Parallel()
			install(t, l)
			w := newWorld(t, []string{"--window", "1s"})
			command := exec.CommandContext(t.Context(), "make", "-s", "-C", filepath.Join(root, "clients", l.Folder), "examples", "TARGET="+w.Service.Target)
			command.Env = harness.Environment("no_grpc_proxy=127.0.0.1,localhost")
			if out, err := command.CombinedOutput(); err != nil {
				t.Fatalf("%v\n%s", err, out)
			}
			must(t, w.drain(t.Context(), ""))
			w.checkExamples(t, filepath.Join(root, "clients", l.Folder, "examples"))
		})
	}
}

// checkExamples looks for what the examples send: expected.json in their folder says how
// many events each destination has.
func (w *world) checkExamples(t *testing.T, folder string) {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(folder, "expected.json"))
	must(t, err)
	var want map[string]int
	must(t, json.Unmarshal(text, &want))
	lines, _, err := w.read(t.Context(), "")
	must(t, err)
	got, bulk := map[string]int{}, []string{}
	for _, l := range lines {
		to := l.to.Bucket + "/" + l.to.Prefix
		got[to]++
		if to == "workflows/bulk/" {
			bulk = append(bulk, l.text)
		}
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("events (-want +got):\n%s", diff)
	}
	file, err := os.ReadFile(filepath.Join(folder, "events.ndjson"))
	must(t, err)
	if diff := cmp.Diff(strings.Split(strings.TrimSpace(string(file)), "\n"), bulk); diff != "" {
		t.Errorf("the lines of the file (-want +got):\n%s", diff)
	}
}
