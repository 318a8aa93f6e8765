package uploader

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/cenkalti/backoff/v5"
)

// task is something that is tried until it works or there is no hope.
type task struct {
	op    string                          // for the log
	again func(*Error) bool               // whether another try may help
	try   func(ctx context.Context) error // bounds itself in time; its errors hold an Error
}

// repeatable is the again of a single request: the same one may be sent again.
func repeatable(e *Error) bool {
	known := rowOf(e)
	if e.verdict.moved || e.verdict.renewed {
		return true
	}
	return !e.verdict.restart && !e.verdict.final && (known.class == ClassTransient || known.again)
}

// elsewhere is the again of a request that is sent once: only to where S3 sends it.
func elsewhere(e *Error) bool { return e.verdict.moved }

// restartable is the again of a whole multipart upload.
func restartable(e *Error) bool { return e.verdict.restart }

// pauses returns the sequence of jittered pauses between attempts.
func (c *Config) pauses() *backoff.ExponentialBackOff {
	b := backoff.NewExponentialBackOff()
	b.InitialInterval, b.MaxInterval = c.RetryBase, c.RetryMax
	return b
}

// retry tries k until it succeeds, until another try cannot help, or until
// Config.MaxElapsed has passed since its first failure. The first failure and
// not the start counts: what took long because it is large still gets a second
// chance. It returns the last error.
func (t *transfer) retry(ctx context.Context, k task) error {
	pauses := t.u.cfg.pauses()
	var failing time.Time // since when; zero: no failure yet
	for n := 1; ; n++ {
		err := k.try(ctx)
		if err == nil {
			return nil
		}
		var e *Error
		if !errors.As(err, &e) {
			return err
		}
		if failing.IsZero() {
			failing = time.Now()
		}
		pause := max(pauses.NextBackOff(), e.verdict.pause)
		again := ctx.Err() == nil && k.again(e) && time.Since(failing)+pause <= t.u.cfg.MaxElapsed
		t.u.log.DebugContext(ctx, "attempt failed", "operation", k.op, "bucket", t.o.Bucket, "key", t.o.Key,
			"attempt", n, "again", again, "pause", pause, "class", Classify(e).String(),
			"code", e.Code, "status", e.Status, "request_id", e.RequestID, "error", err)
		if again {
			again = t.u.wait(ctx, pause)
		}
		if !again {
			return ended(ctx, e)
		}
	}
}

// wait returns true after d, and false as soon as ctx ends or nothing is to be
// tried again.
func (u *Uploader) wait(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	case <-u.lastTries:
		return false
	}
}

// ended returns e, or if ctx has ended an Error that says so, too: it is the
// caller who gave up then. A permanent answer stays what it is.
func ended(ctx context.Context, e *Error) error {
	cause := context.Cause(ctx)
	if cause == nil || errors.Is(e.Err, cause) || Permanent(e) {
		return e
	}
	return &Error{Op: e.Op, Bucket: e.Bucket, Key: e.Key, Err: fmt.Errorf("%w: %w", cause, e.Err)}
}

// marked returns err, an error of t's own, so that [Leftover] tells what t knows.
func (t *transfer) marked(err error) error {
	var e *Error
	if errors.As(err, &e) {
		e.leftover = t.leftover
	}
	return err
}
