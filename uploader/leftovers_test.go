package uploader_test

import (
	"context"
	"errors"
	"slices"
	"testing"
	"testing/synctest"

	"github.com/open-destinations/destinations/uploader"
	"github.com/open-destinations/destinations/uploader/uploadertest"
)

// TestOnlyOurOwnLeftoversAreAborted has others' uploads all around ours, some of
// them under keys that begin as ours does, or that ours begins with.
func TestOnlyOurOwnLeftoversAreAborted(t *testing.T) {
	for _, pageSize := range []int{1, 2, 1000} {
		for _, plain := range []bool{false, true} {
			s := uploadertest.NewS3(t)
			s.Grant(abort, listParts)
			s.SetPageSize(pageSize)
			if plain {
				s.ListPlainly()
			}
			const key = "日本/a b+c%41&d/2026/01/02/03/cafe.gz"
			others := []string{
				"日本/a b+c%41&d/2026/01/02/03/beef.gz", key + ".part", key + "/x", key[:len(key)-1], "日本/a b+cA&d/2026/01/02/03/cafe.gz",
			}
			for _, k := range others {
				s.PutUpload(testBucket, k)
				s.PutUpload(testBucket, key)
			}
			s.PutUpload("another", key)
			u, _ := newUploader(t, s, testConfig())
			n, err := u.AbortLeftovers(context.Background(), "", testBucket, key)
			if n != len(others) || err != nil {
				t.Errorf("pages of %d: got %d and %v, want %d aborted", pageSize, n, err, len(others))
			}
			want := []string{"another/" + key}
			for _, k := range others {
				want = append(want, testBucket+"/"+k)
			}
			slices.Sort(want)
			if got := s.Count("AbortMultipartUpload"); got != len(others) {
				t.Errorf("pages of %d: got %d requests to abort, want %d: others' uploads are not even asked for", pageSize, got, len(others))
			}
			if got := s.Uploads(); !slices.Equal(got, want) {
				t.Errorf("pages of %d: got %v left, want %v", pageSize, got, want)
			}
			if n, err := u.AbortLeftovers(context.Background(), "", testBucket, key); n != 0 || err != nil {
				t.Errorf("again: got %d and %v, want nothing to do", n, err)
			}
		}
	}
}

func TestLeftoversTakeTwoPermissions(t *testing.T) {
	for _, granted := range [][]string{{putObject, putACL, abort, location}, {putObject, putACL, listParts, location}} {
		s := uploadertest.NewS3(t)
		s.Grant(granted...)
		s.PutUpload(testBucket, testKey)
		u, _ := newUploader(t, s, testConfig())
		n, err := u.AbortLeftovers(context.Background(), "", testBucket, testKey)
		if n != 0 || uploader.Classify(err) != uploader.ClassDestination {
			t.Errorf("granted %v: got %d and %v, want a denial", granted, n, err)
		}
	}
}

// TestEveryFaultOfAbortingLeftovers breaks each request in each way, once and for
// ever.
func TestEveryFaultOfAbortingLeftovers(t *testing.T) {
	for _, op := range []string{"ListMultipartUploads", "AbortMultipartUpload"} {
		for _, f := range faultCases() {
			for _, always := range []bool{false, true} {
				t.Run(op+"/"+f.name, func(t *testing.T) {
					synctest.Test(t, func(t *testing.T) { breakLeftovers(t, op, f, always) })
				})
			}
		}
	}
}

func breakLeftovers(t *testing.T, op string, f faultCase, always bool) {
	s := uploadertest.NewS3(t)
	breakRequest(s, op, f.fault, always)
	id := s.PutUpload(testBucket, testKey)
	s.PutUpload(testBucket, testKey+".other")
	u, _ := newUploader(t, s, testConfig())
	n, err := u.AbortLeftovers(context.Background(), "", testBucket, testKey)
	var e *uploader.Error
	if err != nil && (!errors.As(err, &e) || e.Op != op || uploader.Permanent(err) != f.permanent) {
		t.Errorf("got %v", err)
	}
	switch aborting := op == "AbortMultipartUpload"; {
	case aborting && f.gone: // an untrue answer
		if err != nil {
			t.Errorf("got %v, want success", err)
		}
	case f.permanent || always:
		if err == nil {
			t.Error("got no error")
		}
	default:
		if err != nil {
			t.Errorf("got %v, want success", err)
		}
		if left := s.Uploads(); len(left) != 1 {
			t.Errorf("%s: got %v left, %d aborted, want only the other", id, left, n)
		}
	}
	if left := s.Uploads(); !slices.Contains(left, testBucket+"/"+testKey+".other") {
		t.Errorf("another's upload was aborted, %v is left", left)
	}
}

func TestLeftoversAfterClose(t *testing.T) {
	s := uploadertest.NewS3(t)
	u, _ := newUploader(t, s, testConfig())
	u.Close()
	if _, err := u.AbortLeftovers(context.Background(), "", testBucket, testKey); !errors.Is(err, uploader.ErrClosed) {
		t.Errorf("got %v, want %v", err, uploader.ErrClosed)
	}
	expectCalls(t, s)
}

// TestLeftoverOfALostCreateIsFound is the whole way: a reply is lost, the result
// says so, and what was left is found.
func TestLeftoverOfALostCreateIsFound(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := uploadertest.NewS3(t)
		breakRequest(s, "CreateMultipartUpload", uploadertest.LostReply(), false)
		u, _ := newUploader(t, s, testConfig())
		if r := mustUpload(t, u, testObject(twoParts)); !r.Leftover {
			t.Errorf("got %+v, want it to tell of a leftover", r)
		}
		if n, err := u.AbortLeftovers(context.Background(), "", testBucket, testKey); n != 1 || err != nil {
			t.Errorf("got %d and %v, want 1 aborted", n, err)
		}
		expectObject(t, s, twoParts)
	})
}

// What left nothing behind is mostly known to: nobody lists for each upload of an
// outage.
func TestNothingIsLeftByWhatWasRefused(t *testing.T) {
	for _, f := range []uploadertest.Fault{
		uploadertest.Refused(), uploadertest.Answer(403, "AccessDenied"), uploadertest.Answer(404, "NoSuchBucket"), uploadertest.Answer(429, ""),
	} {
		synctest.Test(t, func(t *testing.T) {
			s := uploadertest.NewS3(t)
			breakRequest(s, "CreateMultipartUpload", f, true)
			u, _ := newUploader(t, s, testConfig())
			if r, err := u.Upload(context.Background(), testObject(twoParts)); err == nil || r.Leftover || uploader.Leftover(err) {
				t.Errorf("got %+v and %v, want an error and no leftover", r, err)
			}
		})
	}
}
