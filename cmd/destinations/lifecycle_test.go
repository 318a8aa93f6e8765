package main

import (
	"bytes"
	"errors"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"google.golang.org/grpc/codes"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/status"

	destinationsv1 "github.com/open-destinations/destinations/gen/destinations/v1"
	"github.com/open-destinations/destinations/journal"
	"github.com/open-destinations/destinations/uploader/uploadertest"
)

// What was read before the end is answered and durable, and it is delivered by the
// next service on the folder, once.
func TestShutdownAnswersWhatWasRead(t *testing.T) {
	s3, dir := uploadertest.NewS3(t), t.TempDir()
	r := start(t, testParams(testConfig(t, dir), s3.Config()))
	stream, err := destinationsv1.NewDestinationsClient(r.dial(t)).SendS3(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if err := stream.Send(&destinationsv1.SendS3Request{Bucket: "demo", Sequence: 7, Events: []*destinationsv1.S3Event{{Payload: []byte("one")}}}); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the event is in the journal", func() bool {
		return r.journal.Partition(0).Events().Committed()+r.journal.Partition(1).Events().Committed() > 0
	})
	r.stop()
	if err := r.wait(t); err != nil {
		t.Errorf("got %v, want a clean end", err)
	}
	_, err = stream.CloseAndRecv()
	info := errorInfo(status.Convert(err))
	if status.Code(err) != codes.Unavailable || info.GetReason() != "SHUTTING_DOWN" || info.GetMetadata()["durable_sequence"] != "7" {
		t.Errorf("got %v, %v; want UNAVAILABLE with durable_sequence 7", err, info)
	}
	if len(s3.Objects()) != 0 {
		t.Errorf("got %v, want nothing before the window's end", s3.Objects())
	}

	again := start(t, testParams(testConfig(t, dir), s3.Config()))
	if got := run(t, "flush", "--target", again.listener.Addr().String()); got.code != exitOK {
		t.Errorf("flush: got %+v", got)
	}
	eventually(t, "the object is there", func() bool { return slices.Equal(storedLines(t, s3), []string{"one"}) })
}

// A watch of the health never ends by itself, and must not hold up the end.
func TestShutdownIsNotHeldUpByAWatch(t *testing.T) {
	r := start(t, testParams(testConfig(t, t.TempDir()), uploadertest.NewS3(t).Config()))
	watch, err := healthpb.NewHealthClient(r.dial(t)).Watch(t.Context(), &healthpb.HealthCheckRequest{})
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []healthpb.HealthCheckResponse_ServingStatus{healthpb.HealthCheckResponse_SERVING, healthpb.HealthCheckResponse_NOT_SERVING} {
		got, err := watch.Recv()
		if err != nil || got.GetStatus() != want {
			t.Errorf("got %v, %v; want %v", got, err, want)
		}
		r.stop()
	}
	if err := r.wait(t); err != nil {
		t.Errorf("got %v, want a clean end", err)
	}
}

// hangingS3 answers nothing until the request is given up.
type hangingS3 struct{ asked chan struct{} }

func (h *hangingS3) RoundTrip(r *http.Request) (*http.Response, error) {
	select {
	case h.asked <- struct{}{}:
	default:
	}
	<-r.Context().Done()
	return nil, r.Context().Err()
}

func TestShutdownEndsWithinItsGraceThoughS3Hangs(t *testing.T) {
	hanging := &hangingS3{asked: make(chan struct{}, 1)}
	config := uploadertest.NewS3(t).Config()
	config.HTTPClient = &http.Client{Transport: hanging}
	r := start(t, testParams(testConfig(t, t.TempDir(), "--shutdown-grace", "1s"), config))
	target := r.listener.Addr().String()
	if got := (invocation{args: []string{"send", "--target", target, "--bucket", "demo"}, stdin: "one\n"}).run(t); got.code != exitOK {
		t.Errorf("send: got %+v", got)
	}
	if got := run(t, "flush", "--target", target); got.code != exitOK {
		t.Errorf("flush: got %+v", got)
	}
	<-hanging.asked
	begun := time.Now()
	r.stop()
	const disk = 5 * time.Second // a busy one may take that for what is not S3's
	if err := r.wait(t); err != nil || time.Since(begun) > time.Second+disk {
		t.Errorf("got %v after %v, want a clean end within 1s", err, time.Since(begun))
	}
}

