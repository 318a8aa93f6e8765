package main

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"
)

func TestHealth(t *testing.T) {
	r := start(t, testParams(testConfig(t, t.TempDir()), aws.Config{}))
	ask := []string{"health", "--target", r.listener.Addr().String()}
	eventually(t, "it serves", func() bool { return run(t, ask...).code == exitOK })
	if got := run(t, ask...); got.stdout != "SERVING\n" || got.stderr != "" {
		t.Errorf("got %+v", got)
	}
	r.setHealth(healthpb.HealthCheckResponse_NOT_SERVING)
	if got := run(t, ask...); got.code != exitFailed || got.stdout != "NOT_SERVING\n" || !strings.Contains(got.stderr, "takes no events") {
		t.Errorf("not serving: got %+v", got)
	}
	r.stop()
	if err := r.wait(t); err != nil {
		t.Fatal(err)
	}
	if got := run(t, ask...); got.code != exitFailed || !strings.Contains(got.stderr, "no service answers") {
		t.Errorf("stopped: got %+v", got)
	}
}

// Everybody may ask for health, also where nobody else is let in without a token.
func TestHealthOverTLS(t *testing.T) {
	w := newAccessWorld(t, true)
	ask := []string{"health", "--target", w.listener.Addr().String()}
	eventually(t, "it serves", func() bool { return run(t, append(ask, "--tls-ca", filepath.Join(w.dir, "ca.pem"))...).code == exitOK })
	if got := run(t, append(ask, "--tls")...); got.code != exitFailed || !strings.Contains(got.stderr, "certificate") {
		t.Errorf("unknown service: got %+v", got)
	}
}
