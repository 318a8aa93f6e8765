package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"os/signal"
	"syscall"
	"time"

	destinationsv1 "github.com/open-destinations/destinations/gen/destinations/v1"
)

// sendCmd sends files of events to a running service.
type sendCmd struct {
	clientFlags `embed:""`

	Bucket         string   `required:"" placeholder:"BUCKET" help:"The bucket that the events go to."`
	Prefix         string   `placeholder:"PREFIX" help:"The prefix that they go to (none)."`
	MaxPayloadSize byteSize `default:"1MiB" placeholder:"SIZE" help:"A longer line is rejected here already (${default}); the service has a limit of its own."`
	JSON           bool     `name:"json" help:"Print the result as JSON on standard output instead of as text on standard error."`
	Files          []string `arg:"" optional:"" name:"file" help:"Files to send; \"-\", or no file, is standard input."`
}

// Help is the long text of --help.
func (*sendCmd) Help() string {
	return `Every line is one event, without its line end (LF or CRLF). Empty lines are passed over and counted. Files of any size are sent without holding them in memory. A rejected line costs only itself; it is named on standard error, up to 1,000 of them for every answer of the service, and counted beyond that.

Exit code 0: every event is durable. 1: some were rejected, or the sending ended early. 2: nothing could be sent. Nothing is sent a second time: when the sending ends early, the message says up to which line all is durable.`
}

// Validate refuses a limit that no line can keep.
func (c *sendCmd) Validate() error {
	if c.MaxPayloadSize < 1 || c.MaxPayloadSize > math.MaxInt32 {
		return fmt.Errorf("--max-payload-size: %s, must be 1B to 2047MiB", c.MaxPayloadSize)
	}
	return nil
}

// answerGrace is how long an interrupted send waits for the answer to what it has
// sent.
const answerGrace = 10 * time.Second

// Run sends every line and reports. The first interrupt ends the reading, and the
// answer to what was sent is awaited; the second ends the process.
func (c *sendCmd) Run(p *process) error {
	if len(c.Files) == 0 {
		c.Files = []string{stdinName}
	}
	if err := checkFiles(c.Files); err != nil {
		return err
	}
	conn, err := c.dial()
	if err != nil {
		return err
	}
	defer conn.Close()
	interrupted, stop := signal.NotifyContext(p.ctx, os.Interrupt, syscall.SIGTERM)
	defer stop()
	context.AfterFunc(interrupted, stop)
	ctx, cancel := withGrace(interrupted, answerGrace)
	defer cancel()

	report := &sendReport{stderr: p.stderr}
	input := &sendInput{
		interrupted: interrupted,
		limit:       int(c.MaxPayloadSize),
		report:      report,
		sender: newSender(senderParams{
			Client:  destinationsv1.NewDestinationsClient(conn),
			Bucket:  c.Bucket,
			Prefix:  c.Prefix,
			Limits:  defaultSendLimits(),
			Report:  report,
			Explain: c.explain,
		}),
	}
	err = input.sendAll(ctx, interruptible(interrupted, p.stdin), c.Files)
	return report.finish(p, c.JSON, err)
}

// stdinName is standard input on the command line.
const stdinName = "-"

// checkFiles refuses files that can't be sent, before anything is sent.
func checkFiles(files []string) error {
	var problems []error
	for _, name := range files {
		if name == stdinName {
			continue
		}
		info, err := os.Stat(name)
		if err == nil && info.IsDir() {
			err = fmt.Errorf("%s is a folder", name)
		}
		problems = append(problems, err)
	}
	return errors.Join(problems...)
}

// withGrace is a context that ends a while after the other has.
func withGrace(ctx context.Context, grace time.Duration) (context.Context, context.CancelFunc) {
	later, cancel := context.WithCancel(context.WithoutCancel(ctx))
	stop := context.AfterFunc(ctx, func() {
		timer := time.AfterFunc(grace, cancel)
		context.AfterFunc(later, func() { timer.Stop() })
	})
	return later, func() {
		stop()
		cancel()
	}
}

// interruptible reads r until ctx ends. A read of a terminal or a pipe can't be
// broken off: when ctx ends, the goroutine that hangs in one ends with the process.
func interruptible(ctx context.Context, r io.Reader) io.Reader {
	reader, writer := io.Pipe()
	go func() {
		_, err := io.Copy(writer, r)
		writer.CloseWithError(err) // nil reads as the end
	}()
	context.AfterFunc(ctx, func() { writer.CloseWithError(errInterrupted) })
	return reader
}

// sendInput reads the files and hands their lines to the sender.
type sendInput struct {
	interrupted context.Context // ends when no more is to be read
	limit       int             // longest payload, in bytes
	sender      *sender
	report      *sendReport
}

var errInterrupted = errors.New("interrupted; this line and those that follow were not sent")

// sendAll sends the files one after the other and waits for the answers. The error
// says what ended the sending early.
func (i *sendInput) sendAll(ctx context.Context, stdin io.Reader, files []string) error {
	for _, name := range files {
		if err := i.sendNamed(ctx, stdin, name); err != nil {
			return errors.Join(err, i.sender.finish(ctx))
		}
	}
	return i.sender.finish(ctx)
}

func (i *sendInput) sendNamed(ctx context.Context, stdin io.Reader, name string) error {
	if name == stdinName {
		return i.sendFile(ctx, "stdin", stdin)
	}
	f, err := os.Open(name)
	if err != nil {
		return err
	}
	defer f.Close()
	return i.sendFile(ctx, name, f)
}

// sendFile sends the lines of one file.
func (i *sendInput) sendFile(ctx context.Context, name string, r io.Reader) error {
	lines := newLineReader(r, i.limit)
	for at := (place{file: name, line: 1}); ; at.line++ {
		if i.interrupted.Err() != nil {
			return fmt.Errorf("%s: %w", at, errInterrupted)
		}
		line, err := lines.next()
		switch {
		case errors.Is(err, io.EOF):
			return nil
		case err != nil:
			return fmt.Errorf("%s: %w", at, err)
		case line.size == 0:
			i.report.skipped++
		case line.payload == nil:
			i.report.reject(at, fmt.Sprintf("payload: %d bytes, limit %d (--max-payload-size)", line.size, i.limit))
		default:
			if err := i.sender.add(ctx, line.payload, at); err != nil {
				return err
			}
		}
	}
}
