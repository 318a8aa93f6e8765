package e2e_test

import (
	"bytes"
	"context"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"google.golang.org/grpc/metadata"

	"github.com/open-destinations/destinations/e2e/faultproxy"
	"github.com/open-destinations/destinations/e2e/harness"
	"github.com/open-destinations/destinations/e2e/otlp"
	destinationsv1 "github.com/open-destinations/destinations/gen/destinations/v1"
)

// collect lets the services of the world export to a collector.
func (w *world) collect(signals ...string) *otlp.Receiver {
	w.t.Helper()
	r, err := otlp.Start()
	must(w.t, err)
	w.t.Cleanup(r.Close)
	for name, value := range r.Environ(signals...) {
		w.env = append(w.env, name+"="+value)
	}
	return r
}

// traceparent is that of step n of a workflow.
func traceparent(workflow, n int, sampled bool) string {
	flags := 0
	if sampled {
		flags = 1
	}
	return fmt.Sprintf("00-%032x-%016x-%02d", workflow+1, n+1, flags)
}

// sendTraced sends events with these traceparents in one call, and returns between which
// times they were received.
func (w *world) sendTraced(svc *service, bucket string, parents ...string) (after, before time.Time) {
	w.t.Helper()
	request := &destinationsv1.SendS3Request{Bucket: bucket, Prefix: "traced"}
	for i, parent := range parents {
		request.Events = append(request.Events, &destinationsv1.S3Event{Payload: fmt.Appendf(nil, `{"event":%d}`, i), Traceparent: parent})
	}
	after = time.Now()
	call, err := svc.events.SendS3(w.t.Context())
	must(w.t, err)
	must(w.t, call.Send(request))
	answer, err := call.CloseAndRecv()
	must(w.t, err)
	if answer.GetAccepted() != uint64(len(parents)) {
		w.t.Fatalf("got %v, want all accepted", answer)
	}
	return after, time.Now()
}

// named are the spans of a name.
func named(spans []otlp.Span, name string) (found []otlp.Span) {
	for _, s := range spans {
		if s.GetName() == name {
			found = append(found, s)
		}
	}
	return found
}

// key is trace id and parent of a span, or what a traceparent says of them.
func key(traceID, parent []byte) string {
	return hex.EncodeToString(traceID) + "-" + hex.EncodeToString(parent)
}

// TestWorkflowsOfOneObjectStayApart sends the steps of fifty workflows, shuffled, half of
// them sampled, into one object: each sampled one has its span in its own trace and no
// other has one.
func TestWorkflowsOfOneObjectStayApart(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "traced")
	r := w.collect("TRACES")
	svc := w.serve("data", "--window", longWindow, "--trace-ratio", "0")
	const workflows, steps = 50, 20
	var parents []string
	want := map[string]int{}
	for workflow := range workflows {
		for step := range steps {
			sampled := step%2 == 0
			parents = append(parents, traceparent(workflow, step, sampled))
			if sampled {
				want[parents[len(parents)-1][3:52]] = 1
			}
		}
	}
	rand.New(rand.NewPCG(1, 2)).Shuffle(len(parents), func(i, j int) { parents[i], parents[j] = parents[j], parents[i] })
	w.sendTraced(svc, "traced", parents...)
	w.flush(svc)
	w.awaitObjects("traced", 1)
	w.stop(svc)

	spans := r.Spans()
	uploads, delivered := named(spans, "upload s3"), named(spans, "deliver s3")
	if len(uploads) != 1 || len(named(spans, "S3.PutObject")) != 1 || len(delivered) != len(want) {
		t.Fatalf("got %d uploads, %d requests, %d deliveries, want 1, 1, %d", len(uploads), len(named(spans, "S3.PutObject")), len(delivered), len(want))
	}
	linked := map[string]bool{}
	for _, l := range uploads[0].GetLinks() {
		linked[string(l.GetTraceId())] = true
	}
	if n := len(uploads[0].GetLinks()); n != workflows || len(linked) != n {
		t.Errorf("upload has %d links to %d traces, want one to each of %d", n, len(linked), workflows)
	}
	for _, s := range delivered {
		of := key(s.GetTraceId(), s.GetParentSpanId())
		if want[of]--; want[of] != 0 {
			t.Errorf("%s: got another span than one of its own", of)
		}
		if l := s.GetLinks(); len(l) != 1 || string(l[0].GetSpanId()) != string(uploads[0].GetSpanId()) {
			t.Errorf("%s: does not link to upload", of)
		}
	}
	if n := len(named(spans, "accept s3")); n != 100 {
		t.Errorf("got %d accept spans, want a hundred of the request", n)
	}
}

