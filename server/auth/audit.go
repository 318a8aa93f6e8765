package auth

import (
	"context"
	"io"
	"log/slog"
	"sync/atomic"
	"time"

	"golang.org/x/time/rate"
)

// refusalsPerSecond is how many refusals are written down: strangers can cause any
// number of them, and the disk is the service's.
const refusalsPerSecond = 100

// Audit is a log of who did what, where, with what outcome: JSON, one entry a line. A
// nil one writes nothing.
type Audit struct {
	log      *slog.Logger
	refusals *rate.Limiter
	left     atomic.Int64 // refusals that were not written since the last that was
}

// NewAudit returns an audit log that writes to w, an entry in one call of Write.
func NewAudit(w io.Writer) *Audit {
	return &Audit{
		log:      slog.New(slog.NewJSONHandler(w, nil)),
		refusals: rate.NewLimiter(refusalsPerSecond, refusalsPerSecond),
	}
}

// Entry is something that was done or refused. What is empty is left out.
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
	if a != nil {
		a.write("operation", e, nil)
	}
}

// Refusal notes that somebody was not allowed to do something. Beyond 100 a second
// they are only counted, and the next one that is written says how many.
func (a *Audit) Refusal(e Entry) {
	if a == nil {
		return
	}
	if !a.refusals.AllowN(time.Now(), 1) {
		a.left.Add(1)
		return
	}
	var more []slog.Attr
	if left := a.left.Swap(0); left > 0 {
		more = append(more, slog.Int64("not_written", left))
	}
	a.write("refusal", e, more)
}

// Change notes that what is granted has changed: what says so, and in how far.
func (a *Audit) Change(what string, details ...slog.Attr) {
	if a != nil {
		a.log.LogAttrs(context.Background(), slog.LevelInfo, "change", append([]slog.Attr{slog.String("what", what)}, details...)...)
	}
}

func (a *Audit) write(kind string, e Entry, more []slog.Attr) {
	attributes := more
	for _, field := range []struct{ key, value string }{
		{"principal", e.Principal}, {"tenant", e.Tenant}, {"address", e.Address}, {"action", e.Action},
		{"bucket", e.Bucket}, {"prefix", e.Prefix}, {"outcome", e.Outcome}, {"reason", e.Reason},
	} {
		if field.value != "" {
			attributes = append(attributes, slog.String(field.key, field.value))
		}
	}
	if e.All {
		attributes = append(attributes, slog.Bool("all", true))
	}
	a.log.LogAttrs(context.Background(), slog.LevelInfo, kind, attributes...)
}
