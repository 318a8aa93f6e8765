package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/open-destinations/destinations/uploader/uploadertest"
)

// child is the program as a process of its own.
type child struct {
	*exec.Cmd
	log           *bufio.Scanner // its standard error
	listen, admin string         // where it serves
}

// startChild runs the program with args until the test ends.
func startChild(t *testing.T, args ...string) *child {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	t.Cleanup(cancel)
	c := &child{Cmd: exec.CommandContext(ctx, os.Args[0], args...)}
	c.Env = []string{asMain + "=1", "GOCOVERDIR=" + t.TempDir(), "AWS_ACCESS_KEY_ID=a", "AWS_SECRET_ACCESS_KEY=b", "AWS_REGION=us-east-1", "HOME=" + t.TempDir()}
	pipe, err := c.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	c.log = bufio.NewScanner(pipe)
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		c.Process.Kill()
		c.Wait()
	})
	return c
}

// serveChild runs a service on a folder and waits until it serves.
func serveChild(t *testing.T, dir string, args ...string) *child {
	t.Helper()
	c := startChild(t, append([]string{"serve", "--listen", "127.0.0.1:0", "--admin-listen", "127.0.0.1:0", "--data-dir", dir,
		"--partitions", "2", "--journal-quota", "64MiB", "--max-request-size", "1100KiB"}, args...)...)
	var line struct{ Listen, Admin string }
	if err := json.Unmarshal([]byte(c.read(t, `"msg":"serving"`)), &line); err != nil {
		t.Fatal(err)
	}
	c.listen, c.admin = line.Listen, line.Admin
	return c
}

// read returns the next line of the log that holds text.
func (c *child) read(t *testing.T, text string) string {
	t.Helper()
	var seen []string
	for c.log.Scan() {
		seen = append(seen, c.log.Text())
		if strings.Contains(c.log.Text(), text) {
			return c.log.Text()
		}
	}
	t.Fatalf("the log ends without %q:\n%s", text, strings.Join(seen, "\n"))
	return ""
}

func (c *child) signal(t *testing.T, s syscall.Signal) {
	t.Helper()
	if err := c.Process.Signal(s); err != nil {
		t.Fatal(err)
	}
}

// exit waits for the end of the process and returns its exit code.
func (c *child) exit(t *testing.T) int {
	t.Helper()
	for c.log.Scan() {
	}
	c.Wait() // the exit code says what its error does
	return c.ProcessState.ExitCode()
}

func TestSignalEndsTheServiceCleanly(t *testing.T) {
	for _, s := range []syscall.Signal{syscall.SIGTERM, syscall.SIGINT} {
		c := serveChild(t, t.TempDir())
		response, err := http.Get("http://" + c.admin + "/readyz")
		if err != nil || response.StatusCode != http.StatusOK {
			t.Errorf("readyz: got %v, %v", response, err)
		}
		if err == nil {
			io.Copy(io.Discard, response.Body)
			response.Body.Close()
		}
		http.DefaultClient.CloseIdleConnections()
		c.signal(t, s)
		c.read(t, "stopped")
		if code := c.exit(t); code != exitOK {
			t.Errorf("%v: got exit code %d, want 0", s, code)
		}
	}
}

// While an upload hangs, a second signal ends the process at once; the event is
// delivered by the next service on the folder, once.
func TestSecondSignalExitsAtOnceAndLosesNothing(t *testing.T) {
	asked, release := make(chan struct{}, 100), make(chan struct{})
	hanging := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {
		asked <- struct{}{}
		<-release
	}))
	defer hanging.Close()
	defer close(release)
	dir := t.TempDir()
	c := serveChild(t, dir, "--s3-endpoint", hanging.URL, "--s3-path-style", "--shutdown-grace", "25s")
	if got := (invocation{args: []string{"send", "--target", c.listen, "--bucket", "demo"}, stdin: "one\n"}).run(t); got.code != exitOK {
		t.Fatalf("send: got %+v", got)
	}
	if got := run(t, "flush", "--target", c.listen); got.code != exitOK {
		t.Fatalf("flush: got %+v", got)
	}
	<-asked
	c.signal(t, syscall.SIGTERM)
	c.read(t, "shutting down")
	begun := time.Now()
	c.signal(t, syscall.SIGTERM)
	if code := c.exit(t); code != exitFailed || time.Since(begun) > 5*time.Second {
		t.Errorf("got exit code %d after %v, want %d at once", code, time.Since(begun), exitFailed)
	}

	s3 := uploadertest.NewS3(t)
	config := testConfig(t, dir)
	config.Journal.Endpoint = hanging.URL
	start(t, testParams(config, s3.Config()))
	eventually(t, "the object is there", func() bool { return slices.Equal(storedLines(t, s3), []string{"one"}) })
}

func TestStartErrorIsOneLineAndExitCodeOne(t *testing.T) {
	dir := t.TempDir()
	serveChild(t, dir)
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	for _, test := range []struct {
		args []string
		want string
	}{
		{[]string{"--data-dir", dir, "--partitions", "2"}, "in use by another process"},
		{[]string{"--data-dir", t.TempDir(), "--listen", taken.Addr().String()}, "--listen: listen tcp"},
		{[]string{"--data-dir", "/dev/null/x"}, "/dev/null"},
	} {
		args := append([]string{"serve", "--listen", "127.0.0.1:0", "--admin-listen", "127.0.0.1:0", "--journal-quota", "64MiB", "--max-request-size", "1100KiB"}, test.args...)
		c := exec.Command(os.Args[0], args...)
		c.Env = []string{asMain + "=1", "GOCOVERDIR=" + t.TempDir()}
		var stderr bytes.Buffer
		c.Stderr = &stderr
		c.Run() // the exit code says what its error does
		lines := slices.DeleteFunc(strings.Split(stderr.String(), "\n"), func(line string) bool {
			return line == "" || strings.HasPrefix(line, "{") // the log
		})
		if code := c.ProcessState.ExitCode(); code != exitFailed || len(lines) != 1 ||
			!strings.HasPrefix(lines[0], "destinations serve: ") || !strings.Contains(lines[0], test.want) {
			t.Errorf("%v: got exit code %d, stderr %q", test.args, code, stderr.String())
		}
	}
}

// An interrupt ends a send that waits for more input; what was sent is answered.
func TestInterruptEndsASendThatWaitsForInput(t *testing.T) {
	taken := make(chan struct{}, 10) // room for every request
	fake := &fakeService{failWith: func(uint64) error {
		taken <- struct{}{}
		return nil
	}}
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	c := exec.CommandContext(ctx, os.Args[0], "send", "--target", fake.start(t), "--bucket", "bkt")
	c.Env = []string{asMain + "=1", "GOCOVERDIR=" + t.TempDir()}
	var stderr bytes.Buffer
	c.Stderr = &stderr
	input, err := c.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	if _, err := io.WriteString(input, strings.Repeat("x\n", 1001)+"half a li"); err != nil {
		t.Fatal(err)
	}
	<-taken
	if err := c.Process.Signal(os.Interrupt); err != nil {
		t.Fatal(err)
	}
	c.Wait() // the exit code says what its error does
	if code := c.ProcessState.ExitCode(); code != exitFailed || !strings.Contains(stderr.String(), "accepted 1001, rejected 0") ||
		!strings.Contains(stderr.String(), "stdin:1002: interrupted") {
		t.Errorf("got exit code %d, stderr %q", code, stderr.String())
	}
}