// awaitObjects waits until there are that many objects in a bucket.
func (w *world) awaitObjects(bucket string, n int) {
	w.t.Helper()
	w.poll(fmt.Sprintf("%d objects", n), func() error {
		objects, err := w.s3.List(w.t.Context(), bucket, "")
		if err == nil && len(objects) < n {
			err = fmt.Errorf("there are %d", len(objects))
		}
		return err
	})
}

// TestCallsContextIsTheParentWhileItsStreamIsOpen traces events by the metadata of a stream
// that goes on: their spans wait for nothing of it.
func TestCallsContextIsTheParentWhileItsStreamIsOpen(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "traced")
	r := w.collect("TRACES")
	svc := w.serve("data", "--window", "1s", "--trace-ratio", "0")
	ctx := metadata.AppendToOutgoingContext(t.Context(), "traceparent", traceparent(7, 7, true), "tracestate", "vendor=x")
	call, err := svc.events.StreamS3(ctx)
	must(t, err)
	must(t, call.Send(&destinationsv1.StreamS3Request{Sequence: 1, Bucket: "traced", Events: []*destinationsv1.S3Event{{Payload: []byte("1")}}}))
	w.poll("the span of the event", func() error {
		if len(named(r.Spans(), "deliver s3")) == 0 {
			return errors.New("it is not there")
		}
		return nil
	})
	s := named(r.Spans(), "deliver s3")[0]
	if got := key(s.GetTraceId(), s.GetParentSpanId()); got != traceparent(7, 7, true)[3:52] || s.GetTraceState() != "vendor=x" {
		t.Errorf("got a span of %s, %q, want of the call", got, s.GetTraceState())
	}
	must(t, call.CloseSend())
}

// TestTracesOverAKill kills the service when it has acknowledged, or when S3 has the object
// and nobody knows: each sampled event has one span, by the process that delivers it, from
// when the other one had received it.
func TestTracesOverAKill(t *testing.T) {
	for name, kill := range map[string]func(w *world, svc *service, proxy *faultproxy.Proxy){
		"before the object": func(*world, *service, *faultproxy.Proxy) {},
		"behind the object": func(w *world, svc *service, proxy *faultproxy.Proxy) {
			w.flush(svc)
			w.awaitObjects("traced", 1)
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, "traced")
			proxy := w.listenProxy()
			proxy.SetRules(faultproxy.Rule{Op: faultproxy.PutObject, Fault: faultproxy.Hang().AfterEffect()})
			w.endpoint = proxy.URL()
			r := w.collect("TRACES")
			args := []string{"--window", longWindow, "--trace-ratio", "0"}
			svc := w.serve("data", args...)
			after, before := w.sendTraced(svc, "traced", traceparent(1, 1, true), traceparent(2, 1, false), traceparent(2, 2, true))
			kill(w, svc, proxy)
			svc.Kill()
			proxy.SetRules()
			svc = w.serve("data", args...)
			w.flush(svc)
			w.poll("the spans of the deliveries", func() error {
				if n := len(named(r.Spans(), "deliver s3")); n < 2 {
					return fmt.Errorf("%d are there", n)
				}
				return nil
			})
			w.stop(svc)
			w.checkOverAKill(r.Spans(), after, before)
		})
	}
}

