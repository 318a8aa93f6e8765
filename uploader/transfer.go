package uploader

import (
	"context"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"hash/crc32"
	"io"
	"strings"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/smithy-go/middleware"
)

// contentType says what an object is. There is no Content-Encoding: a client
// that undoes it would store something else than what the key's ".gz" says.
const contentType = "application/gzip"

// textType is what an object with Text is.
const textType = "text/plain; charset=utf-8"

// errNoETag is a 200 that does not say what was stored. S3 begins the answer to a
// CompleteMultipartUpload before it knows the outcome, so the rest may be missing;
// where it never is, a proxy answered. Asking again is safe.
var errNoETag = errors.New("status 200, but no ETag")

// createOnly is the value of If-None-Match: no object may be overwritten.
const createOnly = "*"

// transfer is one call of Upload. It belongs to the goroutine of that call; the
// goroutines that send parts read u, o and size.
type transfer struct {
	u      *Uploader
	o      *Object
	size   int64 // of the object
	result Result

	leftover bool // Result.Leftover, also of what fails
	anyOwner bool // lookups name no owner of the bucket

	calls struct {
		sync.Mutex
		all   []Call // at most maxCalls
		count int    // of all, remembered or not
	}
}

// put stores the object with one request.
func (t *transfer) put(ctx context.Context) error {
	checksum, err := t.checksum(0, t.size)
	if err != nil {
		return err
	}
	return t.retry(ctx, task{op: "PutObject", again: repeatable, try: func(ctx context.Context) error {
		return t.putOnce(ctx, checksum)
	}})
}

// putOnce sends the object once. Commit point: the object is there from the
// moment that S3 has taken its last byte. If the reply is lost after that, the
// next attempt, now or after a restart, is answered by a 412.
func (t *transfer) putOnce(ctx context.Context, checksum string) error {
	t.result.Attempts++
	region, of := t.bucketRegion(ctx), t.terms()
	ctx, cancel := t.u.deadline(ctx, t.size)
	defer cancel()
	call := Call{Op: "PutObject", Region: region, Began: time.Now()}
	out, err := t.u.clients.in(region).PutObject(ctx, &s3.PutObjectInput{
		Bucket: &t.o.Bucket, Key: &t.o.Key,
		Body: t.section(0, t.size), ContentLength: &t.size, ChecksumCRC32: &checksum,
		IfNoneMatch: aws.String(createOnly), ContentType: aws.String(t.o.contentType()),
		Metadata: t.o.metadata(), ACL: of.acl, ExpectedBucketOwner: of.owner,
		ServerSideEncryption: of.encryption, SSEKMSKeyId: of.key, StorageClass: of.class, Tagging: of.tagging,
	}, t.signing()...)
	if err == nil && aws.ToString(out.ETag) == "" {
		err = errNoETag
	}
	if err != nil {
		e := t.failure(ctx, call.Op, region, err)
		t.called(call, middleware.Metadata{}, e)
		return t.outcome(e)
	}
	t.called(call, out.ResultMetadata, nil)
	t.stored(*out.ETag)
	return nil
}

// stored fills in the result of an upload that S3 has confirmed.
func (t *transfer) stored(etag string) {
	t.result.ETag = strings.Trim(etag, `"`)
	t.result.Size = t.size
}

// outcome returns the error of a create-only request, or nil if its answer was a
// 412: only this object can have that key, so the object is there. It was stored
// by an attempt whose reply was lost, perhaps by an earlier process that
// compressed it otherwise, so its ETag and its size are not known.
func (t *transfer) outcome(e *Error) error {
	if !e.exists() {
		return e
	}
	t.result.Existed = true
	return nil
}

// section returns a fresh reader of part of the object.
func (t *transfer) section(off, size int64) section {
	return section{io.NewSectionReader(t.o.Body, off, size), &t.u.buffers}
}

// checksum returns the CRC-32 of part of the object as S3 wants it. Of all
// checksums this is the one that the most servers know. It is computed before
// the first attempt, so what is sent later is held against what was read first.
func (t *transfer) checksum(off, size int64) (string, error) {
	crc := crc32.NewIEEE()
	n, err := io.Copy(crc, t.section(off, size))
	if err == nil && n != size {
		err = io.ErrUnexpectedEOF
	}
	if err != nil {
		return "", newError("Read", t.o, err)
	}
	return base64.StdEncoding.EncodeToString(binary.BigEndian.AppendUint32(nil, crc.Sum32())), nil
}
