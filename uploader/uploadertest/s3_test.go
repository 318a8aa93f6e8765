package uploadertest_test

import (
	"context"
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/open-destinations/destinations/uploader/uploadertest"
)

// complaints is a testing.TB that collects what it is told.
type complaints struct {
	testing.TB
	said []string
}

func (c *complaints) Errorf(format string, args ...any) {
	c.said = append(c.said, fmt.Sprintf(format, args...))
}

// request is a PutObject that is right in every respect, for a test to spoil.
func request(t *testing.T, method, path, body string) *http.Request {
	t.Helper()
	req, err := http.NewRequestWithContext(context.Background(), method, "https://demo.s3.us-east-1.amazonaws.com"+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	sum := binary.BigEndian.AppendUint32(nil, crc32.ChecksumIEEE([]byte(body)))
	for name, value := range map[string]string{
		"Authorization":        "AWS4-HMAC-SHA256 Credential=AKID/20260102/us-east-1/s3/aws4_request, SignedHeaders=host",
		"Content-Type":         "application/gzip",
		"If-None-Match":        "*",
		"X-Amz-Checksum-Crc32": base64.StdEncoding.EncodeToString(sum),
	} {
		req.Header.Set(name, value)
	}
	return req
}

func TestMisuseFailsTheTest(t *testing.T) {
	for _, tt := range []struct {
		name         string
		method, path string
		spoil        func(*http.Request)
		want         string // what the test is told; "" for nothing
		status       int
	}{
		{"right", "PUT", "/k", func(*http.Request) {}, "", 200},
		{"read", "GET", "/k", func(*http.Request) {}, "must never be called", 403},
		{"read the head", "HEAD", "/k", func(*http.Request) {}, "must never be called", 403},
		{"list", "GET", "/?list-type=2", func(*http.Request) {}, "must never be called", 403},
		{"delete", "DELETE", "/k", func(*http.Request) {}, "must never be called", 403},
		{"overwrite", "PUT", "/k", func(r *http.Request) { r.Header.Del("If-None-Match") }, "If-None-Match", 200},
		{"no signature", "PUT", "/k", func(r *http.Request) { r.Header.Del("Authorization") }, "not signed", 403},
		{"encoding", "PUT", "/k", func(r *http.Request) { r.Header.Set("Content-Encoding", "gzip") }, "Content-Encoding", 200},
		{"type", "PUT", "/k", func(r *http.Request) { r.Header.Set("Content-Type", "text/plain") }, "Content-Type", 200},
		{"no checksum", "PUT", "/k", func(r *http.Request) { r.Header.Del("X-Amz-Checksum-Crc32") }, "x-amz-checksum-crc32", 200},
		{"trailer", "PUT", "/k", func(r *http.Request) { r.Header.Set("X-Amz-Trailer", "x-amz-checksum-crc32") }, "trailer", 200},
		{"long key", "PUT", "/" + strings.Repeat("k", 1025), func(*http.Request) {}, "at most 1024", 200},
		{"upload without algorithm", "POST", "/k?uploads", func(*http.Request) {}, "x-amz-checksum-algorithm", 200},
		{"part 0", "PUT", "/k?partNumber=0&uploadId=u", func(*http.Request) {}, "got part 0", 404},
	} {
		c := &complaints{TB: t}
		s := uploadertest.NewS3(c)
		req := request(t, tt.method, tt.path, "body")
		tt.spoil(req)
		resp, err := s.RoundTrip(req)
		if err != nil {
			t.Fatalf("%s: %v", tt.name, err)
		}
		resp.Body.Close()
		if resp.StatusCode != tt.status {
			t.Errorf("%s: got status %d, want %d", tt.name, resp.StatusCode, tt.status)
		}
		if said := strings.Join(c.said, "; "); (tt.want == "") != (said == "") || !strings.Contains(said, tt.want) {
			t.Errorf("%s: the test was told %q, want %q", tt.name, said, tt.want)
		}
	}
}

func TestRecorderSeesWhatArrives(t *testing.T) {
	s := uploadertest.NewS3(t)
	var seen []string
	s.Record(func(op, bucket, key string) {
		seen = append(seen, fmt.Sprintf("%s %s/%s: %d objects", op, bucket, key, len(s.Objects())))
	})
	s.OnCall(func(c uploadertest.Call) uploadertest.Fault {
		return []uploadertest.Fault{1: uploadertest.LostRequest(), 2: uploadertest.LostReply(), 3: {}}[c.Number]
	})
	for n := range 3 {
		resp, err := s.RoundTrip(request(t, "PUT", "/k", "body"))
		if (err == nil) != (n == 2) {
			t.Errorf("request %d: got %v", n, err)
		}
		if err == nil {
			body, _ := io.ReadAll(resp.Body)
			if resp.StatusCode != http.StatusPreconditionFailed || !strings.Contains(string(body), "PreconditionFailed") {
				t.Errorf("got %d %s, want a 412", resp.StatusCode, body)
			}
		}
	}
	want := []string{"PutObject demo/k: 0 objects", "PutObject demo/k: 1 objects"}
	if !slices.Equal(seen, want) {
		t.Errorf("the recorder saw %q, want %q", seen, want)
	}
	if len(s.Calls()) != 3 || s.Count("PutObject") != 3 {
		t.Errorf("got %d calls, want 3", len(s.Calls()))
	}
}
