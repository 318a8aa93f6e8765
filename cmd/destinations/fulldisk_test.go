package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/http"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/status"

	destinationsv1 "github.com/open-destinations/destinations/gen/destinations/v1"
	"github.com/open-destinations/destinations/journal/journaltest"
	"github.com/open-destinations/destinations/uploader/uploadertest"
)

// sendRequest sends an event by the call that answers at its end.
func sendRequest(t *testing.T, conn *grpc.ClientConn, r *destinationsv1.SendS3Request) (*destinationsv1.SendS3Response, error) {
	t.Helper()
	stream, err := destinationsv1.NewDestinationsClient(conn).SendS3(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if err := stream.Send(r); err != nil && !errors.Is(err, io.EOF) { // EOF: CloseAndRecv says why
		t.Fatal(err)
	}
	return stream.CloseAndRecv()
}

// A full disk is no illness: senders are told to come back, what is there is
// delivered, and a probe of the health finds nothing to restart.
func TestFullDiskRefusesSendersAndStaysHealthy(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s3, disk := uploadertest.NewS3(t), journaltest.NewFS()
		var down atomic.Bool
		down.Store(true)
		s3.OnCall(func(uploadertest.Call) (fault uploadertest.Fault) {
			if down.Load() {
				fault = uploadertest.Answer(http.StatusServiceUnavailable, "SlowDown")
			}
			return fault
		})
		config := testConfig(t, t.TempDir(), "--partitions", "1")
		config.Listen, config.AdminListen = "api", "admin"
		config.Journal.FS = disk
		config.Journal.SegmentBytes = 1 << 20
		network := memoryNet{}
		p := testParams(config, s3.Config())
		p.Listen = network.listen
		r := start(t, p)
		conn := network.dial(t, "api")
		defer conn.Close()
		disk.SetCapacity(disk.Used() + 1<<20)

		sent, full := 0, error(nil)
		payload := bytes.Repeat([]byte("x"), 100_000)
		for ; full == nil && sent < 100; sent++ {
			_, full = sendRequest(t, conn, &destinationsv1.SendS3Request{Bucket: "demo", Events: []*destinationsv1.S3Event{{Payload: append(payload, fmt.Sprint(sent)...)}}})
		}
		sent-- // the last one was refused
		if errorInfo(status.Convert(full)).GetReason() != "JOURNAL_FULL" || (streamEnd{err: full}).askedPause() == 0 || status.Code(full) != codes.ResourceExhausted {
			t.Fatalf("got %v after %d events, want JOURNAL_FULL with a pause", full, sent)
		}
		if got, err := healthpb.NewHealthClient(conn).Check(t.Context(), &healthpb.HealthCheckRequest{}); err != nil || got.GetStatus() != healthpb.HealthCheckResponse_SERVING {
			t.Errorf("health: got %v, %v", got, err)
		}
		if err := r.notReady(); err != nil {
			t.Errorf("readyz: got %v", err)
		}
		down.Store(false)
		<-time.After(10 * time.Minute) // until all is delivered and released
		last := &destinationsv1.SendS3Request{Bucket: "demo", Events: []*destinationsv1.S3Event{{Payload: []byte("last")}}}
		if _, err := sendRequest(t, conn, last); err != nil {
			t.Errorf("got %v once there is room", err)
		}
		<-time.After(10 * time.Minute)
		synctest.Wait()
		if got := len(storedLines(t, s3)); got != sent+1 {
			t.Errorf("got %d events in S3, want %d", got, sent+1)
		}
		r.stop()
		if err := r.wait(t); err != nil {
			t.Errorf("got %v, want a clean end", err)
		}
	})
}
