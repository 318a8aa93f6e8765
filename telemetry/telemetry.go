package telemetry

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"os"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"
	"go.opentelemetry.io/otel/attribute"
	otelprometheus "go.opentelemetry.io/otel/exporters/prometheus"
	sdklog "go.opentelemetry.io/otel/sdk/log"
	sdkmetric "go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/resource"
	semconv "go.opentelemetry.io/otel/semconv/v1.43.0"
	"golang.org/x/time/rate"
)

// scopeName is the name under which all of it is exported.
const scopeName = "github.com/open-destinations/destinations"

// Params are what a [Telemetry] is made of. All are needed.
type Params struct {
	// Version is the service's.
	Version string
	// TraceRatio is which part of the batches without a sampled event is traced, 0 to 1.
	TraceRatio float64
	// Log takes what the people who run the service need to know of telemetry itself.
	Log *slog.Logger
}

// Telemetry exports what the service does. It is the [server.Observer], the
// [journal.Observer] and the [batcher.Observer] of one service. Its methods may be called together.
type Telemetry struct {
	log      *slog.Logger
	resource *resource.Resource
	metrics  *sdkmetric.MeterProvider
	page     http.Handler
	meters   *meters
	emitter  *emitter               // nil = no spans
	logs     *sdklog.LoggerProvider // nil = no logs
	ratio    float64                // of Params
	began    time.Time
	uploads  *rate.Limiter
	closing  sync.Once
}

// Start makes a Telemetry as the OTEL_* variables say; without any of them there is only
// the page for Prometheus. An error names the variable that can't be used; that
// nothing can be exported is none, it is logged. Close ends it.
func Start(ctx context.Context, p Params) (*Telemetry, error) {
	t := &Telemetry{log: p.Log, began: time.Now(), ratio: p.TraceRatio, uploads: rate.NewLimiter(uploadsPerSecond, uploadsPerSecond)}
	var err error
	if t.resource, err = describe(ctx, p.Version); err != nil {
		return nil, err
	}
	report(p.Log)
	for _, start := range []func(context.Context) error{t.startMetrics, t.startSpans, t.startLogs} {
		if err := start(ctx); err != nil {
			return nil, errors.Join(err, t.Close(ctx))
		}
	}
	return t, nil
}

func (t *Telemetry) startSpans(ctx context.Context) error {
	exporter, err := spanExporter(ctx)
	if exporter != nil {
		t.emitter = startEmitter(exporter, t.resource, t.meters.countSpans)
	}
	return err
}

// Limits of spans; what is beyond them is counted.
const (
	// SpansPerRequest is how many "accept s3" a request has at most.
	SpansPerRequest = 100
	// SpansPerObject is how many "deliver s3" an object has at most.
	SpansPerObject = 10_000
)

// Of says which journal the events stand in that are observed. It is called before any
// is.
func (t *Telemetry) Of(journal [16]byte) {
	if t.emitter != nil {
		t.emitter.journal = journal
	}
}

// Disabled reports whether a variable says that nothing is to be counted or exported. Then
// nobody need tell anything; the page has what Go and the system say of the process.
func Disabled() bool { return os.Getenv("OTEL_SDK_DISABLED") == "true" }

// Traces reports whether spans are exported. If not, nobody need keep which events are
// sampled.
func (t *Telemetry) Traces() bool { return t.emitter != nil }

// describe says who exports: OTEL_SERVICE_NAME and OTEL_RESOURCE_ATTRIBUTES beat what is
// said here, but for the instance, which is another one at each start.
func describe(ctx context.Context, version string) (*resource.Resource, error) {
	var instance [16]byte
	rand.Read(instance[:]) // never fails
	r, err := resource.New(ctx,
		resource.WithSchemaURL(semconv.SchemaURL),
		resource.WithTelemetrySDK(), resource.WithHost(), resource.WithProcessPID(), resource.WithProcessRuntimeVersion(),
		resource.WithAttributes(semconv.ServiceName("destinations"), semconv.ServiceVersion(version)),
		resource.WithFromEnv(),
		resource.WithAttributes(semconv.ServiceInstanceID(hex.EncodeToString(instance[:]))),
	)
	if err != nil {
		return nil, fmt.Errorf("OTEL_RESOURCE_ATTRIBUTES: %w", err)
	}
	return r, nil
}

// startMetrics makes the page for Prometheus, and what exports beside it.
func (t *Telemetry) startMetrics(ctx context.Context) error {
	bulk := makeBulks(time.Now())
	registry := prometheus.NewRegistry()
	registry.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	page, err := otelprometheus.New(otelprometheus.WithRegisterer(registry), otelprometheus.WithProducer(bulk.all()), otelprometheus.WithoutScopeInfo())
	if err != nil {
		return fmt.Errorf("metrics: %w", err)
	}
	t.page = promhttp.HandlerFor(registry, promhttp.HandlerOpts{
		ErrorLog: slog.NewLogLogger(t.log.Handler(), slog.LevelWarn), MaxRequestsInFlight: maxScrapes, EnableOpenMetrics: true,
	})
	options := []sdkmetric.Option{sdkmetric.WithResource(t.resource), sdkmetric.WithReader(page)}
	reader, err := metricReader(ctx, bulk.all())
	if err != nil {
		return err
	}
	if reader != nil {
		options = append(options, sdkmetric.WithReader(reader))
	}
	t.metrics = sdkmetric.NewMeterProvider(options...)
	t.meters, err = newMeters(t.metrics.Meter(scopeName), bulk)
	return err
}

// maxScrapes is how many may read the page for Prometheus at once.
const maxScrapes = 4

// Page is what Prometheus reads.
func (t *Telemetry) Page() http.Handler { return t.page }

// Close exports what is left, and returns when that is done or ctx ends. What could
// not be exported is lost; the error says so. A second call does nothing.
func (t *Telemetry) Close(ctx context.Context) (err error) {
	t.closing.Do(func() { err = t.end(ctx) })
	return err
}

// end ends the metrics last, since spans are counted; and in time, should those hang.
func (t *Telemetry) end(ctx context.Context) error {
	half := ctx
	if deadline, ok := ctx.Deadline(); ok {
		var cancel context.CancelFunc
		half, cancel = context.WithDeadline(ctx, time.Now().Add(time.Until(deadline)/2))
		defer cancel()
	}
	var spans, logs, metrics error
	var both sync.WaitGroup
	if t.emitter != nil {
		both.Go(func() { spans = failure("spans", t.emitter.close(half)) })
	}
	if t.logs != nil {
		both.Go(func() { logs = failure("logs", t.logs.Shutdown(half)) })
	}
	both.Wait()
	if t.metrics != nil {
		metrics = failure("metrics", t.metrics.Shutdown(ctx))
	}
	return errors.Join(spans, logs, metrics)
}

// failure says what could not be exported; nil if nothing.
func failure(signal string, err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("%s: %w", signal, err)
}

// attributes makes a set of one attribute.
func attributes(key, value string) attribute.Set {
	return attribute.NewSet(attribute.String(key, value))
}
