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
// all the same is not known unless [Permanent] holds: a reply may have been lost.
type Error struct {
	Op        string // S3's name of the request: "PutObject", "UploadPart", ...; "Read" for the object's own bytes
	Bucket    string // the bucket
	Key       string // the object's key
	Code      string // AWS error code, such as "AccessDenied", or CodeNoCredentials; "" if there was no answer
	RequestID string // S3's id of the request, for its support; may be ""
	Status    int    // HTTP status; 0 if there was no answer
	Err       error  // what the request ended with

	verdict  verdict
	leftover bool // see Leftover
}

// Error names what was tried on which object, and S3's answer. It holds no
// payload and no credential.
func (e *Error) Error() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s s3://%s/%s: ", e.Op, e.Bucket, e.Key)
	var api smithy.APIError
	if e.Code == "" || e.Code == CodeNoCredentials || !errors.As(e.Err, &api) {
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

// Leftover tells whether a multipart upload under the key of the [Error] in err
// may have been left behind: its creation was not answered, or its abort failed.
// [Uploader.AbortLeftovers] finds and aborts it. It may say so of what left
// nothing behind, but not the other way round.
func Leftover(err error) bool {
	var e *Error
	return errors.As(err, &e) && e.leftover
}
