package main

import (
	"context"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/timestamppb"

	destinationsv1 "github.com/open-destinations/destinations/gen/destinations/v1"
	"github.com/open-destinations/destinations/uploader/uploadertest"
)

// fakeDeliveries answers with what it was given, and keeps what it was asked.
type fakeDeliveries struct {
	destinationsv1.UnimplementedDeliveriesServer

	deliveries []*destinationsv1.Delivery
	pages      [][]*destinationsv1.DeliveryRecord
	watches    []func(grpc.ServerStreamingServer[destinationsv1.WatchDeliveriesResponse]) error // one a call
	err        error

	mu    sync.Mutex
	asked []string // requests, as text
}

func (f *fakeDeliveries) start(t testing.TB) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	server := grpc.NewServer()
	destinationsv1.RegisterDeliveriesServer(server, f)
	done := make(chan error, 1)
	go func() { done <- server.Serve(listener) }()
	t.Cleanup(func() {
		server.Stop()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	return listener.Addr().String()
}

func (f *fakeDeliveries) ask(format string, args ...any) int {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.asked = append(f.asked, fmt.Sprintf(format, args...))
	return len(f.asked) - 1
}

func (f *fakeDeliveries) GetDelivery(_ context.Context, r *destinationsv1.GetDeliveryRequest) (*destinationsv1.GetDeliveryResponse, error) {
	f.ask("get %q", r.GetTokens())
	return &destinationsv1.GetDeliveryResponse{Deliveries: f.deliveries}, f.err
}

func (f *fakeDeliveries) ListDeliveries(_ context.Context, r *destinationsv1.ListDeliveriesRequest) (*destinationsv1.ListDeliveriesResponse, error) {
	n := f.ask("list %q %v %v since %v, %d from %q", r.GetBucket(), r.Prefix != nil, r.GetState(), r.GetSince() != nil, r.GetPageSize(), r.GetPageToken())
	page := &destinationsv1.ListDeliveriesResponse{Deliveries: f.pages[n]}
	if n < len(f.pages)-1 {
		page.NextPageToken = fmt.Sprint("page ", n+1)
	}
	return page, f.err
}

func (f *fakeDeliveries) WatchDeliveries(r *destinationsv1.WatchDeliveriesRequest, call grpc.ServerStreamingServer[destinationsv1.WatchDeliveriesResponse]) error {
	return f.watches[f.ask("watch %q from %q", r.GetBucket(), r.GetCursor())](call)
}

func stamp(seconds int64) *timestamppb.Timestamp { return &timestamppb.Timestamp{Seconds: seconds} }

// someDeliveries are of every state.
func someDeliveries() []*destinationsv1.Delivery {
	to := &destinationsv1.Destination{Bucket: "demo", Prefix: "a/"}
	object := func(n int) *destinationsv1.DeliveredObject {
		return &destinationsv1.DeliveredObject{Bucket: "demo", Key: fmt.Sprintf("a/%d.gz", n), Etag: `"e"`, Size: 2048, Events: 1234, RawBytes: 9999, DeliveredAt: stamp(1_700_000_000)}
	}
	return []*destinationsv1.Delivery{
		{Token: "t0", Destination: to, State: destinationsv1.DeliveryState_DELIVERY_STATE_PENDING},
		{Token: "t1", Destination: to, State: destinationsv1.DeliveryState_DELIVERY_STATE_BLOCKED, Code: "AccessDenied", Message: "not \x1b[31mallowed", NextTry: stamp(1)},
		{Token: "t2", Destination: to, State: destinationsv1.DeliveryState_DELIVERY_STATE_DELIVERED, Objects: []*destinationsv1.DeliveredObject{object(1)}},
		{Token: "t3", Destination: to, State: destinationsv1.DeliveryState_DELIVERY_STATE_PARTIAL, Objects: []*destinationsv1.DeliveredObject{object(2), object(3)}, ObjectsOmitted: 5},
		{Token: "t4", State: destinationsv1.DeliveryState_DELIVERY_STATE_DELIVERED, DetailsExpired: true},
	}
}

func someRecords() []*destinationsv1.DeliveryRecord {
	to := &destinationsv1.Destination{Bucket: "demo", Prefix: "a/"}
	return []*destinationsv1.DeliveryRecord{
		{
			Destination: to, State: destinationsv1.DeliveryState_DELIVERY_STATE_DELIVERED, SealedAt: stamp(1_700_000_000), Attempts: 2, LastError: "SlowDown: reduce",
			FirstReceived: stamp(1_699_999_000), LastReceived: stamp(1_699_999_900), Partition: 3,
			Object: &destinationsv1.DeliveredObject{Bucket: "demo", Key: "a/1.gz", Etag: `"e"`, Size: 2048, Events: 1, RawBytes: 9999, DeliveredAt: stamp(1_700_000_001)},
		},
		{
			Destination: to, State: destinationsv1.DeliveryState_DELIVERY_STATE_DEAD, SealedAt: stamp(1_700_000_000), LastError: "refused 3 times: InvalidRequest: no",
			Object: &destinationsv1.DeliveredObject{Bucket: "demo", Key: "a/2.gz", Events: 5000},
		},
	}
}

func TestStatusIsShown(t *testing.T) {
	f := &fakeDeliveries{deliveries: someDeliveries()}
	target := f.start(t)
	got := run(t, "status", "--target", target, "t0", "t1", "t2", "t3", "t4")
	golden(t, "status.golden", got.stdout)
	asJSON := run(t, "status", "--json", "--target", target, "t0")
	golden(t, "status-json.golden", asJSON.stdout)
	if got.code != exitUndelivered || asJSON.code != exitUndelivered || got.stderr != "" {
		t.Errorf("got %+v", got)
	}
	f.deliveries = f.deliveries[2:3]
	if got := run(t, "status", "--target", target, "t2"); got.code != exitOK {
		t.Errorf("all delivered: got %+v", got)
	}
	f.deliveries = append(f.deliveries, &destinationsv1.Delivery{State: destinationsv1.DeliveryState_DELIVERY_STATE_DEAD}, someDeliveries()[0])
	if got := run(t, "status", "--target", target, "t2"); got.code != exitDead {
		t.Errorf("one dead: got %+v", got)
	}
	unknown, err := status.New(codes.NotFound, "get delivery: tokens[0]: token is not one of this service's").WithDetails(&errdetails.ErrorInfo{Reason: "TOKEN_UNKNOWN"})
	if err != nil {
		t.Fatal(err)
	}
	f.err = unknown.Err()
	if got := run(t, "status", "--target", target, "t2"); got.code != exitFailed || !strings.Contains(got.stderr, "TOKEN_UNKNOWN") {
		t.Errorf("unknown: got %+v", got)
	}
	if got := run(t, "status", "--target", target); got.code != exitNothing {
		t.Errorf("no token: got %+v", got)
	}
}

func TestDeliveriesAreListed(t *testing.T) {
	f := &fakeDeliveries{pages: [][]*destinationsv1.DeliveryRecord{someRecords()[:1], {}, someRecords()[1:]}}
	target := f.start(t)
	got := run(t, "deliveries", "--target", target, "--bucket", "demo", "--prefix", "a", "--state", "dead", "--since", "90m", "--limit", "2")
	golden(t, "deliveries.golden", got.stdout)
	want := []string{
		`list "demo" true DELIVERY_STATE_DEAD since true, 2 from ""`, `list "demo" true DELIVERY_STATE_DEAD since true, 1 from "page 1"`,
		`list "demo" true DELIVERY_STATE_DEAD since true, 1 from "page 2"`,
	}
	if got.code != exitOK || got.stderr != "" || !slices.Equal(f.asked, want) {
		t.Errorf("got %+v, asked %q", got, f.asked)
	}
	f.asked = nil
	golden(t, "deliveries-json.golden", run(t, "deliveries", "--json", "--target", target, "--limit", "0").stdout)
	f.asked, f.pages = nil, [][]*destinationsv1.DeliveryRecord{{}}
	if got := run(t, "deliveries", "--target", target, "--since", "2026-01-02T03:04:05Z"); got.stdout != "the ledger has nothing of that\n" {
		t.Errorf("nothing: got %+v", got)
	}
	for _, args := range [][]string{{"--since", "yesterday"}, {"--since=-1h"}, {"--prefix", "a"}, {"--state", "partial"}, {"--timeout", "0s"}} {
		if got := run(t, append([]string{"deliveries", "--target", target}, args...)...); got.code != exitNothing {
			t.Errorf("%v: got %+v", args, got)
		}
	}
}

// A watch goes on by itself where it was when it was cut off or the service was away, and ends with
// what trying again does not cure.
func TestWatchGoesOnByItself(t *testing.T) {
	slow, err := status.New(codes.ResourceExhausted, "slow").WithDetails(&errdetails.ErrorInfo{Reason: "WATCHER_TOO_SLOW"})
	if err != nil {
		t.Fatal(err)
	}
	gives := func(end error, cursors ...string) func(grpc.ServerStreamingServer[destinationsv1.WatchDeliveriesResponse]) error {
		return func(call grpc.ServerStreamingServer[destinationsv1.WatchDeliveriesResponse]) error {
			for i, cursor := range cursors {
				m := &destinationsv1.WatchDeliveriesResponse{Cursor: cursor}
				if i > 0 {
					m.Delivery = someRecords()[i-1]
				}
				if err := call.Send(m); err != nil {
					return err
				}
			}
			return end
		}
	}
	for name, args := range map[string][]string{"watch.golden": nil, "watch-json.golden": {"--json"}} {
		f := &fakeDeliveries{watches: []func(grpc.ServerStreamingServer[destinationsv1.WatchDeliveriesResponse]) error{
			gives(slow.Err(), "c0", "c1", "c2"), gives(status.Error(codes.Unavailable, "away")), gives(status.Error(codes.InvalidArgument, "old"), "c2"),
		}}
		got := run(t, append([]string{"watch", "--target", f.start(t), "--bucket", "demo"}, args...)...)
		golden(t, name, got.stdout)
		if want := []string{`watch "demo" from ""`, `watch "demo" from "c2"`, `watch "demo" from "c2"`}; got.code != exitFailed || !slices.Equal(f.asked, want) {
			t.Errorf("got %+v, asked %q", got, f.asked)
		}
	}
}

// With --wait, send ends when everything is delivered, with an exit code that says so.
func TestSendWaitsForTheDelivery(t *testing.T) {
	s3 := uploadertest.NewS3(t)
	s3.OnCall(func(c uploadertest.Call) (fault uploadertest.Fault) {
		if c.Bucket == "bad" {
			fault = uploadertest.Answer(http.StatusForbidden, "AccessDenied")
		}
		return fault
	})
	r := start(t, testParams(testConfig(t, t.TempDir(), "--window", "1s"), s3.Config()))
	target := r.listener.Addr().String()
	got := invocation{args: []string{"send", "--wait", "--json", "--target", target, "--bucket", "good"}, stdin: "one\ntwo\n"}.run(t)
	if got.code != exitOK || len(storedLines(t, s3)) != 2 {
		t.Fatalf("got %+v, %d lines in S3", got, len(storedLines(t, s3)))
	}
	var receipt sendReceipt
	if err := json.Unmarshal([]byte(strings.SplitN(got.stdout, "\n", 2)[0]), &receipt); err != nil {
		t.Fatal(err)
	}
	if got := run(t, "status", "--json", "--target", target, receipt.Token); got.code != exitOK || !strings.Contains(got.stdout, `"state":"delivered"`) || !strings.Contains(got.stdout, ".gz") {
		t.Errorf("status: got %+v", got)
	}
	if got := run(t, "deliveries", "--target", target, "--bucket", "good"); got.code != exitOK || !strings.Contains(got.stdout, "delivered  ") {
		t.Errorf("deliveries: got %+v", got)
	}
	began := time.Now()
	got = invocation{args: []string{"send", "--wait", "--wait-for", "3s", "--target", target, "--bucket", "bad"}, stdin: "one\n"}.run(t)
	if got.code != exitUndelivered || !strings.Contains(got.stderr, "blocked: token ") || !strings.Contains(got.stderr, "AccessDenied") || !strings.Contains(got.stderr, "--wait-for") {
		t.Errorf("blocked: got %+v after %v", got, time.Since(began))
	}
	if n := strings.Count(got.stderr, "waiting for s3://bad/: AccessDenied: "); n != 1 {
		t.Errorf("said %d times what is being waited for, want once\n%s", n, got.stderr)
	}
}
