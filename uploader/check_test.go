package uploader_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/smithy-go"

	"github.com/open-destinations/destinations/uploader"
	"github.com/open-destinations/destinations/uploader/uploadertest"
)

// fiveActions are all that a bucket's owner is asked to grant.
func fiveActions() []string { return []string{putObject, putACL, abort, listParts, location} }

// check checks the destination of the tests.
func check(t *testing.T, u *uploader.Uploader) *uploader.Diagnosis {
	t.Helper()
	d, err := u.Check(context.Background(), "acme", testBucket, "test/")
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// outcomes shows a diagnosis on one line: only what does not work.
func outcomes(d *uploader.Diagnosis) string {
	var shown []string
	for _, s := range d.Steps {
		if s.Outcome != uploader.OutcomeWorks {
			text := string(s.Name) + " " + s.Outcome.String()
			if s.Code != "" {
				text += " " + s.Code
			}
			shown = append(shown, text)
		}
	}
	return strings.Join(shown, ", ")
}

// expectNothingLeft fails if a check has left something in its bucket.
func expectNothingLeft(t *testing.T, s *uploadertest.S3) {
	t.Helper()
	if len(s.Objects()) != 0 || len(s.Uploads()) != 0 {
		t.Errorf("left behind: %d objects, uploads %v", len(s.Objects()), s.Uploads())
	}
}

func TestCheckOfWhatWorks(t *testing.T) {
	s := uploadertest.NewS3(t)
	s.Grant(fiveActions()...)
	s.SetRegion(testBucket, "eu-west-1")
	u, _ := newUploader(t, s, testConfig())
	d := check(t, u)
	if got := outcomes(d); got != "" || d.Outcome() != uploader.OutcomeWorks || d.Leftover || d.Missing() != nil {
		t.Errorf("got %q (%s), leftover %t, missing %v", got, d.Outcome(), d.Leftover, d.Missing())
	}
	if d.Region != "eu-west-1" || !strings.HasPrefix(d.Key, "test/20") || !strings.HasSuffix(d.Key, ".gz") {
		t.Errorf("got region %q, key %q", d.Region, d.Key)
	}
	expectCalls(t, s, "HeadBucket", "GetBucketLocation", "ListMultipartUploads", "CreateMultipartUpload", "AbortMultipartUpload")
	expectNothingLeft(t, s)
}

// TestCheckNamesTheMissingAction takes each of the five actions away.
func TestCheckNamesTheMissingAction(t *testing.T) {
	for missing, want := range map[string]string{
		putObject: "create fails AccessDenied, acl unknown",
		putACL:    "acl fails AccessDenied",
		abort:     "abort warns AccessDenied",
		listParts: "list warns AccessDenied",
		location:  "location warns AccessDenied",
	} {
		t.Run(missing, func(t *testing.T) {
			s := uploadertest.NewS3(t)
			s.Grant(slices.DeleteFunc(fiveActions(), func(a string) bool { return a == missing })...)
			u, _ := newUploader(t, s, testConfig())
			d := check(t, u)
			if got := outcomes(d); got != want {
				t.Errorf("got %q, want %q", got, want)
			}
			if got := d.Missing(); !slices.Equal(got, []string{missing}) {
				t.Errorf("got missing %v, want %s", got, missing)
			}
			if d.Leftover != (missing == abort) {
				t.Errorf("got leftover %t", d.Leftover)
			}
			if missing != abort {
				expectNothingLeft(t, s)
				return
			}
			s.Grant(fiveActions()...) // what was left behind is found by its key
			if n, err := u.AbortLeftovers(context.Background(), "acme", testBucket, d.Key); n != 1 || err != nil {
				t.Errorf("got %d uploads aborted, %v", n, err)
			}
			expectNothingLeft(t, s)
		})
	}
}

// allSet is a tenant with all that takes actions of its own.
var allSet = uploader.Tenant{BucketOwner: testAccount, KMSKey: testKMSKey, Tags: map[string]string{"team": "acme"}, StorageClass: "STANDARD_IA"}

// TestCheckNamesWhatATenantMisses takes one action, or two, away from all that a tenant
// with an owner, a key and tags needs.
func TestCheckNamesWhatATenantMisses(t *testing.T) {
	all := append(fiveActions(), "s3:PutObjectTagging", "kms:GenerateDataKey", "kms:Decrypt")
	for _, tt := range []struct {
		missing []string
		want    string
	}{
		{nil, ""},
		{[]string{putObject}, "create fails AccessDenied, acl unknown, tags unknown, kms unknown"},
		{[]string{putACL}, "acl fails AccessDenied"},
		{[]string{"s3:PutObjectTagging"}, "tags fails AccessDenied"},
		{[]string{"kms:GenerateDataKey"}, "kms fails AccessDenied"},
		{[]string{"kms:Decrypt"}, "kms fails AccessDenied"},
		{[]string{putACL, "s3:PutObjectTagging"}, "acl fails AccessDenied, tags fails AccessDenied"},
		{[]string{listParts, location}, "location warns AccessDenied, list warns AccessDenied"},
		{[]string{listParts, location, putObject}, "location warns AccessDenied, list warns AccessDenied, ownership unknown, create fails AccessDenied, acl unknown, tags unknown, kms unknown"},
	} {
		t.Run(strings.Join(tt.missing, " "), func(t *testing.T) {
			s := uploadertest.NewS3(t)
			s.SetOwner(testBucket, testAccount)
			s.Grant(slices.DeleteFunc(slices.Clone(all), func(a string) bool { return slices.Contains(tt.missing, a) })...)
			u, _ := newUploader(t, s, said{"acme": allSet}.config())
			d := check(t, u)
			if got := outcomes(d); got != tt.want {
				t.Errorf("got %q, want %q", got, tt.want)
			}
			want := slices.Sorted(slices.Values(tt.missing))
			if got := slices.Sorted(slices.Values(d.Missing())); !slices.Equal(got, want) {
				t.Errorf("got missing %v, want %v", got, want)
			}
			for _, c := range s.Calls() {
				if c.Owner != testAccount && c.Op != "GetBucketLocation" && c.Op != "ListMultipartUploads" {
					t.Errorf("%s names the owner %q", c.Op, c.Owner)
				}
			}
			expectNothingLeft(t, s)
		})
	}
}

// TestCheckOfABucketOfSomebodyElse holds that a wrong owner is told from a missing grant, and
// that nothing is begun in his bucket.
func TestCheckOfABucketOfSomebodyElse(t *testing.T) {
	s := uploadertest.NewS3(t)
	s.SetOwner(testBucket, "999999999999")
	u, _ := newUploader(t, s, said{"acme": allSet}.config())
	d := check(t, u)
	want := "location unknown, list unknown, ownership fails AccessDenied, create unknown, abort unknown"
	if got := outcomes(d); got != want || d.Missing() != nil {
		t.Errorf("got %q, missing %v, want %q", got, d.Missing(), want)
	}
	if n := s.Count("CreateMultipartUpload") + s.Count("AbortMultipartUpload"); n != 0 {
		t.Errorf("got %d uploads begun or aborted", n)
	}
	for _, step := range d.Steps {
		if step.Name == uploader.StepOwner && !strings.Contains(step.Message, testAccount) {
			t.Errorf("got %+v", step)
		}
	}
}

func TestCheckOfNothingGranted(t *testing.T) {
	s := uploadertest.NewS3(t)
	s.Grant()
	u, _ := newUploader(t, s, testConfig())
	d := check(t, u)
	want := []string{location, listParts, putObject, abort}
	if got := d.Missing(); !slices.Equal(got, want) || d.Outcome() != uploader.OutcomeFails {
		t.Errorf("got %v (%s), want %v", got, d.Outcome(), want)
	}
	if n := len(s.Calls()); n > 10 {
		t.Errorf("got %d requests", n)
	}
}

// TestEveryFaultOfACheck holds that whatever becomes of a request, the check ends, says
// so, and tells of what it may have left behind.
func TestEveryFaultOfACheck(t *testing.T) {
	for _, op := range []string{"GetBucketLocation", "ListMultipartUploads", "CreateMultipartUpload", "AbortMultipartUpload"} {
		for _, f := range faultCases() {
			t.Run(op+"/"+f.name, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					s := uploadertest.NewS3(t)
					breakRequest(s, op, f.fault, true)
					u, _ := newUploader(t, s, testConfig())
					begun := time.Now()
					d := check(t, u)
					if took := time.Since(begun); took > 45*time.Second {
						t.Errorf("it took %v", took)
					}
					lies := f.gone && op == "AbortMultipartUpload" || f.name == "empty 200" && op == "GetBucketLocation" // S3 says that it is done
					if works := d.Outcome() == uploader.OutcomeWorks; works != lies {
						t.Errorf("got works %t, want %t: %+v", works, lies, d.Steps)
					}
					if len(s.Uploads()) > 0 && !d.Leftover && !lies {
						t.Errorf("an upload was left, and nothing tells: %+v", d.Steps)
					}
					if n := len(s.Calls()); n > 30 {
						t.Errorf("got %d requests", n)
					}
				})
			})
		}
	}
}

