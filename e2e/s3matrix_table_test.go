package e2e_test

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/open-destinations/destinations/e2e/faultproxy"
)

// operations are all that the service asks S3 for, in the order in which the
// matrix is printed.
var operations = []faultproxy.Op{
	faultproxy.PutObject, faultproxy.CreateMultipartUpload, faultproxy.UploadPart, faultproxy.CompleteMultipartUpload,
	faultproxy.AbortMultipartUpload, faultproxy.ListMultipartUploads, faultproxy.HeadBucket, faultproxy.GetBucketLocation,
}

// multipartOps are the requests of one multipart upload. One destination can meet
// a fault in each of them, one after the other. The list is asked for only after a
// crash.
var multipartOps = []faultproxy.Op{
	faultproxy.CreateMultipartUpload, faultproxy.UploadPart, faultproxy.CompleteMultipartUpload,
	faultproxy.AbortMultipartUpload, faultproxy.ListMultipartUploads,
}

// s3Answer is one thing that can become of a request, whatever is asked.
type s3Answer struct {
	name  string
	fault faultproxy.Fault
	alone bool // one destination meets it in one operation only: it takes long, or three of them are one too many
	apart bool // it concerns the whole bucket, so the destinations that meet it have one of their own
	out   []leftOut
}

// leftOut is a reason for which some operations do not get an answer.
type leftOut struct {
	ops []faultproxy.Op
	why string
}

// Operations that are left out together.
var (
	bucketOps     = []faultproxy.Op{faultproxy.HeadBucket, faultproxy.GetBucketLocation}
	lookups       = append(slices.Clone(bucketOps), faultproxy.ListMultipartUploads)
	withoutBody   = append(slices.Clone(lookups), faultproxy.CreateMultipartUpload, faultproxy.AbortMultipartUpload)
	unconditional = append(slices.Clone(withoutBody), faultproxy.UploadPart)
	withoutUpload = append(slices.Clone(lookups), faultproxy.PutObject, faultproxy.CreateMultipartUpload)
)

// Reasons.
const (
	noEffect    = "it has no effect: the client sees the same as without one"
	noBody      = "the request has no body"
	noAnswer    = "the answer to a HEAD has no body"
	noCondition = "only a request with If-None-Match is answered so"
	noUpload    = "the request names no upload"
)

// s3Answers are all rows of the matrix. Left out of it altogether is a 412 before
// the effect: S3 answers so only if the object is there, and who believes an S3
// that says so untruly can't but lose it. Errors of 3xx and 4xx after the effect
// are left out, but 409 and 412: S3 finds what they say before it stores anything.
func s3Answers() []s3Answer {
	reads := leftOut{lookups, noEffect}
	answer := faultproxy.Answer
	return []s3Answer{
		{name: "500 before the effect", fault: answer(500, "InternalError")},
		{name: "500 after the effect", fault: answer(500, "InternalError").AfterEffect(), out: []leftOut{reads}},
		{name: "503 before the effect", fault: answer(503, "SlowDown")},
		{name: "503 after the effect", fault: answer(503, "ServiceUnavailable").AfterEffect(), out: []leftOut{reads}},
		{name: "time-out before the effect", fault: faultproxy.Hang(), alone: true},
		{name: "time-out after the effect", fault: faultproxy.Hang().AfterEffect(), alone: true, out: []leftOut{reads}},
		{name: "reset before the effect", fault: faultproxy.Reset()},
		{name: "reset after the effect", fault: faultproxy.Reset().AfterEffect(), out: []leftOut{reads}},
		{name: "reset in the request's body", fault: faultproxy.CutRequest(), out: []leftOut{{withoutBody, noBody}}},
		{name: "reset in the answer", fault: faultproxy.CutAnswer()},
		{name: "200 with an error body", fault: answer(200, "InternalError"), out: []leftOut{{[]faultproxy.Op{faultproxy.HeadBucket}, noAnswer}}},
		{name: "409 before the effect", fault: answer(409, "ConditionalRequestConflict")},
		{name: "409 after the effect", fault: answer(409, "ConditionalRequestConflict").AfterEffect(), out: []leftOut{{unconditional, noCondition}}},
		{name: "412 after the effect", fault: answer(412, "PreconditionFailed").AfterEffect(), out: []leftOut{{unconditional, noCondition}}},
		{name: "301 with a region", fault: answer(301, "PermanentRedirect").Naming("eu-west-1"), apart: true},
		{name: "301 without a region", fault: answer(301, "PermanentRedirect"), apart: true},
		{name: "400 InvalidRequest", fault: answer(400, "InvalidRequest"), alone: true},
		{name: "403 AccessDenied", fault: answer(403, "AccessDenied")},
		{name: "404 NoSuchBucket", fault: answer(404, "NoSuchBucket")},
		{name: "404 NoSuchUpload", fault: answer(404, "NoSuchUpload"), out: []leftOut{{withoutUpload, noUpload}}},
		{name: "429", fault: answer(429, "TooManyRequests")},
		{name: "slow", fault: faultproxy.Slow(time.Second)},
	}
}

// whyNot is the reason for which op does not get this answer, or "".
func (a *s3Answer) whyNot(op faultproxy.Op) string {
	for _, o := range a.out {
		if slices.Contains(o.ops, op) {
			return o.why
		}
	}
	return ""
}

// slug is the answer's name as part of a prefix or of a bucket's name.
func (a *s3Answer) slug() string {
	return strings.ToLower(strings.NewReplacer(" ", "-", "'", "").Replace(a.name))
}

// s3Matrix is the table for people: what is asked, what becomes of it, and why not.
func s3Matrix() string {
	var b strings.Builder
	for _, op := range operations {
		for _, a := range s3Answers() {
			what := "retry; crash and replay"
			if why := a.whyNot(op); why != "" {
				what = "left out: " + why
			}
			fmt.Fprintf(&b, "\n%-24s %-28s %s", op, a.name, what)
		}
	}
	return b.String()
}
