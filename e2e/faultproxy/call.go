package faultproxy

import (
	"net/http"
	"strconv"
	"strings"
)

// Op is S3's name of a request.
type Op string

// The requests that a client which only stores objects makes. Any other one is
// passed on, and no [Rule] fits it.
const (
	PutObject               Op = "PutObject"
	CreateMultipartUpload   Op = "CreateMultipartUpload"
	UploadPart              Op = "UploadPart"
	CompleteMultipartUpload Op = "CompleteMultipartUpload"
	AbortMultipartUpload    Op = "AbortMultipartUpload"
	ListMultipartUploads    Op = "ListMultipartUploads"
	HeadBucket              Op = "HeadBucket"
	GetBucketLocation       Op = "GetBucketLocation"
)

// Call is one request as it arrives.
type Call struct {
	Op     Op     // "" for a request that is none of the above
	Bucket string // the bucket
	Key    string // the key, or the prefix of a list; "" for another request about the bucket
	Part   int    // the number of the part; 0 if it is none
}

// read finds out what is asked.
func read(req *http.Request) Call {
	q := req.URL.Query()
	var c Call
	c.Bucket, c.Key, _ = strings.Cut(strings.TrimPrefix(req.URL.Path, "/"), "/")
	if c.Key == "" {
		c.Op = aboutBucket(req.Method, q.Has)
		if c.Op == ListMultipartUploads {
			c.Key = q.Get("prefix")
		}
		return c
	}
	c.Op = aboutObject(req.Method, q.Has)
	if c.Op == UploadPart {
		c.Part, _ = strconv.Atoi(q.Get("partNumber")) // S3 says what is wrong with it
	}
	return c
}

// aboutBucket tells the request about a bucket by its method and its query.
func aboutBucket(method string, has func(string) bool) Op {
	switch {
	case method == http.MethodHead:
		return HeadBucket
	case method == http.MethodGet && has("location"):
		return GetBucketLocation
	case method == http.MethodGet && has("uploads"):
		return ListMultipartUploads
	}
	return ""
}

// aboutObject tells the request about an object likewise.
func aboutObject(method string, has func(string) bool) Op {
	switch upload := has("uploadId"); {
	case method == http.MethodPut && upload:
		return UploadPart
	case method == http.MethodPut:
		return PutObject
	case method == http.MethodPost && upload:
		return CompleteMultipartUpload
	case method == http.MethodPost && has("uploads"):
		return CreateMultipartUpload
	case method == http.MethodDelete && upload:
		return AbortMultipartUpload
	}
	return ""
}
