package harness

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"strconv"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
)

// contents counts and digests what an object holds, uncompressed, while it is
// read.
type contents struct {
	r     io.Reader
	lines int
	bytes int
	sum   hash.Hash
}

// newContents returns a reader of r that counts what passes.
func newContents(r io.Reader) *contents { return &contents{r: r, sum: sha256.New()} }

// Read implements io.Reader.
func (c *contents) Read(p []byte) (int, error) {
	n, err := c.r.Read(p)
	c.bytes += n
	c.sum.Write(p[:n])
	return n, err
}

// matches compares what was read with what the object says of itself in its
// headers.
func (c *contents) matches(head *s3.GetObjectOutput) error {
	var errs []error
	want := func(what, got, want string) {
		if got != want {
			errs = append(errs, fmt.Errorf("%s: got %q, want %q", what, got, want))
		}
	}
	m := head.Metadata
	want("Content-Type", aws.ToString(head.ContentType), "application/gzip")
	// With one, clients would decompress the object unasked.
	want("Content-Encoding", aws.ToString(head.ContentEncoding), "")
	want("metadata events", m["events"], strconv.Itoa(c.lines))
	want("metadata raw-bytes", m["raw-bytes"], strconv.Itoa(c.bytes))
	want("metadata raw-sha256", m["raw-sha256"], hex.EncodeToString(c.sum.Sum(nil)))
	first, firstErr := time.Parse(time.RFC3339Nano, m["first-received"])
	last, lastErr := time.Parse(time.RFC3339Nano, m["last-received"])
	if last.Before(first) {
		errs = append(errs, fmt.Errorf("metadata last-received %v is before first-received %v", last, first))
	}
	return errors.Join(append(errs, firstErr, lastErr)...)
}
