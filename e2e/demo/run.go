package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/open-destinations/destinations/e2e/harness"
)

const (
	bucket = "demo"
	prefix = "test"
	events = 30
	window = 10 * time.Second

	// What is listened on if it is free. The service's two are its defaults, so
	// that its client commands find it without being told.
	s3Listen      = "127.0.0.1:7070"
	serviceListen = "127.0.0.1:50051"
	adminListen   = "127.0.0.1:9464"

	startTimeout   = 30 * time.Second
	objectTimeout  = window + 30*time.Second
	serviceTimeout = 30 * time.Second // to stop; its own grace period is 20 s
	s3Timeout      = 5 * time.Second  // to stop
)

// buckets are those that there are: the demo's own, and those of the examples in
// e2e/outside, so that they can be tried with it.
var buckets = []string{bucket, "workflows", "audit"}

// demo is a run. Its fields are set one after the other by run.
type demo struct {
	out    io.Writer
	folder *folder
	bins   harness.Binaries
	s3     *harness.S3
	svc    *harness.Service
}

// run is the demo from beginning to end. An interruption is an error unless it
// was only serving still.
func run(ctx context.Context, out io.Writer, dir string, once bool) (err error) {
	f, err := openFolder(dir)
	if err != nil {
		return err
	}
	defer f.close()
	d := &demo{out: out, folder: f}
	if len(f.removed) > 0 {
		d.say("beginning anew: removed what the run before had left: %s", strings.Join(f.removed, ", "))
	}
	defer func() {
		if ctx.Err() != nil {
			d.say("stopping")
			if err != nil { // it failed because of that
				err = errors.New("interrupted")
			}
		}
		err = errors.Join(err, d.stop())
	}()

	if err := d.start(ctx); err != nil {
		return err
	}
	object, lines, err := d.send(ctx)
	if err != nil {
		return err
	}
	d.print(object, lines)
	if once {
		return nil
	}
	d.explain()
	return d.serve(ctx)
}

// say prints a line about what happens now.
func (d *demo) say(format string, args ...any) {
	fmt.Fprintf(d.out, "==> "+format+"\n", args...)
}

// start builds and starts everything.
func (d *demo) start(ctx context.Context) (err error) {
	d.bins, err = harness.Build(ctx, d.folder.root, d.folder.bin(), func(step string) { d.say("%s", step) })
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, startTimeout)
	defer cancel()
	if err := d.startS3(ctx); err != nil {
		return err
	}
	return d.startService(ctx)
}

// startS3 starts the S3 server with the buckets.
func (d *demo) startS3(ctx context.Context) error {
	policies := map[string]string{}
	for _, bucket := range buckets {
		policy, err := harness.Policy(ctx, d.bins.Service, bucket)
		if err != nil {
			return err
		}
		policies[bucket] = d.folder.policy(bucket)
		if err := os.WriteFile(policies[bucket], policy, 0o644); err != nil {
			return fmt.Errorf("write the policy of bucket %s: %w", bucket, err)
		}
	}
	listen, err := d.choose("the S3 server", s3Listen)
	if err != nil {
		return err
	}
	d.s3, err = harness.StartS3(ctx, harness.S3Params{
		Binary:  d.bins.S3Server,
		Dir:     d.folder.s3(),
		Listen:  listen,
		Buckets: policies,
	})
	if err != nil {
		return err
	}
	d.say("S3 server on %s, with the buckets %s under the policies that `destinations policy` prints", d.s3.Endpoint, strings.Join(buckets, ", "))
	return nil
}

// startService starts the service.
func (d *demo) startService(ctx context.Context) error {
	listen, err := d.choose("the service", serviceListen)
	if err != nil {
		return err
	}
	admin, err := d.choose("the service's HTTP pages", adminListen)
	if err != nil {
		return err
	}
	d.svc, err = harness.StartService(ctx, harness.ServiceParams{
		Binary:      d.bins.Service,
		DataDir:     d.folder.data(),
		Log:         d.folder.serviceLog(),
		S3:          d.s3,
		Listen:      listen,
		AdminListen: admin,
		Args:        []string{"--window", window.String()},
	})
	if err != nil {
		return err
	}
	d.say("service on %s (gRPC) and http://%s (HTTP), with windows of %v", d.svc.Target, d.svc.Admin, window)
	return nil
}

