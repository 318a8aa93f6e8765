package main

import (
	"bytes"
	"fmt"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"google.golang.org/grpc"

	destinationsv1 "github.com/open-destinations/destinations/gen/destinations/v1"
	"github.com/open-destinations/destinations/journal"
	"github.com/open-destinations/destinations/uploader/uploadertest"
)

// effects records, in one order, what a service does to the world: to its files,
// to S3, and to its callers.
type effects struct {
	s3 *uploadertest.S3

	mu      sync.Mutex // guards what follows, and makes the order one
	on      bool
	lines   []string
	renamed map[string]string // present path of a file, by the one it was made under
}

// newEffects records what happens to s3 too. It is off until it is switched on.
func newEffects(s3 *uploadertest.S3) *effects {
	e := &effects{s3: s3, renamed: map[string]string{}}
	s3.Record(func(op, bucket, _ string) { e.add("s3: %s %s", op, bucket) })
	return e
}

func (e *effects) add(format string, args ...any) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.on {
		e.lines = append(e.lines, fmt.Sprintf(format, args...))
	}
}

// begin switches the recorder on, with a heading.
func (e *effects) begin(heading string) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.on = true
	e.lines = append(e.lines, "# "+heading)
}

// text ends the recording.
func (e *effects) text() string {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.on = false
	return strings.Join(e.lines, "\n") + "\n"
}

// answers records every answer to a sender just before it leaves.
func (e *effects) answers() grpc.ServerOption {
	return grpc.ChainStreamInterceptor(func(srv any, stream grpc.ServerStream, _ *grpc.StreamServerInfo, handler grpc.StreamHandler) error {
		return handler(srv, recordedStream{ServerStream: stream, effects: e})
	})
}

type recordedStream struct {
	grpc.ServerStream
	effects *effects
}

func (r recordedStream) SendMsg(message any) error {
	if answer, ok := message.(*destinationsv1.SendS3Response); ok {
		r.effects.add("caller: ack of %d", answer.GetAccepted())
	}
	return r.ServerStream.SendMsg(message)
}

// recordedFS records what is done to a file system.
type recordedFS struct {
	journal.FS
	effects *effects
}

func (r recordedFS) Create(name string) (journal.File, error) {
	file, err := r.FS.Create(name)
	return r.wrap(name, file), err
}

func (r recordedFS) Open(name string) (journal.File, error) {
	file, err := r.FS.Open(name)
	return r.wrap(name, file), err
}

func (r recordedFS) wrap(name string, file journal.File) journal.File {
	if file == nil {
		return nil
	}
	return recordedFile{File: file, made: name, effects: r.effects}
}

func (r recordedFS) Rename(from, to string) error {
	r.effects.add("disk: rename to %s", filepath.Base(to))
	r.effects.mu.Lock()
	r.effects.renamed[from] = to
	r.effects.mu.Unlock()
	return r.FS.Rename(from, to)
}

func (r recordedFS) Remove(name string) error {
	r.effects.add("disk: remove %s", filepath.Base(name))
	return r.FS.Remove(name)
}

func (r recordedFS) SyncDir(dir string) error {
	err := r.FS.SyncDir(dir)
	r.effects.add("disk: sync folder %s", filepath.Base(dir))
	return err
}

// diskTime is how long the disk takes to write or to sync: whoever does not wait for
// it comes first, every time.
const diskTime = time.Millisecond

// recordedFile records writes and syncs when they are done.
type recordedFile struct {
	journal.File
	made    string // path that it was made under
	effects *effects
}

// name is what the file is called now.
func (r recordedFile) name() string {
	r.effects.mu.Lock()
	defer r.effects.mu.Unlock()
	path := r.made
	if now, ok := r.effects.renamed[path]; ok {
		path = now
	}
	return filepath.Base(path)
}

func (r recordedFile) WriteAt(p []byte, at int64) (int, error) {
	<-time.After(diskTime)
	n, err := r.File.WriteAt(p, at)
	name := r.name()
	r.effects.add("disk: append %s to %s", r.effects.content(name, p), name)
	return n, err
}

func (r recordedFile) Sync() error {
	<-time.After(diskTime)
	err := r.File.Sync()
	r.effects.add("disk: sync %s", r.name())
	return err
}

// content says what a write holds, where it can be seen: a Delivered repeats the
// ETag of a stored object, a Seal names a key.
func (e *effects) content(name string, p []byte) string {
	for name := range e.s3.Objects() {
		bucket, key, _ := strings.Cut(name, "/")
		if object, ok := e.s3.Object(bucket, key); ok && bytes.Contains(p, []byte(object.ETag)) {
			return "delivered"
		}
	}
	switch {
	case bytes.Contains(p, []byte(".gz")):
		return "seal"
	case bytes.Contains(p, []byte("the first event")):
		return "the first event"
	case bytes.Contains(p, []byte("the second event")):
		return "the second event"
	case strings.HasPrefix(name, "control-"):
		return "snapshot"
	case strings.HasPrefix(name, "state-"):
		return "state"
	}
	return "header"
}
