package main

import (
	"context"
	"errors"
	"fmt"

	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracegrpc"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/sdk/resource"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	semconv "go.opentelemetry.io/otel/semconv/v1.43.0"
	"go.opentelemetry.io/otel/trace"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"

	destinationsv1 "github.com/open-destinations/destinations/gen/destinations/v1"
)

// send sends an event within a span, as a workflow does whose steps are traced, exports
// the span to Jaeger, and returns the trace's id.
func (d *demo) send(ctx context.Context) (id string, err error) {
	exporter, err := otlptracegrpc.New(ctx, otlptracegrpc.WithEndpoint(d.jaeger.Collector), otlptracegrpc.WithInsecure())
	if err != nil {
		return "", fmt.Errorf("make the client's exporter: %w", err)
	}
	provider := sdktrace.NewTracerProvider(sdktrace.WithBatcher(exporter), sdktrace.WithResource(resource.NewSchemaless(semconv.ServiceName("workflow"))))
	ctx, span := provider.Tracer("workflow").Start(ctx, "send s3", trace.WithSpanKind(trace.SpanKindProducer))
	carrier := propagation.MapCarrier{}
	propagation.TraceContext{}.Inject(ctx, carrier)
	err = d.call(ctx, &destinationsv1.S3Event{Payload: []byte(`{"order":4711}`), Traceparent: carrier.Get("traceparent")})
	span.End()
	if err := errors.Join(err, provider.Shutdown(ctx)); err != nil {
		return "", fmt.Errorf("send an event with its span: %w", err)
	}
	return span.SpanContext().TraceID().String(), nil
}

// call sends one event, which has to be accepted.
func (d *demo) call(ctx context.Context, event *destinationsv1.S3Event) error {
	conn, err := grpc.NewClient(d.service.Target, grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		return fmt.Errorf("connect: %w", err)
	}
	defer conn.Close()
	call, err := destinationsv1.NewDestinationsClient(conn).SendS3(ctx)
	if err != nil {
		return fmt.Errorf("call: %w", err)
	}
	sent := call.Send(&destinationsv1.SendS3Request{Bucket: bucket, Prefix: prefix, Events: []*destinationsv1.S3Event{event}})
	answer, err := call.CloseAndRecv()
	if err := errors.Join(sent, err); err != nil {
		return fmt.Errorf("SendS3: %w", err)
	}
	if answer.GetAccepted() != 1 {
		return fmt.Errorf("SendS3: the event was not accepted: %v", answer)
	}
	return nil
}
