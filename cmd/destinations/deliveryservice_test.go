package main

import (
	"bytes"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	destinationsv1 "github.com/open-destinations/destinations/gen/destinations/v1"
	"github.com/open-destinations/destinations/uploader/uploadertest"
)

// sendEvents sends events to a destination, and returns the receipt's token.
func sendEvents(t *testing.T, conn *grpc.ClientConn, bucket, prefix string, events ...string) string {
	t.Helper()
	r := &destinationsv1.SendS3Request{Bucket: bucket, Prefix: prefix}
	for _, e := range events {
		id, payload, found := strings.Cut(e, "=") // "id=payload" has an id
		if !found {
			id, payload = "", e
		}
		r.Events = append(r.Events, &destinationsv1.S3Event{Id: id, Payload: []byte(payload)})
	}
	answer, err := sendRequest(t, conn, r)
	if err != nil {
		t.Fatal(err)
	}
	return answer.GetReceipts()[0].GetToken()
}

// deliveries asks for tokens.
func deliveriesOf(t *testing.T, conn *grpc.ClientConn, tokens ...string) *destinationsv1.GetDeliveryResponse {
	t.Helper()
	got, err := destinationsv1.NewDeliveriesClient(conn).GetDelivery(t.Context(), &destinationsv1.GetDeliveryRequest{Tokens: tokens})
	if err != nil {
		t.Fatal(err)
	}
	return got
}

// requireState waits until a token's events are in a state, and returns what is said then.
func requireState(t *testing.T, conn *grpc.ClientConn, token string, want destinationsv1.DeliveryState) (got *destinationsv1.Delivery) {
	t.Helper()
	eventually(t, fmt.Sprintf("the token's events are %v", want), func() bool {
		got = deliveriesOf(t, conn, token).GetDeliveries()[0]
		return got.GetState() == want
	})
	return got
}

func flushAll(t *testing.T, conn *grpc.ClientConn) {
	t.Helper()
	if _, err := destinationsv1.NewOperationsClient(conn).Flush(t.Context(), &destinationsv1.FlushRequest{}); err != nil {
		t.Fatal(err)
	}
}

const (
	pending   = destinationsv1.DeliveryState_DELIVERY_STATE_PENDING
	blocked   = destinationsv1.DeliveryState_DELIVERY_STATE_BLOCKED
	partial   = destinationsv1.DeliveryState_DELIVERY_STATE_PARTIAL
	delivered = destinationsv1.DeliveryState_DELIVERY_STATE_DELIVERED
)

func TestReceiptIsFollowedFromItsWindowIntoItsObject(t *testing.T) {
	s3 := uploadertest.NewS3(t)
	r := start(t, testParams(testConfig(t, t.TempDir()), s3.Config()))
	conn := r.dial(t)
	token := sendEvents(t, conn, "demo", "test", "one", "two")
	if got := requireState(t, conn, token, pending); len(got.GetObjects()) > 0 || got.GetDestination().GetPrefix() != "test/" {
		t.Errorf("got %v while the window is open", got)
	}
	flushAll(t, conn)
	got := requireState(t, conn, token, delivered)
	if len(got.GetObjects()) != 1 || got.GetDetailsExpired() || got.GetCode() != "" {
		t.Fatalf("got %v, want one object", got)
	}
	o := got.GetObjects()[0]
	stored := s3.Objects()[o.GetBucket()+"/"+o.GetKey()]
	if stored == nil || o.GetEvents() != 2 || o.GetRawBytes() != 8 || o.GetSize() != uint64(len(stored)) || o.GetEtag() == "" || o.GetDeliveredAt() == nil {
		t.Errorf("got %v, which S3 has with %d bytes", o, len(stored))
	}
}

