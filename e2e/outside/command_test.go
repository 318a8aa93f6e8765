package outside_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/open-destinations/destinations/e2e/harness"
)

// command is a program that is run to its end.
type command struct {
	path     string
	args     []string
	dir      string // where it runs
	env      []string
	stdin    string
	patience time.Duration
	fails    bool // whether it is to end with an exit code other than 0
}

// output is what a program has written.
type output struct{ stdout, stderr string }

// run runs a command and fails the test unless it ends as it should.
func run(t *testing.T, c command) output {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), c.patience)
	defer cancel()
	var stdout, stderr bytes.Buffer
	cmd := exec.CommandContext(ctx, c.path, c.args...)
	cmd.Dir, cmd.Stdin, cmd.Stdout, cmd.Stderr = c.dir, strings.NewReader(c.stdin), &stdout, &stderr
	// Unlike Go's, the other libraries would go through a proxy to this machine.
	cmd.Env = harness.Environment(append(c.env, "no_grpc_proxy=127.0.0.1")...)
	cmd.WaitDelay = time.Second // a killed program's child may have our pipes
	err := cmd.Run()
	var exit *exec.ExitError
	if failed := errors.As(err, &exit) && ctx.Err() == nil; failed != c.fails || err != nil && !failed {
		t.Fatalf("%s %s: %v\n%s%s", c.path, strings.Join(c.args, " "), err, &stdout, &stderr)
	}
	return output{stdout: stdout.String(), stderr: stderr.String()}
}

// values takes apart JSON values that stand one behind the other.
func values(t *testing.T, text string) []string {
	t.Helper()
	var all []string
	for dec := json.NewDecoder(strings.NewReader(text)); ; {
		var one json.RawMessage
		if err := dec.Decode(&one); errors.Is(err, io.EOF) {
			return all
		} else if err != nil {
			t.Fatalf("not JSON: %v:\n%s", err, text)
		}
		all = append(all, string(one))
	}
}
