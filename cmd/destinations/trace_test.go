package main

import (
	"context"
	"net"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/test/bufconn"

	destinationsv1 "github.com/open-destinations/destinations/gen/destinations/v1"
	"github.com/open-destinations/destinations/journal"
	"github.com/open-destinations/destinations/uploader/uploadertest"
)

// memoryNet is a network of listeners in memory, for a bubble, in which real
// sockets would stop the clock.
type memoryNet map[string]*bufconn.Listener // by address

func (m memoryNet) listen(_, address string) (net.Listener, error) {
	m[address] = bufconn.Listen(1 << 20)
	return m[address], nil
}

// dial connects to what listens at address.
func (m memoryNet) dial(t *testing.T, address string) *grpc.ClientConn {
	t.Helper()
	conn, err := grpc.NewClient("passthrough:///memory",
		grpc.WithTransportCredentials(insecure.NewCredentials()),
		grpc.WithContextDialer(func(ctx context.Context, _ string) (net.Conn, error) { return m[address].DialContext(ctx) }))
	if err != nil {
		t.Fatal(err)
	}
	return conn
}

// sendOne sends one event in a stream of its own and waits for the answer.
func sendOne(t *testing.T, conn *grpc.ClientConn, payload string) {
	t.Helper()
	stream, err := destinationsv1.NewDestinationsClient(conn).SendS3(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if err := stream.Send(&destinationsv1.SendS3Request{Bucket: "demo", Events: []*destinationsv1.S3Event{{Payload: []byte(payload)}}}); err != nil {
		t.Fatal(err)
	}
	if answer, err := stream.CloseAndRecv(); err != nil || answer.GetAccepted() != 1 {
		t.Fatalf("got %v, %v", answer, err)
	}
}

// The order of the effects is what the promises rest on: an event is synced before
// it is acknowledged, a seal is synced before its object is put, and a delivery is
// synced, and so is the log's new start, before the events are removed (invariants 1, 6
// and 11 of ARCHITECTURE.md).
func TestOrderOfEffects(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s3 := uploadertest.NewS3(t)
		trace := newEffects(s3)
		config := testConfig(t, t.TempDir(), "--partitions", "1")
		config.Listen, config.AdminListen = "api", "admin"
		config.Journal.FS = recordedFS{FS: journal.OS(), effects: trace}
		config.Journal.SegmentBytes = 4 << 10
		config.Journal.ProofDelay = 24 * time.Hour // the proof of a sync is not of this order
		network := memoryNet{}
		p := testParams(config, s3.Config())
		p.Listen = network.listen
		p.GRPC = []grpc.ServerOption{trace.answers()}
		r := start(t, p)
		conn := network.dial(t, "api")
		defer conn.Close()
		<-time.After(time.Minute) // until nothing of the start is under way
		synctest.Wait()

		filler := strings.Repeat(".", 2500) // two of them need two segments
		trace.begin("one event, and its window")
		sendOne(t, conn, "the first event"+filler)
		<-time.After(2 * time.Minute)
		synctest.Wait()
		trace.begin("another event, which begins a segment, and its window")
		sendOne(t, conn, "the second event"+filler)
		<-time.After(5 * time.Minute)
		synctest.Wait()
		golden(t, "effects.golden", trace.text())

		r.stop()
		if err := r.wait(t); err != nil {
			t.Errorf("got %v, want a clean end", err)
		}
	})
}