// syncFS does something else than the disk before each sync of an events log.
type syncFS struct {
	journal.FS
	before func() error
}

func (f syncFS) Create(name string) (journal.File, error) {
	file, err := f.FS.Create(name)
	if err != nil || !strings.Contains(filepath.Base(name), "events-") {
		return file, err
	}
	return syncFile{File: file, before: f.before}, nil
}

type syncFile struct {
	journal.File
	before func() error
}

func (f syncFile) Sync() error {
	if err := f.before(); err != nil {
		return err
	}
	return f.File.Sync()
}

func TestBrokenJournalEndsTheService(t *testing.T) {
	var broken atomic.Bool
	config := testConfig(t, t.TempDir())
	config.Journal.FS = syncFS{FS: journal.OS(), before: func() error {
		if broken.Load() {
			return errors.New("the disk is gone")
		}
		return nil
	}}
	r := start(t, testParams(config, uploadertest.NewS3(t).Config()))
	broken.Store(true)
	sent := invocation{args: []string{"send", "--target", r.listener.Addr().String(), "--bucket", "demo"}, stdin: "one\n"}.run(t)
	if sent.code != exitNothing || !strings.Contains(sent.stderr, "Internal (JOURNAL_BROKEN)") {
		t.Errorf("send: got %+v, want JOURNAL_BROKEN", sent)
	}
	if err := r.wait(t); !errors.Is(err, journal.ErrBroken) || !strings.Contains(err.Error(), "the disk is gone") {
		t.Errorf("got %v, want %v with its cause", err, journal.ErrBroken)
	}
}

// A service whose folder somebody removes ends, and does not acknowledge what is gone with
// it.
func TestRemovedFolderEndsTheService(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "data")
	r := start(t, testParams(testConfig(t, dir), uploadertest.NewS3(t).Config()))
	if err := os.RemoveAll(dir); err != nil {
		t.Fatal(err)
	}
	if err := r.wait(t); !errors.Is(err, journal.ErrBroken) || !strings.Contains(err.Error(), "the data folder was removed while it is in use") {
		t.Errorf("got %v, want %v with its cause", err, journal.ErrBroken)
	}
}

// A disk that does not answer can't keep the process from ending.
func TestOverdueShutdownIsReported(t *testing.T) {
	var hangs atomic.Bool
	asked, answer, overdue := make(chan struct{}, 10), make(chan struct{}), make(chan struct{})
	config := testConfig(t, t.TempDir(), "--shutdown-grace", "200ms")
	config.Journal.FS = syncFS{FS: journal.OS(), before: func() error {
		if hangs.Load() {
			asked <- struct{}{}
			<-answer
		}
		return nil
	}}
	p := testParams(config, uploadertest.NewS3(t).Config())
	p.Overdue = func() { close(overdue) }
	r := start(t, p)
	stream, err := destinationsv1.NewDestinationsClient(r.dial(t)).SendS3(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	hangs.Store(true)
	if err := stream.Send(&destinationsv1.SendS3Request{Bucket: "demo", Events: []*destinationsv1.S3Event{{Payload: []byte("one")}}}); err != nil {
		t.Fatal(err)
	}
	<-asked
	r.stop()
	<-overdue
	close(answer)
	r.wait(t) // ends at last, however
}

func TestShutdownSaysWhatWasCounted(t *testing.T) {
	p, log := testParams(testConfig(t, t.TempDir()), uploadertest.NewS3(t).Config()), new(bytes.Buffer)
	p.Log = slog.New(slog.NewTextHandler(log, nil))
	r := start(t, p)
	client := destinationsv1.NewDestinationsClient(r.dial(t))
	for range 3 { // twice again
		stream, err := client.SendS3(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if err := stream.Send(&destinationsv1.SendS3Request{
			Bucket: "demo", Sequence: 1, SenderId: []byte("0123456789abcdef"), Events: []*destinationsv1.S3Event{{Payload: []byte("one")}},
		}); err != nil {
			t.Fatal(err)
		}
		if _, err := stream.CloseAndRecv(); err != nil {
			t.Fatal(err)
		}
	}
	if got := run(t, "flush", "--target", r.listener.Addr().String()); got.code != exitOK {
		t.Errorf("flush: got %+v", got)
	}
	r.stop()
	if err := r.wait(t); err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(log.String(), "duplicates_by_sender=2 duplicates_by_id=0") {
		t.Errorf("got %s", log)
	}
}
