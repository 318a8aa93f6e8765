package e2e_test

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/status"

	"github.com/open-destinations/destinations/e2e/harness"
)

// TestFullDisk fills a disk with events that can't be delivered, kills the service
// while it is full, and then lets it deliver. The disk is a small one in memory, which
// only this test can see.
func TestFullDisk(t *testing.T) {
	w := newWorld(t, "full")
	w.dataAt = mountSmall(t, 128<<20)
	args := []string{"--window", "1s", "--journal-quota", "0", "--partitions", "2"}
	svc := w.serve("data", args...)
	to := harness.Destination{Bucket: "full", Prefix: "noise/"}
	w.sendNumbered(svc, 0, 10, to)
	w.await(30 * time.Second)

	w.s3.Kill()
	w.fill(svc, 1, to)
	checkServing(t, svc)
	svc.Kill()
	svc = w.serve("data", args...)
	w.fill(svc, 2, to)
	checkServing(t, svc)

	w.restartS3()
	w.await(time.Minute)
	// Room comes free when the objects are there, or a little later.
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	stream := 100
	must(t, harness.Poll(ctx, "the service to take events again", func() error {
		stream++
		return w.send(ctx, svc, stream, inRequests(10, someNoise(uint64(stream), 1<<20, to)))
	}))
	w.await(time.Minute)
	w.check(svc)
}

// someNoise is so many bytes of events that don't compress.
func someNoise(seed uint64, size int, to harness.Destination) iter.Seq[outgoing] {
	const eventSize = 32 << 10
	src := rand.NewChaCha8([32]byte{1: byte(seed), 2: byte(seed >> 8)})
	return func(yield func(outgoing) bool) {
		for range size / eventSize {
			if !yield(outgoing{to, noise(src, eventSize)}) {
				return
			}
		}
	}
}

// fill sends until the service refuses more, and checks how it says so.
func (w *world) fill(svc *service, stream int, to harness.Destination) {
	w.t.Helper()
	ctx, cancel := context.WithTimeout(w.t.Context(), time.Minute)
	defer cancel()
	err := w.send(ctx, svc, stream, inRequests(10, someNoise(uint64(stream), 1<<30, to)))
	if status.Code(err) != codes.ResourceExhausted {
		w.t.Fatalf("got %v, want RESOURCE_EXHAUSTED", err)
	}
	reason, hint := "", time.Duration(0)
	for _, d := range status.Convert(err).Details() {
		switch d := d.(type) {
		case *errdetails.ErrorInfo:
			reason = d.GetReason()
		case *errdetails.RetryInfo:
			hint = d.GetRetryDelay().AsDuration()
		}
	}
	if reason != "JOURNAL_FULL" || hint <= 0 {
		w.t.Errorf("got reason %q and a hint to try again after %v, want JOURNAL_FULL and some time", reason, hint)
	}
}

// checkServing checks that the service counts as healthy.
func checkServing(t *testing.T, svc *service) {
	t.Helper()
	conn, err := grpc.NewClient(svc.Target, grpc.WithTransportCredentials(insecure.NewCredentials()))
	must(t, err)
	defer conn.Close()
	health, err := healthpb.NewHealthClient(conn).Check(t.Context(), &healthpb.HealthCheckRequest{})
	must(t, err)
	if health.GetStatus() != healthpb.HealthCheckResponse_SERVING {
		t.Errorf("health is %v, want SERVING", health.GetStatus())
	}
	must(t, svc.Ready(t.Context()))
}

// mountSmall mounts a file system of so many bytes where nobody else sees it, and
// returns a path to it that works from here. A process holds it until the test ends.
func mountSmall(t *testing.T, size int) string {
	t.Helper()
	ways := []string{"-Urm"} // with a user namespace of its own, in which one may mount
	if os.Geteuid() == 0 {
		ways = append(ways, "-m")
	}
	var errs []error
	for _, way := range ways {
		path, err := tryMount(t, way, size)
		if err == nil {
			return path
		}
		errs = append(errs, fmt.Errorf("unshare %s: %w", way, err))
	}
	t.Fatalf("This test mounts a file system where nobody else sees it. It needs unshare (util-linux) and either root or user\n"+
		"namespaces for everyone (sysctl user.max_user_namespaces, kernel.unprivileged_userns_clone,\n"+
		"kernel.apparmor_restrict_unprivileged_userns):\n%v", errors.Join(errs...))
	return ""
}

// tryMount is mountSmall in one way.
func tryMount(t *testing.T, way string, size int) (string, error) {
	dir, log := t.TempDir(), filepath.Join(t.TempDir(), "log")
	holder, err := harness.StartProcess(harness.ProcessParams{
		Name: "the holder of a file system", Path: "/usr/bin/env", Env: os.Environ(), Log: log,
		Args: []string{"unshare", way, "sh", "-c", `mount -t tmpfs -o size="$1" tmpfs "$0" && echo mounted && exec cat`, dir, fmt.Sprint(size)},
	})
	if err != nil {
		return "", err
	}
	t.Cleanup(holder.Kill)
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	err = harness.Poll(ctx, "the file system", func() error {
		text, err := os.ReadFile(log)
		if err == nil && !strings.Contains(string(text), "mounted") {
			err = errors.New(string(text))
		}
		if e := holder.Err(); e != nil {
			cancel()
		}
		return err
	})
	return fmt.Sprintf("/proc/%d/root%s", holder.PID(), dir), err
}
