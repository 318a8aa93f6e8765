package outside_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"

	"github.com/open-destinations/destinations/e2e/harness"
	destinationsv1 "github.com/open-destinations/destinations/gen/destinations/v1"
)

// patience is how long anything may take, but for an installation.
const patience = time.Minute

// The buckets that the programs send to.
const (
	workflows = "workflows"
	audit     = "audit"
)

// world is the service, the S3 server behind it, and the ledger of what the
// programs were to send.
type world struct {
	s3     *harness.S3
	svc    *harness.Service
	ledger *harness.Ledger
}

// newWorld starts both servers. The service's window is one that no test lives to
// see the end of.
func newWorld(t *testing.T) *world {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	dir := t.TempDir()
	policies := map[string]string{}
	for _, bucket := range []string{workflows, audit} {
		policy, err := harness.Policy(ctx, bins.Service, bucket)
		must(t, err)
		policies[bucket] = filepath.Join(dir, bucket+".policy.json")
		must(t, os.WriteFile(policies[bucket], policy, 0o600))
	}
	s3, err := harness.StartS3(ctx, harness.S3Params{Binary: bins.S3Server, Dir: filepath.Join(dir, "s3"), Buckets: policies})
	must(t, err)
	t.Cleanup(s3.Kill)
	svc, err := harness.StartService(ctx, harness.ServiceParams{
		Binary:  bins.Service,
		DataDir: filepath.Join(dir, "data"),
		Log:     filepath.Join(dir, "service.log"),
		S3:      s3,
		Args:    []string{"--window", "1h"},
	})
	must(t, err)
	t.Cleanup(func() {
		svc.Kill()
		if t.Failed() {
			t.Log(svc.Tail())
		}
	})
	return &world{s3: s3, svc: svc, ledger: harness.NewLedger()}
}

// check lets the service deliver what it has, stops it, reads what is in the
// buckets, and compares it with what was sent.
func (w *world) check(t *testing.T) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	conn, err := grpc.NewClient(w.svc.Target, grpc.WithTransportCredentials(insecure.NewCredentials()))
	must(t, err)
	defer conn.Close()
	_, err = destinationsv1.NewOperationsClient(conn).Flush(ctx, &destinationsv1.FlushRequest{})
	must(t, err)
	if err := w.ledger.Await(ctx, w.s3, workflows, audit); err != nil {
		t.Fatal(errors.Join(err, w.ledger.Check())) // which events, and what came instead
	}
	must(t, w.svc.Stop(ctx))
	must(t, w.ledger.Read(ctx, w.s3, workflows, audit))
	must(t, w.ledger.Check())
	sent, acked, arrived := w.ledger.Counts()
	t.Logf("%d events sent, %d acknowledged, %d arrived, in %d objects", sent, acked, arrived, len(w.ledger.Objects()))
}

// must ends the test if err is not nil.
func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