// TestCheckCleansUpWhatWasNotAnswered loses the answer to a creation.
func TestCheckCleansUpWhatWasNotAnswered(t *testing.T) {
	s := uploadertest.NewS3(t)
	s.OnCall(func(c uploadertest.Call) uploadertest.Fault {
		if c.Op == "CreateMultipartUpload" {
			return uploadertest.LostReply()
		}
		return uploadertest.Fault{}
	})
	u, _ := newUploader(t, s, testConfig())
	if d := check(t, u); d.Leftover || d.Outcome() != uploader.OutcomeFails {
		t.Errorf("got leftover %t, %s", d.Leftover, outcomes(d))
	}
	expectNothingLeft(t, s)
}

// always is what becomes of every request.
type always struct{ fault uploadertest.Fault }

func (a always) decide(uploadertest.Call) uploadertest.Fault { return a.fault }

// TestWhatAChecksAnswersMean takes what is no AccessDenied.
func TestWhatAChecksAnswersMean(t *testing.T) {
	for _, tt := range []struct {
		name   string
		broken interface {
			decide(uploadertest.Call) uploadertest.Fault
		}
		want string
		most int // requests
	}{
		{"no bucket", always{uploadertest.Answer(404, "NoSuchBucket")},
			"location fails NoSuchBucket, list unknown, create unknown, abort unknown", 3},
		{"wrong credentials", always{uploadertest.Answer(403, "InvalidAccessKeyId")},
			"credentials fails InvalidAccessKeyId, location unknown, list unknown, create unknown, abort unknown", 3},
		{"expired between", answers{"CreateMultipartUpload": uploadertest.Answer(400, "ExpiredToken")},
			"credentials fails ExpiredToken, create unknown, acl unknown, abort unknown", 4},
		{"nobody answers", always{uploadertest.Refused()},
			"location fails, list unknown, create unknown, abort unknown", 4},
		{"slow down", answers{"CreateMultipartUpload": uploadertest.Answer(503, "SlowDown")},
			"create fails SlowDown, acl unknown", 6},
		{"lists are not known there", answers{"ListMultipartUploads": uploadertest.Answer(501, "NotImplemented")},
			"list warns NotImplemented", 6},
		{"the bucket's key", answers{"CreateMultipartUpload": uploadertest.Answer(400, "KMS.DisabledException")},
			"create fails KMS.DisabledException, acl unknown", 7},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := uploadertest.NewS3(t)
			s.OnCall(tt.broken.decide)
			u, _ := newUploader(t, s, testConfig())
			d := check(t, u)
			if got := outcomes(d); got != tt.want || d.Missing() != nil {
				t.Errorf("got %q, missing %v, want %q", got, d.Missing(), tt.want)
			}
			if n := len(s.Calls()); n > tt.most {
				t.Errorf("got %d requests, want at most %d", n, tt.most)
			}
		})
	}
}

