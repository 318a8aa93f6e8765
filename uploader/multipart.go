package uploader

import (
	"context"
	"errors"
	"net/http"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/aws/smithy-go/middleware"
	"golang.org/x/sync/errgroup"
)

// multipart is one multipart upload, from its creation to its completion or
// abort. The goroutines that send parts each write their own element of parts.
type multipart struct {
	*transfer
	id       string                // S3's id of the upload
	region   string                // where it was created; it cannot move
	client   *s3.Client            // for region
	partSize int64                 // of every part but the last
	parts    []types.CompletedPart // in order
	// alter changes what the upload is begun with; nil = nothing does.
	alter func(*s3.CreateMultipartUploadInput)
}

// inParts stores the object with a multipart upload, and with another one under
// the same key if that one is lost.
func (t *transfer) inParts(ctx context.Context) error {
	return t.retry(ctx, task{op: "multipart upload", again: restartable, try: t.inPartsOnce})
}

// inPartsOnce makes one multipart upload, and aborts it unless it was completed.
func (t *transfer) inPartsOnce(ctx context.Context) error {
	t.result.Attempts++
	m := &multipart{transfer: t, partSize: t.u.cfg.partSize(t.size)}
	m.parts = make([]types.CompletedPart, (t.size+m.partSize-1)/m.partSize)
	if err := m.create(ctx, repeatable); err != nil {
		return err
	}
	err := m.send(ctx)
	if err == nil {
		err = m.complete(ctx)
	}
	if err != nil || t.result.Existed {
		_ = m.abort(ctx, repeatable) // the upload's own outcome counts; what was left is noted
	}
	return err
}

// create begins the upload. The checksum of the whole will be the composite of
// those of its parts, which is what S3 makes of CRC-32 unless told otherwise:
// every server that knows checksums knows it.
func (m *multipart) create(ctx context.Context, again func(*Error) bool) error {
	return m.retry(ctx, task{op: "CreateMultipartUpload", again: again, try: func(ctx context.Context) error {
		m.region = m.bucketRegion(ctx)
		m.client = m.u.clients.in(m.region)
		of := m.terms()
		ctx, cancel := m.u.deadline(ctx, 0)
		defer cancel()
		call := Call{Op: "CreateMultipartUpload", Region: m.region, Began: time.Now()}
		in := &s3.CreateMultipartUploadInput{
			Bucket: &m.o.Bucket, Key: &m.o.Key, ContentType: aws.String(m.o.contentType()),
			ChecksumAlgorithm: types.ChecksumAlgorithmCrc32,
			Metadata:          m.o.metadata(), ACL: of.acl, ExpectedBucketOwner: of.owner,
			ServerSideEncryption: of.encryption, SSEKMSKeyId: of.key, StorageClass: of.class, Tagging: of.tagging,
		}
		if m.alter != nil {
			m.alter(in)
		}
		out, err := m.client.CreateMultipartUpload(ctx, in, m.signing()...)
		if err == nil && aws.ToString(out.UploadId) == "" {
			err = errors.New("status 200, but no id of an upload")
		}
		if err != nil {
			e := m.failure(ctx, call.Op, m.region, err)
			m.called(call, middleware.Metadata{}, e)
			m.leftover = m.leftover || e.mayHaveWorked()
			return e
		}
		m.id = *out.UploadId
		call.UploadID = m.id
		m.called(call, out.ResultMetadata, nil)
		return nil
	}})
}

// send sends all parts, some of them at once, and returns when none is under
// way any more. The first error ends the others.
func (m *multipart) send(ctx context.Context) error {
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(m.u.cfg.PartConcurrency)
	for i := range m.parts {
		if ctx.Err() != nil {
			break
		}
		group.Go(func() error { return m.part(ctx, i) })
	}
	return group.Wait()
}

// part sends part i, counted from 0, until S3 has it. Sent twice, it replaces
// itself.
func (m *multipart) part(ctx context.Context, i int) error {
	off := int64(i) * m.partSize
	size := min(m.partSize, m.size-off)
	checksum, err := m.checksum(off, size)
	if err != nil {
		return err
	}
	number := int32(i + 1)
	return m.retry(ctx, task{op: "UploadPart", again: repeatable, try: func(ctx context.Context) error {
		ctx, cancel := m.u.deadline(ctx, size)
		defer cancel()
		call := Call{Op: "UploadPart", Part: number, UploadID: m.id, Region: m.region, Began: time.Now()}
		out, err := m.client.UploadPart(ctx, &s3.UploadPartInput{
			Bucket: &m.o.Bucket, Key: &m.o.Key, UploadId: &m.id, PartNumber: &number,
			Body: m.section(off, size), ContentLength: &size, ChecksumCRC32: &checksum,
			ExpectedBucketOwner: m.owner(),
		}, m.signing()...)
		if err == nil && aws.ToString(out.ETag) == "" {
			err = errNoETag
		}
		if err != nil {
			e := m.failure(ctx, call.Op, m.region, err)
			m.called(call, middleware.Metadata{}, e)
			return m.lost(e)
		}
		m.called(call, out.ResultMetadata, nil)
		m.parts[i] = types.CompletedPart{PartNumber: &number, ETag: out.ETag, ChecksumCRC32: &checksum}
		return nil
	}})
}

