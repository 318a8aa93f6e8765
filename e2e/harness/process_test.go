package harness_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"github.com/open-destinations/destinations/e2e/harness"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// shell starts a shell with a script, and the file that it logs to.
func shell(t *testing.T, script string) (*harness.Process, string) {
	t.Helper()
	log := filepath.Join(t.TempDir(), "folder", "log")
	p, err := harness.StartProcess(harness.ProcessParams{
		Name: "the script", Path: "/bin/sh", Args: []string{"-c", script}, Env: os.Environ(), Log: log,
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.Kill)
	return p, log
}

func TestStopWaitsForTheEnd(t *testing.T) {
	p, log := shell(t, `trap 'echo bye; exit 0' TERM; echo up; while :; do read line; done`)
	awaitLog(t, log, "up\n")
	if err := p.Stop(t.Context()); err != nil {
		t.Fatal(err)
	}
	awaitLog(t, log, "up\nbye\n")
}

func TestStopKillsWhatDoesNotEnd(t *testing.T) {
	p, log := shell(t, `trap '' TERM; echo up; while :; do read line; done`)
	awaitLog(t, log, "up\n")
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	err := p.Stop(ctx)
	if err == nil || !strings.Contains(err.Error(), "had to be killed") {
		t.Errorf("got %v, want it to say that it was killed", err)
	}
	<-p.Done()
}

func TestErrorShowsTheEndOfTheLog(t *testing.T) {
	p, log := shell(t, `i=0; while [ $i -lt 100 ]; do i=$((i+1)); echo "line $i" >&2; done; exit 3`)
	<-p.Done()
	err := p.Err()
	if err == nil {
		t.Fatal("got no error, want exit status 3")
	}
	for _, want := range []string{"the script ended", "exit status 3", log, "line 86", "line 100"} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("got %q, want it to hold %q", err, want)
		}
	}
	if strings.Contains(err.Error(), "line 85") {
		t.Errorf("got %q, want the last 15 lines only", err)
	}
}

func TestStartOfWhatIsNotThere(t *testing.T) {
	dir := t.TempDir()
	_, err := harness.StartProcess(harness.ProcessParams{
		Name: "nothing", Path: filepath.Join(dir, "nothing"), Log: filepath.Join(dir, "log"),
	})
	if !errors.Is(err, os.ErrNotExist) {
		t.Errorf("got %v, want that it does not exist", err)
	}
}

func TestEnvironmentHidesAccounts(t *testing.T) {
	t.Setenv("AWS_PROFILE", "production")
	t.Setenv("DESTINATIONS_LISTEN", "0.0.0.0:1")
	env := harness.Environment("AWS_REGION=here")
	for _, kv := range env {
		if strings.HasPrefix(kv, "AWS_PROFILE") || strings.HasPrefix(kv, "DESTINATIONS_") {
			t.Errorf("got %s, want it hidden", kv)
		}
	}
	if !slices.Contains(env, "AWS_REGION=here") {
		t.Error("AWS_REGION is missing")
	}
}

func TestPollGivesUpWithTheLastError(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		began := time.Now()
		ctx, cancel := context.WithTimeout(t.Context(), 975*time.Millisecond)
		defer cancel()
		tries := 0
		last := errors.New("not yet")
		err := harness.Poll(ctx, "the train", func() error { tries++; return last })
		if !errors.Is(err, last) || !errors.Is(err, context.DeadlineExceeded) || !strings.Contains(err.Error(), "the train") {
			t.Errorf("got %v, want what was awaited, the last error and the deadline", err)
		}
		if took := time.Since(began); took != 975*time.Millisecond || tries != 20 {
			t.Errorf("gave up after %v and %d tries, want 975ms and 20", took, tries)
		}
	})
}

// awaitLog waits until a log holds exactly want.
func awaitLog(t *testing.T, name, want string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	err := harness.Poll(ctx, "the log", func() error {
		got, err := os.ReadFile(name)
		if err == nil && string(got) != want {
			err = errors.New(string(got))
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}
