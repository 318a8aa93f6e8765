package uploader_test

import (
	"context"
	"errors"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/open-destinations/destinations/uploader"
	"github.com/open-destinations/destinations/uploader/uploadertest"
)

const (
	testAccount  = "444455556666"
	otherAccount = "777788889999"
	testKMSKey   = "arn:aws:kms:us-east-1:444455556666:key/1234abcd-12ab-34cd-56ef-1234567890ab"
)

// said is what is said of tenants, by name.
type said map[string]uploader.Tenant

func (s said) config() uploader.Config {
	cfg := testConfig()
	cfg.TenantOf = func(tenant string) uploader.Tenant { return s[tenant] }
	return cfg
}

// objectOf is a test object of a tenant.
func objectOf(tenant string, size int) *uploader.Object {
	o := testObject(size)
	o.Tenant = tenant
	return o
}

// expectOwners fails unless every request so far expected that owner.
func expectOwners(t *testing.T, s *uploadertest.S3, want string, ops ...string) {
	t.Helper()
	seen := map[string]bool{}
	for _, c := range s.Calls() {
		seen[c.Op] = true
		if c.Owner != want {
			t.Errorf("%s %s: got expected owner %q, want %q", c.Op, c.Key, c.Owner, want)
		}
	}
	for _, op := range ops {
		if !seen[op] {
			t.Errorf("no %s was sent", op)
		}
	}
}

func TestWhatIsSaidOfATenantIsOnItsObjects(t *testing.T) {
	none := ""
	for _, tt := range []struct {
		name   string
		tenant uploader.Tenant
		want   uploadertest.Object
	}{
		{"nothing", uploader.Tenant{}, uploadertest.Object{ACL: "bucket-owner-full-control"}},
		{"key", uploader.Tenant{KMSKey: testKMSKey}, uploadertest.Object{ACL: "bucket-owner-full-control", Encryption: "aws:kms", KMSKey: testKMSKey}},
		{"no ACL", uploader.Tenant{ACL: &none}, uploadertest.Object{}},
		{"class", uploader.Tenant{ACL: &none, StorageClass: "STANDARD_IA"}, uploadertest.Object{Class: "STANDARD_IA"}},
		{"tags", uploader.Tenant{ACL: &none, Tags: map[string]string{"team": "a b+c", "k=&": "ä/@"}}, uploadertest.Object{Tagging: "k%3D%26=%C3%A4%2F%40&team=a%20b%2Bc"}},
	} {
		for _, size := range []int{onePut, twoParts} {
			s := uploadertest.NewS3(t)
			u, _ := newUploader(t, s, said{"acme": tt.tenant}.config())
			mustUpload(t, u, objectOf("acme", size))
			got, _ := s.Object(testBucket, testKey)
			if got.ACL != tt.want.ACL || got.Encryption != tt.want.Encryption || got.KMSKey != tt.want.KMSKey || got.Class != tt.want.Class || got.Tagging != tt.want.Tagging {
				t.Errorf("%s, %d bytes: got %+v, want %+v", tt.name, size, got, tt.want)
			}
			if _, err := url.ParseQuery(got.Tagging); err != nil {
				t.Errorf("%s: tags %q: %v", tt.name, got.Tagging, err)
			}
		}
	}
}

// A text for people has all that a tenant's objects have, but for a class that nobody could
// read at once.
func TestATextIsItsTenants(t *testing.T) {
	s := uploadertest.NewS3(t)
	u, _ := newUploader(t, s, said{"acme": {BucketOwner: testAccount, KMSKey: testKMSKey, StorageClass: "DEEP_ARCHIVE", Tags: map[string]string{"a": "b"}}}.config())
	mustUpload(t, u, &uploader.Object{Tenant: "acme", Bucket: testBucket, Key: "p/_text", Body: strings.NewReader("a line\n"), Text: true})
	expectOwners(t, s, testAccount, "HeadBucket", "PutObject")
	if got, _ := s.Object(testBucket, "p/_text"); got.KMSKey != testKMSKey || got.Tagging != "a=b" || got.ACL != "bucket-owner-full-control" || got.Class != "" {
		t.Errorf("got %+v", got)
	}
}

