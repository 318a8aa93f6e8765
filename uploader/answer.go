package uploader

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"strconv"
	"syscall"
	"time"

	"github.com/aws/smithy-go"
	smithyhttp "github.com/aws/smithy-go/transport/http"
)

// verdict is what the answer in an Error means for the next attempt, beside the
// class of the error.
type verdict struct {
	moved   bool          // the bucket is in another region, which is known now
	restart bool          // the multipart upload is lost: a new one may succeed under the same key
	pause   time.Duration // S3 asks to be left alone for so long
	renewed bool          // the credentials were at fault, and others are asked for by the next attempt
	final   bool          // soon it will be the same, whatever is known of the error
}

// newError returns the Error of a request that ended with err.
func newError(op string, o *Object, err error) *Error {
	e := &Error{Op: op, Bucket: o.Bucket, Key: o.Key, Err: err}
	var none *credentialsError
	if errors.As(err, &none) {
		e.Code = CodeNoCredentials
		e.verdict.final = none.final
		return e
	}
	var api smithy.APIError
	if errors.As(err, &api) {
		e.Code = api.ErrorCode()
	}
	var id interface{ ServiceRequestID() string }
	if errors.As(err, &id) {
		e.RequestID = id.ServiceRequestID()
	}
	var re *smithyhttp.ResponseError
	if errors.As(err, &re) && re.Response != nil {
		e.Status = re.Response.StatusCode
		e.verdict.pause = retryAfter(re.Response.Header, time.Now())
	}
	return e
}

// exists tells whether the answer is that there is an object under the key.
func (e *Error) exists() bool { return e.Status == http.StatusPreconditionFailed }

// mayHaveWorked tells whether S3 may have done what the request asked for,
// whatever was answered: there was no answer, one of 5xx, or a 200 that was not
// understood. A request that was never sent has done nothing.
func (e *Error) mayHaveWorked() bool {
	switch {
	case e.Code == CodeNoCredentials || errors.Is(e.Err, syscall.ECONNREFUSED):
		return false
	case e.Status == 0:
		var dialling *net.OpError
		return !errors.As(e.Err, &dialling) || dialling.Op != "dial"
	}
	return e.Status < 300 || e.Status >= 500
}

// retryAfter reads the header of that name: seconds, or a date. 0 means none.
func retryAfter(h http.Header, now time.Time) time.Duration {
	value := h.Get("Retry-After")
	if seconds, err := strconv.ParseInt(value, 10, 32); err == nil {
		return max(0, time.Duration(seconds)*time.Second)
	}
	if date, err := http.ParseTime(value); err == nil {
		return max(0, date.Sub(now))
	}
	return 0
}

// failure makes the Error of a request that was sent to a bucket in region, and
// learns from it where the bucket really is.
func (t *transfer) failure(ctx context.Context, op, region string, err error) *Error {
	if errors.Is(context.Cause(ctx), errSlow) {
		err = fmt.Errorf("%w: %w", errSlow, err)
	}
	e := newError(op, t.o, err)
	e.verdict.renewed = t.renewed(e)
	switch e.Status {
	case http.StatusMovedPermanently, http.StatusTemporaryRedirect, http.StatusBadRequest:
		t.relocate(e, region)
	}
	return e
}

// relocate remembers the region that e names if it is not the one that was used.
// A bucket that is said to be elsewhere, but not where, is looked up again by the
// next upload.
func (t *transfer) relocate(e *Error, used string) {
	named := regionIn(e.Err)
	switch {
	case named != "" && named != used:
		t.u.regions.correct(t.o.Bucket, named)
		e.verdict.moved = true
	case e.Status == http.StatusMovedPermanently || e.Code == "AuthorizationHeaderMalformed":
		t.u.regions.forget(t.asker())
	}
}
