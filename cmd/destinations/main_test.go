package main

import (
	"bytes"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"go.uber.org/goleak"
)

var update = flag.Bool("update", false, "rewrite the golden files")

// asMain, set in the environment, makes the test's binary the program itself.
const asMain = "RUN_AS_MAIN"

func TestMain(m *testing.M) {
	if os.Getenv(asMain) != "" {
		main()
	}
	goleak.VerifyTestMain(m)
}

// outcome is what a command left behind.
type outcome struct {
	code           int
	stdout, stderr string
}

// invocation is a command to be run in this process.
type invocation struct {
	args    []string
	environ []string
	stdin   string
}

func (i invocation) run(t testing.TB) outcome {
	t.Helper()
	var stdout, stderr bytes.Buffer
	p := &process{
		ctx:     t.Context(),
		stdin:   strings.NewReader(i.stdin),
		stdout:  &stdout,
		stderr:  &stderr,
		environ: i.environ,
	}
	code := p.run(i.args)
	return outcome{code: code, stdout: stdout.String(), stderr: stderr.String()}
}

// run runs a command without variables or input.
func run(t testing.TB, args ...string) outcome {
	t.Helper()
	return invocation{args: args}.run(t)
}

// golden compares got with a file under testdata.
func golden(t *testing.T, name, got string) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("%s: got\n%s\nwant\n%s", path, got, want)
	}
}

// writeFile makes a file in a folder of the test's own.
func writeFile(t testing.TB, name, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}
