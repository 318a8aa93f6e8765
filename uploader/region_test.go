package uploader_test

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/open-destinations/destinations/uploader"
	"github.com/open-destinations/destinations/uploader/uploadertest"
)

// answers makes requests fail by their names.
type answers map[string]uploadertest.Fault

func (a answers) decide(c uploadertest.Call) uploadertest.Fault { return a[c.Op] }

// expectRegions fails unless the requests so far were these, as "Op region".
func expectRegions(t *testing.T, s *uploadertest.S3, want ...string) {
	t.Helper()
	var got []string
	for _, c := range s.Calls() {
		got = append(got, c.Op+" "+c.Region)
	}
	if !slices.Equal(got, want) {
		t.Errorf("got requests\n%q, want\n%q", got, want)
	}
}

func TestRegionOfABucket(t *testing.T) {
	denied := uploadertest.Answer(403, "AccessDenied")
	named := func(status int, code, region string) uploadertest.Fault {
		return uploadertest.Answer(status, code).With("x-amz-bucket-region", region)
	}
	for _, tt := range []struct {
		name       string
		region     string // where the bucket is
		configured string
		hidden     bool
		answers    answers
		want       []string
		err        bool
	}{
		{
			name: "at home", region: "us-east-1",
			want: []string{"HeadBucket us-east-1", "PutObject us-east-1"},
		},
		{
			name: "elsewhere, 301 says where", region: "eu-west-1",
			want: []string{"HeadBucket us-east-1", "PutObject eu-west-1"},
		},
		{
			name: "elsewhere, 403 says where", region: "ap-northeast-1",
			answers: answers{"HeadBucket": named(403, "", "ap-northeast-1")},
			want:    []string{"HeadBucket us-east-1", "PutObject ap-northeast-1"},
		},
		{
			name: "elsewhere, 400 says where", region: "ap-northeast-1",
			answers: answers{"HeadBucket": named(400, "", "ap-northeast-1")},
			want:    []string{"HeadBucket us-east-1", "PutObject ap-northeast-1"},
		},
		{
			name: "no header, home has no name", region: "us-east-1", configured: "eu-north-1", hidden: true,
			want: []string{"HeadBucket eu-north-1", "GetBucketLocation eu-north-1", "PutObject us-east-1"},
		},
		{
			name: "no header, old name of eu-west-1", region: "eu-west-1", hidden: true,
			want: []string{"HeadBucket us-east-1", "GetBucketLocation us-east-1", "PutObject eu-west-1"},
		},
		{
			name: "no header, plain name", region: "sa-east-1", hidden: true,
			want: []string{"HeadBucket us-east-1", "GetBucketLocation us-east-1", "PutObject sa-east-1"},
		},
		{
			name: "refusal of the second question says where", region: "sa-east-1", hidden: true,
			answers: answers{"GetBucketLocation": named(403, "AccessDenied", "sa-east-1")},
			want:    []string{"HeadBucket us-east-1", "GetBucketLocation us-east-1", "PutObject sa-east-1"},
		},
		{
			name: "all refused, configured region fits", region: "eu-north-1", configured: "eu-north-1",
			answers: answers{"HeadBucket": denied, "GetBucketLocation": denied},
			want:    []string{"HeadBucket eu-north-1", "GetBucketLocation eu-north-1", "PutObject eu-north-1"},
		},
		{
			name: "all refused, redirect corrects", region: "eu-north-1",
			answers: answers{"HeadBucket": denied, "GetBucketLocation": denied},
			want: []string{
				"HeadBucket us-east-1", "GetBucketLocation us-east-1", "PutObject us-east-1", "PutObject eu-north-1",
			},
		},
		{
			name: "all refused, and nobody says where", region: "eu-north-1", hidden: true,
			answers: answers{"HeadBucket": denied, "GetBucketLocation": denied},
			want:    []string{"HeadBucket us-east-1", "GetBucketLocation us-east-1", "PutObject us-east-1"},
			err:     true,
		},
		{
			name: "what is no region is not believed", region: "us-east-1",
			answers: answers{
				"HeadBucket":        named(403, "", "evil.example.com/"),
				"GetBucketLocation": named(403, "AccessDenied", "../x"),
			},
			want: []string{"HeadBucket us-east-1", "GetBucketLocation us-east-1", "PutObject us-east-1"},
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := uploadertest.NewS3(t)
				s.SetRegion(testBucket, tt.region)
				s.OnCall(tt.answers.decide)
				if tt.hidden {
					s.HideRegions()
				}
				cfg := testConfig()
				cfg.Region = tt.configured
				u, _ := newUploader(t, s, cfg)
				_, err := u.Upload(context.Background(), testObject(onePut))
				if (err != nil) != tt.err || tt.err != uploader.Permanent(err) {
					t.Errorf("got %v, want a permanent error: %t", err, tt.err)
				}
				expectRegions(t, s, tt.want...)
			})
		})
	}
}

func TestRegionInTheMessageOfARefusal(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := uploadertest.NewS3(t)
		s.HideRegions()
		s.SetRegion(testBucket, "eu-central-1")
		malformed := uploadertest.Answer(400, "AuthorizationHeaderMalformed").
			Saying("The authorization header is malformed; the region 'us-east-1' is wrong; expecting 'eu-central-1'")
		s.OnCall(func(c uploadertest.Call) uploadertest.Fault {
			switch {
			case c.Op == "HeadBucket" || c.Op == "GetBucketLocation":
				return uploadertest.Answer(403, "AccessDenied")
			case c.Region == "us-east-1":
				return malformed
			}
			return uploadertest.Fault{}
		})
		u, _ := newUploader(t, s, testConfig())
		if r := mustUpload(t, u, testObject(onePut)); r.Attempts != 2 {
			t.Errorf("got %+v, want 2 attempts", r)
		}
	})
}

