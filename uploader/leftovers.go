package uploader

import (
	"context"
	"errors"
	"fmt"
	"net/url"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
)

// AbortLeftovers aborts the multipart uploads under exactly this key, and returns
// how many there were, also with an error. Uploads under any other key are nobody's
// business here, were it one that only begins with this one. It tries transient
// errors again, as [Uploader.Upload] does, and takes the permissions
// s3:ListBucketMultipartUploads and s3:AbortMultipartUpload.
//
// Do not call it while the key is being uploaded here: that upload would be aborted
// and begin anew.
func (u *Uploader) AbortLeftovers(ctx context.Context, tenant, bucket, key string) (int, error) {
	ctx, leave, err := u.enter(ctx)
	if err != nil {
		return 0, fmt.Errorf("abort leftovers of s3://%s/%s: %w", bucket, key, err)
	}
	defer leave()
	m := &multipart{transfer: &transfer{u: u, o: &Object{Tenant: tenant, Bucket: bucket, Key: key}}}
	aborted := 0
	for page := new(listing); ; {
		if err := m.list(ctx, page, repeatable); err != nil {
			return aborted, err
		}
		for _, id := range page.ids {
			known, err := m.abortID(ctx, id, repeatable)
			if err != nil {
				return aborted, err
			}
			if known {
				aborted++
			}
		}
		if !page.more {
			return aborted, nil
		}
	}
}

// listing is one page of a list of multipart uploads.
type listing struct {
	ids             []string // of uploads under exactly the key
	more            bool     // there is another page behind it
	nextKey, nextID string   // where that page begins
}

// list asks for the page behind p and puts it there.
func (m *multipart) list(ctx context.Context, p *listing, again func(*Error) bool) error {
	in := &s3.ListMultipartUploadsInput{
		Bucket: &m.o.Bucket, Prefix: &m.o.Key,
		// A key may hold what XML cannot show. Not every server does as it is asked.
		EncodingType: types.EncodingTypeUrl,
	}
	if p.more {
		in.KeyMarker, in.UploadIdMarker = &p.nextKey, &p.nextID
	}
	return m.retry(ctx, task{op: "ListMultipartUploads", again: again, try: func(ctx context.Context) error {
		m.region = m.bucketRegion(ctx)
		m.client = m.u.clients.in(m.region)
		in.ExpectedBucketOwner = m.owner()
		ctx, cancel := m.u.deadline(ctx, 0)
		defer cancel()
		out, err := m.client.ListMultipartUploads(ctx, in, m.signing()...)
		if err == nil {
			err = p.read(out, m.o.Key)
		}
		if err != nil {
			return m.failure(ctx, "ListMultipartUploads", m.region, err)
		}
		return nil
	}})
}

// errNoList is a 200 that is not the answer of S3: an empty one is no proof that
// there is nothing.
var errNoList = errors.New("status 200, but no list of multipart uploads")

// read replaces p by the page that out is. A page that leads nowhere else than
// the one before it is the last.
func (p *listing) read(out *s3.ListMultipartUploadsOutput, key string) error {
	if out.Bucket == nil && out.Prefix == nil && out.MaxUploads == nil {
		return errNoList
	}
	encoded := out.EncodingType == types.EncodingTypeUrl
	nextKey, err := decoded(out.NextKeyMarker, encoded)
	if err != nil {
		return err
	}
	next := listing{nextKey: nextKey, nextID: aws.ToString(out.NextUploadIdMarker)}
	next.more = aws.ToBool(out.IsTruncated) && nextKey != "" && (next.nextKey != p.nextKey || next.nextID != p.nextID)
	for _, up := range out.Uploads {
		name, err := decoded(up.Key, encoded)
		if err != nil {
			return err
		}
		if name == key {
			next.ids = append(next.ids, aws.ToString(up.UploadId))
		}
	}
	*p = next
	return nil
}

// decoded returns a key as it stands in a list.
func decoded(name *string, encoded bool) (string, error) {
	if !encoded {
		return aws.ToString(name), nil
	}
	return url.QueryUnescape(aws.ToString(name))
}