func TestCheckWithoutCredentials(t *testing.T) {
	s := uploadertest.NewS3(t)
	denied := &smithy.GenericAPIError{Code: "AccessDenied", Message: "User: service is not authorized to perform: sts:AssumeRole on resource: acme"}
	u := withProvider(t, s, func(context.Context) (aws.Credentials, error) { return aws.Credentials{}, denied })
	d := check(t, u)
	if got, want := outcomes(d), "credentials fails NoCredentials, location unknown, list unknown, create unknown, abort unknown"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	if got := d.Steps[0]; !strings.Contains(got.Message, denied.Message) || !slices.Equal(got.Missing, []string{"sts:AssumeRole"}) || len(s.Calls()) != 0 {
		t.Errorf("got %+v, %d requests", got, len(s.Calls()))
	}
}

// TestCheckTakesAWSAtItsWord holds that an action that AWS names counts, and that a
// statement that denies it is told.
func TestCheckTakesAWSAtItsWord(t *testing.T) {
	const said = "User: arn:aws:sts::111122223333:assumed-role/destinations/i-1 is not authorized to perform: " +
		"kms:GenerateDataKey on resource: arn:aws:kms:eu-west-1:111122223333:key/1 with an explicit deny in a resource-based policy"
	s := uploadertest.NewS3(t)
	s.OnCall(answers{"CreateMultipartUpload": uploadertest.Answer(403, "AccessDenied").Saying(said)}.decide)
	u, _ := newUploader(t, s, testConfig())
	d := check(t, u)
	if got := d.Missing(); !slices.Equal(got, []string{"kms:GenerateDataKey"}) {
		t.Errorf("got missing %v", got)
	}
	for _, step := range d.Steps {
		if step.Name == uploader.StepCreate && (!step.Denied || step.Message != said) {
			t.Errorf("got %+v", step)
		}
	}
}

