package uploader

import (
	"context"
	"errors"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/aws"
)

// CodeNoCredentials is the Code of an [Error] whose request was never sent,
// because there were no credentials to sign it with. It is no code of AWS.
const CodeNoCredentials = "NoCredentials"

// credentialsError is a provider of credentials that has none. What its service
// answered concerns no bucket: an AccessDenied in it is not the bucket's.
type credentialsError struct{ err error }

func (e *credentialsError) Error() string { return fmt.Sprintf("get credentials: %v", e.err) }
func (e *credentialsError) Unwrap() error { return e.err }

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
