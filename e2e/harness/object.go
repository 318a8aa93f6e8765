package harness

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"regexp"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
)

// maxLine bounds a line of an object: the largest payload that the service takes
// by default, and some.
const maxLine = 2 << 20

// keyFormat is the key of an object as users are told it: the prefix, folders of
// date and hour, and a name that begins with the same date and ends with 64
// hexadecimal digits.
var keyFormat = regexp.MustCompile(
	`^((?s:.*)/)?(\d{4}/\d{2}/\d{2}/\d{2})/(\d{4}-\d{2}-\d{2}-\d{2}-\d{2}-\d{2})-([0-9a-f]{64})\.gz$`)

// Object is an object in a bucket.
type Object struct {
	Bucket string
	Key    string
	Prefix string    // of the destination: what the key has before its date
	Time   time.Time // in the key: when the batch was closed, whole seconds
	Size   int64     // stored bytes
	ETag   string    // without quotes
}

// String is the object's address.
func (o Object) String() string { return "s3://" + o.Bucket + "/" + o.Key }

// List lists the objects of a bucket whose keys begin with prefix, in the
// order of their keys. Like other readers of a prefix it passes over names that begin
// with "_"; any other key that is not of the promised form is an error.
func (s *S3) List(ctx context.Context, bucket, prefix string) ([]Object, error) {
	var objects []Object
	pages := s3.NewListObjectsV2Paginator(s.admin, &s3.ListObjectsV2Input{Bucket: &bucket, Prefix: &prefix})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return nil, fmt.Errorf("list s3://%s/%s: %w", bucket, prefix, err)
		}
		for _, c := range page.Contents {
			if strings.HasPrefix(path.Base(*c.Key), "_") {
				continue
			}
			o, err := ParseKey(bucket, *c.Key)
			if err != nil {
				return nil, err
			}
			o.Size = *c.Size
			o.ETag = strings.Trim(aws.ToString(c.ETag), `"`)
			objects = append(objects, o)
		}
	}
	return objects, nil
}

// ParseKey takes a key apart and checks it against the promised form.
func ParseKey(bucket, key string) (Object, error) {
	m := keyFormat.FindStringSubmatch(key)
	if m == nil {
		return Object{}, fmt.Errorf("key %q is not [PREFIX]/YYYY/MM/DD/HH/YYYY-MM-DD-HH-MM-SS-IDENTIFIER.gz", key)
	}
	t, err := time.Parse("2006-01-02-15-04-05", m[3])
	if err != nil {
		return Object{}, fmt.Errorf("key %q: %w", key, err)
	}
	if folders := t.Format("2006/01/02/15"); folders != m[2] {
		return Object{}, fmt.Errorf("key %q: folders %s, name %s", key, m[2], m[3])
	}
	return Object{Bucket: bucket, Key: key, Prefix: m[1], Time: t}, nil
}

// Appeared is when an object was there: the modification time of its file, which is
// what S3 lists as LastModified, but not cut to whole seconds.
func (s *S3) Appeared(o Object) (time.Time, error) {
	st, err := os.Stat(filepath.Join(s.Folder, o.Bucket, filepath.FromSlash(o.Key)))
	if err != nil {
		return time.Time{}, fmt.Errorf("find out when %s appeared: %w", o, err)
	}
	return st.ModTime(), nil
}

// Decompress is a way to read a gzip stream. The reader that it returns reports
// at its end, or on Close, everything that is wrong with the stream.
type Decompress func(ctx context.Context, compressed io.Reader) (io.ReadCloser, error)

// SystemGunzip decompresses with the system's gunzip, a decoder that shares
// nothing with the service.
func SystemGunzip(ctx context.Context, compressed io.Reader) (io.ReadCloser, error) {
	var stderr bytes.Buffer
	cmd := exec.CommandContext(ctx, "gunzip", "-c")
	cmd.Stdin, cmd.Stderr = compressed, &stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	return &gunzip{Reader: out, cmd: cmd, stderr: &stderr}, nil
}

// gunzip is a running gunzip.
type gunzip struct {
	io.Reader
	cmd    *exec.Cmd
	stderr *bytes.Buffer
}

// Close waits for the process; what it had still to say is thrown away.
func (g *gunzip) Close() error {
	_, readErr := io.Copy(io.Discard, g.Reader)
	if err := g.cmd.Wait(); err != nil {
		return fmt.Errorf("gunzip: %w: %s", err, bytes.TrimSpace(g.stderr.Bytes()))
	}
	return readErr
}

// LibraryGunzip decompresses in this process: for thousands of small objects, for
// each of which a process would cost more than all else.
func LibraryGunzip(_ context.Context, compressed io.Reader) (io.ReadCloser, error) {
	return gzip.NewReader(compressed)
}

// Lines reads an object and calls f with each line, without its newline; the
// slice is f's until it returns. An object whose last line has no newline, that
// does not decompress to the end, or whose headers and metadata say otherwise than
// its bytes, is an error.
func (s *S3) Lines(ctx context.Context, o Object, f func(line []byte) error) error {
	got, err := s.admin.GetObject(ctx, &s3.GetObjectInput{Bucket: &o.Bucket, Key: &o.Key})
	if err != nil {
		return fmt.Errorf("get %s: %w", o, err)
	}
	defer got.Body.Close()
	plain, err := s.Decompress(ctx, got.Body)
	if err != nil {
		return fmt.Errorf("decompress %s: %w", o, err)
	}
	passed := newContents(plain)
	err = errors.Join(eachLine(passed, func(line []byte) error {
		passed.lines++
		return f(line)
	}), plain.Close())
	if err == nil {
		err = passed.matches(got)
	}
	if err != nil {
		return fmt.Errorf("read %s: %w", o, err)
	}
	return nil
}

// eachLine calls f with each line of r.
func eachLine(r io.Reader, f func([]byte) error) error {
	lines := bufio.NewScanner(r)
	lines.Buffer(make([]byte, 0, 16<<10), maxLine)
	lines.Split(splitLine)
	for lines.Scan() {
		if err := f(lines.Bytes()); err != nil {
			return err
		}
	}
	return lines.Err()
}

// splitLine cuts at newlines only, and insists on one at the end.
func splitLine(data []byte, atEOF bool) (advance int, line []byte, err error) {
	if i := bytes.IndexByte(data, '\n'); i >= 0 {
		return i + 1, data[:i:i], nil
	}
	if atEOF && len(data) > 0 {
		return 0, nil, fmt.Errorf("the last line has no newline: %d bytes", len(data))
	}
	return 0, nil, nil
}