// TestChecksOfADestinationAreOne has many ask at once.
func TestChecksOfADestinationAreOne(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := uploadertest.NewS3(t)
		s.OnCall(answers{"CreateMultipartUpload": uploadertest.After(time.Second)}.decide)
		u, _ := newUploader(t, s, testConfig())
		ctx, cancel := context.WithCancelCause(context.Background())
		var all sync.WaitGroup
		all.Go(func() {
			if _, err := u.Check(ctx, "acme", testBucket, "test/"); !errors.Is(err, errCancelled) {
				t.Errorf("got %v, want %v", err, errCancelled)
			}
		})
		for range 20 {
			all.Go(func() { check(t, u) })
		}
		synctest.Wait()
		cancel(errCancelled) // the others get their answer all the same
		all.Wait()
		if n := s.Count("CreateMultipartUpload"); n != 1 {
			t.Errorf("got %d uploads begun, want 1", n)
		}
		check(t, u)
		if n := s.Count("CreateMultipartUpload"); n != 2 {
			t.Errorf("got %d uploads begun, want another one", n)
		}
		expectNothingLeft(t, s)
	})
}

// TestChecksOfATenantAreBounded has their callers give up at once: the checks go on.
func TestChecksOfATenantAreBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := uploadertest.NewS3(t)
		s.OnCall(answers{"CreateMultipartUpload": uploadertest.Hang()}.decide)
		u, _ := newUploader(t, s, testConfig())
		busy := 0
		for i := range 20 {
			ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
			_, err := u.Check(ctx, "acme", testBucket, fmt.Sprintf("%d/", i))
			cancel()
			switch {
			case errors.Is(err, uploader.ErrChecksBusy):
				busy++
			case !errors.Is(err, context.DeadlineExceeded):
				t.Errorf("check %d: got %v", i+1, err)
			}
		}
		synctest.Wait()
		if n := s.Count("CreateMultipartUpload"); n != 8 || busy != 12 {
			t.Errorf("got %d checks under way and %d refused, want 8 and 12", n, busy)
		}
		s.OnCall(answers{}.decide)
		if _, err := u.Check(t.Context(), "other", testBucket, "test/"); err != nil {
			t.Errorf("another tenant: %v", err)
		}
		time.Sleep(time.Minute)
		if _, err := u.Check(t.Context(), "acme", testBucket, "test/"); err != nil {
			t.Errorf("behind them: %v", err)
		}
	})
}

func TestCheckEndsWithClose(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := uploadertest.NewS3(t)
		s.OnCall(answers{"CreateMultipartUpload": uploadertest.Hang()}.decide)
		u, _ := newUploader(t, s, testConfig())
		time.AfterFunc(time.Second, u.Close)
		for range 2 {
			if d, err := u.Check(context.Background(), "acme", testBucket, "test/"); !errors.Is(err, uploader.ErrClosed) || d != nil {
				t.Errorf("got %+v, %v, want %v", d, err, uploader.ErrClosed)
			}
		}
	})
}
