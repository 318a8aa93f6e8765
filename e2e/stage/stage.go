package stage

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"google.golang.org/grpc"

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
	lookEvery    = 100 * time.Millisecond
)

// Params says what is on a stage.
type Params struct {
	Dir     string // for everything that is written; empty
	Bins    harness.Binaries
	Buckets []string
	Args    []string // of serve
	Seed    uint64   // of what the clients decide at random

	// CA are the authorities that the service is known by, which Args give a certificate; nil
	// = it speaks no TLS.
	CA *x509.CertPool

	// Grants is what the service's grants file says, and Names are whose tokens there are; ""
	// = it lets everybody in. The stage itself is "stage", which must see and operate every
	// tenant.
	Grants string
	Names  []string

	// Direct leaves Faults out of the way to S3: what many bytes pass costs the CPU that
	// is to be measured.
	Direct bool
}

// Stage is a run. The way of a request is: client, Front, Service, Back, Faults, S3.
// All but what the fields can do themselves belongs to one goroutine.
type Stage struct {
	S3      *harness.S3
	Faults  *faultproxy.Proxy // nil if the way is Direct
	Back    *tcpproxy.Proxy
	Front   *tcpproxy.Proxy
	Service *harness.Service // nil before the first launch
	Access  *harness.Access  // nil if everybody is let in
	Clients []*traffic.Client

	p       Params
	ctx     context.Context // of the clients
	cancel  context.CancelFunc
	running sync.WaitGroup // the clients
	mu      sync.Mutex
	errs    []error // of the clients; guarded by mu
}

// Open starts everything but the service. Close must follow.
func Open(ctx context.Context, p Params) (*Stage, error) {
	s := &Stage{p: p}
	s.ctx, s.cancel = context.WithCancel(ctx)
	ctx, cancel := context.WithTimeout(ctx, startTimeout)
	defer cancel()
	if err := s.start(ctx); err != nil {
		return nil, errors.Join(err, s.Close())
	}
	return s, nil
}

func (s *Stage) start(ctx context.Context) error {
	policies := map[string]string{}
	for _, b := range s.p.Buckets {
		policy, err := harness.Policy(ctx, s.p.Bins.Service, b)
		if err != nil {
			return err
		}
		policies[b] = filepath.Join(s.p.Dir, b+".policy.json")
		if err := os.WriteFile(policies[b], policy, 0o600); err != nil {
			return fmt.Errorf("write a bucket's policy: %w", err)
		}
	}
	var err error
	if s.p.Grants != "" {
		if s.Access, err = harness.NewAccess(filepath.Join(s.p.Dir, "access"), s.p.Grants, append(s.p.Names, "stage")...); err != nil {
			return err
		}
	}
	s.S3, err = harness.StartS3(ctx, harness.S3Params{Binary: s.p.Bins.S3Server, Dir: filepath.Join(s.p.Dir, "s3"), Buckets: policies})
	if err != nil {
		return err
	}
	s.S3.Decompress = harness.LibraryGunzip
	endpoint := s.S3.Endpoint
	if !s.p.Direct {
		if s.Faults, err = faultproxy.Listen(strings.TrimPrefix(endpoint, "http://")); err != nil {
			return err
		}
		endpoint = s.Faults.URL()
	}
	if s.Back, err = tcpproxy.Listen(strings.TrimPrefix(endpoint, "http://")); err != nil {
		return err
	}
	s.Front, err = tcpproxy.Listen("127.0.0.1:9") // nobody, until there is a service
	return err
}

// Close ends everything. What the service has not done it leaves undone.
func (s *Stage) Close() error {
	s.cancel()
	s.running.Wait()
	if s.Service != nil {
		s.Service.Kill()
	}
	var errs []error
	for _, p := range []*tcpproxy.Proxy{s.Front, s.Back} {
		if p != nil {
			errs = append(errs, p.Close())
		}
	}
	if s.Faults != nil {
		s.Faults.Close()
	}
	if s.S3 != nil {
		s.S3.Kill()
	}
	return errors.Join(errs...)
}

// LogFile is what the service logs to, over all its lives.
func (s *Stage) LogFile() string { return filepath.Join(s.p.Dir, "service.log") }

// DataDir is the service's data folder.
func (s *Stage) DataDir() string { return filepath.Join(s.p.Dir, "data") }

// Launch starts the service, which need not be ready when it returns.
func (s *Stage) Launch() (err error) {
	p := harness.ServiceParams{
		Binary: s.p.Bins.Service, DataDir: s.DataDir(), Log: s.LogFile(),
		S3: s.S3, Endpoint: "http://" + s.Back.Addr(), Args: slices.Concat(s.p.Args, s.Access.Args()), CA: s.p.CA,
	}
	if s.Service, err = harness.LaunchService(p); err == nil {
		s.Front.SetTarget(s.Service.Target)
	}
	return err
}

// LaunchReady starts the service and waits until it is ready. Another program may be
// quicker to take a port that was free.
func (s *Stage) LaunchReady(ctx context.Context) error {
	const clashTries = 5
	ctx, cancel := context.WithTimeout(ctx, startTimeout)
	defer cancel()
	for try := 1; ; try++ {
		err := s.Launch()
		if err == nil {
			err = s.Service.AwaitReady(ctx)
		}
		if err == nil || try == clashTries || !s.Clashed() {
			return err
		}
	}
}

// Clashed says whether the service ended because another program had its port.
func (s *Stage) Clashed() bool {
	select {
	case <-s.Service.Done():
		return strings.Contains(s.Service.Tail(), "address already in use")
	default:
		return false
	}
}

