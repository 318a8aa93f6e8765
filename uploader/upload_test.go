package uploader_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/open-destinations/destinations/uploader"
	"github.com/open-destinations/destinations/uploader/uploadertest"
)

func TestUploadStoresWhatTheObjectSays(t *testing.T) {
	for _, tt := range []struct {
		name  string
		size  int
		acl   string
		calls []string
	}{
		{"empty", 0, "", []string{"HeadBucket", "PutObject"}},
		{"small", 1, "bucket-owner-full-control", []string{"HeadBucket", "PutObject"}},
		{"just one part", 5 << 20, "", []string{"HeadBucket", "PutObject"}},
		{
			"two parts", twoParts, "bucket-owner-full-control",
			[]string{"HeadBucket", "CreateMultipartUpload", "UploadPart", "UploadPart", "CompleteMultipartUpload"},
		},
		{
			"three even parts", 15 << 20, "",
			[]string{"HeadBucket", "CreateMultipartUpload", "UploadPart", "UploadPart", "UploadPart", "CompleteMultipartUpload"},
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := uploadertest.NewS3(t)
			cfg := testConfig()
			cfg.ACL = tt.acl
			u, _ := newUploader(t, s, cfg)
			r := mustUpload(t, u, testObject(tt.size))
			expectObject(t, s, tt.size)
			o, _ := s.Object(testBucket, testKey)
			if r.ETag != o.ETag || r.ETag == "" || r.Size != int64(tt.size) || r.Existed || r.Attempts != 1 || r.Multipart != o.Multipart {
				t.Errorf("got %+v for an object with ETag %s", r, o.ETag)
			}
			want := map[string]string{
				"events": "30", "raw-bytes": "12345",
				"first-received": "2026-01-02T02:04:05.000006Z", "last-received": "2026-01-02T03:04:06Z",
				"raw-sha256": "ab" + strings.Repeat("00", 30) + "cd",
			}
			if !maps.Equal(o.Metadata, want) {
				t.Errorf("got metadata %v, want %v", o.Metadata, want)
			}
			if o.ACL != tt.acl || o.ContentType != "application/gzip" {
				t.Errorf("got ACL %q and type %q", o.ACL, o.ContentType)
			}
			expectCalls(t, s, tt.calls...)
		})
	}
}

// expectCalls fails unless the requests so far were exactly these.
func expectCalls(t *testing.T, s *uploadertest.S3, ops ...string) {
	t.Helper()
	var got []string
	for _, c := range s.Calls() {
		got = append(got, c.Op)
	}
	if strings.Join(got, " ") != strings.Join(ops, " ") {
		t.Errorf("got requests %v, want %v", got, ops)
	}
}

// Holds invariant 8 of ARCHITECTURE.md.
func TestUploadAgainFindsTheObject(t *testing.T) {
	for _, size := range []int{onePut, twoParts} {
		t.Run(fmt.Sprint(size), func(t *testing.T) {
			s := uploadertest.NewS3(t)
			s.Put(testBucket, testKey, []byte("the same events, compressed otherwise"))
			u, _ := newUploader(t, s, testConfig())
			r := mustUpload(t, u, testObject(size))
			if !r.Existed || r.ETag != "" || r.Size != 0 || r.Attempts != 1 {
				t.Errorf("got %+v, want existed, ETag and size unknown", r)
			}
			if got := string(s.Objects()[testBucket+"/"+testKey]); got != "the same events, compressed otherwise" {
				t.Errorf("the object was overwritten with %d bytes", len(got))
			}
			if left := s.Uploads(); len(left) > 0 {
				t.Errorf("got multipart uploads %v left", left)
			}
		})
	}
}

