package telemetry_test

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"testing"
	"time"

	tracev1 "go.opentelemetry.io/proto/otlp/trace/v1"

	"github.com/open-destinations/destinations/batcher"
	"github.com/open-destinations/destinations/e2e/otlp"
	"github.com/open-destinations/destinations/server"
	"github.com/open-destinations/destinations/telemetry"
	"github.com/open-destinations/destinations/uploader"
)

// receiver takes what the telemetry of the test exports.
func receiver(t *testing.T, signals ...string) *otlp.Receiver {
	t.Helper()
	r, err := otlp.Start()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(r.Close)
	for name, value := range r.Environ(signals...) {
		t.Setenv(name, value)
	}
	return r
}

// tracing is telemetry that exports spans of any batch.
func tracing(t *testing.T, ratio float64) *telemetry.Telemetry {
	t.Helper()
	tel, err := telemetry.Start(t.Context(), telemetry.Params{Version: "v0", TraceRatio: ratio, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { tel.Close(context.Background()) })
	tel.Of([16]byte{1})
	if err := tel.Watch(idle()); err != nil {
		t.Fatal(err)
	}
	return tel
}

// closed closes telemetry, and returns the spans that have come, by name.
func closed(t *testing.T, tel *telemetry.Telemetry, r *otlp.Receiver) map[string][]otlp.Span {
	t.Helper()
	if err := tel.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	by := map[string][]otlp.Span{}
	for _, s := range r.Spans() {
		by[s.GetName()] = append(by[s.GetName()], s)
	}
	return by
}

// contextOf is a sampled event's, of a trace and the span that sent it.
func contextOf(trace, parent byte) (c [25]byte) {
	c[15], c[23], c[24] = trace, parent, 1
	return c
}

// delivery is one of a batch that took a minute and two seconds.
func delivery(now time.Time, traced ...batcher.Traced) *batcher.Delivery {
	d := &batcher.Delivery{}
	d.Batch = batcher.Batch{ID: [16]byte{9}, Partition: 3, Bucket: "bucket", Key: "p/key.gz", Events: 5, RawBytes: 500,
		FirstReceived: now, Closed: now.Add(time.Minute), Reason: "window"}
	d.Receipts = []batcher.Receipt{{At: now.UnixNano(), Events: 5}}
	d.Traced, d.TraceID, d.SpanID, d.Number = traced, [16]byte{7}, [8]byte{8}, 1
	d.Began, d.Ended = now.Add(61*time.Second), now.Add(62*time.Second)
	d.Result = uploader.Result{Size: 50, ETag: "e", Calls: []uploader.Call{{Op: "PutObject", Region: "eu-west-1", RequestID: "r", Began: d.Began, Ended: d.Ended}}}
	return d
}

func TestSpansOfADelivery(t *testing.T) {
	r := receiver(t, "TRACES")
	tel := tracing(t, 0)
	now := time.Unix(1_700_000_000, 0)
	tel.Delivered(delivery(now,
		batcher.Traced{Context: contextOf(1, 2), State: "vendor=x", ID: "event-1", Offset: 4, Index: 2, Received: now.UnixNano()},
		batcher.Traced{Context: contextOf(3, 0), Offset: 4, Index: 3, Received: now.Add(time.Second).UnixNano()},
		batcher.Traced{Context: contextOf(1, 2), Offset: 5, Received: now.Add(time.Second).UnixNano(), More: 2}))
	spans := closed(t, tel, r)
	if len(spans["deliver s3"]) != 3 || len(spans["upload s3"]) != 1 || len(spans["S3.PutObject"]) != 1 {
		t.Fatalf("got %v", spans)
	}
	upload, put := spans["upload s3"][0], spans["S3.PutObject"][0]
	if hex.EncodeToString(upload.GetTraceId()[:1]) != "07" || len(upload.GetParentSpanId()) != 0 || len(upload.GetLinks()) != 2 {
		t.Errorf("upload: got %v, want a trace of its own and a link to each trace", upload)
	}
	if string(put.GetParentSpanId()) != string(upload.GetSpanId()) || put.GetKind() != tracev1.Span_SPAN_KIND_CLIENT {
		t.Errorf("PutObject: got %v, want a child of upload", put)
	}
	first, root, group := spans["deliver s3"][0], spans["deliver s3"][1], spans["deliver s3"][2]
	for name, s := range map[string]otlp.Span{"first": first, "root": root, "group": group} {
		links := s.GetLinks()
		if len(links) != 1 || string(links[0].GetSpanId()) != string(upload.GetSpanId()) || string(links[0].GetTraceId()) != string(upload.GetTraceId()) {
			t.Errorf("%s: got the links %v, want one to upload", name, links)
		}
		if s.GetStatus().GetCode() != tracev1.Status_STATUS_CODE_UNSET || s.GetKind() != tracev1.Span_SPAN_KIND_CONSUMER {
			t.Errorf("%s: got %v", name, s)
		}
		if s.GetEndTimeUnixNano() != uint64(now.Add(62*time.Second).UnixNano()) {
			t.Errorf("%s: ends at %d, want when the object was durable", name, s.GetEndTimeUnixNano())
		}
		if s.Resource["service.name"].GetStringValue() != "destinations" || s.Resource["service.instance.id"].GetStringValue() == "" {
			t.Errorf("%s: got the resource %v", name, s.Resource)
		}
	}
	if first.GetTraceId()[15] != 1 || first.GetParentSpanId()[7] != 2 || first.GetTraceState() != "vendor=x" || first.GetStartTimeUnixNano() != uint64(now.UnixNano()) ||
		first.Attribute("messaging.message.id").GetStringValue() != "event-1" || first.Attribute("aws.s3.key").GetStringValue() != "p/key.gz" {
		t.Errorf("first: got %v", first)
	}
	if root.GetTraceId()[15] != 3 || len(root.GetParentSpanId()) != 0 {
		t.Errorf("root: got %v, want no parent", root)
	}
	if group.Attribute("destinations.events.aggregated").GetIntValue() != 2 || group.GetParentSpanId()[7] != 2 {
		t.Errorf("group: got %v", group)
	}
}

// The same delivery gives the same ids, in whichever process.
func TestIdsFollowFromWhatTheyAreOf(t *testing.T) {
	ids := map[string]int{}
	for range 2 {
		r := receiver(t, "TRACES")
		tel := tracing(t, 0)
		now := time.Now()
		tel.Delivered(delivery(now, batcher.Traced{Context: contextOf(1, 2), Offset: 4, Received: now.UnixNano()},
			batcher.Traced{Context: contextOf(1, 3), Offset: 5, Received: now.UnixNano(), More: 2}))
		for _, spans := range closed(t, tel, r) {
			for _, s := range spans {
				ids[hex.EncodeToString(s.GetSpanId())]++
			}
		}
	}
	if len(ids) != 4 {
		t.Errorf("got %v, want four ids, each twice", ids)
	}
}

// A clock that was set back makes no span that ends before it begins.
func TestClockThatWasSetBack(t *testing.T) {
	r := receiver(t, "TRACES")
	tel := tracing(t, 0)
	now := time.Now()
	tel.Delivered(delivery(now, batcher.Traced{Context: contextOf(1, 2), Received: now.Add(time.Hour).UnixNano()}))
	s := closed(t, tel, r)["deliver s3"][0]
	if s.GetEndTimeUnixNano() != s.GetStartTimeUnixNano() || !s.Attribute("destinations.clock_skew.clamped").GetBoolValue() {
		t.Errorf("got %v, want one that ends when it begins, and says so", s)
	}
}

func TestTriesThatFailed(t *testing.T) {
	r := receiver(t, "TRACES")
	tel := tracing(t, 0)
	d := delivery(time.Now(), batcher.Traced{Context: contextOf(1, 2)})
	refused := &uploader.Error{Op: "PutObject", Code: "AccessDenied", Status: 403, Err: errors.New("denied")}
	d.Err, d.Result = refused, uploader.Result{Calls: []uploader.Call{{Op: "PutObject", Began: d.Began, Ended: d.Ended, Err: refused}}}
	tel.Tried(&d.Try)
	unsampled := delivery(time.Now())
	unsampled.Err = refused
	tel.Tried(&unsampled.Try)
	spans := closed(t, tel, r)
	for _, name := range []string{"upload s3", "S3.PutObject"} {
		if len(spans[name]) != 1 {
			t.Fatalf("%s: got %d spans, want 1", name, len(spans[name]))
		}
		s := spans[name][0]
		if s.GetStatus().GetCode() != tracev1.Status_STATUS_CODE_ERROR || s.Attribute("error.type").GetStringValue() != "destination" || s.Attribute("aws.error.code").GetStringValue() != "AccessDenied" {
			t.Errorf("%s: got %v, want the error", name, s)
		}
	}
}

func TestAcceptSpans(t *testing.T) {
	r := receiver(t, "TRACES")
	tel := tracing(t, 0)
	now := time.Now()
	tel.Settled(&server.Settled{Received: now, Durable: now.Add(time.Millisecond), Accepted: 200, TracedOmitted: 3, Traced: []server.Traced{{Context: contextOf(1, 2), Offset: 9}}})
	spans := closed(t, tel, r)["accept s3"]
	if len(spans) != 1 || spans[0].GetTraceId()[15] != 1 || spans[0].GetParentSpanId()[7] != 2 || spans[0].GetKind() != tracev1.Span_SPAN_KIND_INTERNAL ||
		spans[0].GetEndTimeUnixNano()-spans[0].GetStartTimeUnixNano() != uint64(time.Millisecond) {
		t.Errorf("got %v", spans)
	}
	if got := page(t, tel)[`destinations_tracing_spans_total{destinations_outcome="suppressed_request",destinations_span="accept"}`]; got != "3" && got != "" {
		t.Errorf("got %s left out, want 3", got)
	}
}

// burst hands n sampled events over at once, in objects of a hundred.
func burst(tel *telemetry.Telemetry, n int) {
	for i := range n / 100 {
		var traced []batcher.Traced
		for j := range 100 {
			e := batcher.Traced{Context: contextOf(byte(j), 2), Offset: uint64(i), Index: uint32(j), Received: time.Now().UnixNano()}
			e.Context[0], e.Context[1] = byte(i), byte(i>>8)
			traced = append(traced, e)
		}
		d := delivery(time.Now(), traced...)
		d.SpanID[0] = byte(i)
		tel.Delivered(d)
	}
}

// spanCount is what the page says of the spans of an outcome.
func spanCount(t *testing.T, tel *telemetry.Telemetry, kind, outcome string) (n int) {
	t.Helper()
	fmt.Sscan(page(t, tel)[fmt.Sprintf(`destinations_tracing_spans_total{destinations_outcome=%q,destinations_span=%q}`, outcome, kind)], &n)
	return n
}

// Ten thousand spans at once are all exported, if not at once.
func TestBurstIsNotLost(t *testing.T) {
	r := receiver(t, "TRACES")
	tel := tracing(t, 0)
	burst(tel, 10_000)
	if n := len(closed(t, tel, r)["deliver s3"]); n != 10_000 {
		t.Errorf("got %d spans, want 10000", n)
	}
}

// With a collector that hangs, what does not fit is left out and counted, and nobody waits.
func TestHangingCollectorIsCounted(t *testing.T) {
	r := receiver(t, "TRACES")
	r.Hang(true)
	tel := tracing(t, 0)
	burst(tel, 100_000)
	suppressed := spanCount(t, tel, "deliver", "suppressed_rate")
	if suppressed < 50_000 || suppressed > 100_000 {
		t.Errorf("got %d suppressed, want what is beyond the queue", suppressed)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if err := tel.Close(ctx); err == nil {
		t.Error("got no error, want one: not all could be exported")
	}
}

// A try that fails makes few spans, but has all sampled events of its batch in hand: they
// are bounded, too.
func TestFailedTriesOfLargeBatchesAreBounded(t *testing.T) {
	r := receiver(t, "TRACES")
	r.Hang(true)
	tel := tracing(t, 0)
	burst(tel, 10_000) // so that it is busy
	for range 100 {
		d := delivery(time.Now(), make([]batcher.Traced, 1000)...)
		d.Err = errors.New("no")
		tel.Tried(&d.Try)
	}
	if n := spanCount(t, tel, "upload", "suppressed_rate"); n < 67 || n > 80 {
		t.Errorf("got %d of 100 left out, want those beyond the queue", n)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	tel.Close(ctx) // not all can be exported
}

// Every sampled event is emitted or said to be left out, also by a collector that refuses.
func TestEverySampledEventIsCounted(t *testing.T) {
	r := receiver(t, "TRACES")
	tel := tracing(t, 0)
	now := time.Now()
	d := delivery(now, batcher.Traced{Context: contextOf(1, 2)}, batcher.Traced{Context: contextOf(1, 2), Offset: 1, More: 40})
	d.TracedOmitted = 7
	tel.Delivered(d)
	for len(r.Spans()) == 0 {
		<-time.After(time.Millisecond)
	}
	r.Refuse(true)
	tel.Delivered(d)
	refused := r.Calls() + 1
	for r.Calls() < refused || spanCount(t, tel, "deliver", "failed") == 0 {
		<-time.After(time.Millisecond)
	}
	for of, want := range map[[2]string]int{
		{"deliver", "emitted"}: 1, {"deliver", "failed"}: 1, {"aggregate", "emitted"}: 1, {"aggregate", "failed"}: 1,
		{"deliver", "suppressed_trace"}: 80, {"deliver", "suppressed_object"}: 14, {"upload", "emitted"}: 1, {"s3", "emitted"}: 1,
	} {
		if got := spanCount(t, tel, of[0], of[1]); got != want {
			t.Errorf("%v: got %d, want %d", of, got, want)
		}
	}
}

// Of batches without sampled events the ratio is traced; each try by itself, so that all
// processes say the same.
func TestUnsampledBatchesAreTracedByRatio(t *testing.T) {
	for ratio, want := range map[float64]int{0: 0, 1: 1} {
		r := receiver(t, "TRACES")
		tel := tracing(t, ratio)
		tel.Delivered(delivery(time.Now()))
		if n := len(closed(t, tel, r)["upload s3"]); n != want {
			t.Errorf("ratio %v: got %d spans, want %d", ratio, n, want)
		}
	}
}

// The exemplars of the delivery histogram are events that have a span.
func TestExemplarsAreOfTracedEvents(t *testing.T) {
	r := receiver(t)
	tel := tracing(t, 0)
	now := time.Now()
	tel.Delivered(delivery(now, batcher.Traced{Context: contextOf(1, 2), Received: now.UnixNano()}))
	span := closed(t, tel, r)["deliver s3"][0]
	points := r.Metric("destinations.event.delivery.duration").GetHistogram().GetDataPoints()
	if len(points) != 1 || points[0].GetCount() != 5 || len(points[0].GetExemplars()) != 1 {
		t.Fatalf("got %v, want five events and an exemplar", points)
	}
	if e := points[0].GetExemplars()[0]; string(e.GetTraceId()) != string(span.GetTraceId()) || string(e.GetSpanId()) != string(span.GetSpanId()) || e.GetAsDouble() != 62 {
		t.Errorf("got %v, want the event's span %v", e, span)
	}
}
