package uploader

import (
	"errors"
	"fmt"
	"strings"

	"github.com/aws/smithy-go"
)

// ErrClosed is the error of an upload that was begun after [Uploader.Close], or
// that Close has cut short.
var ErrClosed = errors.New("uploader: closed")

// Error is a request of S3 that did not succeed. Whether the object was stored
// all the same is not known unless its class is [ClassPermanent]: a reply may
// have been lost.
type Error struct {
	Op        string // S3's name of the request: "PutObject", "UploadPart", ...; "Read" for the object's own bytes
	Bucket    string // the bucket
	Key       string // the object's key
	Code      string // AWS error code, such as "AccessDenied"; "" if there was no answer
	RequestID string // S3's id of the request, for its support; may be ""
	Status    int    // HTTP status; 0 if there was no answer
	Err       error  // what the request ended with

	verdict verdict
}

// Error names what was tried on which object, and S3's answer. It holds no
// payload and no credential.
func (e *Error) Error() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s s3://%s/%s: ", e.Op, e.Bucket, e.Key)
	var api smithy.APIError
	if e.Code == "" || !errors.As(e.Err, &api) {
		b.WriteString(e.Err.Error())
		return b.String()
	}
	fmt.Fprintf(&b, "%s (status %d", e.Code, e.Status)
	if e.RequestID != "" {
		fmt.Fprintf(&b, ", request %s", e.RequestID)
	}
	b.WriteString(")")
	if m := api.ErrorMessage(); m != "" && m != e.Code {
		b.WriteString(": " + m)
	}
	return b.String()
}

// Unwrap returns what the request ended with.
func (e *Error) Unwrap() error { return e.Err }

// Class says what may be hoped of repeating what failed.
type Class int

const (
	// ClassTransient is an error that a wait may cure without anyone's help, and
	// every error that is not known.
	ClassTransient Class = iota
	// ClassPermanent is an error that stays until somebody changes something:
	// the bucket, its policy, our credentials, or the request.
	ClassPermanent
)

// String returns the class as it stands in logs.
func (c Class) String() string {
	if c == ClassPermanent {
		return "permanent"
	}
	return "transient"
}

// Permanent tells whether err needs somebody's help: whether its class is
// [ClassPermanent].
func Permanent(err error) bool { return Classify(err) == ClassPermanent }

// Classify returns the class of err by the AWS code and the HTTP status of the
// [Error] in it. An error without one is transient: so are connections refused,
// reset or timed out, and contexts that were cancelled.
func Classify(err error) Class {
	var e *Error
	if !errors.As(err, &e) {
		return ClassTransient
	}
	if class, ok := classByCode[e.Code]; ok {
		return class
	}
	for _, row := range classByStatus {
		if e.Status >= row.from && e.Status <= row.to {
			return row.class
		}
	}
	return ClassTransient
}

// classByCode lists the codes that say more than the status they come with, and
// those that can also stand in the body of a 200. It is never written.
var classByCode = map[string]Class{
	// Status 4xx, but time or a second try cures it.
	"RequestTimeout":                 ClassTransient, // 400: our bytes came too slowly
	"IncompleteBody":                 ClassTransient, // 400: the connection broke in the body
	"BadDigest":                      ClassTransient, // 400: bytes were damaged on the way
	"XAmzContentChecksumMismatch":    ClassTransient, // 400: likewise
	"XAmzContentSHA256Mismatch":      ClassTransient, // 400: likewise
	"InvalidPart":                    ClassTransient, // 400: a part is gone; a new upload sends it again
	"NoSuchUpload":                   ClassTransient, // 404: somebody aborted it, or it is complete; a new upload finds out
	"ExpiredToken":                   ClassTransient, // 400: the credential chain fetches a new one
	"TokenRefreshRequired":           ClassTransient, // 400: likewise
	"RequestTimeTooSkewed":           ClassTransient, // 403: the clock is put right, or the skew learned from the answer
	"RequestExpired":                 ClassTransient, // 400: likewise
	"Throttling":                     ClassTransient, // 400: too many requests
	"ThrottlingException":            ClassTransient, // 400: likewise
	"RequestLimitExceeded":           ClassTransient, // 400, 503: likewise
	"KMS.ThrottlingException":        ClassTransient, // 400: the key's service is busy
	"KMS.KMSInternalException":       ClassTransient, // 400: the key's service failed
	"KMS.DependencyTimeoutException": ClassTransient, // 400: likewise
	"KMS.KeyUnavailableException":    ClassTransient, // 400: likewise

	// Status 5xx or 200, but nothing changes without help.
	"NotImplemented": ClassPermanent, // 501: the server cannot do what we need
	"AccessDenied":   ClassPermanent, // 403, or in the body of a 200: the policy has changed meanwhile
	"NoSuchBucket":   ClassPermanent, // 404, or in the body of a 200: the bucket is gone

	// In the body of a 200 only these have been promised; the upload may be repeated.
	"InternalError":      ClassTransient, // 500: S3's own
	"SlowDown":           ClassTransient, // 503: too many requests for the prefix
	"ServiceUnavailable": ClassTransient, // 503: likewise
}

// classByStatus holds for codes that are not in classByCode; the first row that
// fits counts. It is never written.
var classByStatus = []struct {
	from, to int
	class    Class
}{
	{307, 307, ClassTransient}, // Temporary Redirect: a young bucket's name is still spreading
	{300, 399, ClassPermanent}, // another region or endpoint, and the answer did not say which
	{408, 409, ClassTransient}, // timed out; conflict with another request under way
	{412, 412, ClassTransient}, // another upload under this key is under way or done: the next attempt finds out
	{425, 425, ClassTransient}, // Too Early: a proxy asks for a repetition
	{429, 429, ClassTransient}, // too many requests
	{400, 499, ClassPermanent}, // denied, not there, or refused as it is: InvalidRequest, KMS, ACL, signature
	{500, 599, ClassTransient}, // the server's side
}
