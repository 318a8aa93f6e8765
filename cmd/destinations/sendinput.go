package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"sync/atomic"
)

// stdinName is standard input on the command line.
const stdinName = "-"

// sendInput reads the files and hands their events to the sender.
type sendInput struct {
	reading context.Context // ends when no more is to be read; the cause says why
	stdin   io.Reader
	whole   bool // each file is one event
	limit   int  // longest payload, in bytes
	sender  *sender
	report  *sendReport
	read    atomic.Int64 // bytes of the files that were read, as they are stored
}

// checkFiles refuses files that can't be sent, before anything is sent. size is that
// of all together, -1 if it can't be known.
func checkFiles(files []string) (size int64, err error) {
	var problems []error
	for _, name := range files {
		if name == stdinName {
			size = -1
			continue
		}
		info, err := os.Stat(name)
		switch {
		case err != nil:
			problems = append(problems, err)
		case info.IsDir():
			problems = append(problems, fmt.Errorf("%s is a folder", name))
		case !info.Mode().IsRegular():
			size = -1
		case size >= 0:
			size += info.Size()
		}
	}
	return size, errors.Join(problems...)
}

var errInterrupted = errors.New("interrupted; this and what follows was not sent")

// sendAll sends the files one after the other and waits for the answers. The error
// says what ended the sending early.
func (i *sendInput) sendAll(ctx context.Context, files []string) error {
	var err error
	for _, name := range files {
		if err = i.sendNamed(ctx, name); err != nil {
			break
		}
	}
	if errors.Is(err, errSendingEnded) {
		return i.sender.finish() // which says why
	}
	if ended := i.sender.finish(); err == nil || ended != nil {
		return errors.Join(err, ended)
	}
	return i.report.explainRead(err)
}

func (i *sendInput) sendNamed(ctx context.Context, name string) error {
	if name == stdinName {
		return i.sendFile(ctx, "stdin", interruptible(i.reading, i.stdin))
	}
	f, err := os.Open(name)
	if err != nil {
		return err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return err
	}
	if !info.Mode().IsRegular() {
		return i.sendFile(ctx, name, interruptible(i.reading, f))
	}
	return i.sendFile(ctx, name, f)
}

// interruptible reads r until ctx ends. A read of a terminal or a pipe can't be
// broken off: when ctx ends, the goroutine that hangs in one ends with the process.
func interruptible(ctx context.Context, r io.Reader) io.Reader {
	reader, writer := io.Pipe()
	go func() {
		_, err := io.Copy(writer, r)
		writer.CloseWithError(err) // nil reads as the end
	}()
	context.AfterFunc(ctx, func() { writer.CloseWithError(whyNotRead(ctx)) })
	return reader
}

// whyNotRead is the error of a file that is not read further since ctx has ended.
func whyNotRead(ctx context.Context) error {
	if cause := context.Cause(ctx); errors.Is(cause, errSendingEnded) {
		return cause
	}
	return errInterrupted
}

// sendFile sends the events of one file.
func (i *sendInput) sendFile(ctx context.Context, name string, r io.Reader) error {
	send := i.sendLines
	if i.whole {
		send = i.sendWhole
	}
	text, err := uncompressed(countingReader{r, &i.read})
	if err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	defer text.Close()
	return send(ctx, name, text)
}

// sendLines sends a file each line of which is an event.
func (i *sendInput) sendLines(ctx context.Context, name string, r io.Reader) error {
	lines := newLineReader(r, i.limit)
	for at := (place{file: name, line: 1}); ; at.line++ {
		if i.reading.Err() != nil {
			return fmt.Errorf("%s: %w", at, whyNotRead(i.reading))
		}
		line, err := lines.next()
		switch {
		case errors.Is(err, io.EOF):
			return nil
		case err != nil:
			return unread(at, err)
		case line.size == 0:
			i.report.skip()
		case line.payload == nil:
			i.report.reject(at, fmt.Sprintf("payload: %d bytes, limit %d (--max-payload-size)", line.size, i.limit))
		default:
			if err := i.sender.add(ctx, line.payload, at); err != nil {
				return err
			}
		}
	}
}

// unread says that a file can't be read from a line on.
func unread(at place, err error) error {
	var corrupt corruptError
	switch {
	case !errors.As(err, &corrupt) || at.line == 1:
		return fmt.Errorf("%s: %w", at, err)
	case at.line == 2:
		return fmt.Errorf("%s: %w; the line before it was sent and may be wrong", at, err)
	}
	return fmt.Errorf("%s: %w; the %d lines before it were sent and may be wrong", at, err, at.line-1)
}

// sendWhole sends a file that is one event. A line end that it ends with is not of
// the event, as it is not of a line.
func (i *sendInput) sendWhole(ctx context.Context, name string, r io.Reader) error {
	at := place{file: name}
	if i.reading.Err() != nil {
		return fmt.Errorf("%s: %w", at, whyNotRead(i.reading))
	}
	payload, err := io.ReadAll(io.LimitReader(r, int64(i.limit)+int64(len("\r\n"))+1))
	if err != nil {
		return fmt.Errorf("%s: %w", at, err)
	}
	payload = trimLineEnd(payload)
	switch {
	case len(payload) == 0:
		i.report.skip()
	case len(payload) > i.limit:
		i.report.reject(at, fmt.Sprintf("payload: more than %d bytes (--max-payload-size)", i.limit))
	default:
		return i.sender.add(ctx, payload, at)
	}
	return nil
}

// countingReader counts what is read of r.
type countingReader struct {
	r    io.Reader
	read *atomic.Int64
}

func (c countingReader) Read(p []byte) (int, error) {
	n, err := c.r.Read(p)
	c.read.Add(int64(n))
	return n, err
}
