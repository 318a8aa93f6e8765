package uploadertest

import (
	"bytes"
	"encoding/base64"
	"encoding/binary"
	"encoding/xml"
	"fmt"
	"hash/crc32"
	"io"
	"maps"
	"net/http"
	"net/url"
	"path"
	"strconv"
	"strings"
	"time"
)

// RoundTrip serves one request in the goroutine of its caller.
func (s *S3) RoundTrip(req *http.Request) (*http.Response, error) {
	if req.Body != nil {
		defer req.Body.Close()
	}
	if err := req.Context().Err(); err != nil {
		return nil, err
	}
	c, fault := s.arrive(parse(req))
	if resp, err, done := fault.before(req); done {
		return resp, err
	}
	body, err := readBody(req)
	if err != nil {
		return nil, err
	}
	s.tell(c)
	resp := s.serve(c, req, body)
	return fault.after(req, resp)
}

// ServeHTTP serves one request that came over a socket, for tests with a real
// server such as that of net/http/httptest. Where RoundTrip ends without an
// answer, the connection is closed.
func (s *S3) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	req = req.Clone(req.Context())
	req.URL.Host = req.Host
	resp, err := s.RoundTrip(req)
	if err != nil {
		panic(http.ErrAbortHandler) // closes the connection without a word, as net/http says
	}
	maps.Copy(w.Header(), resp.Header)
	w.WriteHeader(resp.StatusCode)
	// A client that is gone needs no answer.
	_, _ = io.Copy(w, resp.Body)
}

// readBody reads the whole request.
func readBody(req *http.Request) ([]byte, error) {
	if req.Body == nil {
		return nil, nil
	}
	if req.ContentLength < 0 {
		return io.ReadAll(req.Body)
	}
	body := make([]byte, req.ContentLength)
	if _, err := io.ReadFull(req.Body, body); err != nil {
		return nil, err
	}
	rest, err := io.ReadAll(req.Body)
	return append(body, rest...), err
}

// parse finds out what is asked. An Op that is none of S3's names is the method
// and the query.
func parse(req *http.Request) Call {
	bucket, key := address(req.URL)
	q := req.URL.Query()
	c := Call{Bucket: bucket, Key: key, UploadID: q.Get("uploadId"), Owner: req.Header.Get("X-Amz-Expected-Bucket-Owner")}
	c.Signer, c.Region = signature(req)
	c.Part, _ = strconv.Atoi(q.Get("partNumber"))
	switch {
	case key == "" && req.Method == http.MethodHead:
		c.Op = "HeadBucket"
	case key == "" && req.Method == http.MethodGet && q.Has("location"):
		c.Op = "GetBucketLocation"
	case key == "" && req.Method == http.MethodGet && q.Has("uploads"):
		c.Op, c.Key = "ListMultipartUploads", q.Get("prefix")
	case key != "" && req.Method == http.MethodPut && c.UploadID != "":
		c.Op = "UploadPart"
	case key != "" && req.Method == http.MethodPut:
		c.Op = "PutObject"
	case key != "" && req.Method == http.MethodPost && q.Has("uploads"):
		c.Op = "CreateMultipartUpload"
	case key != "" && req.Method == http.MethodPost && c.UploadID != "":
		c.Op = "CompleteMultipartUpload"
	case key != "" && req.Method == http.MethodDelete && c.UploadID != "":
		c.Op = "AbortMultipartUpload"
	default:
		c.Op = req.Method + " ?" + req.URL.RawQuery
	}
	return c
}

// signature returns what stands in the scope of one: access key, date, region, service.
func signature(req *http.Request) (accessKey, region string) {
	_, scope, _ := strings.Cut(req.Header.Get("Authorization"), "Credential=")
	if fields := strings.Split(scope, "/"); len(fields) >= 4 {
		return fields[0], fields[2]
	}
	return "", ""
}

// address finds bucket and key in the host (bucket.s3.region.amazonaws.com) or
// in the path.
func address(u *url.URL) (bucket, key string) {
	path := strings.TrimPrefix(u.Path, "/")
	if before, _, ok := strings.Cut(u.Hostname(), ".s3."); ok {
		return before, path
	}
	bucket, key, _ = strings.Cut(path, "/")
	return bucket, key
}