func (w *world) checkOverAKill(spans []otlp.Span, after, before time.Time) {
	w.t.Helper()
	delivered, instance := map[string]int{}, ""
	for _, s := range named(spans, "deliver s3") {
		delivered[key(s.GetTraceId(), s.GetParentSpanId())]++
		start := time.Unix(0, int64(s.GetStartTimeUnixNano()))
		if start.Before(after) || start.After(before) || s.GetEndTimeUnixNano() <= s.GetStartTimeUnixNano() {
			w.t.Errorf("a span begins at %v and ends at %v, want it to begin between %v and %v", start, time.Unix(0, int64(s.GetEndTimeUnixNano())), after, before)
		}
		if !s.Attribute("destinations.delivery.replayed").GetBoolValue() {
			w.t.Errorf("got %v, want it to say that another process has received it", s)
		}
		instance = s.Resource["service.instance.id"].GetStringValue()
	}
	want := []string{traceparent(1, 1, true)[3:52], traceparent(2, 2, true)[3:52]}
	if len(delivered) != 2 || delivered[want[0]] != 1 || delivered[want[1]] != 1 {
		w.t.Errorf("got the spans %v, want one of each of %v", delivered, want)
	}
	for _, s := range named(spans, "accept s3") { // of the process that was killed, if it had the time
		if s.Resource["service.instance.id"].GetStringValue() == instance {
			w.t.Error("both processes have the same service.instance.id")
		}
	}
}

// TestHangingCollectorHoldsNothingUp sends sampled events past a collector that hangs:
// they are acknowledged and delivered, and the service ends in time.
func TestHangingCollectorHoldsNothingUp(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "traced")
	r := w.collect()
	r.Hang(true)
	svc := w.serve("data", "--window", longWindow, "--trace-ratio", "1", "--shutdown-grace", "8s")
	var parents []string
	for i := range 5000 {
		parents = append(parents, traceparent(i, i, true))
	}
	for range 10 {
		w.sendTraced(svc, "traced", parents...)
		w.flush(svc)
	}
	w.awaitObjects("traced", 10)
	ctx, cancel := context.WithTimeout(t.Context(), 8*time.Second)
	defer cancel()
	must(t, svc.Stop(ctx))
	if r.Calls() == 0 {
		t.Error("nothing was exported: the test shows nothing")
	}
}

// TestDeliveryCountOverKills kills the service under load, again and again. What a process
// counts as delivered is what it has delivered, whatever the ones before it have: each
// event once, and what is only read again not at all.
func TestDeliveryCountOverKills(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "crash-a", "crash-b")
	var svc *service
	for round := range 3 {
		svc = w.serve("data", "--window", "1s")
		load := w.startLoad(svc, 100*round)
		load.awaitFull()
		svc.Kill()
		load.join()
	}
	svc = w.serve("data", "--window", "1s")
	w.sendNumbered(svc, 1_000, 10, harness.Destination{Bucket: "crash-a"})
	w.await(time.Minute)
	w.poll("the count of the delivered events to be that of the log", func() error {
		logged, err := deliveredByTheLast(filepath.Join(w.dir, "data.log"))
		if err != nil {
			return err
		}
		for _, series := range []string{"destinations_event_delivery_duration_seconds_count", "destinations_events_delivered_total"} {
			if counted, err := scrape(w.t.Context(), svc.Admin, series); err != nil || counted != logged {
				return fmt.Errorf("%s is %d (%v), the log tells of %d", series, counted, err, logged)
			}
		}
		return nil
	})
	w.check(svc)
}

// deliveredByTheLast is how many events the last process that has written a log has
// delivered by it.
func deliveredByTheLast(path string) (events int, err error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return 0, err
	}
	for line := range bytes.Lines(text) {
		var r struct {
			Msg    string
			Events int
		}
		if json.Unmarshal(line, &r) != nil {
			continue // what is no record
		}
		switch r.Msg {
		case "partition opened": // all of them before anything that the process delivers
			events = 0
		case "delivered":
			events += r.Events
		}
	}
	return events, nil
}

// scrape is the value of a series without labels on the page for Prometheus.
func scrape(ctx context.Context, admin, series string) (value int, err error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+admin+"/metrics", nil)
	if err != nil {
		return 0, err
	}
	req.Close = true // leaves no idle connection behind
	answer, err := http.DefaultClient.Do(req)
	if err != nil {
		return 0, err
	}
	defer answer.Body.Close()
	page, err := io.ReadAll(answer.Body)
	if err != nil {
		return 0, err
	}
	for line := range strings.Lines(string(page)) {
		if text, ok := strings.CutPrefix(line, series+" "); ok {
			number, err := strconv.ParseFloat(strings.TrimSpace(text), 64)
			return int(number), err
		}
	}
	return 0, fmt.Errorf("%s is not on the page", series)
}
