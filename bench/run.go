package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"syscall"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"

	"github.com/open-destinations/destinations/e2e/harness"
	destinationsv1 "github.com/open-destinations/destinations/gen/destinations/v1"
)

const (
	startTimeout = 30 * time.Second
	stopTimeout  = 30 * time.Second // the service's own grace is 20 s
	flushTimeout = 2 * time.Minute
	// deliverTimeout bounds the wait for the last object behind the flush, and so much
	// more for each destination: that many objects it may be.
	deliverTimeout = 3 * time.Minute
	deliverEach    = 5 * time.Millisecond

	// The service has nothing more to do when it uses less than this part of a core
	// for this long. It is only asked for then whether everything is in the bucket:
	// reading takes the CPU that it delivers with.
	idlePart  = 0.05
	idleAfter = time.Second
)

// ingest does all runs.
func ingest(ctx context.Context, o options) error {
	f, err := openFolder()
	if err != nil {
		return err
	}
	defer f.close()
	sayMachine(f)
	c, err := newCorpus()
	if err == nil {
		err = checkRatio(c)
	}
	if err != nil {
		return err
	}
	bins, err := harness.Build(ctx, f.root, f.bin(), func(step string) { say("%s", step) })
	if err != nil {
		return err
	}
	if o.access {
		return accessCost(ctx, accessRuns{folder: f, bins: bins, corpus: c, options: o})
	}
	for _, n := range o.destinations {
		r := &run{folder: f, bins: bins, corpus: c, options: o, spread: spread{n, o.even}, load: &load{}}
		if err := r.whole(ctx); err != nil {
			if ctx.Err() != nil {
				err = errors.New("interrupted")
			}
			return fmt.Errorf("%d destinations: %w", n, err)
		}
		if o.result != nil {
			o.result(r.result)
		} else if err := r.result.print(os.Stdout); err != nil {
			return err
		}
	}
	return nil
}

// run is one run. Its fields are set one after the other by whole.
type run struct {
	folder  *folder
	bins    harness.Binaries
	corpus  *corpus
	options options
	spread  spread
	granted bool // the service knows the streams by a token, and has grants

	access   *harness.Access // nil unless granted is set
	s3       *harness.S3
	svc      *harness.Service
	meter    *harness.Meter
	profiles *profiler // nil without --profile
	load     *load
	readback *readback
	result   result // if all is true
}

// whole is a run from beginning to end. What it wrote stays where it is unless all is
// true.
func (r *run) whole(ctx context.Context) (err error) {
	if err := r.folder.clear(); err != nil {
		return err
	}
	if err := r.start(ctx); err != nil {
		return errors.Join(err, r.stop())
	}
	err = errors.Join(r.measure(ctx), r.stopService())
	if err == nil {
		// What a stopping service uploads for a second time must not pass unseen.
		err = r.readback.next(ctx)
	}
	if r.readback != nil && ctx.Err() == nil {
		err = errors.Join(err, r.readback.verdict())
	}
	if err = errors.Join(err, r.stop()); err != nil {
		return fmt.Errorf("%w\n(journal, objects and logs are left in %s)", err, r.folder.path)
	}
	if err := r.report(); err != nil {
		return err
	}
	return r.folder.clear()
}

