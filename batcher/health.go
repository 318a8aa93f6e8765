package batcher

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"strings"
	"syscall"
	"time"

	"github.com/cenkalti/backoff/v5"

	journalv1 "github.com/open-destinations/destinations/gen/destinations/journal/v1"
	"github.com/open-destinations/destinations/uploader"
)

// mode is where the events of a destination are.
type mode int

const (
	// modeActive: they go into memory as the shard reads them.
	modeActive mode = iota
	// modeBlocked: nothing of it is uploaded, and nothing is in memory but tables.
	// The shard counts what it reads, and decides what of it is a duplicate.
	modeBlocked
	// modeBehind: it works, but some of its events have passed the shard without being
	// taken. Until a pass has read those, the shard counts what it reads.
	modeBehind
)

// health is how the uploads to a destination go.
type health struct {
	mode  mode
	cause subject // of modeBlocked: what it waits for; subjectNone = it is itself to blame
	// blocked is its Blocked as it stands in the journal; nil = it does not.
	blocked *journalv1.Blocked
	// deciding: a Blocked or Freed of it is on its way into the journal. Nothing is
	// tried until it has been read back.
	deciding bool
	// mayBeProbed: an earlier process may have probed it under the key of its next batch.
	mayBeProbed bool
	// urgent: its next probe goes before those of others that have failed before: it has
	// been blocked just now, or somebody has asked for it.
	urgent bool
	probe  *job // nil = S3 is not being asked, nor to be
	// doubtful: it has waited for the endpoint after it had failed, and nothing was
	// delivered since. If it fails again, it is itself to blame.
	doubtful bool
	// mistrusted: its last batch has died because S3 refused it, and nothing was delivered
	// since. If the next one is refused, too, that is not because of the batches.
	mistrusted bool
	freedAt    time.Time // when it was last found to work after it had been blocked

	since   time.Time // its first failure since something was delivered; zero = none
	failed  int       // tries that failed since then
	err     error     // of the last of them
	blockAt time.Time // when it has failed for so long that it is blocked, whether a try ends or not; zero = never
	code    string    // of the last failure
	message string
	traced  slog.Attr                   // span of the last try that failed; empty = none since the start
	pause   *backoff.ExponentialBackOff // between tries; nil if none has failed
	retryAt time.Time                   // when it is tried again; zero if no try has failed
	// hopeful: until then it is probed like one that was not given up, for somebody has asked
	// for it and is most likely mending it. Zero = nobody has.
	hopeful time.Time
}

// maxMessage is how many bytes of an error's text are kept, messageHead how many of those
// from its beginning, and messageCut stands for what is left out behind them.
const (
	maxMessage  = 500
	messageHead = 120
	messageCut  = " ... "
)

// fail notes that a try has failed.
func (h *health) fail(err error, now time.Time) {
	if h.since.IsZero() {
		h.since = now
	}
	h.failed++
	h.err = err
	h.code, h.message = describe(err)
}

// lastError is the last failure since something was delivered; "" = there was none.
func (h *health) lastError() string {
	if h.failed == 0 || h.code == "" {
		return h.message
	}
	return h.code + ": " + h.message
}

// works notes that something was delivered.
func (h *health) works() {
	h.since, h.blockAt, h.failed, h.err = time.Time{}, time.Time{}, 0, nil
	h.code, h.message, h.pause, h.doubtful = "", "", nil, false
	h.mistrusted = false
}

// planTry lets the destination be tried again after a pause, which grows with each
// try.
func (h *health) planTry(c *Config, now time.Time) {
	if h.pause == nil {
		h.pause = backoff.NewExponentialBackOff()
		h.pause.InitialInterval = c.RetryMin
	}
	h.pause.MaxInterval = c.RetryMax
	h.blockAt = h.since.Add(c.BlockAfter)
	if h.mode == modeBlocked {
		h.pause.MaxInterval, h.blockAt = c.ProbeMax, time.Time{}
	}
	h.retryAt = now.Add(h.pause.NextBackOff())
	if h.givenUp(c, now) && !now.Before(h.hopeful) {
		h.retryAt = now.Add(giveUpPause)
	}
}

// planTry lets d be tried again after a pause, unless only a person can have it tried.
func (s *shard) planTry(d *destination, now time.Time) {
	d.planTry(s.cfg, now)
	if d.mode == modeBlocked && s.byHand(d) {
		d.retryAt = time.Time{}
	}
}

// describe gives a failure a code, S3's if it has answered, and a text for people.
func describe(err error) (code, message string) {
	message = shorten(strings.ToValidUTF8(err.Error(), "\uFFFD"))
	var s3 *uploader.Error
	if errors.As(err, &s3) && s3.Code != "" {
		return s3.Code, message
	}
	var timeout net.Error
	switch {
	case errors.As(err, &timeout) && timeout.Timeout(), errors.Is(err, context.DeadlineExceeded):
		return "Timeout", message
	case errors.Is(err, syscall.ECONNREFUSED):
		return "ConnectionRefused", message
	case errors.Is(err, syscall.ECONNRESET):
		return "ConnectionReset", message
	}
	return "NoAnswer", message
}

// shorten takes the middle out of an error's text that is too long: it begins with what
// was tried, goes on with a key, which may fill pages, and ends with S3's reason.
func shorten(text string) string {
	if len(text) <= maxMessage {
		return text
	}
	head, tail := text[:messageHead], text[len(text)-(maxMessage-messageHead-len(messageCut)):]
	return strings.ToValidUTF8(head, "") + messageCut + strings.ToValidUTF8(tail, "")
}
