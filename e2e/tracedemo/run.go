package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/open-destinations/destinations/e2e/harness"
)

const (
	bucket = "workflows"
	prefix = "demo"
	window = time.Second

	startTimeout = time.Minute
	traceTimeout = time.Minute // from sending to what Jaeger has of it
	stopTimeout  = 30 * time.Second
)

// demo is what runs. Its fields are set one after the other by run.
type demo struct {
	root    string // of the checkout
	dir     string // for what is not kept
	bins    harness.Binaries
	jaeger  *harness.Jaeger
	s3      *harness.S3
	service *harness.Service
}

// run is the demo from beginning to end. An interruption is an error unless it was
// only serving still.
func run(ctx context.Context, jaeger string, once bool) (err error) {
	d := &demo{}
	if d.root, err = harness.Root(); err != nil {
		return err
	}
	if d.dir, err = os.MkdirTemp("", "tracedemo"); err != nil {
		return fmt.Errorf("make a folder: %w", err)
	}
	defer os.RemoveAll(d.dir)
	defer func() { err = errors.Join(err, d.stop()) }()
	if jaeger, err = d.build(ctx, jaeger); err != nil {
		return err
	}
	if err := d.start(ctx, jaeger); err != nil {
		return err
	}
	trace, err := d.show(ctx)
	if err != nil || once {
		return err
	}
	d.explain(trace)
	return d.serve(ctx)
}

// build builds what is run, Jaeger only if there is no program of it, and returns
// where that is.
func (d *demo) build(ctx context.Context, jaeger string) (string, error) {
	bin := filepath.Join(d.root, ".demo", "bin")
	if err := os.MkdirAll(bin, 0o755); err != nil {
		return "", fmt.Errorf("make a folder for the programs: %w", err)
	}
	var err error
	if d.bins, err = harness.Build(ctx, d.root, bin, say); err != nil || jaeger != "" {
		return jaeger, err
	}
	say("building Jaeger (first time: 1 GB of sources, and minutes)")
	return harness.BuildJaeger(ctx, d.root, bin)
}

// start starts Jaeger, the S3 server and the service.
func (d *demo) start(ctx context.Context, jaeger string) error {
	ctx, cancel := context.WithTimeout(ctx, startTimeout)
	defer cancel()
	policy, err := harness.Policy(ctx, d.bins.Service, bucket)
	if err != nil {
		return err
	}
	path := filepath.Join(d.dir, "policy.json")
	if err := os.WriteFile(path, policy, 0o600); err != nil {
		return fmt.Errorf("write the bucket's policy: %w", err)
	}
	d.jaeger, err = harness.StartJaeger(ctx, harness.JaegerParams{
		Binary: jaeger, Config: filepath.Join(d.root, "e2e", "jaeger", "config.yaml"), Log: filepath.Join(d.dir, "jaeger.log"),
	})
	if err != nil {
		return err
	}
	d.s3, err = harness.StartS3(ctx, harness.S3Params{
		Binary: d.bins.S3Server, Dir: filepath.Join(d.dir, "s3"), Buckets: map[string]string{bucket: path},
	})
	if err != nil {
		return err
	}
	d.service, err = harness.StartService(ctx, harness.ServiceParams{
		Binary: d.bins.Service, DataDir: filepath.Join(d.dir, "data"), Log: filepath.Join(d.dir, "service.log"),
		S3: d.s3, Args: []string{"--window", window.String(), "--trace-ratio", "1"},
		Env: []string{"OTEL_EXPORTER_OTLP_PROTOCOL=grpc", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT=http://" + d.jaeger.Collector},
	})
	return err
}

// explain says how to go on from here.
func (d *demo) explain(trace string) {
	fmt.Fprintf(os.Stderr, `
It goes on serving until Ctrl-C. Jaeger has the trace at

    %[1]s
    %[2]s/trace/%[3]s    (its UI, which only a release of Jaeger has: --jaeger)

takes spans of your own programs by OTLP at http://%[4]s (gRPC), and has, seconds later, what the service does with all that you send from another terminal:

    echo '{"order":4712}' | .demo/bin/destinations send --bucket %[5]s --prefix %[6]s --target %[7]s
    curl '%[2]s/api/traces?service=destinations'
`, d.jaeger.TraceURL(trace), d.jaeger.Pages, trace, d.jaeger.Collector, bucket, prefix, d.service.Target)
}

// serve waits for an interruption, or for one of the three to end, which none does by
// itself.
func (d *demo) serve(ctx context.Context) error {
	select {
	case <-ctx.Done():
		say("stopping")
		return nil
	case <-d.service.Done():
		return fmt.Errorf("the service ended by itself\n%s", d.service.Tail())
	case <-d.s3.Done():
		return fmt.Errorf("the S3 server ended by itself\n%s", d.s3.Tail())
	case <-d.jaeger.Done():
		return fmt.Errorf("the Jaeger ended by itself\n%s", d.jaeger.Tail())
	}
}

// stop ends what was started, Jaeger last: the service exports until it ends.
func (d *demo) stop() error {
	ctx, cancel := context.WithTimeout(context.Background(), stopTimeout)
	defer cancel()
	var problems []error
	if d.service != nil {
		problems = append(problems, d.service.Stop(ctx))
	}
	if d.s3 != nil {
		problems = append(problems, d.s3.Stop(ctx))
	}
	if d.jaeger != nil {
		problems = append(problems, d.jaeger.Stop(ctx))
	}
	return errors.Join(problems...)
}

func say(what string) { fmt.Fprintln(os.Stderr, "==> "+what) }
