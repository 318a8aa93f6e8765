package main

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/open-destinations/destinations/batcher"
	journalv1 "github.com/open-destinations/destinations/gen/destinations/journal/v1"
	"github.com/open-destinations/destinations/journal"
	"github.com/open-destinations/destinations/uploader"
)

// folderWorld is a data folder that has been in use, an S3, and a ledger of what was
// acknowledged. It has one partition.
type folderWorld struct {
	t       *testing.T
	rand    *rand.Rand
	dir     string
	store   *lineStore
	journal *journal.Journal
	batcher *batcher.Batcher
	sent    []sentLine
}

// sentLine is an event that was acknowledged.
type sentLine struct {
	bucket, line string
	offset       uint64 // of its record
}

// lineStore is an S3 that counts lines, and refuses buckets.
type lineStore struct {
	mu      sync.Mutex
	objects map[string][]string // lines by key
	refused map[string]bool     // buckets
	down    bool                // nothing gets there
	mute    bool                // what gets there is not answered
}

var errNoAnswer = errors.New("connection reset")

func (s *lineStore) Upload(_ context.Context, o *uploader.Object) (uploader.Result, error) {
	if err := s.Probe(context.Background(), o.Tenant, o.Bucket, o.Key); err != nil {
		return uploader.Result{Attempts: 1}, err
	}
	z, err := gzip.NewReader(io.NewSectionReader(o.Body, 0, o.Body.Size()))
	if err != nil {
		return uploader.Result{}, err
	}
	var lines []string
	for scan := bufio.NewScanner(z); scan.Scan(); {
		lines = append(lines, scan.Text())
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	_, existed := s.objects[o.Key]
	if !existed {
		s.objects[o.Key] = lines
	}
	if s.mute {
		return uploader.Result{Attempts: 1}, errNoAnswer
	}
	return uploader.Result{Attempts: 1, Existed: existed, Size: o.Body.Size(), ETag: "etag"}, nil
}

func (s *lineStore) Probe(_ context.Context, _, bucket, _ string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.down {
		return errNoAnswer
	}
	if s.refused[bucket] {
		return &uploader.Error{Op: "PutObject", Code: "AccessDenied", Status: 403, Err: errors.New("AccessDenied")}
	}
	return nil
}

func (s *lineStore) AbortLeftovers(context.Context, string, string, string) (int, error) {
	return 0, nil
}

func (s *lineStore) refuse(refused bool, buckets ...string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, b := range buckets {
		s.refused[b] = refused
	}
}

func (s *lineStore) set(down, mute bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.down, s.mute = down, mute
}

// counts is how often each line is there.
func (s *lineStore) counts() map[string]int {
	s.mu.Lock()
	defer s.mu.Unlock()
	counts := map[string]int{}
	for _, lines := range s.objects {
		for _, line := range lines {
			counts[line]++
		}
	}
	return counts
}

func newFolderWorld(t *testing.T, seed uint64) *folderWorld {
	t.Helper()
	dir, err := os.MkdirTemp(t.TempDir(), "")
	if err != nil {
		t.Fatal(err)
	}
	w := &folderWorld{t: t, rand: rand.New(rand.NewPCG(seed, 7)), dir: filepath.Join(dir, "data"),
		store: &lineStore{objects: map[string][]string{}, refused: map[string]bool{}}}
	w.start()
	return w
}

func (w *folderWorld) start() {
	w.t.Helper()
	cfg := journal.DefaultConfig()
	cfg.Dir, cfg.Partitions, cfg.FS = w.dir, 1, unsynced{journal.OS()}
	cfg.SegmentBytes, cfg.ControlSegmentBytes, cfg.QuotaBytes = 8<<10, 8<<10, 256<<10
	var err error
	if w.journal, err = journal.Open(cfg); err != nil {
		w.t.Fatal(err)
	}
	bcfg := batcher.DefaultConfig()
	bcfg.Window, bcfg.ProbeMax, bcfg.RetryMax = time.Second, 2*time.Second, 2*time.Second
	w.batcher, err = batcher.Start(batcher.Params{Config: bcfg, Journal: w.journal, Uploader: w.store,
		PartitionOf: func(string, string, string) int { return 0 }, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		w.t.Fatal(err)
	}
}

func (w *folderWorld) stop() {
	w.t.Helper()
	if err := errors.Join(w.batcher.Close(w.t.Context()), w.journal.Close()); err != nil {
		w.t.Fatal(err)
	}
}

// send has a record of a few events acknowledged.
func (w *folderWorld) send(buckets ...string) {
	w.t.Helper()
	rec := &journalv1.Events{ReceivedUnixNanos: time.Now().UnixNano()}
	var lines []sentLine
	for i := range 1 + w.rand.IntN(5) {
		bucket := buckets[w.rand.IntN(len(buckets))]
		line := fmt.Sprintf("%s %d.%d %x", bucket, len(w.sent), i, w.rand.Uint64())
		lines = append(lines, sentLine{bucket: bucket, line: line})
		rec.Destinations = append(rec.Destinations, &journalv1.Destination{Tenant: "default", Bucket: bucket, Prefix: "p/"})
		rec.Events = append(rec.Events, &journalv1.Event{Destination: uint32(i), Index: uint32(i), Payload: []byte(line)})
	}
	b, err := proto.Marshal(rec)
	if err != nil {
		w.t.Fatal(err)
	}
	offset, err := w.journal.Partition(0).Events().Append(b).Wait(w.t.Context())
	if err != nil {
		w.t.Fatal(err)
	}
	for _, l := range lines {
		l.offset = offset
		w.sent = append(w.sent, l)
	}
}

// unsynced is a file system that is in no hurry to get anything to the disk.
type unsynced struct{ journal.FS }

func (unsynced) SyncDir(string) error { return nil }

func (u unsynced) Create(name string) (journal.File, error) {
	f, err := u.FS.Create(name)
	return unsyncedFile{f}, err
}

func (u unsynced) Open(name string) (journal.File, error) {
	f, err := u.FS.Open(name)
	return unsyncedFile{f}, err
}

type unsyncedFile struct{ journal.File }

func (unsyncedFile) Sync() error { return nil }

func wait(d time.Duration) { <-time.After(d) }

// use fills the folder: two destinations that work, one that never did, one that did
// for a while.
func (w *folderWorld) use() {
	w.t.Helper()
	w.store.refuse(true, "never")
	for n := range 60 + w.rand.IntN(300) {
		switch w.rand.IntN(20) {
		case 0:
			w.stop()
			w.start()
		case 1:
			w.store.refuse(w.rand.IntN(2) == 0, "sometimes")
		case 2, 3, 4:
			wait(time.Duration(w.rand.Int64N(int64(3 * time.Second))))
		}
		w.send("works", "too", "never", "sometimes")
		if n%50 == 49 {
			wait(5 * time.Second)
		}
	}
	if w.rand.IntN(2) == 0 {
		wait(10 * time.Second)
	}
	synctest.Wait()
	w.stop()
}

// deliver lets everything work, and delivers what there is.
func (w *folderWorld) deliver() {
	w.t.Helper()
	w.store.refuse(false, "never", "sometimes")
	w.store.set(false, false)
	w.start()
	if err := w.journal.Partition(0).Err(); err != nil {
		w.t.Fatalf("the partition does not open: %v", err)
	}
	before := len(w.sent)
	for range 5 {
		w.send("works", "never")
	}
	wait(time.Minute)
	if _, err := w.batcher.Flush(w.t.Context(), true, "", "", ""); err != nil {
		w.t.Fatal(err)
	}
	wait(time.Minute)
	synctest.Wait()
	counts := w.store.counts()
	for _, l := range w.sent[before:] {
		if counts[l.line] != 1 {
			w.t.Errorf("what was sent after the repair is there %d times", counts[l.line])
		}
	}
	w.stop()
}

// outcome is what has become of the lines.
func (w *folderWorld) outcome() (lost, twice []sentLine) {
	counts := w.store.counts()
	for _, l := range w.sent {
		switch n := counts[l.line]; {
		case n == 0:
			lost = append(lost, l)
		case n > 1:
			twice = append(twice, l)
		}
	}
	return lost, twice
}

// command runs a command on the folder.
func (w *folderWorld) command(args ...string) (code int, stdout, stderr string) {
	w.t.Helper()
	var out, errs strings.Builder
	p := &process{ctx: context.Background(), stdin: strings.NewReader(""), stdout: &out, stderr: &errs}
	code = p.run(append([]string{"journal", args[0], "--data-dir", w.dir}, args[1:]...))
	return code, out.String(), errs.String()
}

// seal sends a little and has it sealed.
func (w *folderWorld) seal() {
	w.t.Helper()
	w.send("works")
	if _, err := w.batcher.Flush(w.t.Context(), true, "", "", ""); err != nil {
		w.t.Fatal(err)
	}
	synctest.Wait()
}

// lose damages the record of a log that is the first to match, and returns its offset.
func (w *folderWorld) lose(kind journal.Kind, match func(data []byte) bool) uint64 {
	w.t.Helper()
	folder, err := journal.Claim(w.dir, nil)
	if err != nil {
		w.t.Fatal(err)
	}
	defer folder.Close()
	for r, err := range folder.Records(0, kind, 0) {
		if err != nil {
			w.t.Fatal(err)
		}
		if !match(r.Data) {
			continue
		}
		for _, name := range w.files(kind.String() + "-*.seg") {
			b, err := os.ReadFile(name)
			if err != nil {
				w.t.Fatal(err)
			}
			if at := bytes.Index(b, r.Data); at >= 0 {
				w.flip(name, at+len(r.Data)/2)
				return r.Offset
			}
		}
	}
	w.t.Fatal("no such record")
	return 0
}

// decides is a match for lose: the n-th record that holds such a decision, from 0.
func decides(n int, what func(*journalv1.Decision) bool) func(data []byte) bool {
	return func(data []byte) bool {
		var c journalv1.Control
		if proto.Unmarshal(data, &c) != nil || !slices.ContainsFunc(c.GetDecisions(), what) {
			return false
		}
		n--
		return n < 0
	}
}

func isSeal(d *journalv1.Decision) bool   { return d.GetSeal() != nil }
func isOpened(d *journalv1.Decision) bool { return d.GetOpened() != nil }

// files are the names in the partition's folder that match, the parked ones with
// their folder.
func (w *folderWorld) files(patterns ...string) (names []string) {
	w.t.Helper()
	for _, pattern := range patterns {
		found, err := filepath.Glob(filepath.Join(w.dir, "0000", pattern))
		if err != nil {
			w.t.Fatal(err)
		}
		names = append(names, found...)
	}
	slices.Sort(names)
	return names
}

// flip flips a bit of a file.
func (w *folderWorld) flip(name string, at int) {
	w.t.Helper()
	b, err := os.ReadFile(name)
	if err != nil {
		w.t.Fatal(err)
	}
	b[at] ^= 1 << w.rand.IntN(8)
	if err := os.WriteFile(name, b, 0o600); err != nil {
		w.t.Fatal(err)
	}
}

// used returns how many bytes of a segment are in use: all but the zeros at its end.
func used(t *testing.T, name string) int {
	t.Helper()
	b, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return len(strings.TrimRight(string(b), "\x00"))
}