// serve does what is asked and answers.
func (s *S3) serve(c Call, req *http.Request, body []byte) *http.Response {
	s.mu.Lock()
	defer s.mu.Unlock()
	if resp := s.wrongRegionLocked(c, req); resp != nil {
		return resp
	}
	if strings.HasPrefix(c.Signer, sessionKeys) && (s.mu.sts == nil || !s.mu.sts.counts(c.Signer, time.Now())) {
		return errorAnswer(req, http.StatusBadRequest, "ExpiredToken", s.regionHeaderLocked(c.Bucket))
	}
	if !s.grantedLocked(c, req) {
		return errorAnswer(req, http.StatusForbidden, "AccessDenied", s.regionHeaderLocked(c.Bucket))
	}
	switch c.Op {
	case "HeadBucket":
		return answer(req, http.StatusOK, s.regionHeaderLocked(c.Bucket), nil)
	case "GetBucketLocation":
		return s.locationLocked(c, req)
	case "PutObject":
		return s.putLocked(c, req, body)
	case "CreateMultipartUpload":
		return s.createLocked(c, req)
	case "UploadPart":
		return s.partLocked(c, req, body)
	case "CompleteMultipartUpload":
		return s.completeLocked(c, req, body)
	case "AbortMultipartUpload":
		return s.abortLocked(c, req)
	case "ListMultipartUploads":
		return s.listLocked(c, req)
	}
	s.misuse(c, "must never be called")
	return errorAnswer(req, http.StatusForbidden, "AccessDenied", nil)
}

// actions are what a bucket's policy must grant for a request to be served, as
// the page "Actions, resources, and condition keys for Amazon S3" has them. It is
// never written.
var actions = map[string]string{
	"HeadBucket":              "s3:ListBucket",
	"GetBucketLocation":       "s3:GetBucketLocation",
	"PutObject":               "s3:PutObject",
	"CreateMultipartUpload":   "s3:PutObject",
	"UploadPart":              "s3:PutObject",
	"CompleteMultipartUpload": "s3:PutObject",
	"AbortMultipartUpload":    "s3:AbortMultipartUpload",
	"ListMultipartUploads":    "s3:ListBucketMultipartUploads",
}

// grantedLocked tells whether all is granted that the request needs.
func (s *S3) grantedLocked(c Call, req *http.Request) bool {
	if owner, ok := s.mu.owners[c.Bucket]; ok && c.Owner != "" && c.Owner != owner {
		return false
	}
	if s.mu.granted == nil {
		return true
	}
	for header, action := range headerActions {
		if req.Header.Get(header) != "" && !s.mu.granted[action] {
			return false
		}
	}
	if up := s.findLocked(c); c.Op == "UploadPart" && up != nil && up.object.KMSKey != "" && !s.mu.granted["kms:Decrypt"] {
		return false
	}
	return s.mu.granted[actions[c.Op]]
}

// headerActions are what is needed beside for what a header asks for. It is never written.
var headerActions = map[string]string{
	"X-Amz-Acl":     "s3:PutObjectAcl",
	"X-Amz-Tagging": "s3:PutObjectTagging",
	"X-Amz-Server-Side-Encryption-Aws-Kms-Key-Id": "kms:GenerateDataKey",
}

// wrongRegionLocked answers a request that is signed for a region that its
// bucket is not in. GetBucketLocation is answered by every region.
func (s *S3) wrongRegionLocked(c Call, req *http.Request) *http.Response {
	if c.Region == "" {
		s.misuse(c, "is not signed")
		return errorAnswer(req, http.StatusForbidden, "AccessDenied", nil)
	}
	if c.Region == s.regionLocked(c.Bucket) || c.Op == "GetBucketLocation" {
		return nil
	}
	return errorAnswer(req, http.StatusMovedPermanently, "PermanentRedirect", s.regionHeaderLocked(c.Bucket))
}

func (s *S3) regionLocked(bucket string) string {
	if r, ok := s.mu.regions[bucket]; ok {
		return r
	}
	return DefaultRegion
}

func (s *S3) regionHeaderLocked(bucket string) map[string]string {
	if s.mu.silent {
		return nil
	}
	return map[string]string{"x-amz-bucket-region": s.regionLocked(bucket)}
}

// locationLocked answers GetBucketLocation, with the two old names of regions.
func (s *S3) locationLocked(c Call, req *http.Request) *http.Response {
	name := s.regionLocked(c.Bucket)
	switch name {
	case "us-east-1":
		name = ""
	case "eu-west-1":
		name = "EU"
	}
	return answer(req, http.StatusOK, nil, fmt.Appendf(nil,
		`<LocationConstraint xmlns="http://s3.amazonaws.com/doc/2006-03-01/">%s</LocationConstraint>`, name))
}

// putLocked serves PutObject.
func (s *S3) putLocked(c Call, req *http.Request, body []byte) *http.Response {
	s.checkHeaders(c, req)
	s.checkBody(c, req, body)
	s.checkCreateOnly(c, req)
	name := objectName(c.Bucket, c.Key)
	if _, there := s.mu.objects[name]; there {
		return errorAnswer(req, http.StatusPreconditionFailed, "PreconditionFailed", nil)
	}
	o := objectOf(req)
	o.Body, o.ETag = body, etag(body)
	s.mu.objects[name] = o
	return answer(req, http.StatusOK, map[string]string{"ETag": `"` + o.ETag + `"`}, nil)
}