// EndedByItself is what the service must never do.
func (s *Stage) EndedByItself() error {
	return fmt.Errorf("the service ended by itself (%w)\n%s", s.Service.Err(), s.Service.Tail())
}

// Join adds a client and lets it run. Its number is its place among the clients, its
// target the proxy in front of the service.
func (s *Stage) Join(p traffic.Params) (*traffic.Client, error) {
	p.Target, p.CA, p.Number, p.Seed = s.Front.Addr(), s.p.CA, len(s.Clients), s.p.Seed
	c, err := traffic.NewClient(p)
	if err != nil {
		return nil, err
	}
	s.Clients = append(s.Clients, c)
	s.running.Go(func() {
		if err := c.Run(s.ctx); err != nil {
			s.mu.Lock()
			defer s.mu.Unlock()
			s.errs = append(s.errs, err)
		}
	})
	return c, nil
}

// Progress is how many events have an answer.
func (s *Stage) Progress() (events uint64) {
	for _, c := range s.Clients {
		events += c.Progress()
	}
	return events
}

// Drain lets the clients end when everything that they sent is answered.
func (s *Stage) Drain(ctx context.Context) error {
	for _, c := range s.Clients {
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
	case <-s.Service.Done():
		err = s.EndedByItself()
	case <-timer.C:
		err = fmt.Errorf("not everything was answered %v after the last request\n%s", drainTimeout, s.Service.Tail())
	case <-ctx.Done():
		err = context.Cause(ctx)
	}
	if err != nil {
		return err // the clients end with the context that they were given
	}
	return errors.Join(s.errs...)
}

// Flush has the service close what is open.
func (s *Stage) Flush(ctx context.Context) error {
	return s.Call(ctx, "flush", func(ctx context.Context, conn *grpc.ClientConn) error {
		_, err := destinationsv1.NewOperationsClient(conn).Flush(ctx, &destinationsv1.FlushRequest{})
		return err
	})
}

// Redrive has the service try at once what is blocked, and what is dead.
func (s *Stage) Redrive(ctx context.Context) error {
	return s.Call(ctx, "redrive", func(ctx context.Context, conn *grpc.ClientConn) error {
		_, err := destinationsv1.NewOperationsClient(conn).Redrive(ctx, &destinationsv1.RedriveRequest{})
		return err
	})
}

// Call calls the service past the proxy.
func (s *Stage) Call(ctx context.Context, what string, call func(context.Context, *grpc.ClientConn) error) error {
	ctx, cancel := context.WithTimeout(ctx, drainTimeout)
	defer cancel()
	conn, err := grpc.NewClient(s.Service.Target, grpc.WithTransportCredentials(harness.Transport(s.p.CA)), s.Access.As("stage"))
	if err != nil {
		return err
	}
	defer conn.Close()
	if err := call(ctx, conn); err != nil {
		return fmt.Errorf("%s: %w", what, err)
	}
	return nil
}

// ReadBack waits until everything that the clients of p have is delivered, and says
// what is in their buckets; p needs no Source. The clients must have ended. What does
// not arrive in time is the tally's to say.
func (s *Stage) ReadBack(ctx context.Context, p traffic.TallyParams) (*traffic.Tally, error) {
	p.Source = s.S3
	tally := traffic.NewTally(p)
	waiting, cancel := context.WithTimeout(ctx, drainTimeout)
	defer cancel()
	if err := tally.Await(waiting); err != nil && (waiting.Err() == nil || ctx.Err() != nil) {
		return nil, err
	}
	return tally, nil
}

// Finish ends the service as an operator does, so that nothing can come late, and lets
// tallies read what came until then.
func (s *Stage) Finish(ctx context.Context, tallies ...*traffic.Tally) error {
	stopping, cancel := context.WithTimeout(ctx, stopTimeout)
	defer cancel()
	if err := s.Service.Stop(stopping); err != nil {
		return err
	}
	for _, t := range tallies {
		if err := t.Read(ctx); err != nil {
			return err
		}
	}
	return nil
}

// Watch lets time pass, and returns the longest part of it in which nothing was
// acknowledged to any client.
func (s *Stage) Watch(ctx context.Context, lasting time.Duration) (silence time.Duration, err error) {
	over := time.NewTimer(lasting)
	defer over.Stop()
	look := time.NewTicker(lookEvery)
	defer look.Stop()
	acked, since := s.Progress(), time.Now()
	for {
		select {
		case <-over.C:
			return max(silence, time.Since(since)), nil
		case <-ctx.Done():
			return 0, context.Cause(ctx)
		case <-s.Service.Done():
			return 0, s.EndedByItself()
		case <-look.C:
		}
		if now := s.Progress(); now > acked {
			silence = max(silence, time.Since(since))
			acked, since = now, time.Now()
		}
	}
}

// Idle waits until the service has nothing more to do: it uses less than a twentieth
// of a core for a second.
func (s *Stage) Idle(ctx context.Context) error {
	before, err := harness.ReadUsage(s.Service.PID())
	for err == nil {
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-s.Service.Done():
			return s.EndedByItself()
		case <-time.After(time.Second):
		}
		var now harness.Usage
		now, err = harness.ReadUsage(s.Service.PID())
		if now.CPU-before.CPU < now.At.Sub(before.At)/20 {
			return err
		}
		before = now
	}
	return err
}

// Spread is n destinations in each bucket.
func Spread(n int, buckets ...string) []harness.Destination {
	var all []harness.Destination
	for _, b := range buckets {
		for i := range n {
			all = append(all, harness.Destination{Bucket: b, Prefix: fmt.Sprintf("tenant-%d/flow-%d/", i%7, i)})
		}
	}
	return all
}
