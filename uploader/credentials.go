package uploader

import (
	"context"
	"errors"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/smithy-go"
	smithyhttp "github.com/aws/smithy-go/transport/http"
)

// CodeNoCredentials is the Code of an [Error] whose request was never sent,
// because there were no credentials to sign it with. It is no code of AWS.
const CodeNoCredentials = "NoCredentials"

// credentialsError is a provider of credentials that has none. What its service
// answered concerns no bucket: an AccessDenied in it is not the bucket's.
type credentialsError struct {
	err   error
	final bool // the same is answered to who asks again soon
}

func (e *credentialsError) Error() string { return fmt.Sprintf("get credentials: %v", e.err) }
func (e *credentialsError) Unwrap() error { return e.err }

// isFinal reports whether an answer of the service of the credentials stays for a while: a
// role that is not there, or does not trust us. No answer is one, too: waiting for another
// holds a slot for as long again.
func isFinal(err error) bool { return errors.Is(err, errSlow) || isRefusal(err) }

// CredentialsRefused tells whether err is of credentials that work no more until somebody
// helps: S3 does not take them, or the service that hands them out refuses to. That service
// may as well be down, or fail: then they come by themselves.
func CredentialsRefused(err error) bool {
	var e *Error
	if !errors.As(err, &e) || Classify(err) != ClassCredentials {
		return false
	}
	return e.Code != CodeNoCredentials || isRefusal(e.Err)
}

// isRefusal reports whether the service of the credentials has answered what it will answer
// again.
func isRefusal(err error) bool {
	e := &Error{Err: err}
	var api smithy.APIError
	var answer *smithyhttp.ResponseError
	if !errors.As(err, &api) || !errors.As(err, &answer) || answer.Response == nil {
		return false
	}
	e.Code, e.Status = api.ErrorCode(), answer.HTTPStatusCode()
	known := rowOf(e)
	return known.class != ClassTransient && !known.again
}

// marking is a provider of credentials whose errors can be told from those of S3.
type marking struct{ aws.CredentialsProvider }

// Retrieve returns the credentials of the provider behind p. An end of ctx that
// the caller wanted is not the provider's fault.
func (p marking) Retrieve(ctx context.Context) (aws.Credentials, error) {
	c, err := p.CredentialsProvider.Retrieve(ctx)
	if err == nil || errors.Is(ctx.Err(), context.Canceled) {
		return c, err
	}
	return c, &credentialsError{err: err}
}