// TestCopiesOfOneUploadStoreOneObject is what a zombie and its successor may do.
func TestCopiesOfOneUploadStoreOneObject(t *testing.T) {
	for _, size := range []int{onePut, twoParts} {
		t.Run(fmt.Sprint(size), func(t *testing.T) {
			s := uploadertest.NewS3(t)
			results := make([]uploader.Result, 4)
			var wg sync.WaitGroup
			for i := range results {
				u, _ := newUploader(t, s, testConfig())
				wg.Go(func() { results[i] = mustUpload(t, u, testObject(size)) })
			}
			wg.Wait()
			created := 0
			for _, r := range results {
				if !r.Existed {
					created++
				}
			}
			if created != 1 {
				t.Errorf("%d of %d uploads created the object, want 1", created, len(results))
			}
			expectObject(t, s, size)
			if left := s.Uploads(); len(left) > 0 {
				t.Errorf("got multipart uploads %v left", left)
			}
		})
	}
}

func TestPartsGoUpSideBySideWithinTheLimit(t *testing.T) {
	for _, tt := range []struct {
		concurrency int
		want        time.Duration
	}{{1, 4 * time.Second}, {2, 2 * time.Second}, {3, 2 * time.Second}, {100, time.Second}} {
		synctest.Test(t, func(t *testing.T) {
			s := uploadertest.NewS3(t)
			s.OnCall(func(c uploadertest.Call) uploadertest.Fault {
				if c.Op != "UploadPart" {
					return uploadertest.Fault{}
				}
				return uploadertest.After(time.Second)
			})
			cfg := testConfig()
			cfg.PartConcurrency = tt.concurrency
			u, _ := newUploader(t, s, cfg)
			if r := mustUpload(t, u, testObject(20<<20)); r.Duration != tt.want {
				t.Errorf("4 parts of a second each, %d at once: took %s, want %s", tt.concurrency, r.Duration, tt.want)
			}
			expectObject(t, s, 20<<20)
		})
	}
}

func TestOneBrokenPartEndsTheOthers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := uploadertest.NewS3(t)
		s.OnCall(func(c uploadertest.Call) uploadertest.Fault {
			switch {
			case c.Part == 2:
				return uploadertest.Answer(403, "AccessDenied")
			case c.Part > 0:
				return uploadertest.Hang()
			}
			return uploadertest.Fault{}
		})
		u, _ := newUploader(t, s, testConfig())
		r, err := u.Upload(context.Background(), testObject(30<<20))
		if !uploader.Permanent(err) || r.Duration != 0 {
			t.Errorf("got %v after %s, want the refusal at once", err, r.Duration)
		}
		if left := s.Uploads(); len(left) > 0 {
			t.Errorf("got multipart uploads %v left", left)
		}
	})
}

func TestAttemptsHaveMoreTimeForMoreBytes(t *testing.T) {
	for _, tt := range []struct {
		size int
		want time.Duration
	}{{0, 10 * time.Second}, {256 << 10, 11 * time.Second}, {5 << 20, 30 * time.Second}} {
		synctest.Test(t, func(t *testing.T) {
			s := uploadertest.NewS3(t)
			s.OnCall(func(c uploadertest.Call) uploadertest.Fault {
				if c.Op != "PutObject" {
					return uploadertest.Fault{}
				}
				return uploadertest.Hang()
			})
			cfg := testConfig()
			cfg.MaxElapsed = 0
			u, _ := newUploader(t, s, cfg)
			r, err := u.Upload(context.Background(), testObject(tt.size))
			if r.Duration != tt.want || r.Attempts != 1 || !strings.Contains(fmt.Sprint(err), "no answer in time") {
				t.Errorf("%d bytes: got %v after %s and %d attempts, want a time-out after %s and 1",
					tt.size, err, r.Duration, r.Attempts, tt.want)
			}
		})
	}
}