// start starts the S3 server and the service.
func (r *run) start(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, startTimeout)
	defer cancel()
	policy, err := harness.Policy(ctx, r.bins.Service, bucket)
	if err != nil {
		return err
	}
	if err := os.WriteFile(r.folder.policy(), policy, 0o644); err != nil {
		return fmt.Errorf("write the bucket's policy: %w", err)
	}
	r.s3, err = harness.StartS3(ctx, harness.S3Params{
		Binary:  r.bins.S3Server,
		Dir:     r.folder.s3(),
		Buckets: map[string]string{bucket: r.folder.policy()},
	})
	if err != nil {
		return err
	}
	r.s3.Decompress = harness.LibraryGunzip
	if r.options.profile != "" {
		if r.profiles, err = newProfiler(filepath.Join(r.options.profile, strconv.Itoa(r.spread.destinations))); err != nil {
			return err
		}
	}
	if r.granted {
		if r.access, err = harness.NewAccess(r.folder.access(), benchGrants, "bench"); err != nil {
			return err
		}
	}
	r.svc, err = harness.StartService(ctx, harness.ServiceParams{
		Binary:  r.bins.Service,
		DataDir: r.folder.data(),
		Log:     r.folder.serviceLog(),
		S3:      r.s3,
		Args:    slices.Concat([]string{"--window", r.options.window.String()}, r.access.Args(), r.options.args, r.profiles.args()),
		Env:     r.options.env,
	})
	if err == nil {
		r.profiles.of(r.svc)
	}
	return err
}

// measure sends, flushes, and reads everything back.
func (r *run) measure(ctx context.Context) error {
	syscall.Sync() // what was written before is not this run's
	var err error
	if r.meter, err = harness.StartMeter(r.svc.PID()); err != nil {
		return err
	}
	// What was acknowledged is read back also if the sending went wrong.
	sent := r.send(ctx)
	if r.options.flush {
		if err := r.flush(ctx); err != nil {
			return errors.Join(sent, fmt.Errorf("flush: %w\n%s", err, r.svc.Tail()))
		}
	}
	return errors.Join(sent, r.read(ctx))
}

// send sends for as long as was asked for.
func (r *run) send(ctx context.Context) error {
	say("sending to %d destinations for %v over %d streams, %d requests of %d events outstanding each, %s", r.spread.destinations,
		r.options.duration, streams, outstanding, eventsPerRequest, paceText(r.options.rate))
	r.profiles.begin(ctx, r.options.duration)
	watching, watched := context.WithCancel(ctx)
	shown := make(chan struct{})
	go func() {
		defer close(shown)
		r.watch(watching)
	}()
	before, err := ownCPU()
	if err != nil {
		watched()
		return err
	}
	err = r.load.run(ctx, loadParams{
		Target: r.svc.Target, Show: r.access.As("bench"), Corpus: r.corpus, Spread: r.spread, Duration: r.options.duration, Rate: r.options.rate,
	})
	watched()
	<-shown
	after, _ := ownCPU()
	r.sayLoad(after - before)
	return err
}

func paceText(rate int) string {
	if rate == 0 {
		return "as fast as they are answered"
	}
	return fmt.Sprintf("%d events/s", rate)
}

// watch shows that something happens.
func (r *run) watch(ctx context.Context) {
	const every = 10 * time.Second
	ticker := time.NewTicker(every)
	defer ticker.Stop()
	var before uint64
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
		acked := r.load.acked.Load()
		say("%d events acknowledged, %.0f/s", acked, float64(acked-before)/every.Seconds())
		before = acked
	}
}

// sayLoad tells what the line has no field for.
func (r *run) sayLoad(cpu time.Duration) {
	events, last, _ := r.load.sum()
	var planned []time.Duration
	sent := 0
	for i := range r.load.streams {
		planned = append(planned, r.load.streams[i].planned...)
		sent += len(r.load.streams[i].sent) * eventsPerRequest
	}
	slices.Sort(planned)
	took := last.Sub(r.load.began)
	say("%d events sent, %d acknowledged in %.2fs; the load process took %.2f of a core", sent, events, took.Seconds(), cpu.Seconds()/took.Seconds())
	if r.options.rate > 0 {
		say("counted from when the rate wanted a request sent, and not from its send: ack p50 %v, p99 %v", percentile(planned, 0.50), percentile(planned, 0.99))
	}
}