// TestBucketThatMoved is a bucket that was deleted and made elsewhere.
func TestBucketThatMoved(t *testing.T) {
	for _, size := range []int{onePut, twoParts} {
		synctest.Test(t, func(t *testing.T) {
			s := uploadertest.NewS3(t)
			u, _ := newUploader(t, s, testConfig())
			mustUpload(t, u, testObject(size))
			s.SetRegion(testBucket, "eu-west-1")
			o := testObject(size)
			o.Key = "second"
			mustUpload(t, u, o)
			o.Key = "third"
			mustUpload(t, u, o)
			if n := s.Count("HeadBucket"); n != 1 {
				t.Errorf("%d bytes: looked up %d times, want 1", size, n)
			}
			if n := s.Count("PutObject") + s.Count("CreateMultipartUpload"); n != 4 {
				t.Errorf("%d bytes: begun %d times, want 4: one for each object, and one that was redirected", size, n)
			}
		})
	}
}

// TestBucketThatMovesBetweenParts leaves the first upload where it was.
func TestBucketThatMovesBetweenParts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := uploadertest.NewS3(t)
		s.OnCall(func(c uploadertest.Call) uploadertest.Fault {
			if c.Op == "CompleteMultipartUpload" && c.Number == 1 {
				s.SetRegion(testBucket, "eu-west-1")
			}
			return uploadertest.Fault{}
		})
		u, _ := newUploader(t, s, testConfig())
		if r := mustUpload(t, u, testObject(twoParts)); r.Attempts != 2 || r.Existed {
			t.Errorf("got %+v, want 2 attempts", r)
		}
		expectObject(t, s, twoParts)
	})
}

func TestManyUploadsLookABucketUpOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := uploadertest.NewS3(t)
		s.OnCall(func(c uploadertest.Call) uploadertest.Fault {
			if c.Op == "HeadBucket" {
				return uploadertest.After(time.Second)
			}
			return uploadertest.Fault{}
		})
		u, _ := newUploader(t, s, testConfig())
		var wg sync.WaitGroup
		for i := range 20 {
			wg.Go(func() {
				o := testObject(onePut)
				o.Bucket, o.Key = fmt.Sprintf("bucket-%d", i%2), fmt.Sprint(i)
				mustUpload(t, u, o)
			})
		}
		wg.Wait()
		if n := s.Count("HeadBucket"); n != 2 {
			t.Errorf("2 buckets were looked up %d times", n)
		}
	})
}

// TestImpatientUploadLeavesTheLookupToOthers cancels the upload that started it.
func TestImpatientUploadLeavesTheLookupToOthers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := uploadertest.NewS3(t)
		s.SetRegion(testBucket, "eu-west-1")
		s.OnCall(func(c uploadertest.Call) uploadertest.Fault {
			if c.Op == "HeadBucket" {
				return uploadertest.After(2 * time.Second)
			}
			return uploadertest.Fault{}
		})
		u, _ := newUploader(t, s, testConfig())
		ctx, cancel := context.WithTimeout(context.Background(), time.Second)
		defer cancel()
		var wg sync.WaitGroup
		wg.Go(func() {
			if r, err := u.Upload(ctx, testObject(onePut)); err == nil || r.Duration != time.Second {
				t.Errorf("got %v after %s, want an error after 1s", err, r.Duration)
			}
		})
		synctest.Wait()
		o := testObject(onePut)
		o.Key = "patient"
		if r := mustUpload(t, u, o); r.Duration != 2*time.Second || r.Attempts != 1 {
			t.Errorf("got %+v, want one attempt after the look-up's 2s", r)
		}
		wg.Wait()
		if n := s.Count("HeadBucket"); n != 1 {
			t.Errorf("looked up %d times, want 1", n)
		}
	})
}

func TestGuessedRegionIsAskedForAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := uploadertest.NewS3(t)
		s.OnCall(answers{"HeadBucket": uploadertest.Refused(), "GetBucketLocation": uploadertest.Refused()}.decide)
		u, _ := newUploader(t, s, testConfig())
		for i, want := range []int{1, 1, 2, 2, 3, 3, 3} { // look-ups so far
			o := testObject(onePut)
			o.Key = fmt.Sprint(i)
			mustUpload(t, u, o)
			if n := s.Count("HeadBucket"); n != want {
				t.Errorf("upload %d: looked up %d times, want %d", i, n, want)
			}
			if i == 2 {
				s.OnCall(nil)
			}
			<-time.After(40 * time.Second)
		}
	})
}

// TestBucketThatMovedInSilence is refused once, and then looked up again.
func TestBucketThatMovedInSilence(t *testing.T) {
	s := uploadertest.NewS3(t)
	u, _ := newUploader(t, s, testConfig())
	mustUpload(t, u, testObject(onePut))
	s.SetRegion(testBucket, "eu-west-1")
	s.HideRegions()
	o := testObject(onePut)
	o.Key = "second"
	if _, err := u.Upload(context.Background(), o); !uploader.Permanent(err) {
		t.Errorf("got %v, want a permanent error", err)
	}
	mustUpload(t, u, o)
	expectRegions(t, s, "HeadBucket us-east-1", "PutObject us-east-1", "PutObject us-east-1",
		"HeadBucket us-east-1", "GetBucketLocation us-east-1", "PutObject eu-west-1")
}