func TestRetryAfterIsRespected(t *testing.T) {
	for _, tt := range []struct {
		name, value string
		least, most time.Duration
		attempts    int
		ok          bool
	}{
		{"seconds", "7", 7 * time.Second, 7 * time.Second, 2, true},
		{"date", "Sat, 01 Jan 2000 00:00:09 GMT", 9 * time.Second, 9 * time.Second, 2, true},
		{"past", "Fri, 31 Dec 1999 00:00:00 GMT", 0, time.Second, 2, true},
		{"negative", "-5", 0, time.Second, 2, true},
		{"nonsense", "soon", 0, time.Second, 2, true},
		{"longer than we try", "31", 0, 0, 1, false},
	} {
		synctest.Test(t, func(t *testing.T) { // the bubble's clock begins with 2000
			s := uploadertest.NewS3(t)
			s.OnCall(func(c uploadertest.Call) uploadertest.Fault {
				if c.Op != "PutObject" || c.Number > 1 {
					return uploadertest.Fault{}
				}
				return uploadertest.Answer(503, "SlowDown").With("Retry-After", tt.value)
			})
			u, _ := newUploader(t, s, testConfig())
			r, err := u.Upload(context.Background(), testObject(onePut))
			if (err == nil) != tt.ok || r.Attempts != tt.attempts || r.Duration < tt.least || r.Duration > tt.most {
				t.Errorf("%s: got %v, %d attempts, %s, want %d attempts, %s to %s",
					tt.name, err, r.Attempts, r.Duration, tt.attempts, tt.least, tt.most)
			}
		})
	}
}

func TestPausesGrowAndVary(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := uploadertest.NewS3(t)
		var at []time.Time
		s.OnCall(func(c uploadertest.Call) uploadertest.Fault {
			if c.Op == "PutObject" {
				at = append(at, time.Now())
			}
			return uploadertest.Answer(503, "SlowDown")
		})
		cfg := testConfig()
		cfg.MaxElapsed, cfg.RetryMax = 10*time.Minute, 20*time.Second
		u, log := newUploader(t, s, cfg)
		r, err := u.Upload(context.Background(), testObject(onePut))
		if err == nil || r.Attempts != len(at) || strings.Count(log.String(), "attempt failed") != len(at) {
			t.Errorf("got %v, %d attempts for %d requests, log:\n%s", err, r.Attempts, len(at), log)
		}
		middle := cfg.RetryBase
		for i := 1; i < len(at); i++ {
			if pause := at[i].Sub(at[i-1]); pause < middle/2 || pause > middle*3/2+1 {
				t.Errorf("pause %d: got %s, want %s give or take half", i, pause, middle)
			}
			middle = min(middle*3/2, cfg.RetryMax)
		}
		if total := at[len(at)-1].Sub(at[0]); total < cfg.MaxElapsed-30*time.Second || total > cfg.MaxElapsed {
			t.Errorf("tried for %s, want nearly %s", total, cfg.MaxElapsed)
		}
	})
}

var errCancelled = errors.New("the test has had enough")

// TestCancelledUploadCleansUp cancels at each kind of request, and by Close.
func TestCancelledUploadCleansUp(t *testing.T) {
	for _, op := range []string{"HeadBucket", "PutObject", "CreateMultipartUpload", "UploadPart", "CompleteMultipartUpload"} {
		for _, closing := range []bool{false, true} {
			for name, fault := range map[string]uploadertest.Fault{
				"hang": uploadertest.Hang(), "pause": uploadertest.Answer(503, "SlowDown").With("Retry-After", "20"),
			} {
				if op == "HeadBucket" && name == "pause" {
					continue // a look-up makes no pause
				}
				t.Run(fmt.Sprintf("%s/%s/close=%t", op, name, closing), func(t *testing.T) {
					synctest.Test(t, func(t *testing.T) { cancelDuring(t, op, fault, closing) })
				})
			}
		}
	}
}

