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

	Bucket         string        `required:"" placeholder:"BUCKET" help:"The bucket that the events go to."`
	Prefix         string        `placeholder:"PREFIX" help:"The prefix that they go to (none)."`
	Whole          bool          `help:"Send each file as one event, without the line end that it may end with."`
	MaxPayloadSize byteSize      `default:"1MiB" placeholder:"SIZE" help:"A longer event is rejected here already (${default}); the service has a limit of its own."`
	RetryFor       time.Duration `default:"5m" placeholder:"TIME" help:"How long to go on without progress while the service is away, silent, stopping or full (${default}); 0: end at the first failure."`
	Wait           bool          `help:"Wait until every event is delivered, or dead."`
	WaitFor        time.Duration `default:"10m" placeholder:"TIME" help:"How long to wait with --wait (${default})."`
	JSON           bool          `name:"json" help:"Print receipts and the summary as JSON, one value a line, on standard output instead of as text on standard error."`
	Files          []string      `arg:"" optional:"" name:"file" help:"Files to send; \"-\", or no file, is standard input."`
}

// Help is the long text of --help.
func (*sendCmd) Help() string {
	return `Every line is one event, without its line end (LF or CRLF). Empty lines are passed over and counted. A file compressed with gzip or zstd is recognised by its first bytes and read as what it holds. Files of any size are sent without holding them in memory, and a pipe that pauses is sent up to there after a second. A rejected event costs only itself, and is named on standard error by file and line.

While the service is away, restarts or has no room left, what has no answer is sent again as it was, at growing intervals, until --retry-for has passed without an answer.

With --json, each receipt is a line {"bucket","prefix","accepted","token"} as soon as it comes, and the last line is {"accepted","rejected","skipped"}. Progress is shown if standard error is a terminal.

With --wait, the command ends when every event is delivered, which may take the service's --window; what is not by the end of --wait-for, or is dead, is named on standard error.

Exit code 0: every event is durable, and with --wait, delivered. 1: some were rejected, or the sending ended early. 2: nothing could be sent. 3 and 4, with --wait: all are durable, and some are not delivered yet, or dead. When the sending ends early, the message says up to which line all is durable.`
}

// Validate refuses a limit that no line can keep, and a time that can't be.
func (c *sendCmd) Validate() error {
	var problems []error
	if c.MaxPayloadSize < 1 || c.MaxPayloadSize > math.MaxInt32 {
		problems = append(problems, fmt.Errorf("--max-payload-size: %s, must be 1B to 2047MiB", c.MaxPayloadSize))
	}
	if c.RetryFor < 0 {
		problems = append(problems, fmt.Errorf("--retry-for: %v, must not be below 0", c.RetryFor))
	}
	if c.WaitFor <= 0 {
		problems = append(problems, fmt.Errorf("--wait-for: %v, must be above 0", c.WaitFor))
	}
	return errors.Join(problems...)
}

// answerGrace is how long an interrupted send waits for the answers to what it has
// sent.
const answerGrace = 10 * time.Second

// Run sends every event and reports. The first interrupt ends the reading, and the
// answers to what was sent are awaited; the second ends the process.
func (c *sendCmd) Run(p *process) error {
	if len(c.Files) == 0 {
		c.Files = []string{stdinName}
	}
	size, err := checkFiles(c.Files)
	if err != nil {
		return err
	}
	conn, err := c.dial(p)
	if err != nil {
		return err
	}
	defer conn.Close()
	interrupted, stop := signal.NotifyContext(p.ctx, os.Interrupt, syscall.SIGTERM)
	defer stop()
	context.AfterFunc(interrupted, stop)
	ctx, cancel := withGrace(interrupted, answerGrace)
	defer cancel()

	bar := newProgress(p.stderr, size)
	report := c.report(p, bar)
	reading, stopReading := context.WithCancelCause(interrupted)
	defer stopReading(nil)
	input := &sendInput{reading: reading, stdin: p.stdin, whole: c.Whole, limit: int(c.MaxPayloadSize), report: report}
	input.sender = newSender(ctx, senderParams{
		Client:   destinationsv1.NewDestinationsClient(conn),
		Bucket:   c.Bucket,
		Prefix:   c.Prefix,
		Limits:   defaultSendLimits(),
		RetryFor: c.RetryFor,
		Report:   report,
		Explain:  c.explain,
		Stop:     stopReading,
	})
	bar.start(func() (int64, sendCounts) { return input.read.Load(), report.counted() })
	err = input.sendAll(ctx, c.Files)
	bar.close()
	err = report.finish(err)
	if c.Wait && len(report.tokens()) > 0 {
		waited := c.await(interrupted, destinationsv1.NewDeliveriesClient(conn), report)
		if err == nil {
			err = waited
		}
	}
	return err
}

// await waits until what was sent is delivered, and says what is not.
func (c *sendCmd) await(interrupted context.Context, client destinationsv1.DeliveriesClient, report *sendReport) error {
	ctx, cancel := context.WithTimeoutCause(interrupted, c.WaitFor, fmt.Errorf("not all is delivered within %v (--wait-for)", c.WaitFor))
	defer cancel()
	open, err := settled(ctx, client, report.tokens(), tellOnce(report.note))
	for _, d := range open {
		report.undelivered(d)
	}
	switch {
	case ctx.Err() != nil:
		return &exitError{code: exitUndelivered, err: fmt.Errorf("%w; every event is durable", context.Cause(ctx))}
	case err != nil:
		return &exitError{code: exitUndelivered, err: fmt.Errorf("ask what is delivered: %w; every event is durable", c.explain(err))}
	}
	return outcomeOf(open)
}

// report makes the report that the flags ask for; what it says to people goes past
// the progress bar.
func (c *sendCmd) report(p *process, bar *progress) *sendReport {
	var stdout io.Writer
	if c.JSON {
		stdout = p.stdout
	}
	report := newSendReport(bar, stdout)
	if c.Whole {
		report.skipped = "file"
	}
	report.keep = c.Wait
	return report
}

// withGrace is a context that ends a while after the other has.
func withGrace(ctx context.Context, grace time.Duration) (context.Context, context.CancelFunc) {
	later, cancel := context.WithCancelCause(context.WithoutCancel(ctx))
	stop := context.AfterFunc(ctx, func() {
		timer := time.AfterFunc(grace, func() { cancel(fmt.Errorf("no answer within %v of the interrupt", grace)) })
		context.AfterFunc(later, func() { timer.Stop() })
	})
	return later, func() {
		stop()
		cancel(nil)
	}
}
