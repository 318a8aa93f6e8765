package e2e_test

import (
	"bytes"
	"context"
	"errors"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/open-destinations/destinations/e2e/harness"
)

// TestDemo lets the demo serve, refuses a second one beside it, kills it, and runs
// one in its place to the end.
func TestDemo(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithTimeout(t.Context(), 3*time.Minute)
	defer cancel()
	demo, dir := buildDemo(t), filepath.Join(t.TempDir(), "made")
	log := filepath.Join(t.TempDir(), "log")
	first, err := harness.StartProcess(harness.ProcessParams{
		Name: "the demo", Path: demo, Args: []string{"--dir", dir}, Env: harness.Environment(), Log: log,
	})
	must(t, err)
	t.Cleanup(first.Kill)
	service := awaitMatch(ctx, t, log, regexp.MustCompile(`(?s)service on (\S+) \(gRPC\).*goes on serving until Ctrl-C`))

	_, err = harness.Output(ctx, nil, demo, "--dir", dir)
	if err == nil || !strings.Contains(err.Error(), "is running already") {
		t.Errorf("a second demo: got %v, want it to say that one is running", err)
	}

	first.Kill()
	if runtime.GOOS == "linux" { // other kernels can't be told to
		must(t, harness.Poll(ctx, "the service to die with the demo", func() error { return nobodyAt(service) }))
	}

	text, err := harness.Output(ctx, nil, demo, "--once", "--dir", dir)
	if err != nil {
		t.Fatalf("%v\n%s", err, text)
	}
	if !regexp.MustCompile(`beginning anew: removed what the run before had left: .*/data, .*/s3,`).Match(text) {
		t.Errorf("it does not say what it has removed:\n%s", text)
	}
	checkLastLines(t, text)
}

// buildDemo builds the demo.
func buildDemo(t *testing.T) string {
	t.Helper()
	root, err := harness.Root()
	must(t, err)
	demo := filepath.Join(t.TempDir(), "demo")
	out, err := exec.Command("go", "build", "-C", root, "-o", demo, "./e2e/demo").CombinedOutput()
	if err != nil {
		t.Fatalf("build the demo: %v\n%s", err, out)
	}
	return demo
}

// awaitMatch waits until a file matches and returns the first group.
func awaitMatch(ctx context.Context, t *testing.T, name string, want *regexp.Regexp) string {
	t.Helper()
	var group string
	must(t, harness.Poll(ctx, name+" to match "+want.String(), func() error {
		text, err := os.ReadFile(name)
		if err != nil {
			return err
		}
		m := want.FindSubmatch(text)
		if m == nil {
			return errors.New(string(text))
		}
		group = string(m[1])
		return nil
	}))
	return group
}

// nobodyAt fails if something listens on an address.
func nobodyAt(addr string) error {
	conn, err := net.Dial("tcp", addr)
	if err != nil {
		return nil
	}
	conn.Close()
	return errors.New("something listens on " + addr)
}

// checkLastLines checks that the demo's last lines are the object's address and
// the 30 lines of the object.
func checkLastLines(t *testing.T, text []byte) {
	t.Helper()
	lines := strings.Split(strings.TrimSuffix(string(text), "\n"), "\n")
	if len(lines) < 31 {
		t.Fatalf("got %d lines:\n%s", len(lines), text)
	}
	address := lines[len(lines)-31]
	if !regexp.MustCompile(`^s3://demo/test/\d{4}/\d\d/\d\d/\d\d/\d{4}(-\d\d){5}-[0-9a-f]{64}\.gz$`).MatchString(address) {
		t.Errorf("got %q, want the object's address", address)
	}
	for i, line := range lines[len(lines)-30:] {
		if !bytes.Contains([]byte(line), []byte("hello from event ")) {
			t.Errorf("line %d of the object: got %q", i+1, line)
		}
	}
}
