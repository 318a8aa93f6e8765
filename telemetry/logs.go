package telemetry

import (
	"context"
	"log/slog"

	"go.opentelemetry.io/contrib/bridges/otelslog"
	sdklog "go.opentelemetry.io/otel/sdk/log"
	"go.opentelemetry.io/otel/trace"
)

// startLogs makes what exports logs, if a variable asks for it.
func (t *Telemetry) startLogs(ctx context.Context) error {
	exporter, err := logExporter(ctx)
	if exporter != nil {
		t.logs = sdklog.NewLoggerProvider(sdklog.WithResource(t.resource), sdklog.WithProcessor(sdklog.NewBatchProcessor(exporter)))
	}
	return err
}

// Logger returns log, whose records are exported, too, if a variable asks for it. A
// record with the attributes trace_id and span_id is exported as one of that span.
func (t *Telemetry) Logger(log *slog.Logger) *slog.Logger {
	if t.logs == nil {
		return log
	}
	exported := ofSpan{otelslog.NewHandler(scopeName, otelslog.WithLoggerProvider(t.logs)), log.Handler()}
	return slog.New(slog.NewMultiHandler(log.Handler(), exported))
}

// ofSpan lets a record be of the span that it names. It takes the levels of another
// handler.
type ofSpan struct {
	slog.Handler
	like slog.Handler
}

// Enabled implements [slog.Handler].
func (h ofSpan) Enabled(ctx context.Context, level slog.Level) bool {
	return h.like.Enabled(ctx, level)
}

// Handle implements [slog.Handler].
func (h ofSpan) Handle(ctx context.Context, r slog.Record) error {
	var of trace.SpanContextConfig
	r.Attrs(func(a slog.Attr) bool {
		name(&of, a)
		return true
	})
	if of.TraceID.IsValid() {
		ctx = trace.ContextWithSpanContext(ctx, trace.NewSpanContext(of))
	}
	return h.Handler.Handle(ctx, r)
}

// name takes what an attribute says of the span. Another thing of that name is left alone.
func name(of *trace.SpanContextConfig, a slog.Attr) {
	switch {
	case a.Key == "trace_id":
		of.TraceID, _ = trace.TraceIDFromHex(a.Value.String())
	case a.Key == "span_id":
		of.SpanID, _ = trace.SpanIDFromHex(a.Value.String())
	case a.Key == "" && a.Value.Kind() == slog.KindGroup: // stands for its members
		for _, member := range a.Value.Group() {
			name(of, member)
		}
	}
}

// WithAttrs implements [slog.Handler].
func (h ofSpan) WithAttrs(attrs []slog.Attr) slog.Handler {
	return ofSpan{h.Handler.WithAttrs(attrs), h.like}
}

// WithGroup implements [slog.Handler].
func (h ofSpan) WithGroup(name string) slog.Handler {
	return ofSpan{h.Handler.WithGroup(name), h.like}
}
