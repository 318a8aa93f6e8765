// Package uploadertest holds an S3 in memory, for tests of whatever uploads.
//
// It is strict: it really stores objects and multipart uploads, checks what it
// is sent as S3 does (create-only condition, checksums, sizes of parts, region
// of the signature), and fails the test on anything that the uploader must never
// ask for. It is an [http.RoundTripper], so no socket is opened and it works
// inside a testing/synctest bubble. [S3.OnCall] makes single requests fail.
package uploadertest

import (
	"fmt"
	"net/http"
	"slices"
	"sync"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
)

// DefaultRegion is the region of every bucket that [S3.SetRegion] was not called
// for, and the one that [S3.Config] names.
const DefaultRegion = "us-east-1"

// Object is one object that was stored.
type Object struct {
	Body        []byte            // the bytes; not to be changed
	ETag        string            // without quotation marks
	ContentType string            // header Content-Type
	ACL         string            // header x-amz-acl
	Encryption  string            // header x-amz-server-side-encryption
	KMSKey      string            // header x-amz-server-side-encryption-aws-kms-key-id
	Class       string            // header x-amz-storage-class
	Tagging     string            // header x-amz-tagging
	Metadata    map[string]string // headers x-amz-meta-*, without that beginning, in lower case
	Multipart   bool              // it came in parts
}

// Call is one request as it arrives.
type Call struct {
	Op       string // S3's name of the request, such as "PutObject"
	Bucket   string // the bucket
	Key      string // the key, or the prefix of a list; "" for another request about the bucket
	UploadID string // the multipart upload, where there is one
	Part     int    // the number of the part; 0 if it is none
	Region   string // the region that it is signed for; "" if it is not signed
	Signer   string // the access key that it is signed with; "" likewise
	Owner    string // the account that the bucket is expected to belong to; "" if none is
	Number   int    // 1 for the first request with this Op, Bucket, Key and Part, and so on
}

// S3 is a server in memory in which every bucket exists. It may be used by
// several goroutines at once.
type S3 struct {
	t testing.TB

	mu struct {
		sync.Mutex
		objects map[string]*Object // by bucket/key
		uploads map[string]*upload // by upload id
		regions map[string]string  // by bucket; missing: DefaultRegion
		owners  map[string]string  // by bucket; missing: whoever is expected
		sts     *STS               // whose sessions are known; nil = there is none
		calls   []Call             // in the order of arrival
		numbers map[Call]int       // how many calls alike, keyed by a Call of Op, Bucket, Key and Part alone
		lastID  int                // of a multipart upload
		onCall  func(Call) Fault
		record  func(op, bucket, key string)
		silent  bool // answers show no region

		granted  map[string]bool // the actions that are; nil: all
		pageSize int             // of lists
		plain    bool            // lists do not encode keys
	}
}

// NewS3 returns an empty server. What it is asked wrongly fails t.
func NewS3(t testing.TB) *S3 {
	s := &S3{t: t}
	s.mu.objects = make(map[string]*Object)
	s.mu.uploads = make(map[string]*upload)
	s.mu.regions = make(map[string]string)
	s.mu.owners = make(map[string]string)
	s.mu.numbers = make(map[Call]int)
	s.mu.pageSize = 1000
	return s
}

// Config returns a configuration of the AWS SDK whose requests all come to s.
func (s *S3) Config() aws.Config {
	return aws.Config{
		Region:      DefaultRegion,
		Credentials: credentials.NewStaticCredentialsProvider("AKIDTEST", "secret", ""),
		HTTPClient:  &http.Client{Transport: s},
	}
}

// OnCall sets the function that decides about each request as it arrives. The
// zero [Fault] lets it be served. It is called by several goroutines at once and
// may call the other methods of s.
func (s *S3) OnCall(decide func(Call) Fault) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.mu.onCall = decide
}

// Record sets a function that is told of each request that arrives, before it
// has any effect; not of those that a [Fault] loses on their way. It is called by
// several goroutines at once.
func (s *S3) Record(record func(op, bucket, key string)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.mu.record = record
}

