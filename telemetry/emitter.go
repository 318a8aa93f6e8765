package telemetry

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/sdk/resource"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	semconv "go.opentelemetry.io/otel/semconv/v1.43.0"
	"go.opentelemetry.io/otel/trace"
	"golang.org/x/time/rate"
)

const (
	// spansPerSecond is how many spans are exported a second at most; what comes faster
	// waits, as far as queuedSpans.
	spansPerSecond = 5000
	// queuedSpans is how many spans may wait. It is memory for things that have left every
	// budget, some 10 MB.
	queuedSpans = 32 << 10
	// exportedTogether is how many spans go into one export.
	exportedTogether = 512
	// exportDelay is how long the first of them waits for others.
	exportDelay = time.Second
	// exportTimeout bounds one export, with what the exporter repeats by itself.
	exportTimeout = 30 * time.Second
)

// Kinds of spans, and what became of them: the attributes of the counter of spans.
const (
	spanDeliver   = "deliver"
	spanAggregate = "aggregate"
	spanAccept    = "accept"
	spanUpload    = "upload"
	spanRequest   = "s3"

	outcomeEmitted    = "emitted"
	outcomeFailed     = "failed"
	outcomeOfTrace    = "suppressed_trace"
	outcomeOfObject   = "suppressed_object"
	outcomeOfRequest  = "suppressed_request"
	outcomeOfTheQueue = "suppressed_rate"
)

// job makes spans, on the emitter's goroutine.
type job struct {
	spans map[string]uint64 // how many it makes, by kind
	emit  func(e *emitter)
	holds int // sampled events that it keeps in memory and makes no spans of
}

// size is what a job takes of the queue.
func (j *job) size() (n int64) {
	n = int64(j.holds)
	for _, spans := range j.spans {
		n += int64(spans)
	}
	return n
}

// emitter makes and exports spans, in a goroutine of its own. Whoever hands it a job never
// waits: a job for which there is no room is left out, and counted.
type emitter struct {
	exporter sdktrace.SpanExporter
	tracer   trace.Tracer
	provider *sdktrace.TracerProvider
	count    func(kind, outcome string, n uint64)
	journal  [16]byte // set before the first job

	jobs   chan job
	queued atomic.Int64 // spans
	life   context.Context
	end    context.CancelFunc // of life: what is under way is cut short
	limit  *rate.Limiter
	hurry  context.Context // ends when no more is waited for to keep the rate
	rush   context.CancelFunc
	closed chan struct{} // closed when no more jobs come
	once   sync.Once
	ended  chan struct{} // closed when the goroutine has ended

	// The goroutine's: ended spans that were not exported yet.
	spans []sdktrace.ReadOnlySpan
	kinds []string
}

// startEmitter starts the emitter of an exporter, which close ends.
func startEmitter(exporter sdktrace.SpanExporter, r *resource.Resource, count func(kind, outcome string, n uint64)) *emitter {
	e := &emitter{
		exporter: exporter, count: count, jobs: make(chan job, queuedSpans), limit: rate.NewLimiter(spansPerSecond, exportedTogether),
		closed: make(chan struct{}), ended: make(chan struct{}),
	}
	e.life, e.end = context.WithCancel(context.Background())
	e.hurry, e.rush = context.WithCancel(e.life)
	// What to sample was decided at the receipt; so was what is too much.
	e.provider = sdktrace.NewTracerProvider(sdktrace.WithResource(r), sdktrace.WithSampler(sdktrace.AlwaysSample()),
		sdktrace.WithIDGenerator(generator{}), sdktrace.WithSpanProcessor(gatherer{e}))
	e.tracer = e.provider.Tracer(scopeName, trace.WithSchemaURL(semconv.SchemaURL))
	go e.run()
	return e
}

// submit takes a job, or leaves it out if too much waits. It never waits.
func (e *emitter) submit(j job) {
	n := j.size()
	if n == 0 {
		return
	}
	if e.queued.Add(n) <= queuedSpans { // so there is room for the job, of one span at least
		e.jobs <- j
		return
	}
	e.queued.Add(-n)
	for kind, spans := range j.spans {
		e.count(kind, outcomeOfTheQueue, spans)
	}
}

func (e *emitter) run() {
	defer close(e.ended)
	timer := time.NewTimer(exportDelay)
	defer timer.Stop()
	for {
		select {
		case j := <-e.jobs:
			if len(e.spans) == 0 {
				timer.Reset(exportDelay)
			}
			e.do(j)
		case <-timer.C:
			e.export()
		case <-e.closed:
			e.drain()
			return
		}
	}
}

// drain does what still waits.
func (e *emitter) drain() {
	for {
		select {
		case j := <-e.jobs:
			e.do(j)
		default:
			e.export()
			return
		}
	}
}

func (e *emitter) do(j job) {
	j.emit(e)
	e.queued.Add(-j.size())
}

// start starts a span of the kind, whose end comes at once: the next span's kind is that.
func (e *emitter) start(ctx context.Context, kind, name string, options ...trace.SpanStartOption) trace.Span {
	e.kinds = append(e.kinds, kind)
	_, span := e.tracer.Start(ctx, name, options...)
	return span
}

// gatherer is the SDK's SpanProcessor: it gathers the spans that the emitter ends.
type gatherer struct{ e *emitter }

func (g gatherer) OnEnd(s sdktrace.ReadOnlySpan) {
	g.e.spans = append(g.e.spans, s)
	if len(g.e.spans) >= exportedTogether {
		g.e.export()
	}
}

func (gatherer) OnStart(context.Context, sdktrace.ReadWriteSpan) {}
func (gatherer) Shutdown(context.Context) error                  { return nil }
func (gatherer) ForceFlush(context.Context) error                { return nil }

// export exports what was gathered, and keeps the rate until the end is near.
func (e *emitter) export() {
	if len(e.spans) == 0 {
		return
	}
	_ = e.limit.WaitN(e.hurry, len(e.spans)) // an error says that there is no time to wait
	ctx, cancel := context.WithTimeout(e.life, exportTimeout)
	err := e.exporter.ExportSpans(ctx, e.spans)
	cancel()
	outcome := outcomeEmitted
	if err != nil {
		outcome = outcomeFailed
		otel.Handle(fmt.Errorf("spans: %w", err))
	}
	for _, kind := range e.kinds {
		e.count(kind, outcome, 1)
	}
	clear(e.spans)
	e.spans, e.kinds = e.spans[:0], e.kinds[:0]
}

// close, behind the last submit, exports what waits as fast as it can, and returns when that is
// done or, with less of it, soon after ctx has ended.
func (e *emitter) close(ctx context.Context) error {
	e.once.Do(func() { close(e.closed) })
	e.rush()
	stop := context.AfterFunc(ctx, e.end)
	<-e.ended
	stop()
	err := e.exporter.Shutdown(ctx)
	e.end()
	if ctx.Err() != nil {
		return ctx.Err()
	}
	return err
}

// spanAttributes are the kind and the outcome of spans.
func spanAttributes(kind, outcome string) attribute.Set {
	return attribute.NewSet(attribute.String(keySpan, kind), attribute.String(keyOutcome, outcome))
}