// choose returns the preferred address, or another one, and says so, if that is
// taken.
func (d *demo) choose(what, preferred string) (string, error) {
	addr, err := harness.FreePort(preferred)
	if err == nil && addr != preferred {
		d.say("%s is taken by another program: %s gets %s", preferred, what, addr)
	}
	return addr, err
}

// send sends the events with the service's own command and returns the object
// that they became.
func (d *demo) send(ctx context.Context) (harness.Object, [][]byte, error) {
	var sent [][]byte
	for n := 1; n <= events; n++ {
		sent = append(sent, fmt.Appendf(nil, `{"n":%d,"of":%d,"greeting":"hello from event %d"}`, n, events, n))
	}
	stdin := bytes.NewReader(append(bytes.Join(sent, []byte("\n")), '\n'))
	_, err := harness.Output(ctx, stdin, d.bins.Service, "send", "--bucket", bucket, "--prefix", prefix, "--target", d.svc.Target)
	if err != nil {
		return harness.Object{}, nil, fmt.Errorf("send the events: %w\n%s", err, d.svc.Tail())
	}
	d.say("%d events sent and acknowledged; their object comes when the window ends, within %v", events, window)
	object, lines, err := d.await(ctx)
	if err != nil {
		return harness.Object{}, nil, fmt.Errorf("%w\n%s", err, d.svc.Tail())
	}
	if !bytes.Equal(bytes.Join(sent, []byte("\n")), bytes.Join(lines, []byte("\n"))) {
		return harness.Object{}, nil, fmt.Errorf("%s does not hold the %d events that were sent, but %d lines", object, events, len(lines))
	}
	return object, lines, nil
}

// await waits for the object and reads it.
func (d *demo) await(ctx context.Context) (object harness.Object, lines [][]byte, err error) {
	ctx, cancel := context.WithTimeout(ctx, objectTimeout)
	defer cancel()
	err = harness.Poll(ctx, "the object", func() error {
		objects, err := d.s3.List(ctx, bucket, prefix+"/")
		if err == nil && len(objects) == 0 {
			err = errors.New("the bucket is empty")
		}
		if err == nil {
			object = objects[0]
		}
		return err
	})
	if err != nil {
		return harness.Object{}, nil, err
	}
	err = d.s3.Lines(ctx, object, func(line []byte) error {
		lines = append(lines, bytes.Clone(line))
		return nil
	})
	return object, lines, err
}

// print prints the object's address and its lines, and nothing else.
func (d *demo) print(object harness.Object, lines [][]byte) {
	fmt.Fprintf(d.out, "%s\n%s\n", object, bytes.Join(lines, []byte("\n")))
}

// serve waits for an interruption, or for one of the two to end, which neither
// does by itself.
func (d *demo) serve(ctx context.Context) error {
	select {
	case <-ctx.Done():
		return nil
	case <-d.svc.Done():
		return fmt.Errorf("the service ended by itself\n%s", d.svc.Tail())
	case <-d.s3.Done():
		return fmt.Errorf("the S3 server ended by itself\n%s", d.s3.Tail())
	}
}

// stop ends what was started, the service first.
func (d *demo) stop() error {
	var errs []error
	if d.svc != nil {
		ctx, cancel := context.WithTimeout(context.Background(), serviceTimeout)
		errs = append(errs, d.svc.Stop(ctx))
		cancel()
	}
	if d.s3 != nil {
		ctx, cancel := context.WithTimeout(context.Background(), s3Timeout)
		errs = append(errs, d.s3.Stop(ctx))
		cancel()
	}
	return errors.Join(errs...)
}
