package main

import (
	"bufio"
	"errors"
	"io"
)

// lineReader cuts a file into lines and holds no more than one of them, and of
// that no more than its limit.
type lineReader struct {
	r     *bufio.Reader
	limit int    // longest line that is handed out, in bytes
	buf   []byte // the first bytes, up to limit, of the line being read
}

// textLine is one line, without its line end (LF or CRLF).
type textLine struct {
	payload []byte // valid until the next call; nil if the line is longer than the limit
	size    uint64 // bytes of the whole line
}

// newLineReader reads lines of at most limit bytes from r.
func newLineReader(r io.Reader, limit int) *lineReader {
	return &lineReader{r: bufio.NewReaderSize(r, 64<<10), limit: limit}
}

// next returns the next line; io.EOF behind the last, which needs no line end.
// Another error is the file's.
func (l *lineReader) next() (textLine, error) {
	l.buf = l.buf[:0]
	size, before := uint64(0), byte(0) // before = the last byte before chunk
	for {
		chunk, err := l.r.ReadSlice('\n')
		size += uint64(len(chunk))
		l.buf = append(l.buf, chunk[:min(len(chunk), l.limit-len(l.buf))]...)
		switch {
		case err == nil:
			return l.line(size - lineEnd(before, chunk)), nil
		case errors.Is(err, bufio.ErrBufferFull):
			before = chunk[len(chunk)-1]
		case errors.Is(err, io.EOF) && size > 0:
			return l.line(size), nil
		default:
			return textLine{}, err
		}
	}
}

// line hands out the line of size bytes that was read.
func (l *lineReader) line(size uint64) textLine {
	if size > uint64(l.limit) {
		return textLine{size: size}
	}
	return textLine{payload: l.buf[:size], size: size}
}

// lineEnd is the length of the line end that chunk ends with: 2 for CRLF, 1 for LF.
func lineEnd(before byte, chunk []byte) uint64 {
	if len(chunk) > 1 {
		before = chunk[len(chunk)-2]
	}
	if before == '\r' {
		return 2
	}
	return 1
}

// trimLineEnd is text without the line end (LF or CRLF) that it may end with.
func trimLineEnd(text []byte) []byte {
	if len(text) == 0 || text[len(text)-1] != '\n' {
		return text
	}
	return text[:len(text)-int(lineEnd(0, text))]
}
