package e2e_test

import (
	"context"
	"crypto/x509"
	"os"
	"path/filepath"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"

	"github.com/open-destinations/destinations/e2e/harness"
	destinationsv1 "github.com/open-destinations/destinations/gen/destinations/v1"
)

const (
	startTimeout = 30 * time.Second
	stopTimeout  = 30 * time.Second // longer than the service's grace period

	// longWindow is a window that no test lives to see the end of.
	longWindow = "1h"
)

// world is an S3 server with buckets, the service, and the ledger of what was
// sent. A test may have several services in it.
type world struct {
	t        *testing.T
	dir      string
	dataAt   string // where the data folders are; dir unless a test changes it
	buckets  []string
	s3       *harness.S3
	endpoint string         // where the services reach S3; "" = at S3 itself
	ca       *x509.CertPool // that the services are known by; nil = they speak no TLS
	env      []string       // more variables of the services
	ledger   *harness.Ledger
}

// newWorld starts an S3 server with buckets under the policy that the service
// prints.
func newWorld(t *testing.T, buckets ...string) *world {
	t.Helper()
	w := prepareWorld(t, buckets...)
	policies := map[string]string{}
	for _, b := range buckets {
		policies[b] = w.policy(b, "--role-arn", harness.ServiceKey)
	}
	w.startS3(harness.S3Params{Buckets: policies})
	return w
}

// prepareWorld is a world whose S3 server is not started.
func prepareWorld(t *testing.T, buckets ...string) *world {
	w := &world{t: t, dir: t.TempDir(), buckets: buckets, ledger: harness.NewLedger()}
	w.dataAt = w.dir
	return w
}

// policy is the file of a bucket's policy as the service prints it.
func (w *world) policy(bucket string, args ...string) string {
	w.t.Helper()
	policy, err := harness.Output(w.t.Context(), nil, bins.Service, append([]string{"policy", "--bucket", bucket}, args...)...)
	must(w.t, err)
	file := filepath.Join(w.dir, bucket+".policy.json")
	must(w.t, os.WriteFile(file, policy, 0o600))
	return file
}

// startS3 starts the S3 server: its buckets, roles and certificate are of p.
func (w *world) startS3(p harness.S3Params) {
	w.t.Helper()
	ctx, cancel := context.WithTimeout(w.t.Context(), startTimeout)
	defer cancel()
	p.Binary, p.Dir = bins.S3Server, filepath.Join(w.dir, "s3")
	s3, err := harness.StartS3(ctx, p)
	must(w.t, err)
	w.s3 = s3
	w.t.Cleanup(s3.Kill)
}

// restartS3 starts the S3 server again after it was killed.
func (w *world) restartS3() {
	w.t.Helper()
	ctx, cancel := context.WithTimeout(w.t.Context(), startTimeout)
	defer cancel()
	must(w.t, w.s3.Restart(ctx))
}

// service is a running service with clients of its own.
type service struct {
	*harness.Service
	events     destinationsv1.DestinationsClient
	operations destinationsv1.OperationsClient
	deliveries destinationsv1.DeliveriesClient
}

// serve starts the service on the data folder of that name.
func (w *world) serve(name string, args ...string) *service {
	w.t.Helper()
	svc, err := w.tryServe(name, args...)
	must(w.t, err)
	return svc
}

// tryServe is serve for callers that are not the test's own goroutine.
func (w *world) tryServe(name string, args ...string) (*service, error) {
	ctx, cancel := context.WithTimeout(w.t.Context(), startTimeout)
	defer cancel()
	svc, err := harness.StartService(ctx, harness.ServiceParams{
		Binary:   bins.Service,
		DataDir:  w.dataDir(name),
		Log:      filepath.Join(w.dir, name+".log"),
		S3:       w.s3,
		Endpoint: w.endpoint,
		Args:     args,
		CA:       w.ca,
		Env:      w.env,
	})
	if err != nil {
		return nil, err
	}
	w.t.Cleanup(func() {
		svc.Kill()
		if w.t.Failed() {
			w.t.Log(svc.Tail())
		}
	})
	conn, err := grpc.NewClient(svc.Target, grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		return nil, err
	}
	w.t.Cleanup(func() { conn.Close() })
	return &service{
		Service:    svc,
		events:     destinationsv1.NewDestinationsClient(conn),
		operations: destinationsv1.NewOperationsClient(conn),
		deliveries: destinationsv1.NewDeliveriesClient(conn),
	}, nil
}

// dataDir is the data folder of that name.
func (w *world) dataDir(name string) string { return filepath.Join(w.dataAt, name) }

// stop ends a service as an operator does; it must end well, and in time.
func (w *world) stop(svc *service) {
	w.t.Helper()
	ctx, cancel := context.WithTimeout(w.t.Context(), stopTimeout)
	defer cancel()
	must(w.t, svc.Stop(ctx))
}

// flush closes the open batches of all destinations.
func (w *world) flush(svc *service) {
	w.t.Helper()
	ctx, cancel := context.WithTimeout(w.t.Context(), startTimeout)
	defer cancel()
	_, err := svc.operations.Flush(ctx, &destinationsv1.FlushRequest{})
	must(w.t, err)
}

// await waits until everything that was acknowledged is in its bucket.
func (w *world) await(timeout time.Duration) {
	w.t.Helper()
	ctx, cancel := context.WithTimeout(w.t.Context(), timeout)
	defer cancel()
	if err := w.ledger.Await(ctx, w.s3, w.buckets...); err != nil {
		w.t.Fatalf("%v\n%v", err, w.ledger.Check())
	}
}

// poll waits until f returns nil.
func (w *world) poll(what string, f func() error) {
	w.t.Helper()
	ctx, cancel := context.WithTimeout(w.t.Context(), time.Minute)
	defer cancel()
	must(w.t, harness.Poll(ctx, what, f))
}

// check stops the services, so that nothing can come late, reads what is in the
// buckets, and compares it with what was sent.
func (w *world) check(services ...*service) {
	w.t.Helper()
	for _, svc := range services {
		w.stop(svc)
	}
	must(w.t, w.ledger.Read(w.t.Context(), w.s3, w.buckets...))
	must(w.t, w.ledger.Check())
	sent, acked, arrived := w.ledger.Counts()
	w.t.Logf("%d events sent, %d acknowledged, %d arrived, in %d objects", sent, acked, arrived, len(w.ledger.Objects()))
}

// must ends the test if err is not nil.
func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
