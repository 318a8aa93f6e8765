package batcher_test

import (
	"context"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"time"
)

// trace is what happened in a run.
type trace struct {
	mu    sync.Mutex
	lines []string
	began time.Time
}

func (t *trace) add(line string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.began.IsZero() {
		t.began = time.Now()
	}
	t.lines = append(t.lines, fmt.Sprintf("%10v %s", time.Since(t.began).Round(time.Microsecond), line))
}

func (t *trace) String() string { return "what happened:\n" + strings.Join(t.lines, "\n") }

// logger is what the service logs to: into the trace, if there is one.
func (r *foldRun) logger(name string) *slog.Logger {
	if !r.tracing {
		return slog.New(slog.DiscardHandler)
	}
	return slog.New(&traceHandler{trace: &r.trace, name: name})
}

type traceHandler struct {
	trace *trace
	name  string
}

func (h *traceHandler) Enabled(context.Context, slog.Level) bool { return true }
func (h *traceHandler) WithAttrs([]slog.Attr) slog.Handler       { return h }
func (h *traceHandler) WithGroup(string) slog.Handler            { return h }
func (h *traceHandler) Handle(_ context.Context, r slog.Record) error {
	var b strings.Builder
	r.Attrs(func(a slog.Attr) bool { fmt.Fprintf(&b, " %s=%v", a.Key, a.Value); return true })
	h.trace.add(h.name + "  ... " + r.Message + b.String())
	return nil
}
