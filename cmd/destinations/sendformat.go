package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"
)

// maxZstdWindow is the largest window of a zstd file that is read, as much as the zstd
// tool itself allows unasked.
const maxZstdWindow = 128 << 20

// inputFormat is a way of compressing files that is told by how they begin.
type inputFormat struct {
	name  string
	magic []byteRange
	open  func(*bufio.Reader) (io.ReadCloser, error)
}

// byteRange is what one byte may be.
type byteRange struct{ from, to byte }

// exactly is a magic of fixed bytes.
func exactly(text string) []byteRange {
	var magic []byteRange
	for _, b := range []byte(text) {
		magic = append(magic, byteRange{b, b})
	}
	return magic
}

// inputFormats are those that are read. A zstd file may begin with a frame that is to
// be skipped.
func inputFormats() []inputFormat {
	return []inputFormat{
		{"gzip", exactly("\x1f\x8b\x08"), openGzip},
		{"zstd", exactly("\x28\xb5\x2f\xfd"), openZstd},
		{"zstd", append([]byteRange{{0x50, 0x5f}}, exactly("\x2a\x4d\x18")...), openZstd},
	}
}

func openGzip(r *bufio.Reader) (io.ReadCloser, error) {
	members, err := gzip.NewReader(r)
	if err != nil {
		return nil, err
	}
	members.Multistream(false)
	return &gzipReader{Reader: members, from: r}, nil
}

// gzipReader reads one member of a file after the other.
type gzipReader struct {
	*gzip.Reader
	from *bufio.Reader
}

// errTrailing is what stands behind the last member of a file and is none.
var errTrailing = errors.New("what stands behind the end of the compressed data is not gzip; all before it was whole")

// Read reads on in the next member when one ends.
func (g *gzipReader) Read(p []byte) (int, error) {
	n, err := g.Reader.Read(p)
	if !errors.Is(err, io.EOF) {
		return n, err
	}
	if _, err := g.from.Peek(1); err != nil {
		return n, err // io.EOF: the file ends, too
	}
	if head, err := g.from.Peek(2); err == nil && string(head) != "\x1f\x8b" || errors.Is(err, io.EOF) {
		return n, errTrailing
	}
	if err := g.Reset(g.from); err != nil {
		return n, err
	}
	g.Multistream(false)
	return n, nil
}

func openZstd(r *bufio.Reader) (io.ReadCloser, error) {
	decoder, err := zstd.NewReader(r, zstd.WithDecoderConcurrency(1), zstd.WithDecoderLowmem(true), zstd.WithDecoderMaxWindow(maxZstdWindow))
	if err != nil {
		return nil, err
	}
	return decoder.IOReadCloser(), nil
}

// uncompressed reads r, or what it holds if it is compressed.
func uncompressed(r io.Reader) (io.ReadCloser, error) {
	source := &failingReader{Reader: r}
	buffered := bufio.NewReaderSize(source, 64<<10)
	format := recognise(buffered)
	if format == nil {
		return io.NopCloser(buffered), nil
	}
	opened, err := format.open(buffered)
	if err != nil {
		return nil, source.explain(format.name, err)
	}
	return namedReader{ReadCloser: opened, source: source, format: format.name}, nil
}

// recognise is the format of what r begins with; nil = none. It reads no further than
// it must, so that a line on a terminal or a pipe is not waited for. An error of r is
// left to who reads it.
func recognise(r *bufio.Reader) *inputFormat {
	formats := inputFormats()
	for n := 1; len(formats) > 0; n++ {
		head, err := r.Peek(n)
		if err != nil {
			return nil
		}
		possible := formats[:0]
		for _, f := range formats {
			at := f.magic[n-1]
			if head[n-1] < at.from || head[n-1] > at.to {
				continue
			}
			if len(f.magic) == n {
				return &f
			}
			possible = append(possible, f)
		}
		formats = possible
	}
	return nil
}

// failingReader keeps the error that reading a file ended with.
type failingReader struct {
	io.Reader
	failed error // io.EOF is none
}

func (f *failingReader) Read(p []byte) (int, error) {
	n, err := f.Reader.Read(p)
	if err != nil && !errors.Is(err, io.EOF) {
		f.failed = err
	}
	return n, err
}

// corruptError says that a compressed file is damaged: what was read of it before may
// be wrong too.
type corruptError struct{ error }

// explain says what is wrong with a file that could not be uncompressed.
func (f *failingReader) explain(format string, err error) error {
	text := strings.TrimPrefix(err.Error(), format+": ")
	switch {
	case f.failed != nil:
		return f.failed
	case errors.Is(err, errTrailing):
		return fmt.Errorf("%s: %w", format, err)
	case errors.Is(err, io.ErrUnexpectedEOF):
		return fmt.Errorf("%s: the file is cut off: %s", format, text)
	}
	return corruptError{fmt.Errorf("%s: %s", format, text)}
}

// namedReader says in its errors what could not be read.
type namedReader struct {
	io.ReadCloser
	source *failingReader
	format string
}

func (n namedReader) Read(p []byte) (int, error) {
	read, err := n.ReadCloser.Read(p)
	if err != nil && !errors.Is(err, io.EOF) {
		err = n.source.explain(n.format, err)
	}
	return read, err
}
