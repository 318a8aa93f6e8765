package uploader_test

import (
	"bytes"
	"context"
	"log/slog"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/open-destinations/destinations/uploader"
	"github.com/open-destinations/destinations/uploader/uploadertest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const (
	testBucket = "demo"
	testKey    = "test/2026/01/02/03/2026-01-02-03-04-05-cafe.gz"
	// onePut and twoParts are sizes of objects with the parts of testConfig.
	onePut   = 1000
	twoParts = 5<<20 + 1000
)

// testConfig has the smallest parts.
func testConfig() uploader.Config {
	cfg := uploader.DefaultConfig()
	cfg.PartSize = 5 << 20
	cfg.MaxElapsed = 30 * time.Second // room for several attempts
	return cfg
}

// newUploader returns an Uploader of s that ends with the test, and what it logs.
func newUploader(t *testing.T, s *uploadertest.S3, cfg uploader.Config) (*uploader.Uploader, *bytes.Buffer) {
	t.Helper()
	var log bytes.Buffer
	u, err := uploader.New(s.Config(), cfg, slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug})))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(u.Close)
	return u, &log
}

// testObject returns an object of the given size.
func testObject(size int) *uploader.Object {
	return &uploader.Object{
		Bucket: testBucket, Key: testKey, Body: bytes.NewReader(testBytes(size)),
		Metadata: uploader.Metadata{
			Events: 30, RawBytes: 12345,
			FirstReceived: time.Date(2026, 1, 2, 3, 4, 5, 6000, time.FixedZone("", 3600)),
			LastReceived:  time.Date(2026, 1, 2, 3, 4, 6, 0, time.UTC),
			RawSHA256:     [32]byte{0xab, 31: 0xcd},
		},
	}
}

// noise is random, so that parts cannot be swapped unseen. It is never written.
var noise = sync.OnceValue(func() []byte {
	b := make([]byte, 32<<20)
	_, _ = rand.NewChaCha8([32]byte{1}).Read(b) // never fails
	return b
})

// testBytes returns the bytes of every test object of that size.
func testBytes(size int) []byte { return noise()[:size:size] }

// mustUpload uploads o and fails the test if that fails.
func mustUpload(t *testing.T, u *uploader.Uploader, o *uploader.Object) uploader.Result {
	t.Helper()
	r, err := u.Upload(context.Background(), o)
	if err != nil {
		t.Fatalf("upload: %v", err)
	}
	return r
}

// expectObject fails unless exactly that one object is stored.
func expectObject(t *testing.T, s *uploadertest.S3, size int) {
	t.Helper()
	objects := s.Objects()
	if len(objects) != 1 || !bytes.Equal(objects[testBucket+"/"+testKey], testBytes(size)) {
		t.Errorf("got %d objects, want one with exactly the %d bytes", len(objects), size)
	}
}

// discard is a logger that nobody reads.
func discard() *slog.Logger { return slog.New(slog.DiscardHandler) }