// flush has the service close what is open.
func (r *run) flush(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, flushTimeout)
	defer cancel()
	conn, err := grpc.NewClient(r.svc.Target, grpc.WithTransportCredentials(insecure.NewCredentials()), r.access.As("bench"))
	if err != nil {
		return err
	}
	defer conn.Close()
	began := time.Now()
	answer, err := destinationsv1.NewOperationsClient(conn).Flush(ctx, &destinationsv1.FlushRequest{})
	if err != nil {
		return err
	}
	say("flush: %d batches in %v", answer.GetBatches(), time.Since(began).Round(time.Millisecond))
	return nil
}

// read waits until all is delivered, and reads it.
func (r *run) read(ctx context.Context) error {
	r.readback = newReadback(readbackParams{
		Source: r.s3, Corpus: r.corpus, Load: r.load, Spread: r.spread,
	})
	// When the time is over it is the verdict's to say what is missing.
	delivering, cancel := context.WithTimeout(ctx, r.deliverTimeout())
	defer cancel()
	if err := r.idle(delivering); err != nil {
		return err
	}
	say("reading every object back")
	for {
		began, before := time.Now(), r.readback.objects
		if err := r.readback.next(ctx); err != nil {
			return err
		}
		n, _ := r.readback.missing()
		if more := r.readback.objects - before; more > 0 {
			say("%d objects read in %v, %d acknowledged events are missing", more, time.Since(began).Round(time.Millisecond), n)
		}
		if n == 0 || delivering.Err() != nil {
			break
		}
		if err := r.idle(delivering); err != nil {
			return err
		}
	}
	if err := r.profiles.end(ctx); err != nil {
		return err
	}
	return r.meter.Stop()
}

func (r *run) deliverTimeout() time.Duration {
	d := deliverTimeout + time.Duration(r.spread.destinations)*deliverEach
	if !r.options.flush {
		d += r.options.window
	}
	return d
}

// idle waits until the service has nothing more to do, or ctx ends.
func (r *run) idle(ctx context.Context) error {
	before, err := harness.ReadUsage(r.svc.PID())
	for err == nil {
		select {
		case <-ctx.Done():
			return nil
		case <-r.svc.Done():
			return fmt.Errorf("the service ended by itself\n%s", r.svc.Tail())
		case <-time.After(idleAfter):
		}
		var now harness.Usage
		now, err = harness.ReadUsage(r.svc.PID())
		if now.CPU-before.CPU < time.Duration(idlePart*float64(now.At.Sub(before.At))) {
			return err
		}
		before = now
	}
	return err
}

// report compresses a sample alone, now that nothing else runs, and makes the line.
func (r *run) report() error {
	alone, err := compressAlone(r.readback.readers[0].sample.chunks)
	if err != nil {
		return err
	}
	_, lastAck, _ := r.load.sum()
	say("true: each acknowledged event is there exactly once, %d bytes of payload in %d objects; the last appeared %.1fs after the last answer",
		r.readback.bytes, r.readback.objects, r.readback.last.Sub(lastAck).Seconds())
	say("gzip alone: %.2f s for %d bytes read back, ratio %.2f", alone.cpu.Seconds(), alone.rawBytes, alone.ratio())
	r.result = resultOf(figures{load: r.load, readback: r.readback, usage: r.meter.Until(r.readback.last), gzip: alone})
	r.result.Bench = "ingest"
	if r.profiles != nil {
		r.result.Bench = "profile"
	}
	return nil
}

// stopService ends the service.
func (r *run) stopService() error {
	if r.svc == nil {
		return nil
	}
	if r.meter != nil {
		_ = r.meter.Stop() // what it saw after the measuring does not matter
	}
	ctx, cancel := context.WithTimeout(context.Background(), stopTimeout)
	defer cancel()
	err := r.svc.Stop(ctx)
	r.svc = nil
	return err
}

// stop ends what still runs.
func (r *run) stop() error {
	err := r.stopService()
	if r.s3 == nil {
		return err
	}
	ctx, cancel := context.WithTimeout(context.Background(), stopTimeout)
	defer cancel()
	return errors.Join(err, r.s3.Stop(ctx))
}
