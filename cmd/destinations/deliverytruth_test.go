package main

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net/http"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"google.golang.org/grpc"

	destinationsv1 "github.com/open-destinations/destinations/gen/destinations/v1"
	"github.com/open-destinations/destinations/uploader/uploadertest"
)

// sentReceipt is a receipt and the lines that it is for.
type sentReceipt struct {
	token string
	lines []string
	again bool // what was sent before
}

// Whatever happens, a receipt is told to be delivered only when its events are in S3, also those that
// were sent before; and what has happened in between, they all are in the end.
func TestReceiptsAreNeverDeliveredBeforeTheirEvents(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 1))
	s3, dir := uploadertest.NewS3(t), t.TempDir()
	var ill atomic.Int32
	s3.OnCall(func(uploadertest.Call) (fault uploadertest.Fault) {
		switch ill.Load() {
		case 1:
			fault = uploadertest.Answer(http.StatusForbidden, "AccessDenied")
		case 2:
			fault = uploadertest.Answer(http.StatusServiceUnavailable, "SlowDown")
		}
		return fault
	})
	launch := func() (*running, *grpc.ClientConn) {
		r := start(t, testParams(testConfig(t, dir, "--block-after", "1s", "--shutdown-grace", "2s", "--window", "1s"), s3.Config()))
		return r, r.dial(t)
	}
	r, conn := launch()
	var sent []sentReceipt
	asked, premature := 0, 0
	for step := range 60 {
		switch n := random.IntN(10); {
		case n < 4:
			bucket := []string{"bucket-a", "bucket-b"}[random.IntN(2)]
			if old := random.IntN(3); old == 0 && len(sent) > 0 {
				again := sent[random.IntN(len(sent))]
				to := "bucket-" + again.lines[0][:1]
				sent = append(sent, sentReceipt{sendEvents(t, conn, to, "", events(again.lines)...), again.lines, true})
				break
			}
			var lines []string
			for i := range 1 + random.IntN(3) {
				lines = append(lines, fmt.Sprintf("%s-%d-%d", bucket[len(bucket)-1:], step, i))
			}
			sent = append(sent, sentReceipt{sendEvents(t, conn, bucket, "", events(lines)...), lines, false})
		case n < 6:
			flushAll(t, conn)
		case n < 8:
			ill.Store(int32(random.IntN(3)))
		case n == 8:
			r.stop()
			if err := r.wait(t); err != nil {
				t.Fatal(err)
			}
			r, conn = launch()
		}
		a, p := checkTruth(t, conn, s3, sent)
		asked, premature = asked+a, premature+p
	}
	ill.Store(0)
	if _, err := destinationsv1.NewOperationsClient(conn).Redrive(t.Context(), &destinationsv1.RedriveRequest{}); err != nil {
		t.Fatal(err)
	}
	flushAll(t, conn)
	for _, s := range sent {
		got := requireState(t, conn, s.token, delivered)
		if !s.again && len(got.GetObjects()) == 0 {
			t.Errorf("%v: got no object", s.lines)
		}
	}
	if premature > 0 {
		t.Errorf("%d of %d answers told of a delivery that had not been made", premature, asked)
	}
}

// events gives each line itself as its id.
func events(lines []string) (all []string) {
	for _, l := range lines {
		all = append(all, l+"="+l)
	}
	return all
}

// checkTruth asks for all receipts, and counts those that are told to be delivered and are not.
func checkTruth(t *testing.T, conn *grpc.ClientConn, s3 *uploadertest.S3, sent []sentReceipt) (asked, premature int) {
	t.Helper()
	if len(sent) == 0 {
		return 0, 0
	}
	request := &destinationsv1.GetDeliveryRequest{}
	for _, s := range sent {
		request.Tokens = append(request.Tokens, s.token)
	}
	answer, err := destinationsv1.NewDeliveriesClient(conn).GetDelivery(context.Background(), request)
	if err != nil {
		t.Fatal(err)
	}
	stored := storedLines(t, s3) // after the answer: what came in between may hide a wrong one, but none is made up
	for i, d := range answer.GetDeliveries() {
		if d.GetState() != delivered {
			continue
		}
		asked++
		for _, line := range sent[i].lines {
			if !slices.Contains(stored, line) {
				premature++
				t.Logf("%s is not there: %s", strings.Join(sent[i].lines, " "), d)
			}
		}
	}
	return asked, premature
}
