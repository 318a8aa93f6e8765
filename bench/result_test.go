package main

import (
	"bytes"
	"testing"
	"time"

	"github.com/open-destinations/destinations/e2e/harness"
)

func TestLine(t *testing.T) {
	s := newScene(t, 5)
	rb := s.read(t)
	line := resultOf(figures{
		load: s.load, readback: rb,
		usage: harness.Usage{CPU: 6 * time.Millisecond, PeakRSS: 300<<20 + 1<<19},
		gzip:  gzipAlone{rawBytes: 1e9, gzipBytes: 2e8, cpu: 3100 * time.Millisecond},
	})
	line.Bench = "ingest"
	var got bytes.Buffer
	if err := line.print(&got); err != nil {
		t.Fatal(err)
	}
	// 1,500 events in 2 s; 0.0006 GB.
	const want = `{"bench":"ingest","destinations":5,"events_per_s":750,"ack_p50_ms":1,"ack_p99_ms":2,"cpu_s_per_gb":10,` +
		`"gzip_cpu_s_per_gb":3.1,"cpu_s_per_m_events":4,"rss_mib":300.5,"objects":5,"freshness_p99_s":12.01}` + "\n"
	if got.String() != want {
		t.Errorf("got  %swant %s", got.String(), want)
	}
}

func TestPercentile(t *testing.T) {
	var sorted []time.Duration
	for i := range 100 {
		sorted = append(sorted, time.Duration(i+1))
	}
	for part, want := range map[float64]time.Duration{0: 1, 0.5: 50, 0.99: 99, 0.991: 100, 1: 100} {
		if got := percentile(sorted, part); got != want {
			t.Errorf("%v: got %d, want %d", part, got, want)
		}
	}
	if got := percentile(nil, 0.5); got != 0 {
		t.Errorf("of nothing: got %d", got)
	}
}

func TestSampleIsCutLikeTheServiceDoes(t *testing.T) {
	s := sample{limit: 200_000}
	line := bytes.Repeat([]byte("x"), payloadBytes)
	for range 200 { // 80,200 bytes
		s.add(line)
	}
	s.endObject()
	for range 1000 {
		s.add(line)
	}
	s.endObject()
	var sizes []int
	for _, c := range s.chunks {
		sizes = append(sizes, len(c))
		if c[len(c)-1] != '\n' {
			t.Errorf("a chunk ends with %q", c[len(c)-1])
		}
	}
	const whole = 164 * (payloadBytes + 1) // the first multiple of a line from 64 KiB on
	if len(sizes) < 3 || sizes[0] != whole || sizes[1] != 200*(payloadBytes+1)-whole || sizes[2] != whole {
		t.Errorf("got chunks of %v bytes, want %d, the object's rest, %d, ...", sizes, whole, whole)
	}
	if s.bytes < s.limit || s.bytes > s.limit+payloadBytes+1 {
		t.Errorf("got %d bytes, want the limit, %d", s.bytes, s.limit)
	}
}