// What shows by its content that somebody can read the bucket is never readable for more than
// its owner; objects with events are what they are said to be.
func TestTextIsNobodyElsesToRead(t *testing.T) {
	for acl, want := range map[string]string{
		"public-read": "bucket-owner-full-control", "public-read-write": "bucket-owner-full-control",
		"authenticated-read": "bucket-owner-full-control", "aws-exec-read": "bucket-owner-full-control",
		"private": "private", "bucket-owner-read": "bucket-owner-read", "": "",
	} {
		ofAll := testConfig()
		ofAll.ACL = acl
		for _, cfg := range []uploader.Config{ofAll, said{"acme": {ACL: &acl}}.config()} {
			s := uploadertest.NewS3(t)
			u, _ := newUploader(t, s, cfg)
			for text, want := range map[bool]string{true: want, false: acl} {
				o := objectOf("acme", onePut)
				if text {
					o.Key, o.Text = "p/_text", true
				}
				mustUpload(t, u, o)
				if got, there := s.Object(testBucket, o.Key); !there || got.ACL != want {
					t.Errorf("%q, text %v: got the ACL %q, want %q", acl, text, got.ACL, want)
				}
			}
		}
	}
}

// With what is said of one tenant nothing changes for another.
func TestOthersAreNotConcerned(t *testing.T) {
	s := uploadertest.NewS3(t)
	u, _ := newUploader(t, s, said{"acme": {BucketOwner: testAccount, KMSKey: testKMSKey, Tags: map[string]string{"a": "b"}}}.config())
	mustUpload(t, u, objectOf("other", onePut))
	expectOwners(t, s, "", "HeadBucket", "PutObject")
	if got, _ := s.Object(testBucket, testKey); got.KMSKey != "" || got.Tagging != "" || got.ACL != "bucket-owner-full-control" {
		t.Errorf("got %+v", got)
	}
}

func TestEveryRequestExpectsTheOwner(t *testing.T) {
	s := uploadertest.NewS3(t)
	s.HideRegions() // so that GetBucketLocation is asked
	u, _ := newUploader(t, s, said{"acme": {BucketOwner: testAccount}}.config())
	ctx := context.Background()
	for _, size := range []int{onePut, twoParts} {
		o := objectOf("acme", size)
		o.Key += string(rune('a' + size%26))
		mustUpload(t, u, o)
	}
	s.PutUpload(testBucket, testKey)
	if n, err := u.AbortLeftovers(ctx, "acme", testBucket, testKey); n != 1 || err != nil {
		t.Errorf("leftovers: got %d, %v", n, err)
	}
	if err := u.Probe(ctx, "acme", testBucket, testKey); err != nil {
		t.Error(err)
	}
	expectOwners(t, s, testAccount, "HeadBucket", "GetBucketLocation", "PutObject", "CreateMultipartUpload", "UploadPart",
		"CompleteMultipartUpload", "AbortMultipartUpload", "ListMultipartUploads")
}

// A bucket of somebody else takes nothing, whatever its policy grants, and that is the
// destination's: no other of the tenant is concerned.
func TestABucketOfAnotherOwnerTakesNothing(t *testing.T) {
	s := uploadertest.NewS3(t)
	s.SetOwner(testBucket, otherAccount)
	u, _ := newUploader(t, s, said{"acme": {BucketOwner: testAccount}}.config())
	for _, size := range []int{onePut, twoParts} {
		_, err := u.Upload(context.Background(), objectOf("acme", size))
		var e *uploader.Error
		if !errors.As(err, &e) || e.Code != "AccessDenied" || uploader.Classify(err) != uploader.ClassDestination {
			t.Errorf("got %v, want AccessDenied of the destination", err)
		}
	}
	if err := u.Probe(context.Background(), "acme", testBucket, testKey); uploader.Classify(err) != uploader.ClassDestination {
		t.Errorf("probe: got %v", err)
	}
	if n := len(s.Objects()) + len(s.Uploads()); n > 0 {
		t.Errorf("%d objects and uploads are there", n)
	}
	mustUpload(t, u, objectOf("other", onePut)) // expects nobody
}

// What is said of a tenant may change at any time, and counts from the next request on.
func TestWhatIsSaidCountsFromTheNextRequestOn(t *testing.T) {
	s := uploadertest.NewS3(t)
	var owner atomic.Value
	owner.Store(otherAccount)
	s.SetOwner(testBucket, testAccount)
	cfg := testConfig()
	cfg.TenantOf = func(string) uploader.Tenant { return uploader.Tenant{BucketOwner: owner.Load().(string)} }
	u, _ := newUploader(t, s, cfg)
	if _, err := u.Upload(context.Background(), objectOf("acme", onePut)); err == nil {
		t.Fatal("a bucket of another owner has taken an object")
	}
	owner.Store(testAccount)
	mustUpload(t, u, objectOf("acme", onePut))
}
