package main

import (
	"bytes"
	"fmt"
	"io"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/open-destinations/destinations/journal/journaltest"
	"github.com/open-destinations/destinations/uploader/uploadertest"
)

// sending is a send command that runs in this process, fed through a pipe.
type sending struct {
	input  *io.PipeWriter
	stderr *sharedBuffer
	code   chan int // its exit code
}

// startSending runs send with args and standard input.
func startSending(t *testing.T, args ...string) *sending {
	t.Helper()
	reader, writer := io.Pipe()
	s := &sending{input: writer, stderr: &sharedBuffer{}, code: make(chan int, 1)}
	p := &process{ctx: t.Context(), stdin: reader, stdout: io.Discard, stderr: s.stderr}
	go func() { s.code <- p.run(append([]string{"send", "--bucket", "demo"}, args...)) }()
	return s
}

// write adds numbered events up to a number, from one above another.
func (s *sending) write(t *testing.T, above, to int) {
	t.Helper()
	for i := above; i < to; i++ {
		if _, err := fmt.Fprintf(s.input, "event %06d\n", i+1); err != nil {
			t.Fatal(err)
		}
	}
}

// sharedBuffer may be read while it is written.
type sharedBuffer struct {
	mu sync.Mutex // guards b
	b  bytes.Buffer
}

func (s *sharedBuffer) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.Write(p)
}

func (s *sharedBuffer) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.String()
}

// wantEvents waits until exactly the events up to a number are in S3. An event whose
// answer was lost may be there twice.
func wantEvents(t *testing.T, s3 *uploadertest.S3, last int) {
	t.Helper()
	eventually(t, "all events are there", func() bool {
		return len(slices.Compact(storedLines(t, s3))) >= last
	})
	lines := slices.Compact(storedLines(t, s3))
	for i, line := range lines {
		if want := fmt.Sprintf("event %06d", i+1); line != want {
			t.Fatalf("got %s, want %s", line, want)
		}
	}
}

// A service that is stopped, or killed, in the middle of a send and started again
// costs nothing but time.
func TestSendGoesOnWhenTheServiceIsRestarted(t *testing.T) {
	for _, how := range []syscall.Signal{syscall.SIGTERM, syscall.SIGKILL} {
		t.Run(how.String(), func(t *testing.T) {
			s3, dir := uploadertest.NewS3(t), t.TempDir()
			endpoint := httptest.NewServer(s3)
			defer endpoint.Close()
			args := []string{"--s3-endpoint", endpoint.URL, "--s3-path-style"}
			first := serveChild(t, dir, args...)

			s := startSending(t, "--target", first.listen, "--retry-for", "20s")
			s.write(t, 0, 20_000)
			first.signal(t, how)
			s.write(t, 20_000, 25_000)
			first.exit(t)
			s.write(t, 25_000, 30_000) // no more than a sender holds
			eventually(t, "the sender notices", func() bool { return strings.Contains(s.stderr.String(), "trying again for up to 20s") })
			second := serveChild(t, dir, append(args, "--listen", first.listen)...)
			s.write(t, 30_000, 80_000)
			s.input.Close()
			if code := <-s.code; code != exitOK || !strings.Contains(s.stderr.String(), "accepted 80000, rejected 0\n") {
				t.Fatalf("got exit code %d, stderr %q", code, s.stderr.String())
			}
			if got := run(t, "flush", "--target", second.listen); got.code != exitOK {
				t.Fatalf("flush: got %+v", got)
			}
			wantEvents(t, s3, 80_000)
		})
	}
}

// A disk without room stops a send until what is on it is delivered and released;
// nothing is lost and nothing ends.
func TestSendWaitsUntilTheDiskHasRoom(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s3, disk := uploadertest.NewS3(t), journaltest.NewFS()
		config := testConfig(t, t.TempDir(), "--partitions", "1")
		config.Listen, config.AdminListen = "api", "admin"
		config.Journal.FS = disk
		config.Journal.SegmentBytes = 1 << 20
		network := memoryNet{}
		p := testParams(config, s3.Config())
		p.Listen = network.listen
		r := start(t, p)
		conn := network.dial(t, "api")
		defer conn.Close()

		const events = 300_000
		var stderr bytes.Buffer
		params := testSenderParams(conn, defaultSendLimits(), &stderr)
		params.Bucket, params.RetryFor = "demo", time.Hour
		s := newSender(t.Context(), params)
		disk.SetCapacity(disk.Used() + 1<<20) // a fraction of the events
		addLines(t, s, events)
		if err := s.finish(); err != nil {
			t.Fatal(err)
		}
		if got := s.Report.counted(); got != (sendCounts{Accepted: events}) {
			t.Errorf("got %+v", got)
		}
		if !strings.Contains(stderr.String(), "ResourceExhausted (JOURNAL_FULL)") {
			t.Errorf("got %q: the disk was never full", stderr.String())
		}
		<-time.After(5 * time.Minute) // until all is delivered
		synctest.Wait()
		if got := len(slices.Compact(storedLines(t, s3))); got != events {
			t.Errorf("got %d events in S3, want %d", got, events)
		}
		r.stop()
		if err := r.wait(t); err != nil {
			t.Errorf("got %v, want a clean end", err)
		}
	})
}
