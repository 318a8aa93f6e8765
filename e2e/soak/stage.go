package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"

	"github.com/open-destinations/destinations/e2e/faultproxy"
	"github.com/open-destinations/destinations/e2e/harness"
	"github.com/open-destinations/destinations/e2e/tcpproxy"
	"github.com/open-destinations/destinations/e2e/traffic"
	destinationsv1 "github.com/open-destinations/destinations/gen/destinations/v1"
)

const (
	startTimeout = time.Minute
	stopTimeout  = time.Minute     // the service's own grace is 20 s
	drainTimeout = 5 * time.Minute // for the last answers, and for the last objects
)

// site is where a run happens and whom it tells.
type site struct {
	dir  string // empty
	bins harness.Binaries
	seed uint64
	say  func(format string, args ...any)
	out  io.Writer // for the line of the result
}

// stage is an S3 server and the service, with proxies in front of both, and clients.
// The way of a request is: client, front, service, back, counter, S3.
type stage struct {
	site
	args    []string
	buckets []string

	s3      *harness.S3
	counter *faultproxy.Proxy
	back    *tcpproxy.Proxy
	front   *tcpproxy.Proxy
	svc     *harness.Service // nil before the first launch

	clients []*traffic.Client
	running sync.WaitGroup // the clients
	mu      sync.Mutex
	errs    []error // of the clients; guarded by mu
}

// openStage starts everything but the service, which is started with args.
func openStage(ctx context.Context, at site, buckets []string, args ...string) (*stage, error) {
	s := &stage{site: at, args: args, buckets: buckets}
	ctx, cancel := context.WithTimeout(ctx, startTimeout)
	defer cancel()
	if err := s.start(ctx); err != nil {
		return nil, errors.Join(err, s.close())
	}
	return s, nil
}

func (s *stage) start(ctx context.Context) error {
	policies := map[string]string{}
	for _, b := range s.buckets {
		policy, err := harness.Policy(ctx, s.bins.Service, b)
		if err != nil {
			return err
		}
		policies[b] = filepath.Join(s.dir, b+".policy.json")
		if err := os.WriteFile(policies[b], policy, 0o600); err != nil {
			return fmt.Errorf("write a bucket's policy: %w", err)
		}
	}
	var err error
	s.s3, err = harness.StartS3(ctx, harness.S3Params{Binary: s.bins.S3Server, Dir: filepath.Join(s.dir, "s3"), Buckets: policies})
	if err != nil {
		return err
	}
	s.s3.Decompress = harness.LibraryGunzip
	if s.counter, err = faultproxy.Listen(strings.TrimPrefix(s.s3.Endpoint, "http://")); err != nil {
		return err
	}
	if s.back, err = tcpproxy.Listen(strings.TrimPrefix(s.counter.URL(), "http://")); err != nil {
		return err
	}
	s.front, err = tcpproxy.Listen("127.0.0.1:9") // nobody, until there is a service
	return err
}

// close ends everything. What the service has not done it leaves undone.
func (s *stage) close() error {
	if s.svc != nil {
		s.svc.Kill()
	}
	var errs []error
	for _, p := range []*tcpproxy.Proxy{s.front, s.back} {
		if p != nil {
			errs = append(errs, p.Close())
		}
	}
	if s.counter != nil {
		s.counter.Close()
	}
	if s.s3 != nil {
		s.s3.Kill()
	}
	return errors.Join(errs...)
}

// logFile is what the service logs to.
func (s *stage) logFile() string { return filepath.Join(s.dir, "service.log") }

// launch starts the service, which need not be ready when it returns.
func (s *stage) launch() (err error) {
	p := harness.ServiceParams{
		Binary: s.bins.Service, DataDir: filepath.Join(s.dir, "data"), Log: s.logFile(),
		S3: s.s3, Endpoint: "http://" + s.back.Addr(), Args: s.args,
	}
	if s.svc, err = harness.LaunchService(p); err == nil {
		s.front.SetTarget(s.svc.Target)
	}
	return err
}

