package telemetry_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/open-destinations/destinations/batcher"
	destinationsv1 "github.com/open-destinations/destinations/gen/destinations/v1"
	"github.com/open-destinations/destinations/journal"
	"github.com/open-destinations/destinations/server"
	"github.com/open-destinations/destinations/telemetry"
	"github.com/open-destinations/destinations/uploader"
)

// idle is a service in which nothing happens.
func idle() telemetry.Sources {
	return telemetry.Sources{
		Backlog:       func() batcher.Backlog { return batcher.Backlog{} },
		Counts:        func() batcher.Counts { return batcher.Counts{} },
		BatchMemory:   func() (a, b, c int64) { return },
		RequestMemory: func() (a, b int64) { return },
		JournalUsed:   func() int64 { return 0 },
		JournalQuota:  func() int64 { return 0 },
		Closed:        func() int { return 0 },
	}
}

// started is telemetry as the variables say that the test has set.
func started(t *testing.T, s telemetry.Sources) *telemetry.Telemetry {
	t.Helper()
	tel, err := telemetry.Start(t.Context(), telemetry.Params{Version: "v0", Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := tel.Close(context.Background()); err != nil {
			t.Errorf("Close: %v", err)
		}
	})
	if err := tel.Watch(s); err != nil {
		t.Fatal(err)
	}
	return tel
}

// page is what Prometheus reads, its lines by what stands before the value.
func page(t *testing.T, tel *telemetry.Telemetry) map[string]string {
	t.Helper()
	answer := httptest.NewRecorder()
	tel.Page().ServeHTTP(answer, httptest.NewRequest("GET", "/metrics", nil))
	if answer.Code != 200 {
		t.Fatalf("got %d: %s", answer.Code, answer.Body)
	}
	lines := map[string]string{}
	for line := range strings.Lines(answer.Body.String()) {
		if at := strings.LastIndexByte(line, ' '); at > 0 && line[0] != '#' {
			lines[line[:at]] = strings.TrimSpace(line[at:])
		}
	}
	return lines
}

// everything happens once.
func everything(tel *telemetry.Telemetry, now time.Time) {
	tel.Received(server.Received{Events: 3, Contexts: server.Contexts{None: 2}})
	tel.Refused("ROLE_MISSING")
	tel.ConnectionClosed("--listen", "address")
	tel.Settled(&server.Settled{Principal: "token:ci", Received: now, Durable: now.Add(3 * time.Millisecond), Accepted: 2,
		Rejected: map[destinationsv1.RejectionCode]uint64{destinationsv1.RejectionCode_REJECTION_CODE_PAYLOAD_EMPTY: 1}})
	tel.Synced(journal.EventsLog, time.Millisecond)
	b := batcher.Batch{Bucket: "b", Key: "k", Events: 2, RawBytes: 5000, FirstReceived: now, Closed: now.Add(time.Minute), Reason: "window"}
	tel.Sealed(&b)
	failed := batcher.Try{Batch: b, Began: now, Ended: now.Add(time.Second), Err: &uploader.Error{Status: 503}}
	failed.Result.Calls = []uploader.Call{{Op: "PutObject", Began: now, Ended: now.Add(time.Second), Err: &uploader.Error{Status: 503}}}
	tel.Tried(&failed)
	try := batcher.Try{Batch: b, Began: now, Ended: now.Add(61 * time.Second), Result: uploader.Result{Size: 99}}
	tel.Tried(&try)
	try.Receipts = []batcher.Receipt{{At: now.UnixNano(), Events: 1}, {At: now.Add(time.Hour).UnixNano(), Events: 1}}
	try.TracedOmitted, try.Traced = 1, []batcher.Traced{{Context: contextOf(1, 2)}}
	tel.Delivered(&batcher.Delivery{Try: try})
}

// Every instrument of the table is on the page under the name that the table says, and
// no other of the service's.
func TestPageHasTheTable(t *testing.T) {
	receiver(t, "TRACES")
	tel := started(t, idle())
	everything(tel, time.Now())
	want := map[string]bool{}
	for _, i := range telemetry.Table() {
		if i.Kind == telemetry.Histogram {
			want[i.Prometheus()+"_bucket"], want[i.Prometheus()+"_sum"], want[i.Prometheus()+"_count"] = true, true, true
		} else {
			want[i.Prometheus()] = true
		}
	}
	got := map[string]bool{}
	name := regexp.MustCompile(`^destinations_\w+`)
	for line := range page(t, tel) {
		if n := name.FindString(line); n != "" {
			got[n] = true
			if !want[n] {
				t.Errorf("%s is not in the table", n)
			}
		}
	}
	for n := range want {
		if !got[n] {
			t.Errorf("%s is not on the page", n)
		}
	}
}

