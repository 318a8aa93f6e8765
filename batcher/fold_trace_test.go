package batcher_test

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"os"
	"strings"
	"sync"
	"testing"
	"time"
)

const (
	// traceBytes bounds the file of a run. One of the largest has 4 MiB.
	traceBytes = 64 << 20
	// traceEnd is how much of it a failure prints.
	traceEnd = 32 << 10
)

// trace is what happened in a run. It is written as it happens, into a file that stays if the
// run has failed, or has ended with the whole test: by a panic, or because its time was up.
type trace struct {
	mu    sync.Mutex
	file  *os.File
	size  int
	began time.Time
}

func newTrace(t *testing.T, seed uint64) *trace {
	file, err := os.CreateTemp("", fmt.Sprintf("fold-seed-%d-*.trace", seed))
	if err != nil {
		t.Fatal(err)
	}
	made := &trace{file: file, began: time.Now()}
	t.Cleanup(func() { made.end(t) })
	return made
}

// end removes the file, or says where it is and prints its end.
func (tr *trace) end(t *testing.T) {
	tr.mu.Lock()
	defer tr.mu.Unlock()
	name := tr.file.Name()
	tr.file.Close() // every write to it has returned
	tr.file = nil
	if !t.Failed() {
		os.Remove(name) // what stays is one file too many
		return
	}
	all, err := os.ReadFile(name)
	if n := len(all) - traceEnd; n > 0 && !*foldTrace {
		all = all[n+bytes.IndexByte(all[n:], '\n')+1:]
	}
	t.Logf("what happened stands in %s (%v); its end:\n%s", name, err, all)
}

func (tr *trace) add(line string) {
	tr.mu.Lock()
	defer tr.mu.Unlock()
	if tr.file == nil || tr.size > traceBytes {
		return
	}
	n, _ := fmt.Fprintf(tr.file, "%10v %s\n", time.Since(tr.began).Round(time.Microsecond), line) // a line that is missing is no failure
	tr.size += n
}

// logger is what the service logs to: into the trace.
func (r *foldRun) logger(name string) *slog.Logger {
	return slog.New(&traceHandler{trace: r.trace, name: name})
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
