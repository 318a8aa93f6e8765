package main

import (
	"runtime"
	"strings"
	"testing"

	"github.com/open-destinations/destinations/uploader/uploadertest"
)

// metric is the number behind a series on the page for Prometheus; "" = it is not there.
func (r *running) metric(t testing.TB, series string) string {
	t.Helper()
	code, page := r.get(t, "/metrics")
	if code != 200 {
		t.Fatalf("/metrics: got %d", code)
	}
	for line := range strings.Lines(page) {
		if value, ok := strings.CutPrefix(line, series+" "); ok {
			return strings.TrimSpace(value)
		}
	}
	return ""
}

// From the request to the object, every event is counted, and those that are only read
// again after a restart are not.
func TestMetricsCountEveryEvent(t *testing.T) {
	s3 := uploadertest.NewS3(t)
	config := testConfig(t, t.TempDir(), "--window", "1s")
	r := start(t, testParams(config, s3.Config()))
	conn := r.dial(t)
	for range 7 {
		sendOne(t, conn, "an event")
	}
	const delivered = "destinations_event_delivery_duration_seconds_count"
	eventually(t, "seven events delivered", func() bool { return r.metric(t, delivered) == "7" })
	for series, want := range map[string]string{
		"destinations_events_received_total":                                            "7",
		"destinations_events_accepted_total":                                            "7",
		"destinations_events_delivered_total":                                           "7",
		"destinations_event_accept_duration_seconds_count":                              "7",
		"destinations_backlog_events{destinations_state=\"blocked\"}":                   "0",
		"destinations_memory_limit_bytes{destinations_memory_budget=\"requests\"}":      "1.34217728e+08",
		"destinations_journal_sync_duration_seconds_count{destinations_log=\"events\"}": "7",
	} {
		if got := r.metric(t, series); got != want {
			t.Errorf("%s: got %q, want %s", series, got, want)
		}
	}
	r.stop()
	if err := r.wait(t); err != nil {
		t.Fatal(err)
	}
	again := start(t, testParams(config, s3.Config()))
	sendOne(t, again.dial(t), "one more")
	eventually(t, "one more delivered", func() bool { return again.metric(t, delivered) == "1" })
}

func TestProfilesAreServedWhereAskedFor(t *testing.T) {
	t.Cleanup(func() { runtime.SetBlockProfileRate(0) })
	s3 := uploadertest.NewS3(t)
	for args, want := range map[string]int{"": 404, "--pprof": 200} {
		r := start(t, testParams(testConfig(t, t.TempDir(), strings.Fields(args)...), s3.Config()))
		if code, _ := r.get(t, "/debug/pprof/heap"); code != want {
			t.Errorf("with %q: got %d, want %d", args, code, want)
		}
	}
}
