package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"

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
	open  func(io.Reader) (io.ReadCloser, error)
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

func openGzip(r io.Reader) (io.ReadCloser, error) { return gzip.NewReader(r) }

func openZstd(r io.Reader) (io.ReadCloser, error) {
	decoder, err := zstd.NewReader(r, zstd.WithDecoderConcurrency(1), zstd.WithDecoderLowmem(true), zstd.WithDecoderMaxWindow(maxZstdWindow))
	if err != nil {
		return nil, err
	}
	return decoder.IOReadCloser(), nil
}

// uncompressed reads r, or what it holds if it is compressed.
func uncompressed(r io.Reader) (io.ReadCloser, error) {
	buffered := bufio.NewReaderSize(r, 64<<10)
	format := recognise(buffered)
	if format == nil {
		return io.NopCloser(buffered), nil
	}
	opened, err := format.open(buffered)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", format.name, err)
	}
	return namedReader{ReadCloser: opened, format: format.name}, nil
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

// namedReader says in its errors what could not be read.
type namedReader struct {
	io.ReadCloser
	format string
}

func (n namedReader) Read(p []byte) (int, error) {
	read, err := n.ReadCloser.Read(p)
	if err != nil && !errors.Is(err, io.EOF) {
		err = fmt.Errorf("%s: %w", n.format, err)
	}
	return read, err
}
