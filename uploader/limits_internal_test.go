package uploader

import (
	"context"
	"fmt"
	"testing"
	"time"
)

// TestRegionsAreBounded needs more buckets than uploads could name in time.
func TestRegionsAreBounded(t *testing.T) {
	var r *regions
	asked := 0
	r = newRegions("us-east-1", func(bucket string, l *lookup) {
		asked++
		go r.finish(bucket, l, "eu-west-1")
	})
	for i := range maxRegions + 100 {
		if got := r.of(context.Background(), fmt.Sprint(i)); got != "eu-west-1" {
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
