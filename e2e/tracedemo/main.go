// Command tracedemo shows what a workflow's trace looks like: it starts a real S3 server,
// the service and a collector, sends an event as a traced client does, and prints what the
// collector got as a tree: the client's span, what the service has added to its trace, and
// behind the link what happened to the object.
//
// Usage, from anywhere in the checkout:
//
//	go run ./e2e/tracedemo
//
// All that it makes lies in a temporary folder, which is removed.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"
	"time"

	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracegrpc"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/sdk/resource"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	semconv "go.opentelemetry.io/otel/semconv/v1.43.0"
	"go.opentelemetry.io/otel/trace"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"

	"github.com/open-destinations/destinations/e2e/harness"
	"github.com/open-destinations/destinations/e2e/otlp"
	destinationsv1 "github.com/open-destinations/destinations/gen/destinations/v1"
)

const (
	bucket  = "workflows"
	timeout = 5 * time.Minute // most of it for building
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop)
	if err := run(ctx); err != nil {
		fmt.Fprintf(os.Stderr, "tracedemo: %v\n", err)
		os.Exit(1)
	}
}

// demo is what runs. run makes and ends it.
type demo struct {
	dir       string
	collector *otlp.Receiver
	s3        *harness.S3
	service   *harness.Service
}

func run(ctx context.Context) (err error) {
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	d := &demo{}
	if d.dir, err = os.MkdirTemp("", "tracedemo"); err != nil {
		return fmt.Errorf("make a folder: %w", err)
	}
	defer os.RemoveAll(d.dir)
	if d.collector, err = otlp.Start(); err != nil {
		return fmt.Errorf("start the collector: %w", err)
	}
	defer d.collector.Close()
	if err := d.start(ctx); err != nil {
		return errors.Join(err, d.stop(ctx))
	}
	if err := errors.Join(d.send(ctx), d.stop(ctx)); err != nil {
		return err
	}
	tree, err := json.MarshalIndent(treeOf(d.collector.Spans()), "", "  ")
	if err != nil {
		return fmt.Errorf("encode the tree: %w", err)
	}
	fmt.Println(string(tree))
	return nil
}

// start starts the S3 server and the service.
func (d *demo) start(ctx context.Context) error {
	root, err := harness.Root()
	if err != nil {
		return err
	}
	bins, err := harness.Build(ctx, root, filepath.Join(d.dir, "bin"), say)
	if err != nil {
		return err
	}
	policy, err := harness.Policy(ctx, bins.Service, bucket)
	if err != nil {
		return err
	}
	path := filepath.Join(d.dir, "policy.json")
	if err := os.WriteFile(path, policy, 0o600); err != nil {
		return fmt.Errorf("write the bucket's policy: %w", err)
	}
	d.s3, err = harness.StartS3(ctx, harness.S3Params{
		Binary: bins.S3Server, Dir: filepath.Join(d.dir, "s3"), Buckets: map[string]string{bucket: path},
	})
	if err != nil {
		return err
	}
	var env []string
	for name, value := range d.collector.Environ("TRACES") {
		env = append(env, name+"="+value)
	}
	d.service, err = harness.StartService(ctx, harness.ServiceParams{
		Binary: bins.Service, DataDir: filepath.Join(d.dir, "data"), Log: filepath.Join(d.dir, "service.log"),
		S3: d.s3, Args: []string{"--window", "1s"}, Env: env,
	})
	return err
}

// send sends an event within a span, as a workflow does whose steps are traced.
func (d *demo) send(ctx context.Context) error {
	exporter, err := otlptracegrpc.New(ctx, otlptracegrpc.WithEndpoint(d.collector.Address()), otlptracegrpc.WithInsecure())
	if err != nil {
		return fmt.Errorf("make the client's exporter: %w", err)
	}
	provider := sdktrace.NewTracerProvider(sdktrace.WithBatcher(exporter), sdktrace.WithResource(resource.NewSchemaless(semconv.ServiceName("workflow"))))
	ctx, span := provider.Tracer("workflow").Start(ctx, "send s3", trace.WithSpanKind(trace.SpanKindProducer))
	carrier := propagation.MapCarrier{}
	propagation.TraceContext{}.Inject(ctx, carrier)

	conn, err := grpc.NewClient(d.service.Target, grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		return fmt.Errorf("connect: %w", err)
	}
	defer conn.Close()
	call, err := destinationsv1.NewDestinationsClient(conn).SendS3(ctx)
	if err != nil {
		return fmt.Errorf("call: %w", err)
	}
	err = call.Send(&destinationsv1.SendS3Request{Bucket: bucket, Prefix: "demo", Events: []*destinationsv1.S3Event{{
		Payload: []byte(`{"order":4711}`), Traceparent: carrier.Get("traceparent"),
	}}})
	answer, received := call.CloseAndRecv()
	if err := errors.Join(err, received); err != nil || answer.GetAccepted() != 1 {
		return fmt.Errorf("send the event: %v, %w", answer, err)
	}
	span.End()
	say("the event is acknowledged; its trace is " + span.SpanContext().TraceID().String())
	if err := provider.Shutdown(ctx); err != nil {
		return fmt.Errorf("export the client's span: %w", err)
	}
	return harness.Poll(ctx, "the span of the delivery", func() error {
		for _, s := range d.collector.Spans() {
			if s.GetName() == "deliver s3" {
				return nil
			}
		}
		return errors.New("it is not there")
	})
}

// stop ends what runs.
func (d *demo) stop(ctx context.Context) error {
	var problems []error
	if d.service != nil {
		problems = append(problems, d.service.Stop(ctx))
	}
	if d.s3 != nil {
		problems = append(problems, d.s3.Stop(ctx))
	}
	return errors.Join(problems...)
}

func say(what string) { fmt.Fprintln(os.Stderr, "==> "+what) }