// SetRegion moves a bucket to another region: requests that are signed for
// any other are refused as AWS does.
func (s *S3) SetRegion(bucket, region string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.mu.regions[bucket] = region
}

// SetOwner gives a bucket to an account: requests that expect another owner are
// denied.
func (s *S3) SetOwner(bucket, account string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.mu.owners[bucket] = account
}

// HideRegions leaves the header x-amz-bucket-region out of every answer, as some
// S3-compatible servers do.
func (s *S3) HideRegions() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.mu.silent = true
}

// Grant lets only these actions be done from now on, such as "s3:PutObject", in
// every bucket: requests that need another are answered by AccessDenied.
func (s *S3) Grant(actions ...string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.mu.granted = make(map[string]bool, len(actions))
	for _, action := range actions {
		s.mu.granted[action] = true
	}
}

// SetPageSize sets how many uploads a list shows at most, if it is not asked for
// less; 1,000 if this is not called.
func (s *S3) SetPageSize(n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.mu.pageSize = n
}

// ListPlainly leaves keys in lists as they are, also when it is asked to encode
// them, as some S3-compatible servers do.
func (s *S3) ListPlainly() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.mu.plain = true
}

// Objects returns the bytes of all objects by "bucket/key".
func (s *S3) Objects() map[string][]byte {
	s.mu.Lock()
	defer s.mu.Unlock()
	bodies := make(map[string][]byte, len(s.mu.objects))
	for name, o := range s.mu.objects {
		bodies[name] = o.Body
	}
	return bodies
}

// Object returns the object of that name.
func (s *S3) Object(bucket, key string) (Object, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	o, ok := s.mu.objects[objectName(bucket, key)]
	if !ok {
		return Object{}, false
	}
	return *o, true
}

// Put stores an object as if it had been there before.
func (s *S3) Put(bucket, key string, body []byte) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.mu.objects[objectName(bucket, key)] = &Object{Body: body, ETag: etag(body)}
}

// Uploads returns the "bucket/key" of every multipart upload that was neither
// completed nor aborted, sorted.
func (s *S3) Uploads() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	var names []string
	for _, up := range s.mu.uploads {
		names = append(names, objectName(up.bucket, up.key))
	}
	slices.Sort(names)
	return names
}

// PutUpload begins a multipart upload as somebody else would, and returns its id.
func (s *S3) PutUpload(bucket, key string) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.beginLocked(bucket, key, &Object{Multipart: true})
}

// AbortUploads drops all multipart uploads, as an administrator or a lifecycle
// rule might.
func (s *S3) AbortUploads() {
	s.mu.Lock()
	defer s.mu.Unlock()
	clear(s.mu.uploads)
}

// Calls returns all requests so far, those included that a [Fault] kept from
// having an effect, in the order in which they were sent.
func (s *S3) Calls() []Call {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.mu.calls)
}

// Count returns how many requests with that Op there were so far.
func (s *S3) Count(op string) int {
	n := 0
	for _, c := range s.Calls() {
		if c.Op == op {
			n++
		}
	}
	return n
}

// arrive notes a call, numbers it and asks what shall become of it.
func (s *S3) arrive(c Call) (Call, Fault) {
	s.mu.Lock()
	alike := Call{Op: c.Op, Bucket: c.Bucket, Key: c.Key, Part: c.Part}
	s.mu.numbers[alike]++
	c.Number = s.mu.numbers[alike]
	s.mu.calls = append(s.mu.calls, c)
	decide := s.mu.onCall
	s.mu.Unlock()
	if decide == nil {
		return c, Fault{}
	}
	return c, decide(c)
}

// tell passes a call that has reached the server to the recorder.
func (s *S3) tell(c Call) {
	s.mu.Lock()
	record := s.mu.record
	s.mu.Unlock()
	if record != nil {
		record(c.Op, c.Bucket, c.Key)
	}
}

// misuse fails the test: the uploader must never do this.
func (s *S3) misuse(c Call, format string, args ...any) {
	s.t.Errorf("%s %s/%s: %s", c.Op, c.Bucket, c.Key, fmt.Sprintf(format, args...))
}

func objectName(bucket, key string) string { return bucket + "/" + key }
