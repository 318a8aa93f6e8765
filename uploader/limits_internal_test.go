package uploader

import (
	"context"
	"fmt"
	"log/slog"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
)

// TestRegionsAreBounded needs more buckets than uploads could name in time.
func TestRegionsAreBounded(t *testing.T) {
	var r *regions
	asked := 0
	r = newRegions("us-east-1", func(by asker, l *lookup) {
		asked++
		go r.finish(by, l, "eu-west-1")
	})
	for i := range maxRegions + 100 {
		if got := r.of(context.Background(), asker{bucket: fmt.Sprint(i)}); got != "eu-west-1" {
			t.Fatalf("bucket %d: got %s", i, got)
		}
	}
	if len(r.mu.known) != maxRegions || len(r.mu.asking) != 0 {
		t.Errorf("got %d buckets remembered and %d asked for, want %d and 0", len(r.mu.known), len(r.mu.asking), maxRegions)
	}
	if asked != maxRegions+100 {
		t.Errorf("asked %d times, want %d", asked, maxRegions+100)
	}
}

// However many tenants have roles, so many sessions are kept, and an asker always gets his own.
func TestSessionsAreBounded(t *testing.T) {
	s := newSessions(nil, nil)
	for i := range maxSessions + 100 {
		tenant := fmt.Sprint(i)
		if got := s.session(tenant, Role{ARN: tenant}); got.tenant != tenant || got != s.session(tenant, Role{ARN: tenant}) {
			t.Fatalf("%s: got the session of %s", tenant, got.tenant)
		}
	}
	if got := len(s.mu.of); got != maxSessions {
		t.Errorf("got %d sessions, want %d", got, maxSessions)
	}
}

// With nothing said of a tenant its requests cost nothing more.
func TestNothingSaidCostsNothing(t *testing.T) {
	cfg := DefaultConfig()
	cfg.TenantOf = func(string) Tenant { return Tenant{} }
	u, err := New(aws.Config{}, cfg, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	defer u.Close()
	of := &transfer{u: u, o: &Object{Tenant: "acme", Bucket: "bucket"}}
	if n := testing.AllocsPerRun(100, func() { of.terms(); of.owner(); of.signing(); of.asker() }); n > 0 {
		t.Errorf("got %v allocations, want none", n)
	}
}

func TestPartsGrowSoThatTheyAreAtMost10000(t *testing.T) {
	cfg := DefaultConfig()
	for _, tt := range []struct{ size, want int64 }{
		{0, 16 << 20},
		{128 << 20, 16 << 20},
		{10_000 * 16 << 20, 16 << 20},
		{10_000*16<<20 + 1, 16<<20 + 1},
		{5 << 40, 549755814}, // the largest object of S3
	} {
		got := cfg.partSize(tt.size)
		if got != tt.want || (tt.size+got-1)/got > maxParts {
			t.Errorf("%d bytes: got parts of %d, want %d", tt.size, got, tt.want)
		}
	}
}

func TestTimeoutGrowsWithSize(t *testing.T) {
	cfg := DefaultConfig()
	for _, tt := range []struct {
		size int64
		want time.Duration
	}{{0, 10 * time.Second}, {16 << 20, 74 * time.Second}, {5 << 30, 20490 * time.Second}} {
		if got := cfg.timeout(tt.size); got != tt.want {
			t.Errorf("%d bytes: got %s, want %s", tt.size, got, tt.want)
		}
	}
}

// Each region of AWS has an endpoint of its own; with another S3 there is one for all.
func TestRegionOfABucketsEndpoint(t *testing.T) {
	for _, tt := range []struct {
		name          string
		aws           aws.Config
		endpoint      string
		before, after string
	}{
		{"AWS", aws.Config{Region: "us-west-2"}, "", "us-west-2", "eu-west-1"},
		{"AWS, no region", aws.Config{}, "", "us-east-1", "eu-west-1"},
		{"--s3-endpoint", aws.Config{Region: "us-west-2"}, "http://127.0.0.1:1", "", ""},
		{"an endpoint of AWS's configuration", aws.Config{Region: "us-west-2", BaseEndpoint: aws.String("http://127.0.0.1:1")}, "", "", ""},
	} {
		cfg := DefaultConfig()
		cfg.Endpoint = tt.endpoint
		u, err := New(tt.aws, cfg, slog.New(slog.DiscardHandler))
		if err != nil {
			t.Fatal(err)
		}
		if got := u.Region("bucket"); got != tt.before {
			t.Errorf("%s: before anything is known: %q, want %q", tt.name, got, tt.before)
		}
		u.regions.correct("bucket", "eu-west-1")
		if got := u.Region("bucket"); got != tt.after {
			t.Errorf("%s: when S3 has said where it is: %q, want %q", tt.name, got, tt.after)
		}
		u.Close()
	}
}
