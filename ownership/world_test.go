package ownership_test

import (
	"bytes"
	"context"
	"io"
	"log/slog"
	"strings"
	"sync"
	"testing"

	"github.com/open-destinations/destinations/journal/journaltest"
	"github.com/open-destinations/destinations/ownership"
	"github.com/open-destinations/destinations/uploader"
)

const dataDir = "/data"

// bucketSide is an S3 that creates objects and never replaces one.
type bucketSide struct {
	t *testing.T

	mu      sync.Mutex
	objects map[string]string // "bucket/key" -> content
	uploads int
	fail    func(ctx context.Context, o *uploader.Object) error // nil = no upload fails
}

// Upload implements [ownership.Uploader].
func (b *bucketSide) Upload(ctx context.Context, o *uploader.Object) (uploader.Result, error) {
	b.mu.Lock()
	b.uploads++
	fail := b.fail
	b.mu.Unlock()
	if fail != nil {
		if err := fail(ctx, o); err != nil {
			return uploader.Result{}, err
		}
	}
	if err := ctx.Err(); err != nil {
		return uploader.Result{}, err
	}
	text, err := io.ReadAll(io.NewSectionReader(o.Body, 0, o.Body.Size()))
	if err != nil || !o.Text || o.Tenant == "" {
		b.t.Errorf("got %+v, %v: want a readable text of a tenant", o, err)
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	name := o.Bucket + "/" + o.Key
	before, there := b.objects[name]
	if there && before != string(text) {
		b.t.Errorf("%s was %q, and is written as %q now", name, before, text)
	}
	b.objects[name] = string(text)
	return uploader.Result{Existed: there}, nil
}

func (b *bucketSide) refuse(err error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.fail = func(context.Context, *uploader.Object) error { return err }
	if err == nil {
		b.fail = nil
	}
}

// read is what the bucket's owner reads.
func (b *bucketSide) read(bucket, key string) string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.objects[bucket+"/"+key]
}

func (b *bucketSide) count() (objects, uploads int) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return len(b.objects), b.uploads
}

// world is what keepers live in.
type world struct {
	t      *testing.T
	fs     *journaltest.FS
	s3     *bucketSide
	key    []byte
	freely map[string]bool // tenants that have nothing to confirm
	mu     sync.Mutex      // guards freely
	log    *lockedBuffer
}

func newWorld(t *testing.T) *world {
	fs := journaltest.NewFS()
	if err := fs.MkdirAll(dataDir); err != nil {
		t.Fatal(err)
	}
	if err := fs.SyncDir("/"); err != nil {
		t.Fatal(err)
	}
	return &world{
		t: t, fs: fs, s3: &bucketSide{t: t, objects: map[string]string{}}, key: bytes.Repeat([]byte{7}, 32),
		freely: map[string]bool{}, log: &lockedBuffer{},
	}
}

// open starts a keeper as a process would.
func (w *world) open() (*ownership.Keeper, error) {
	return ownership.Open(ownership.Params{
		Dir: dataDir, FS: w.fs, Key: w.key, Uploader: w.s3,
		Challenged: func(tenant string) bool {
			w.mu.Lock()
			defer w.mu.Unlock()
			return !w.freely[tenant]
		},
		Log: slog.New(slog.NewTextHandler(w.log, &slog.HandlerOptions{Level: slog.LevelDebug})),
	})
}

// start is open for a keeper that has to open; it ends with the test.
func (w *world) start() *ownership.Keeper {
	w.t.Helper()
	k, err := w.open()
	if err != nil {
		w.t.Fatal(err)
	}
	w.t.Cleanup(k.Close)
	return k
}

func (w *world) free(tenant string, is bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.freely[tenant] = is
}

// confirm does what a tenant does who can read its bucket.
func (w *world) confirm(k *ownership.Keeper, p ownership.Place) error {
	standing, err := k.Challenge(w.t.Context(), p)
	if err != nil || !standing.Confirmed.IsZero() {
		return err
	}
	_, err = k.Confirm(w.t.Context(), p, w.s3.read(p.Bucket, standing.Key))
	return err
}

func wantRefused(t *testing.T, k *ownership.Keeper, p ownership.Place, refused bool) string {
	t.Helper()
	reason := k.Unconfirmed(p.Tenant, p.Bucket, p.Prefix)
	if (reason != "") != refused {
		t.Errorf("%v: got %q, want it refused: %v", p, reason, refused)
	}
	return reason
}

// place is a destination in the order in which it is read: "tenant:bucket/prefix/".
func place(text string) ownership.Place {
	tenant, rest, _ := strings.Cut(text, ":")
	bucket, prefix, _ := strings.Cut(rest, "/")
	return ownership.Place{Tenant: tenant, Bucket: bucket, Prefix: prefix}
}

// lockedBuffer is a log that several write.
type lockedBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *lockedBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lockedBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}
