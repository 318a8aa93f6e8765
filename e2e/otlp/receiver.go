// Package otlp is a collector for tests: it takes spans, metrics and logs by OTLP over real
// gRPC, and keeps them.
package otlp

import (
	"context"
	"errors"
	"net"
	"sync"

	logspb "go.opentelemetry.io/proto/otlp/collector/logs/v1"
	metricspb "go.opentelemetry.io/proto/otlp/collector/metrics/v1"
	tracepb "go.opentelemetry.io/proto/otlp/collector/trace/v1"
	commonv1 "go.opentelemetry.io/proto/otlp/common/v1"
	logsv1 "go.opentelemetry.io/proto/otlp/logs/v1"
	metricsv1 "go.opentelemetry.io/proto/otlp/metrics/v1"
	tracev1 "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// Receiver is a running collector. Its methods may be called together.
type Receiver struct {
	address string
	server  *grpc.Server
	serving sync.WaitGroup
	closing chan struct{}

	mu      sync.Mutex
	spans   []Span
	metrics map[string]*metricsv1.Metric // the last that came, by name
	logs    []*logsv1.LogRecord
	hang    bool
	refuse  bool
	calls   int
}

// Span is a span with the attributes of who has sent it.
type Span struct {
	*tracev1.Span
	Resource map[string]*commonv1.AnyValue
}

// Start listens on a free port of this machine.
func Start() (*Receiver, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	r := &Receiver{
		address: listener.Addr().String(), server: grpc.NewServer(grpc.MaxRecvMsgSize(64 << 20)),
		closing: make(chan struct{}), metrics: map[string]*metricsv1.Metric{},
	}
	tracepb.RegisterTraceServiceServer(r.server, traces{r: r})
	metricspb.RegisterMetricsServiceServer(r.server, metrics{r: r})
	logspb.RegisterLogsServiceServer(r.server, logs{r: r})
	r.serving.Go(func() { _ = r.server.Serve(listener) }) // ends with Close
	return r, nil
}

// Close ends it. A second call does nothing.
func (r *Receiver) Close() {
	r.mu.Lock()
	first := r.server != nil
	server := r.server
	r.server = nil
	r.mu.Unlock()
	if first {
		close(r.closing)
		server.Stop()
		r.serving.Wait()
	}
}

// Address is where it listens: host:port.
func (r *Receiver) Address() string { return r.address }

// Environ are the variables that send everything here; the signals are TRACES, METRICS and
// LOGS, none of them meaning all.
func (r *Receiver) Environ(signals ...string) map[string]string {
	environ := map[string]string{"OTEL_EXPORTER_OTLP_PROTOCOL": "grpc"}
	if len(signals) == 0 {
		environ["OTEL_EXPORTER_OTLP_ENDPOINT"] = "http://" + r.address
	}
	for _, signal := range signals {
		environ["OTEL_EXPORTER_OTLP_"+signal+"_ENDPOINT"] = "http://" + r.address
	}
	return environ
}

// Hang lets everything that comes wait until Close, or no longer.
func (r *Receiver) Hang(hang bool) { r.set(func() { r.hang = hang }) }

// Refuse answers everything with an error that is not worth repeating, or no longer.
func (r *Receiver) Refuse(refuse bool) { r.set(func() { r.refuse = refuse }) }

func (r *Receiver) set(change func()) {
	r.mu.Lock()
	defer r.mu.Unlock()
	change()
}

// Spans are those that have come so far.
func (r *Receiver) Spans() (all []Span) {
	r.set(func() { all = append(all, r.spans...) })
	return all
}

// Metric is what was last said of an instrument; nil = nothing.
func (r *Receiver) Metric(name string) (m *metricsv1.Metric) {
	r.set(func() { m = r.metrics[name] })
	return m
}

// Logs are the records that have come so far.
func (r *Receiver) Logs() (all []*logsv1.LogRecord) {
	r.set(func() { all = append(all, r.logs...) })
	return all
}

// Calls is how many exports have come, also those that hang or were refused.
func (r *Receiver) Calls() (n int) {
	r.set(func() { n = r.calls })
	return n
}

var errClosing = errors.New("the receiver is closed")

// take lets an export in, or says why not.
func (r *Receiver) take(ctx context.Context, keep func()) error {
	var hang, refuse bool
	r.set(func() {
		r.calls++
		if hang, refuse = r.hang, r.refuse; !hang && !refuse {
			keep()
		}
	})
	switch {
	case hang:
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-r.closing:
			return errClosing
		}
	case refuse:
		return status.Error(codes.InvalidArgument, "refused")
	}
	return nil
}

type traces struct {
	tracepb.UnimplementedTraceServiceServer
	r *Receiver
}

func (s traces) Export(ctx context.Context, request *tracepb.ExportTraceServiceRequest) (*tracepb.ExportTraceServiceResponse, error) {
	return &tracepb.ExportTraceServiceResponse{}, s.r.take(ctx, func() {
		for _, of := range request.GetResourceSpans() {
			resource := Attributes(of.GetResource().GetAttributes())
			for _, scope := range of.GetScopeSpans() {
				for _, span := range scope.GetSpans() {
					s.r.spans = append(s.r.spans, Span{span, resource})
				}
			}
		}
	})
}

type metrics struct {
	metricspb.UnimplementedMetricsServiceServer
	r *Receiver
}

func (s metrics) Export(ctx context.Context, request *metricspb.ExportMetricsServiceRequest) (*metricspb.ExportMetricsServiceResponse, error) {
	return &metricspb.ExportMetricsServiceResponse{}, s.r.take(ctx, func() {
		for _, of := range request.GetResourceMetrics() {
			for _, scope := range of.GetScopeMetrics() {
				for _, m := range scope.GetMetrics() {
					s.r.metrics[m.GetName()] = m
				}
			}
		}
	})
}

type logs struct {
	logspb.UnimplementedLogsServiceServer
	r *Receiver
}

func (s logs) Export(ctx context.Context, request *logspb.ExportLogsServiceRequest) (*logspb.ExportLogsServiceResponse, error) {
	return &logspb.ExportLogsServiceResponse{}, s.r.take(ctx, func() {
		for _, of := range request.GetResourceLogs() {
			for _, scope := range of.GetScopeLogs() {
				s.r.logs = append(s.r.logs, scope.GetLogRecords()...)
			}
		}
	})
}

// Attributes are a list of attributes by their keys.
func Attributes(list []*commonv1.KeyValue) map[string]*commonv1.AnyValue {
	by := map[string]*commonv1.AnyValue{}
	for _, a := range list {
		by[a.GetKey()] = a.GetValue()
	}
	return by
}

// Attribute is one attribute of the span; nil if it has none of that key.
func (s Span) Attribute(key string) *commonv1.AnyValue { return Attributes(s.GetAttributes())[key] }