func TestNumbersOnThePage(t *testing.T) {
	tel := started(t, idle())
	everything(tel, time.Now())
	got := page(t, tel)
	for line, want := range map[string]string{
		`destinations_events_received_total`:                                                                       "3",
		`destinations_events_accepted_total`:                                                                       "2",
		`destinations_events_rejected_total{destinations_rejection_code="payload_empty"}`:                          "1",
		`destinations_principal_events_total{destinations_principal="token:ci"}`:                                   "2",
		`destinations_access_refused_total{destinations_refusal_reason="role_missing"}`:                            "1",
		`destinations_events_delivered_total`:                                                                      "2",
		`destinations_event_accept_duration_seconds_bucket{le="0.0025"}`:                                           "0",
		`destinations_event_accept_duration_seconds_bucket{le="0.005"}`:                                            "2",
		`destinations_event_delivery_duration_seconds_bucket{le="60"}`:                                             "1", // the one of the future
		`destinations_event_delivery_duration_seconds_bucket{le="65"}`:                                             "2",
		`destinations_event_delivery_duration_seconds_count`:                                                       "2",
		`destinations_event_delivery_duration_seconds_sum`:                                                         "61",
		`destinations_event_delivery_clock_skew_total`:                                                             "1",
		`destinations_batch_linger_duration_seconds_count{destinations_batch_seal_reason="window"}`:                "1",
		`destinations_upload_duration_seconds_count{destinations_upload_multipart="false",error_type="transient"}`: "1",
		`destinations_upload_duration_seconds_count{destinations_upload_multipart="false"}`:                        "1",
		`destinations_s3_request_duration_seconds_count{error_type="transient",rpc_method="S3/PutObject"}`:         "1",
		`destinations_object_size_bytes_sum`:                                                                       "99",
		`destinations_backlog_oldest_age_seconds{destinations_state="active"}`:                                     "0",
	} {
		if got[line] != want {
			t.Errorf("%s: got %q, want %s", line, got[line], want)
		}
	}
}

// An older version has sealed and parked it, and nobody knows when its events were received.
func TestReceiptThatIsNotKnown(t *testing.T) {
	tel := started(t, idle())
	d := delivery(time.Now())
	d.Receipts, d.FirstReceived = nil, time.Time{}
	tel.Sealed(&d.Batch)
	tel.Delivered(d)
	got := page(t, tel)
	for line, want := range map[string]string{
		`destinations_event_delivery_duration_seconds_count`:                                      "5",
		`destinations_event_delivery_duration_seconds_sum`:                                        "10",
		`destinations_batch_linger_duration_seconds_sum{destinations_batch_seal_reason="window"}`: "0",
	} {
		if got[line] != want {
			t.Errorf("%s: got %q, want %s", line, got[line], want)
		}
	}
}

// The backlog's numbers are those of the batcher, its age that of now.
func TestBacklogOnThePage(t *testing.T) {
	s := idle()
	s.Backlog = func() batcher.Backlog {
		return batcher.Backlog{Blocked: batcher.Undelivered{Events: 7, Bytes: 70, Oldest: time.Now().Add(-time.Hour)}, Blocking: 2, Lag: 5}
	}
	got := page(t, started(t, s))
	for line, want := range map[string]string{
		`destinations_backlog_events{destinations_state="blocked"}`:     "7",
		`destinations_backlog_size_bytes{destinations_state="blocked"}`: "70",
		`destinations_blocked`:     "2",
		`destinations_lag_records`: "5",
	} {
		if got[line] != want {
			t.Errorf("%s: got %q, want %s", line, got[line], want)
		}
	}
	var age float64
	if _, err := fmt.Sscan(got[`destinations_backlog_oldest_age_seconds{destinations_state="blocked"}`], &age); err != nil || age < 3599 || age > 3700 {
		t.Errorf("got an age of %v (%v), want an hour", age, err)
	}
}

// However many destinations there are, the series are the same.
func TestDestinationsMakeNoSeries(t *testing.T) {
	tel := started(t, idle())
	everything(tel, time.Now())
	before := len(page(t, tel))
	for i := range 10_000 {
		b := batcher.Batch{Bucket: fmt.Sprint("bucket-", i), Key: fmt.Sprint("prefix-", i), Events: 1, FirstReceived: time.Now(), Closed: time.Now(), Reason: "window"}
		tel.Sealed(&b)
		try := batcher.Try{Batch: b, Began: time.Now(), Ended: time.Now(), Result: uploader.Result{Size: 9}}
		tel.Tried(&try)
		try.Err = errors.Join(&uploader.Error{Status: 503, Code: fmt.Sprint("Code", i)})
		tel.Tried(&try)
		tel.Delivered(&batcher.Delivery{Try: try})
	}
	got := page(t, tel)
	if len(got) != before {
		t.Errorf("got %d series, before %d", len(got), before)
	}
	for line := range got {
		if strings.Contains(line, "overflow") {
			t.Errorf("got %s", line)
		}
	}
}
