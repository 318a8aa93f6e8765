package uploader_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/open-destinations/destinations/uploader"
	"github.com/open-destinations/destinations/uploader/uploadertest"
)

// The actions that a bucket's owner is asked to grant.
const (
	putObject = "s3:PutObject"
	putACL    = "s3:PutObjectAcl"
	abort     = "s3:AbortMultipartUpload"
	listParts = "s3:ListBucketMultipartUploads"
	location  = "s3:GetBucketLocation"
)

func TestProbeLeavesNothing(t *testing.T) {
	s := uploadertest.NewS3(t)
	s.Grant(putObject, putACL, abort)
	u, _ := newUploader(t, s, testConfig())
	for range 2 { // an object that is there is no obstacle
		if err := u.Probe(context.Background(), "", testBucket, testKey); err != nil {
			t.Error(err)
		}
		s.Put(testBucket, testKey, []byte("the object"))
	}
	expectCalls(t, s, "HeadBucket", "CreateMultipartUpload", "AbortMultipartUpload",
		"CreateMultipartUpload", "AbortMultipartUpload")
	if len(s.Uploads()) > 0 || len(s.Objects()) != 1 {
		t.Errorf("got uploads %v and %d objects", s.Uploads(), len(s.Objects()))
	}
}

// TestProbeFindsWhatUploadsWouldMeet denies one action after the other.
func TestProbeFindsWhatUploadsWouldMeet(t *testing.T) {
	for _, tt := range []struct {
		name    string
		granted []string
		ok      bool
		left    int
	}{
		{"all", []string{putObject, putACL, abort, listParts, location}, true, 0},
		{"nothing", nil, false, 0},
		{"no s3:PutObject", []string{putACL, abort, listParts, location}, false, 0},
		{"no s3:PutObjectAcl", []string{putObject, abort, listParts, location}, false, 0},
		// Objects can be stored; that cleaning up is denied is another matter.
		{"no s3:AbortMultipartUpload", []string{putObject, putACL, listParts, location}, true, 1},
		{"no look-ups", []string{putObject, putACL, abort}, true, 0},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := uploadertest.NewS3(t)
			s.Grant(tt.granted...)
			u, _ := newUploader(t, s, testConfig())
			err := u.Probe(context.Background(), "", testBucket, testKey)
			if (err == nil) != tt.ok || err != nil && uploader.Classify(err) != uploader.ClassDestination {
				t.Errorf("got %v, want success %t", err, tt.ok)
			}
			if got := len(s.Uploads()); got != tt.left {
				t.Errorf("got %d uploads left, want %d", got, tt.left)
			}
		})
	}
}

// TestEveryFaultOfAProbe holds that a probe is one try, and that it tells of what
// it may have left.
func TestEveryFaultOfAProbe(t *testing.T) {
	for _, op := range []string{"CreateMultipartUpload", "AbortMultipartUpload"} {
		for _, f := range faultCases() {
			t.Run(op+"/"+f.name, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					s := uploadertest.NewS3(t)
					breakRequest(s, op, f.fault, true)
					u, _ := newUploader(t, s, testConfig())
					err := u.Probe(context.Background(), "", testBucket, testKey)
					aborting := op == "AbortMultipartUpload"
					if ok := aborting && (f.gone || f.name == "403"); (err == nil) != ok {
						t.Errorf("got %v, want success %t", err, ok)
					}
					if err != nil && uploader.Permanent(err) != f.permanent {
						t.Errorf("got %v, want permanent %t", err, f.permanent)
					}
					untold := aborting && err == nil
					if left := len(s.Uploads()) > 0; left && !uploader.Leftover(err) && !untold {
						t.Errorf("an upload was left, and %v does not tell", err)
					}
					if n := s.Count(op); n != 1 {
						t.Errorf("sent %d times, want once", n)
					}
				})
			})
		}
	}
}

func TestProbeIsOfTheRightRegion(t *testing.T) {
	s := uploadertest.NewS3(t)
	u, _ := newUploader(t, s, testConfig())
	mustUpload(t, u, testObject(onePut))
	s.SetRegion(testBucket, "eu-west-1") // what is remembered is wrong now
	if err := u.Probe(context.Background(), "", testBucket, testKey); err != nil {
		t.Error(err)
	}
}

func TestProbeEndsWithItsContextAndWithClose(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := uploadertest.NewS3(t)
		s.OnCall(answers{"CreateMultipartUpload": uploadertest.Hang()}.decide)
		u, _ := newUploader(t, s, testConfig())
		ctx, cancel := context.WithCancelCause(context.Background())
		time.AfterFunc(time.Second, func() { cancel(errCancelled) })
		if err := u.Probe(ctx, "", testBucket, testKey); !errors.Is(err, errCancelled) {
			t.Errorf("got %v, want %v", err, errCancelled)
		}
		time.AfterFunc(time.Second, u.Close)
		if err := u.Probe(context.Background(), "", testBucket, testKey); !errors.Is(err, uploader.ErrClosed) {
			t.Errorf("got %v, want %v", err, uploader.ErrClosed)
		}
		if err := u.Probe(context.Background(), "", testBucket, testKey); !errors.Is(err, uploader.ErrClosed) {
			t.Errorf("got %v, want %v", err, uploader.ErrClosed)
		}
	})
}