func cancelDuring(t *testing.T, op string, fault uploadertest.Fault, closing bool) {
	s := uploadertest.NewS3(t)
	s.OnCall(func(c uploadertest.Call) uploadertest.Fault {
		if c.Op == op {
			return fault
		}
		return uploadertest.Fault{}
	})
	u, _ := newUploader(t, s, testConfig())
	ctx, cancel := context.WithCancelCause(context.Background())
	defer cancel(nil)
	want := errCancelled
	stop := func() { cancel(errCancelled) }
	if closing {
		want, stop = uploader.ErrClosed, u.Close
	}
	size := twoParts
	if op == "PutObject" {
		size = onePut
	}
	timer := time.AfterFunc(3*time.Second, stop)
	defer timer.Stop()
	r, err := u.Upload(ctx, testObject(size))
	if !errors.Is(err, want) || uploader.Permanent(err) {
		t.Errorf("got %v, want %v in a transient error", err, want)
	}
	if r.Duration != 3*time.Second {
		t.Errorf("returned after %s, want 3s", r.Duration)
	}
	if left := s.Uploads(); len(left) > 0 || len(s.Objects()) > 0 {
		t.Errorf("got multipart uploads %v and %d objects left", left, len(s.Objects()))
	}
}

func TestUploadAfterClose(t *testing.T) {
	s := uploadertest.NewS3(t)
	u, _ := newUploader(t, s, testConfig())
	u.Close()
	u.Close()
	if _, err := u.Upload(context.Background(), testObject(onePut)); !errors.Is(err, uploader.ErrClosed) {
		t.Errorf("got %v, want %v", err, uploader.ErrClosed)
	}
	expectCalls(t, s)
}

func TestForeignAbortBeginsAnotherUpload(t *testing.T) {
	for _, op := range []string{"UploadPart", "CompleteMultipartUpload"} {
		synctest.Test(t, func(t *testing.T) {
			s := uploadertest.NewS3(t)
			s.OnCall(func(c uploadertest.Call) uploadertest.Fault {
				if c.Op == op && c.Number == 1 && c.UploadID == "upload-1" {
					s.AbortUploads()
				}
				return uploadertest.Fault{}
			})
			u, _ := newUploader(t, s, testConfig())
			if r := mustUpload(t, u, testObject(twoParts)); r.Attempts != 2 || r.Existed {
				t.Errorf("%s: got %+v, want 2 attempts", op, r)
			}
			expectObject(t, s, twoParts)
		})
	}
}

// brokenContent cannot be read.
type brokenContent struct{ size int64 }

var errDisk = errors.New("the disk is gone")

func (brokenContent) ReadAt([]byte, int64) (int, error) { return 0, errDisk }
func (b brokenContent) Size() int64                     { return b.size }

func TestUnreadableContentIsAnErrorOfItsOwn(t *testing.T) {
	for _, size := range []int64{onePut, twoParts} {
		s := uploadertest.NewS3(t)
		u, _ := newUploader(t, s, testConfig())
		o := testObject(0)
		o.Body = brokenContent{size}
		_, err := u.Upload(context.Background(), o)
		var e *uploader.Error
		if !errors.As(err, &e) || e.Op != "Read" || !errors.Is(err, errDisk) {
			t.Errorf("%d bytes: got %v, want a read error that wraps the disk's", size, err)
		}
		if len(s.Objects()) > 0 || len(s.Uploads()) > 0 {
			t.Errorf("%d bytes: something was left", size)
		}
	}
}

// shortContent has fewer bytes than it says.
type shortContent struct{ io.ReaderAt }

func (shortContent) Size() int64 { return 100 }

func TestShortContentIsNeverStored(t *testing.T) {
	s := uploadertest.NewS3(t)
	u, _ := newUploader(t, s, testConfig())
	o := testObject(0)
	o.Body = shortContent{strings.NewReader("too short")}
	if _, err := u.Upload(context.Background(), o); !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("got %v, want %v", err, io.ErrUnexpectedEOF)
	}
	if len(s.Objects()) > 0 {
		t.Error("an object was stored")
	}
	expectCalls(t, s)
}

