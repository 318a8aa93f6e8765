package auth

import (
	"context"
	"io"
	"log/slog"
	"strings"
	"sync/atomic"
	"time"

	"golang.org/x/time/rate"
)

// refusalsPerSecond is how many refusals are written down: strangers can cause any
// number of them, and the disk is the service's.
const refusalsPerSecond = 100

// Audit is a log of who did what, where, with what outcome: JSON, one entry a line.
// Refusals stand in the service's log, too. A nil one writes nothing.
type Audit struct {
	log        *slog.Logger // nil = there is no audit log
	serviceLog *slog.Logger
	strangers  bounded // refusals of those who were not let in
	known      bounded // refusals of principals: strangers must not be able to hide them
}

// bounded is how many refusals are written.
type bounded struct {
	rate *rate.Limiter
	left atomic.Int64 // that were not written since the last that was
}

func newBounded() bounded {
	return bounded{rate: rate.NewLimiter(refusalsPerSecond, refusalsPerSecond)}
}

// NewAudit returns an audit log that writes to w, an entry in one call of Write; nil =
// only to the service's log what stands there, too. While w fails the service goes on, and
// its log says so.
func NewAudit(w io.Writer, service *slog.Logger) *Audit {
	a := &Audit{serviceLog: service, strangers: newBounded(), known: newBounded()}
	if w != nil {
		a.log = slog.New(slog.NewJSONHandler(&entryWriter{to: w, log: service}, nil))
	}
	return a
}

// Written reports whether there is an audit log, beside what stands in the service's log.
func (a *Audit) Written() bool { return a != nil && a.log != nil }

// Entry is something that was done or refused. What is empty is left out, and what is
// longer than 1,024 bytes is cut: callers can send megabytes, and the disk is the service's.
type Entry struct {
	Principal, Tenant string // who; empty if he was not let in
	Address           string // from where
	Action            string // what: a method of the API, or another
	Bucket, Prefix    string // where, if he named a place
	All               bool   // where: everywhere
	Outcome           string // OK, or a code of gRPC
	Reason            string // of a refusal; never a secret
}

// Operation notes that somebody has done, or could not do, something.
func (a *Audit) Operation(e Entry) {
	if a.Written() {
		write(a.log, "operation", e.attributes())
	}
}

// Refusal notes that somebody was not allowed to do something. Beyond 100 a second of
// principals, and as many of who was not let in, they are only counted, and the next one
// that is written says how many.
func (a *Audit) Refusal(e Entry) {
	if a == nil {
		return
	}
	of := &a.known
	if e.Principal == "" {
		of = &a.strangers
	}
	if !of.rate.AllowN(time.Now(), 1) {
		of.left.Add(1)
		return
	}
	attributes := e.attributes()
	if left := of.left.Swap(0); left > 0 {
		attributes = append(attributes, slog.Int64("not_written", left))
	}
	a.serviceLog.Info("refused", slog.GroupAttrs("", attributes...))
	if a.log != nil {
		write(a.log, "refusal", attributes)
	}
}

// Change notes that what is granted has changed: what says so, and in how far.
func (a *Audit) Change(what string, details ...slog.Attr) {
	if a.Written() {
		write(a.log, "change", append([]slog.Attr{slog.String("what", what)}, details...))
	}
}

func write(to *slog.Logger, kind string, attributes []slog.Attr) {
	to.LogAttrs(context.Background(), slog.LevelInfo, kind, attributes...)
}

func (e Entry) attributes() (attributes []slog.Attr) {
	for _, field := range []struct{ key, value string }{
		{"principal", e.Principal}, {"tenant", e.Tenant}, {"address", e.Address}, {"action", e.Action},
		{"bucket", e.Bucket}, {"prefix", e.Prefix}, {"outcome", e.Outcome}, {"reason", e.Reason},
	} {
		if field.value != "" {
			attributes = append(attributes, slog.String(field.key, shortened(field.value)))
		}
	}
	if e.All {
		attributes = append(attributes, slog.Bool("all", true))
	}
	return attributes
}

// maxFieldBytes is the size of the longest text in an entry: as a key of S3's has it.
const maxFieldBytes = 1024

// shortened is a text as it stands in an entry.
func shortened(text string) string {
	if len(text) <= maxFieldBytes {
		return text
	}
	return strings.ToValidUTF8(text[:maxFieldBytes], "") + "..."
}
