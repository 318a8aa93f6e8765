package uploader

import (
	"context"
	"errors"
	"fmt"
)

// Probe finds out whether objects can be stored under key now: it begins a
// multipart upload there, with everything that a real one has, and aborts it. It
// sends no bytes and stores nothing, so it may be called whether there is an
// object under the key or not, but not while that object is being uploaded here.
//
// nil means that S3 takes uploads again. An error is that of a single try (only
// another region is followed), an [*Error] as of [Uploader.Upload]; [Leftover]
// tells whether the upload may still be there. An abort that S3 denies
// (AccessDenied) is no error, but a warning in the log: what was to be found out
// is known, and no later abort would be let through either.
func (u *Uploader) Probe(ctx context.Context, tenant, bucket, key string) error {
	ctx, leave, err := u.enter(ctx)
	if err != nil {
		return fmt.Errorf("probe s3://%s/%s: %w", bucket, key, err)
	}
	defer leave()
	m := &multipart{transfer: &transfer{u: u, o: &Object{Tenant: tenant, Bucket: bucket, Key: key}}}
	if err := m.create(ctx, elsewhere); err != nil {
		return m.marked(err)
	}
	var e *Error
	if err := m.abort(ctx, elsewhere); errors.As(err, &e) && e.Code != "AccessDenied" {
		return m.marked(err)
	}
	return nil
}
