package server_test

import (
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"testing"

	"github.com/open-destinations/destinations/server"
)

// The partition stands in data folders: these values may never change.
func TestPartitionStays(t *testing.T) {
	tests := []struct {
		tenant, bucket, prefix string
		partitions, want       int
	}{
		{"default", "demo", "", 4, 2},
		{"default", "demo", "test/", 4, 3},
		{"default", "demo", "test/", 7, 1},
		{"default", "demo", "日本語/", 256, 185},
		{"default", "demo", "test/", 1, 0},
	}
	for _, tt := range tests {
		if got := server.Partition(tt.tenant, tt.bucket, tt.prefix, tt.partitions); got != tt.want {
			t.Errorf("Partition(%q, %q, %q, %d): got %d, want %d", tt.tenant, tt.bucket, tt.prefix, tt.partitions, got, tt.want)
		}
	}
}

func TestPartitionIsAsDescribed(t *testing.T) {
	encoded := "\x00\x00\x00\x07default" + "\x00\x00\x00\x04demo" + "\x00\x00\x00\x05test/"
	sum := sha256.Sum256([]byte(encoded))
	want := int(binary.BigEndian.Uint64(sum[:8]) % 1000)
	if got := server.Partition("default", "demo", "test/", 1000); got != want {
		t.Errorf("got %d, want %d", got, want)
	}
}

func TestPartitionsAreEvenlyUsed(t *testing.T) {
	const partitions, each = 8, 1000
	var count [partitions]int
	for i := range partitions * each {
		count[server.Partition("default", "demo", fmt.Sprintf("p%d/", i), partitions)]++
	}
	for p, n := range count {
		if n < each*8/10 || n > each*12/10 {
			t.Errorf("partition %d: got %d destinations, want about %d", p, n, each)
		}
	}
}