// complete makes the object out of the parts. Commit point: the object is there
// from the moment that S3 has decided so. If the reply is lost after that, the
// next attempt is answered like the lost one, by a 412, or by NoSuchUpload: then
// a new upload finds out by its 412.
func (m *multipart) complete(ctx context.Context) error {
	return m.retry(ctx, task{op: "CompleteMultipartUpload", again: repeatable, try: func(ctx context.Context) error {
		ctx, cancel := m.u.deadline(ctx, m.partSize)
		defer cancel()
		call := Call{Op: "CompleteMultipartUpload", UploadID: m.id, Region: m.region, Began: time.Now()}
		out, err := m.client.CompleteMultipartUpload(ctx, &s3.CompleteMultipartUploadInput{
			Bucket: &m.o.Bucket, Key: &m.o.Key, UploadId: &m.id, IfNoneMatch: aws.String(createOnly),
			MultipartUpload: &types.CompletedMultipartUpload{Parts: m.parts}, ExpectedBucketOwner: m.owner(),
		}, m.signing()...)
		if err == nil && aws.ToString(out.ETag) == "" {
			err = errNoETag
		}
		if err != nil {
			e := m.failure(ctx, call.Op, m.region, err)
			m.called(call, middleware.Metadata{}, e)
			// S3 asks for a new upload: this one cannot be completed any more.
			e.verdict.restart = e.Status == http.StatusConflict
			return m.outcome(m.lost(e))
		}
		m.called(call, out.ResultMetadata, nil)
		m.stored(*out.ETag)
		return nil
	}})
}

// lost marks the errors after which this upload is of no use, but a new one may
// be: S3 does not know it or one of its parts, or the bucket is elsewhere.
func (m *multipart) lost(e *Error) *Error {
	if e.Code == "NoSuchUpload" || e.Code == "InvalidPart" || e.verdict.moved {
		e.verdict.restart, e.verdict.moved = true, false
	}
	return e
}

// abortAfterEnd is how long an abort may take whose upload was cancelled: the
// caller is waiting to end, and parts that are left behind cost little.
const abortAfterEnd = time.Second

// abort lets S3 drop the upload and its parts. It must also work when the upload
// was cancelled, so it has a context of its own, bounded by Config.MinTimeout, and
// by abortAfterEnd once the caller's has ended.
func (m *multipart) abort(caller context.Context, again func(*Error) bool) error {
	ctx, cancel := m.u.deadline(context.WithoutCancel(caller), 0)
	defer cancel()
	ended := context.AfterFunc(caller, func() { time.AfterFunc(abortAfterEnd, cancel) })
	defer ended()
	_, err := m.abortID(ctx, m.id, again)
	if err != nil {
		m.leftover = true
		m.u.log.WarnContext(ctx, "multipart upload left behind", "bucket", m.o.Bucket, "key", m.o.Key,
			"upload_id", m.id, "error", err)
	}
	return err
}

// abortID lets S3 drop the upload of that id under the object's key, and tells
// whether S3 knew it: one that it does not know needs no abort.
func (m *multipart) abortID(ctx context.Context, id string, again func(*Error) bool) (known bool, err error) {
	err = m.retry(ctx, task{op: "AbortMultipartUpload", again: again, try: func(ctx context.Context) error {
		ctx, cancel := m.u.deadline(ctx, 0)
		defer cancel()
		call := Call{Op: "AbortMultipartUpload", UploadID: id, Region: m.region, Began: time.Now()}
		out, err := m.client.AbortMultipartUpload(ctx, &s3.AbortMultipartUploadInput{
			Bucket: &m.o.Bucket, Key: &m.o.Key, UploadId: &id, ExpectedBucketOwner: m.owner(),
		}, m.signing()...)
		if err == nil {
			known = true
			m.called(call, out.ResultMetadata, nil)
			return nil
		}
		e := newError(call.Op, m.o, err)
		m.called(call, middleware.Metadata{}, e)
		if e.Code == "NoSuchUpload" {
			return nil
		}
		return e
	}})
	return known, err
}
