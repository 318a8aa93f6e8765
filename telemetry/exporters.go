package telemetry

import (
	"context"
	"fmt"
	"os"

	"go.opentelemetry.io/contrib/exporters/autoexport"
	"go.opentelemetry.io/otel/exporters/otlp/otlpmetric/otlpmetricgrpc"
	"go.opentelemetry.io/otel/exporters/otlp/otlpmetric/otlpmetrichttp"
	"go.opentelemetry.io/otel/exporters/stdout/stdoutmetric"
	sdklog "go.opentelemetry.io/otel/sdk/log"
	sdkmetric "go.opentelemetry.io/otel/sdk/metric"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
)

// wanted reports whether something is to be exported of a signal (TRACES, METRICS,
// LOGS). OpenTelemetry's default is OTLP to this machine, and endless errors if nothing
// listens there; here nothing is exported until a variable names an exporter or an
// endpoint.
func wanted(signal string) bool {
	if Disabled() {
		return false
	}
	for _, name := range []string{
		"OTEL_" + signal + "_EXPORTER", "OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_" + signal + "_ENDPOINT",
	} {
		if os.Getenv(name) != "" {
			return os.Getenv("OTEL_"+signal+"_EXPORTER") != "none"
		}
	}
	return false
}

// spanExporter returns where spans go; nil = nowhere.
func spanExporter(ctx context.Context) (sdktrace.SpanExporter, error) {
	if !wanted("TRACES") {
		return nil, nil
	}
	if err := checkExporter("OTEL_TRACES_EXPORTER"); err != nil {
		return nil, err
	}
	e, err := autoexport.NewSpanExporter(ctx)
	if err != nil {
		return nil, fmt.Errorf("OTEL_TRACES_EXPORTER: %w", err)
	}
	return e, nil
}

// checkExporter refuses what no exporter is called; autoexport does not say what that was.
func checkExporter(variable string) error {
	switch name := os.Getenv(variable); name {
	case "", "otlp", "console", "none":
		return nil
	default:
		return fmt.Errorf("%s: %q is not otlp, console or none", variable, name)
	}
}

// logExporter returns where logs go beside standard error; nil = nowhere.
func logExporter(ctx context.Context) (sdklog.Exporter, error) {
	if !wanted("LOGS") {
		return nil, nil
	}
	if err := checkExporter("OTEL_LOGS_EXPORTER"); err != nil {
		return nil, err
	}
	e, err := autoexport.NewLogExporter(ctx)
	if err != nil {
		return nil, fmt.Errorf("OTEL_LOGS_EXPORTER: %w", err)
	}
	return e, nil
}

// metricReader returns what exports metrics, beside the page for Prometheus, with those
// of p; nil = nothing. The readers of autoexport, which does the same for other signals,
// take producers only by a variable of the whole process, and one opens another port for
// Prometheus.
func metricReader(ctx context.Context, p sdkmetric.Producer) (sdkmetric.Reader, error) {
	if !wanted("METRICS") {
		return nil, nil
	}
	var e sdkmetric.Exporter
	var err error
	switch name := os.Getenv("OTEL_METRICS_EXPORTER"); name {
	case "prometheus":
		return nil, nil // the page is there in any case
	case "console":
		e, err = stdoutmetric.New()
	case "", "otlp":
		e, err = otlpMetrics(ctx)
	default:
		err = fmt.Errorf("%q is not otlp, console, prometheus or none", name)
	}
	if err != nil {
		return nil, fmt.Errorf("OTEL_METRICS_EXPORTER: %w", err)
	}
	return sdkmetric.NewPeriodicReader(e, sdkmetric.WithProducer(p)), nil
}

func otlpMetrics(ctx context.Context) (sdkmetric.Exporter, error) {
	protocol := os.Getenv("OTEL_EXPORTER_OTLP_METRICS_PROTOCOL")
	if protocol == "" {
		protocol = os.Getenv("OTEL_EXPORTER_OTLP_PROTOCOL")
	}
	switch protocol {
	case "grpc":
		return otlpmetricgrpc.New(ctx)
	case "", "http/protobuf":
		return otlpmetrichttp.New(ctx)
	}
	return nil, fmt.Errorf("protocol %q is not grpc or http/protobuf", protocol)
}