// objectOf returns an object without bytes, with what its headers say.
func objectOf(req *http.Request) *Object {
	o := &Object{
		ContentType: req.Header.Get("Content-Type"),
		ACL:         req.Header.Get("X-Amz-Acl"),
		Encryption:  req.Header.Get("X-Amz-Server-Side-Encryption"),
		KMSKey:      req.Header.Get("X-Amz-Server-Side-Encryption-Aws-Kms-Key-Id"),
		Class:       req.Header.Get("X-Amz-Storage-Class"),
		Tagging:     req.Header.Get("X-Amz-Tagging"),
		Metadata:    make(map[string]string),
	}
	for name, values := range req.Header {
		if meta, ok := strings.CutPrefix(strings.ToLower(name), "x-amz-meta-"); ok {
			o.Metadata[meta] = strings.Join(values, ",")
		}
	}
	return o
}

// checkHeaders holds what every request that begins an object must say.
func (s *S3) checkHeaders(c Call, req *http.Request) {
	want := "application/gzip"
	if strings.HasPrefix(path.Base(c.Key), "_") { // what readers of events pass over
		want = "text/plain; charset=utf-8"
	}
	if got := req.Header.Get("Content-Type"); got != want {
		s.misuse(c, "got Content-Type %q, want %s", got, want)
	}
	if got := req.Header.Values("Content-Encoding"); len(got) > 0 {
		s.misuse(c, "got Content-Encoding %q, want none", got)
	}
	if len(c.Key) > 1024 {
		s.misuse(c, "the key has %d bytes, at most 1024 are allowed", len(c.Key))
	}
}

// checkBody holds that the bytes arrive as announced, with a checksum in the
// header: a trailing one needs a transfer encoding that not every server has.
func (s *S3) checkBody(c Call, req *http.Request, body []byte) {
	if req.ContentLength != int64(len(body)) {
		s.misuse(c, "got Content-Length %d and %d bytes", req.ContentLength, len(body))
	}
	if got, want := req.Header.Get("X-Amz-Checksum-Crc32"), checksum(body); got != want {
		s.misuse(c, "got x-amz-checksum-crc32 %q, want %q", got, want)
	}
	if req.Header.Get("X-Amz-Trailer") != "" || strings.HasPrefix(req.Header.Get("X-Amz-Content-Sha256"), "STREAMING") {
		s.misuse(c, "the body is in chunks with a trailer")
	}
}

// checkCreateOnly holds that nothing can be overwritten.
func (s *S3) checkCreateOnly(c Call, req *http.Request) {
	if got := req.Header.Get("If-None-Match"); got != "*" {
		s.misuse(c, "got If-None-Match %q, want *", got)
	}
}

// checksum is the CRC-32 of a body as S3 writes it.
func checksum(body []byte) string {
	return base64.StdEncoding.EncodeToString(binary.BigEndian.AppendUint32(nil, crc32.ChecksumIEEE(body)))
}

// etag is an entity tag: of no meaning to a client, and quickly made.
func etag(body []byte) string {
	return fmt.Sprintf("%08x%08x", crc32.ChecksumIEEE(body), len(body))
}

// answer makes an answer of the server.
func answer(req *http.Request, status int, header map[string]string, body []byte) *http.Response {
	h := make(http.Header)
	h.Set("Date", time.Now().UTC().Format(http.TimeFormat))
	h.Set("x-amz-request-id", "REQUEST1")
	for name, value := range header {
		h.Set(name, value)
	}
	return &http.Response{
		Status: fmt.Sprintf("%d %s", status, http.StatusText(status)), StatusCode: status,
		Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Header: h, Body: io.NopCloser(bytes.NewReader(body)), ContentLength: int64(len(body)), Request: req,
	}
}

// errorAnswer makes an error of S3.
func errorAnswer(req *http.Request, status int, code string, header map[string]string) *http.Response {
	return errorSaying(req, Fault{status: status, code: code, header: header})
}

// errorSaying makes the error that f describes. The answer to a HEAD has no body.
func errorSaying(req *http.Request, f Fault) *http.Response {
	if req.Method == http.MethodHead {
		return answer(req, f.status, f.header, nil)
	}
	body, err := xml.Marshal(struct {
		XMLName   xml.Name `xml:"Error"`
		Code      string
		Message   string
		RequestID string `xml:"RequestId"`
	}{Code: f.code, Message: f.message, RequestID: "REQUEST1"})
	if err != nil {
		panic(fmt.Sprintf("uploadertest: invariant: an error can be written as XML: %v", err))
	}
	return answer(req, f.status, f.header, body)
}
