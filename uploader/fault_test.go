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

// outcome is what an upload comes to.
type outcome int

const (
	stored  outcome = iota // success, with what S3 said of the object
	existed                // success, by a 412
	failed                 // a transient error
	refused                // a permanent error
)

// faultCase is one thing that can go wrong with a request.
type faultCase struct {
	name      string
	fault     uploadertest.Fault
	permanent bool // nothing is tried again
	done      bool // the server did what it was asked
	gone      bool // as an answer to an abort: there is nothing left, which is not true
}

func faultCases() []faultCase {
	return []faultCase{
		{name: "refused", fault: uploadertest.Refused()},
		{name: "lost request", fault: uploadertest.LostRequest()},
		{name: "lost reply", fault: uploadertest.LostReply(), done: true},
		{name: "reply too late", fault: uploadertest.LateReply(), done: true},
		{name: "reset", fault: uploadertest.Reset()},
		{name: "hang", fault: uploadertest.Hang()},
		{name: "500", fault: uploadertest.Answer(500, "InternalError")},
		{name: "502 of a proxy", fault: uploadertest.Answer(502, "")},
		{name: "503 SlowDown", fault: uploadertest.Answer(503, "SlowDown")},
		{name: "429", fault: uploadertest.Answer(429, "TooManyRequests")},
		{name: "400 RequestTimeout", fault: uploadertest.Answer(400, "RequestTimeout")},
		{name: "409", fault: uploadertest.Answer(409, "ConditionalRequestConflict")},
		{name: "error in a 200", fault: uploadertest.ErrorBody("InternalError")},
		{name: "empty 200", fault: uploadertest.EmptyBody(), gone: true},
		{name: "403", fault: uploadertest.Answer(403, "AccessDenied"), permanent: true},
		{name: "404 NoSuchBucket", fault: uploadertest.Answer(404, "NoSuchBucket"), permanent: true},
		{name: "400 InvalidRequest", fault: uploadertest.Answer(400, "InvalidRequest"), permanent: true},
		{name: "501", fault: uploadertest.Answer(501, "NotImplemented"), permanent: true},
		{name: "412", fault: uploadertest.Answer(412, "PreconditionFailed")},
		{name: "404 NoSuchUpload", fault: uploadertest.Answer(404, "NoSuchUpload"), gone: true},
	}
}

// want is what shall come of a fault.
type want struct {
	outcome  outcome
	objects  int
	attempts int // -1: more than one
	orphans  int // multipart uploads left open; -1: at least one
}

// onPut says what comes of a fault of PutObject.
func onPut(f faultCase, always bool) want {
	switch {
	case f.name == "412":
		return want{existed, 0, 1, 0}
	case f.permanent:
		return want{refused, 0, 1, 0}
	case always && f.done:
		return want{failed, 1, -1, 0}
	case always:
		return want{failed, 0, -1, 0}
	case f.done:
		return want{existed, 1, 2, 0}
	}
	return want{stored, 1, 2, 0}
}

// onCreate says what comes of a fault of CreateMultipartUpload. Where its reply
// is lost nobody knows the id of the upload: its parts cannot be cleaned up.
func onCreate(f faultCase, always bool) want {
	orphans := 0
	if f.done {
		orphans = 1
	}
	switch {
	case f.permanent:
		return want{refused, 0, 1, 0}
	case always:
		return want{failed, 0, 1, -orphans}
	}
	return want{stored, 1, 1, orphans}
}

// onPart says what comes of a fault of UploadPart.
func onPart(f faultCase, always bool) want {
	switch {
	case f.permanent:
		return want{refused, 0, 1, 0}
	case always && f.name == "404 NoSuchUpload":
		return want{failed, 0, -1, 0}
	case f.name == "404 NoSuchUpload":
		return want{stored, 1, 2, 0}
	case always:
		return want{failed, 0, 1, 0}
	}
	return want{stored, 1, 1, 0}
}

// onComplete says what comes of a fault of CompleteMultipartUpload.
func onComplete(f faultCase, always bool) want {
	restart := f.name == "404 NoSuchUpload" || f.name == "409"
	switch {
	case f.name == "412":
		return want{existed, 0, 1, 0}
	case f.permanent:
		return want{refused, 0, 1, 0}
	case always && f.done:
		return want{failed, 1, 1, 0} // every answer is lost, also those that nothing is there to complete
	case always && restart:
		return want{failed, 0, -1, 0}
	case always:
		return want{failed, 0, 1, 0}
	case f.done:
		return want{existed, 1, 2, 0} // NoSuchUpload; the next upload's 412
	case restart:
		return want{stored, 1, 2, 0}
	}
	return want{stored, 1, 1, 0}
}