// What is sent again has no object, and is delivered when what it repeats is, not before.
func TestReceiptOfDuplicatesAloneIsDeliveredWithWhatItRepeats(t *testing.T) {
	r := start(t, testParams(testConfig(t, t.TempDir()), uploadertest.NewS3(t).Config()))
	conn := r.dial(t)
	first := sendEvents(t, conn, "demo", "", "a=one")
	again := sendEvents(t, conn, "demo", "", "a=one")
	if got := requireState(t, conn, again, pending); len(got.GetObjects()) > 0 {
		t.Errorf("got %v before the first is delivered", got)
	}
	flushAll(t, conn)
	requireState(t, conn, first, delivered)
	got := requireState(t, conn, again, delivered)
	if len(got.GetObjects()) > 0 || got.GetDetailsExpired() {
		t.Errorf("got %v, want no object", got)
	}
	if all := deliveriesOf(t, conn, first, again); all.GetDestinations() != 1 || all.GetDestinationsDelivered() != 1 {
		t.Errorf("got %v, want one destination, delivered", all)
	}
}

// A destination that S3 refuses is told with AWS's code, what it has delivered before as partial;
// other destinations of the same call are not touched by it, and a restart changes nothing.
func TestReceiptOfABlockedDestinationSaysWhy(t *testing.T) {
	s3, dir := uploadertest.NewS3(t), t.TempDir()
	var refuses atomic.Bool
	s3.OnCall(func(c uploadertest.Call) (fault uploadertest.Fault) {
		if refuses.Load() && c.Bucket == "bad" {
			fault = uploadertest.Answer(http.StatusForbidden, "AccessDenied")
		}
		return fault
	})
	r := start(t, testParams(testConfig(t, dir), s3.Config()))
	conn := r.dial(t)
	stream, err := destinationsv1.NewDestinationsClient(conn).SendS3(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	send := func(payload string) {
		if err := stream.Send(&destinationsv1.SendS3Request{Bucket: "bad", Events: []*destinationsv1.S3Event{{Payload: []byte(payload)}}}); err != nil {
			t.Fatal(err)
		}
	}
	send("before")
	eventually(t, "the first event is delivered", func() bool { flushAll(t, conn); return len(s3.Objects()) == 1 })
	refuses.Store(true)
	send("behind")
	answer, err := stream.CloseAndRecv()
	if err != nil {
		t.Fatal(err)
	}
	half := answer.GetReceipts()[0].GetToken()
	bad, good := sendEvents(t, conn, "bad", "", "x"), sendEvents(t, conn, "good", "", "x")
	flushAll(t, conn)
	for range 2 {
		got := requireState(t, conn, bad, blocked)
		if got.GetCode() != "AccessDenied" || got.GetMessage() == "" || len(got.GetObjects()) > 0 {
			t.Errorf("got %v, want AccessDenied", got)
		}
		if got := requireState(t, conn, half, partial); got.GetCode() != "AccessDenied" || len(got.GetObjects()) != 1 {
			t.Errorf("got %v, want one object and AccessDenied", got)
		}
		requireState(t, conn, good, delivered)
		if all := deliveriesOf(t, conn, bad, half, good); all.GetDestinations() != 2 || all.GetDestinationsDelivered() != 1 {
			t.Errorf("got %v, want one of two destinations delivered", all)
		}
		r.stop()
		if err := r.wait(t); err != nil {
			t.Fatal(err)
		}
		r = start(t, testParams(testConfig(t, dir), s3.Config()))
		conn = r.dial(t)
	}
	refuses.Store(false)
	if _, err := destinationsv1.NewOperationsClient(conn).Redrive(t.Context(), &destinationsv1.RedriveRequest{}); err != nil {
		t.Fatal(err)
	}
	requireState(t, conn, bad, delivered)
	if got := requireState(t, conn, half, delivered); len(got.GetObjects()) != 2 {
		t.Errorf("got %v, want two objects", got)
	}
}

// A folder that was restored from a backup has other events where those of later receipts stood.
func TestReceiptsOfWhatABackupDoesNotHaveAreUnknown(t *testing.T) {
	for _, withLedger := range []bool{true, false} {
		s3, dir, backup := uploadertest.NewS3(t), t.TempDir(), filepath.Join(t.TempDir(), "backup")
		r := start(t, testParams(testConfig(t, dir), s3.Config()))
		conn := r.dial(t)
		before := sendEvents(t, conn, "demo", "", "before")
		flushAll(t, conn)
		requireState(t, conn, before, delivered)
		stop := func() {
			r.stop()
			if err := r.wait(t); err != nil {
				t.Fatal(err)
			}
		}
		stop()
		if err := os.CopyFS(backup, os.DirFS(dir)); err != nil {
			t.Fatal(err)
		}
		r = start(t, testParams(testConfig(t, dir), s3.Config()))
		conn = r.dial(t)
		gone := []string{sendEvents(t, conn, "demo", "", "gone"), sendEvents(t, conn, "demo", "", "gone, too")}
		flushAll(t, conn)
		requireState(t, conn, gone[1], delivered)
		stop()
		if !withLedger {
			if err := os.Rename(filepath.Join(dir, "ledger.db"), filepath.Join(backup, "ledger.db")); err != nil {
				t.Fatal(err)
			}
		}
		if err := os.Chmod(filepath.Join(backup, "token.key"), 0o600); err != nil { // CopyFS gives 0666 and the umask
			t.Fatal(err)
		}
		var log bytes.Buffer
		r = start(t, testParams(testConfig(t, backup), s3.Config()))
		conn = r.dial(t)
		client := destinationsv1.NewDeliveriesClient(conn)
		unknown := func(when string, token string) {
			t.Helper()
			_, err := client.GetDelivery(t.Context(), &destinationsv1.GetDeliveryRequest{Tokens: []string{token}})
			if status.Code(err) != codes.NotFound || errorInfo(status.Convert(err)).GetReason() != "TOKEN_UNKNOWN" {
				t.Errorf("%s: got %v, want NOT_FOUND\n%s", when, err, &log)
			}
		}
		unknown("nothing stands there", gone[1])
		requireState(t, conn, before, delivered)
		other := sendEvents(t, conn, "demo", "", "other")
		flushAll(t, conn)
		requireState(t, conn, other, delivered)
		unknown("something else stands there", gone[0])
		unknown("nothing stands there yet", gone[1])
		stop()
	}
}

// A destination is as fresh as its oldest event that is not delivered.
func TestFreshnessIsThatOfTheOldestEvent(t *testing.T) {
	r := start(t, testParams(testConfig(t, t.TempDir()), uploadertest.NewS3(t).Config()))
	conn := r.dial(t)
	client := destinationsv1.NewDeliveriesClient(conn)
	fresh := func() *destinationsv1.GetFreshnessResponse {
		t.Helper()
		got, err := client.GetFreshness(t.Context(), &destinationsv1.GetFreshnessRequest{Bucket: "demo", Prefix: "a"})
		if err != nil {
			t.Fatal(err)
		}
		return got
	}
	if got := fresh(); got.GetOldestEventAge() != nil || got.GetBacklogEvents() != 0 || got.GetLastDeliveredAt() != nil {
		t.Errorf("before anything was sent: got %v", got)
	}
	token := sendEvents(t, conn, "demo", "a", "one", "two")
	requireState(t, conn, token, pending) // the shard has read it, then or with the next question
	eventually(t, "the backlog is told", func() bool { return fresh().GetBacklogEvents() == 2 })
	if got := fresh(); got.GetOldestEventAge().AsDuration() <= 0 || got.GetBacklogBytes() != 8 {
		t.Errorf("undelivered: got %v", got)
	}
	flushAll(t, conn)
	requireState(t, conn, token, delivered)
	if got := fresh(); got.GetOldestEventAge() != nil || got.GetBacklogEvents() != 0 || got.GetLastDeliveredAt() == nil {
		t.Errorf("delivered: got %v", got)
	}
}