// launchReady starts the service and waits until it is ready. Another program may be
// quicker to take a port that was free.
func (s *stage) launchReady(ctx context.Context) error {
	const clashTries = 5
	ctx, cancel := context.WithTimeout(ctx, startTimeout)
	defer cancel()
	for try := 1; ; try++ {
		err := s.launch()
		if err == nil {
			err = s.svc.AwaitReady(ctx)
		}
		if err == nil || try == clashTries || !s.clashed() {
			return err
		}
	}
}

// clashed says whether the service ended because another program had its port.
func (s *stage) clashed() bool {
	select {
	case <-s.svc.Done():
		return strings.Contains(s.svc.Tail(), "address already in use")
	default:
		return false
	}
}

// endedByItself is what the service must never do.
func (s *stage) endedByItself() error {
	return fmt.Errorf("the service ended by itself (%w)\n%s", s.svc.Err(), s.svc.Tail())
}

// join adds a client and lets it run. Its number is its place among the clients, its
// target the proxy in front of the service.
func (s *stage) join(ctx context.Context, p traffic.Params) error {
	p.Target, p.Number, p.Seed = s.front.Addr(), len(s.clients), s.seed
	c, err := traffic.NewClient(p)
	if err != nil {
		return err
	}
	s.clients = append(s.clients, c)
	s.running.Go(func() {
		if err := c.Run(ctx); err != nil {
			s.mu.Lock()
			defer s.mu.Unlock()
			s.errs = append(s.errs, err)
		}
	})
	return nil
}

// progress is how many events have an answer.
func (s *stage) progress() (events uint64) {
	for _, c := range s.clients {
		events += c.Progress()
	}
	return events
}

// drain lets the clients end when everything that they sent is answered.
func (s *stage) drain(ctx context.Context) error {
	for _, c := range s.clients {
		c.Stop()
	}
	drained := make(chan struct{})
	go func() {
		s.running.Wait()
		close(drained)
	}()
	timer := time.NewTimer(drainTimeout)
	defer timer.Stop()
	var err error
	select {
	case <-drained:
	case <-s.svc.Done():
		err = s.endedByItself()
	case <-timer.C:
		err = fmt.Errorf("not everything was answered %v after the last request\n%s", drainTimeout, s.svc.Tail())
	case <-ctx.Done():
		err = context.Cause(ctx)
	}
	if err != nil {
		return err // the clients end with the context that they were given
	}
	return errors.Join(s.errs...)
}

// flush has the service close what is open.
func (s *stage) flush(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, drainTimeout)
	defer cancel()
	conn, err := grpc.NewClient(s.svc.Target, grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		return err
	}
	defer conn.Close()
	if _, err := destinationsv1.NewOperationsClient(conn).Flush(ctx, &destinationsv1.FlushRequest{}); err != nil {
		return fmt.Errorf("flush: %w", err)
	}
	return nil
}

// readBack waits until everything is delivered, ends the service, so that nothing can
// come late, and says what is in the buckets. The clients must have ended.
func (s *stage) readBack(ctx context.Context, fresh time.Duration) (*traffic.Tally, error) {
	tally := traffic.NewTally(traffic.TallyParams{Source: s.s3, Buckets: s.buckets, Clients: s.clients, Order: true, Fresh: fresh})
	waiting, cancel := context.WithTimeout(ctx, drainTimeout)
	defer cancel()
	// What is missing in the end is the tally's to say.
	if err := tally.Await(waiting); err != nil && waiting.Err() == nil {
		return nil, err
	}
	stopping, cancel := context.WithTimeout(ctx, stopTimeout)
	defer cancel()
	if err := s.svc.Stop(stopping); err != nil {
		return nil, err
	}
	return tally, tally.Read(ctx)
}

// spread is n destinations in each bucket.
func spread(n int, buckets ...string) []harness.Destination {
	var all []harness.Destination
	for _, b := range buckets {
		for i := range n {
			all = append(all, harness.Destination{Bucket: b, Prefix: fmt.Sprintf("tenant-%d/flow-%d/", i%7, i)})
		}
	}
	return all
}