// onAbort says what comes of a fault of AbortMultipartUpload after a part was
// denied. The error is that of the part.
func onAbort(f faultCase, always bool) want {
	if f.gone || f.name == "hang" { // that uses up the time for cleaning up
		return want{refused, 0, 1, 1}
	}
	if !f.done && (f.permanent || always) {
		return want{refused, 0, 1, 1}
	}
	return want{refused, 0, 1, 0}
}

// onLookup says what comes of a fault of the look-up of a region: nothing.
func onLookup(faultCase, bool) want { return want{stored, 1, 1, 0} }

// TestEveryFaultOfEveryRequest breaks each request in each way, once and for
// ever. Whatever happens, there is at most one object, with exactly the bytes.
func TestEveryFaultOfEveryRequest(t *testing.T) {
	for _, op := range []struct {
		name string
		size int
		want func(faultCase, bool) want
	}{
		{"PutObject", onePut, onPut},
		{"CreateMultipartUpload", twoParts, onCreate},
		{"UploadPart", twoParts, onPart},
		{"CompleteMultipartUpload", twoParts, onComplete},
		{"AbortMultipartUpload", twoParts, onAbort},
		{"HeadBucket", onePut, onLookup},
		{"GetBucketLocation", onePut, onLookup},
	} {
		for _, f := range faultCases() {
			for _, always := range []bool{false, true} {
				name := op.name + "/" + f.name + "/once"
				if always {
					name = op.name + "/" + f.name + "/always"
				}
				t.Run(name, func(t *testing.T) {
					synctest.Test(t, func(t *testing.T) {
						s := uploadertest.NewS3(t)
						breakRequest(s, op.name, f.fault, always)
						r := expectOutcome(t, s, op.size, op.want(f, always))
						if told := r.Leftover || op.name == "AbortMultipartUpload" && f.gone; len(s.Uploads()) > 0 && !told {
							t.Errorf("multipart uploads were left, and %+v does not tell", r)
						}
					})
				})
			}
		}
	}
}

// breakRequest lets requests with that name fail, the first or all of them. Of
// the parts it is the last one, which is small.
func breakRequest(s *uploadertest.S3, op string, f uploadertest.Fault, always bool) {
	if op == "GetBucketLocation" {
		s.HideRegions()
	}
	s.OnCall(func(c uploadertest.Call) uploadertest.Fault {
		switch {
		case c.Op == op && c.Part != 1 && (always || c.Number == 1):
			return f
		case op == "AbortMultipartUpload" && c.Part == 2:
			return uploadertest.Answer(403, "AccessDenied")
		}
		return uploadertest.Fault{}
	})
}

// expectOutcome uploads one object and compares everything that can be seen.
func expectOutcome(t *testing.T, s *uploadertest.S3, size int, w want) uploader.Result {
	t.Helper()
	cfg := testConfig()
	cfg.RetryBase = 2 * time.Second // a few attempts tell as much as many
	u, _ := newUploader(t, s, cfg)
	start := time.Now()
	r, err := u.Upload(context.Background(), testObject(size))
	if got := outcomeOf(r, err); got != w.outcome {
		t.Errorf("got outcome %d (%+v, %v), want %d", got, r, err, w.outcome)
	}
	if n := len(s.Objects()); n != w.objects {
		t.Errorf("got %d objects, want %d", n, w.objects)
	} else if n > 0 {
		expectObject(t, s, size)
	}
	if err != nil && uploader.Leftover(err) != r.Leftover {
		t.Errorf("the error and %+v differ about leftovers", r)
	}
	if n := len(s.Uploads()); n != w.orphans && (w.orphans >= 0 || n == 0) {
		t.Errorf("got %d multipart uploads left, want %d", n, w.orphans)
	}
	if r.Attempts != w.attempts && (w.attempts >= 0 || r.Attempts < 2) {
		t.Errorf("got %d attempts, want %d", r.Attempts, w.attempts)
	}
	if r.Duration != time.Since(start) || r.Multipart != (size > onePut) {
		t.Errorf("got %+v after %s", r, time.Since(start))
	}
	// The slowest: an attempt's time-out, the time for trying again, and the
	// time-out of an attempt that has begun just before it ended.
	slowest := cfg.MaxElapsed + 2*(cfg.MinTimeout+time.Duration(size)*time.Second/time.Duration(cfg.BytesPerSecond))
	if r.Duration > slowest {
		t.Errorf("it took %s, want at most %s", r.Duration, slowest)
	}
	return r
}

// outcomeOf also holds what a Result and an error say of each outcome.
func outcomeOf(r uploader.Result, err error) outcome {
	var e *uploader.Error
	switch {
	case err == nil && r.Existed && r.ETag == "" && r.Size == 0:
		return existed
	case err == nil && !r.Existed && r.ETag != "" && r.Size > 0:
		return stored
	case !errors.As(err, &e) || e.Bucket != testBucket || e.Key != testKey || e.Op == "":
		return -1
	case uploader.Permanent(err):
		return refused
	}
	return failed
}
