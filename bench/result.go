package main

import (
	"encoding/json"
	"fmt"
	"io"
	"math"
	"slices"
	"time"

	"github.com/open-destinations/destinations/e2e/harness"
)

// result is the line that a run prints. GB are 10^9 bytes of payload, MiB 2^20. CPU
// is user and system time of the service's process alone, from the first send to
// the last object in the bucket.
type result struct {
	// Bench is "ingest"; "profile" if the service was profiled meanwhile.
	Bench        string `json:"bench"`
	Destinations int    `json:"destinations"`
	// EventsPerS is acknowledged events by the time from the first send to the last
	// answer. Each of them was delivered, or there is no line.
	EventsPerS float64 `json:"events_per_s"`
	// AckP50MS and AckP99MS are of the time from the send of a request to the answer
	// that covers it: exact, all requests have the same number of events.
	AckP50MS float64 `json:"ack_p50_ms"`
	AckP99MS float64 `json:"ack_p99_ms"`
	CPUPerGB float64 `json:"cpu_s_per_gb"`
	// GzipCPUPerGB is what compressing alone takes: a sample of the lines as they
	// were read back, cut as the service cuts them, at its level, on one thread.
	GzipCPUPerGB    float64 `json:"gzip_cpu_s_per_gb"`
	CPUPerMillionEv float64 `json:"cpu_s_per_m_events"`
	// RSSMiB is the peak of the service's resident set.
	RSSMiB float64 `json:"rss_mib"`
	// Objects is how many are in the bucket in the end.
	Objects int `json:"objects"`
	// FreshnessP99S is the age of events, from their send, when their object appears:
	// the modification time of its file in the S3 server, which is what S3 lists as
	// LastModified, but not cut to whole seconds. In steps of 10 ms.
	FreshnessP99S float64 `json:"freshness_p99_s"`
}

// figures is what a result is made of.
type figures struct {
	load     *load
	readback *readback
	usage    harness.Usage
	gzip     gzipAlone
}

// resultOf puts the figures together.
func resultOf(f figures) result {
	events, last, latencies := f.load.sum()
	gb := float64(events) * payloadBytes / 1e9
	return result{
		Destinations:    f.readback.spread.destinations,
		EventsPerS:      round(float64(events)/last.Sub(f.load.began).Seconds(), 0),
		AckP50MS:        round(percentile(latencies, 0.50).Seconds()*1e3, 2),
		AckP99MS:        round(percentile(latencies, 0.99).Seconds()*1e3, 2),
		CPUPerGB:        round(f.usage.CPU.Seconds()/gb, 2),
		GzipCPUPerGB:    round(f.gzip.cpuPerGB(), 2),
		CPUPerMillionEv: round(f.usage.CPU.Seconds()/(float64(events)/1e6), 2),
		RSSMiB:          round(float64(f.usage.PeakRSS)/(1<<20), 1),
		Objects:         f.readback.objects,
		FreshnessP99S:   round(f.readback.freshness(0.99).Seconds(), 2),
	}
}

// sum is how many events were acknowledged, when the last of them was, and how long
// each request took, sorted.
func (l *load) sum() (events int, last time.Time, latencies []time.Duration) {
	for i := range l.streams {
		s := &l.streams[i]
		latencies = append(latencies, s.latencies...)
		if s.lastAck.After(last) {
			last = s.lastAck
		}
	}
	slices.Sort(latencies)
	return len(latencies) * eventsPerRequest, last, latencies
}

// print writes the line.
func (r result) print(w io.Writer) error {
	b, err := json.Marshal(r)
	if err != nil {
		return fmt.Errorf("encode the result: %w", err)
	}
	_, err = fmt.Fprintf(w, "%s\n", b)
	return err
}

// percentile is the least of the sorted values that the given part of them does not
// exceed; 0 if there is none.
func percentile(sorted []time.Duration, part float64) time.Duration {
	if len(sorted) == 0 {
		return 0
	}
	return sorted[max(int(math.Ceil(part*float64(len(sorted))))-1, 0)]
}

// round cuts digits that mean nothing.
func round(x float64, digits int) float64 {
	scale := math.Pow10(digits)
	return math.Round(x*scale) / scale
}