// TestUploadOverASocket uses the HTTP client that is made when there is none:
// plain HTTP, an endpoint, bucket names in the path.
func TestUploadOverASocket(t *testing.T) {
	s := uploadertest.NewS3(t)
	server := httptest.NewServer(s)
	defer server.Close()
	awsCfg := s.Config()
	awsCfg.HTTPClient = nil
	cfg := testConfig()
	cfg.Endpoint, cfg.PathStyle = server.URL, true
	for _, size := range []int{onePut, twoParts} {
		u, err := uploader.New(awsCfg, cfg, discard())
		if err != nil {
			t.Fatal(err)
		}
		o := testObject(size)
		o.Key = fmt.Sprintf("日本/a b+c&d=%%/%d.gz", size)
		mustUpload(t, u, o)
		u.Close()
		if got := s.Objects()[testBucket+"/"+o.Key]; string(got) != string(testBytes(size)) {
			t.Errorf("%s: got %d bytes, want %d", o.Key, len(got), size)
		}
	}
}

// An upload that is cut short takes its parts along, if S3 answers within a second:
// who ends the process does not wait longer for it.
func TestCloseWaitsForTheCleanUp(t *testing.T) {
	for abort, want := range map[time.Duration]struct {
		took time.Duration
		left int
	}{
		500 * time.Millisecond: {500 * time.Millisecond, 0},
		time.Hour:              {time.Second, 1},
	} {
		closeDuringAbort(t, abort, want.took, want.left)
	}
}

func closeDuringAbort(t *testing.T, abort, took time.Duration, left int) {
	synctest.Test(t, func(t *testing.T) {
		s := uploadertest.NewS3(t)
		s.OnCall(func(c uploadertest.Call) uploadertest.Fault {
			switch c.Op {
			case "UploadPart":
				return uploadertest.Hang()
			case "AbortMultipartUpload":
				return uploadertest.After(abort)
			}
			return uploadertest.Fault{}
		})
		u, _ := newUploader(t, s, testConfig())
		var wg sync.WaitGroup
		wg.Go(func() {
			if _, err := u.Upload(context.Background(), testObject(twoParts)); !errors.Is(err, uploader.ErrClosed) {
				t.Errorf("got %v, want %v", err, uploader.ErrClosed)
			}
		})
		synctest.Wait()
		start := time.Now()
		u.Close()
		if got := time.Since(start); got != took || len(s.Uploads()) != left {
			t.Errorf("an abort of %s: Close took %s and left %v, want %s and %d uploads", abort, got, s.Uploads(), took, left)
		}
		wg.Wait()
	})
}

// A pause between two attempts is nothing to wait for at the end of a process.
func TestDrainEndsPauses(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := uploadertest.NewS3(t)
		s.OnCall(func(uploadertest.Call) uploadertest.Fault { return uploadertest.Refused() })
		config := testConfig()
		config.RetryBase, config.RetryMax, config.MaxElapsed = time.Minute, time.Minute, time.Hour
		u, _ := newUploader(t, s, config)
		defer u.Close()
		done := make(chan error, 1)
		go func() {
			_, err := u.Upload(context.Background(), testObject(onePut))
			done <- err
		}()
		synctest.Wait()
		start := time.Now()
		u.Drain()
		u.Drain()
		if err := <-done; err == nil || time.Since(start) > 0 {
			t.Errorf("got %v after %s, want the error of the first attempt at once", err, time.Since(start))
		}
		if _, err := u.Upload(context.Background(), testObject(onePut)); err == nil || time.Since(start) > 0 {
			t.Errorf("a later upload: got %v after %s, want one attempt", err, time.Since(start))
		}
	})
}

// A text is stored as what it is, once, and knows nothing of events.
func TestTextForPeople(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := uploadertest.NewS3(t)
		u, _ := newUploader(t, s, testConfig())
		o := &uploader.Object{Bucket: testBucket, Key: "p/_text", Body: strings.NewReader("a line\n"), Text: true}
		if r := mustUpload(t, u, o); r.Existed {
			t.Errorf("got %+v of the first one", r)
		}
		if r := mustUpload(t, u, o); !r.Existed {
			t.Errorf("got %+v of the second one", r)
		}
		got, _ := s.Object(testBucket, "p/_text")
		if string(got.Body) != "a line\n" || got.ContentType != "text/plain; charset=utf-8" || len(got.Metadata) != 0 {
			t.Errorf("got %+v", got)
		}
	})
}
