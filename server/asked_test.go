package server_test

import (
	"context"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	destinationsv1 "github.com/open-destinations/destinations/gen/destinations/v1"
	"github.com/open-destinations/destinations/server"
	"github.com/open-destinations/destinations/server/limits"
)

// asStream calls a method with one request as a stream, over which a client may send what he
// likes: requests, then the half-close if he is done.
func asStream(ctx context.Context, t *testing.T, h *harness, requests int, done bool) error {
	t.Helper()
	conn := h.connect(t)
	defer conn.Close()
	desc := &grpc.StreamDesc{ClientStreams: true, ServerStreams: true}
	stream, err := conn.NewStream(ctx, desc, destinationsv1.Deliveries_GetFreshness_FullMethodName)
	if err != nil {
		t.Fatal(err)
	}
	for range requests {
		if stream.SendMsg(&destinationsv1.GetFreshnessRequest{Bucket: "demo", Prefix: "a/x"}) != nil {
			break // it has ended early; what with is received
		}
	}
	if done {
		if err := stream.CloseSend(); err != nil {
			t.Fatal(err)
		}
	}
	return stream.RecvMsg(new(destinationsv1.GetFreshnessResponse))
}

// A method with one request is served as a stream, and takes exactly one all the same.
func TestMethodsWithOneRequestTakeOne(t *testing.T) {
	g := guard(t, setup{journal: &fakeJournal{t: t}, deliveries: &fakeDeliveries{}}, twoTenants, "a", "nobody")
	for name, c := range map[string]struct {
		as       string
		requests int
		done     bool
		want     codes.Code
	}{
		"one":                              {"a", 1, true, codes.OK},
		"none":                             {"a", 0, true, codes.Internal},
		"two":                              {"a", 2, true, codes.Internal},
		"none, of one without a grant":     {"nobody", 0, true, codes.PermissionDenied},
		"none yet, of one without a grant": {"nobody", 0, false, codes.PermissionDenied},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if err := asStream(g.as(c.as), t, g.harness, c.requests, c.done); status.Code(err) != c.want {
				t.Errorf("got %v, want %v", err, c.want)
			}
		})
	}
}

// Whoever does not send his one request whole ends after 10 s; after one already, if others
// wait for his place, and they are served.
func TestARequestThatTricklesEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		config := server.DefaultConfig()
		config.MemoryBytes = int64(2 * config.MaxRequestBytes) // 4 places, the fewest
		h := start(t, setup{config: config, journal: &fakeJournal{t: t}, deliveries: &fakeDeliveries{}})
		begun := time.Now()
		wantStatus(t, asStream(t.Context(), t, h, 1, false), codes.Unavailable, "REQUEST_INCOMPLETE", "")
		if took := time.Since(begun); took != 10*time.Second {
			t.Errorf("alone it ends after %v", took)
		}
		begun = time.Now()
		var trickling sync.WaitGroup
		for range 4 {
			trickling.Go(func() {
				if err := asStream(t.Context(), t, h, 1, false); status.Code(err) != codes.Unavailable {
					t.Errorf("one that trickles: got %v", err)
				}
			})
		}
		synctest.Wait()
		if err := asStream(t.Context(), t, h, 1, true); err != nil {
			t.Errorf("an honest one beside them: got %v", err)
		}
		if took := time.Since(begun); took > 2*time.Second {
			t.Errorf("it waits for %v", took)
		}
		trickling.Wait()
	})
}

// A principal whose calls come at twice the rate at which they may is cut off, though his
// address may call faster.
func TestAFloodOfAPrincipalClosesItsConnection(t *testing.T) {
	config := server.DefaultConfig()
	config.CallsPerSecondPerPrincipal = 2
	g := guard(t, setup{config: config, journal: &fakeJournal{t: t}, deliveries: &fakeDeliveries{}}, twoTenants, "a")
	closed := bounded(t, g.harness)
	conn := g.connect(t)
	defer conn.Close()
	told := destinationsv1.NewDeliveriesClient(conn)
	for range 100 { // 2 may begin, and 2 more be refused, however fast the machine is: then it is closed
		_, err := told.GetFreshness(g.as("a"), &destinationsv1.GetFreshnessRequest{Bucket: "demo", Prefix: "a/x"})
		if status.Code(err) == codes.Unavailable {
			break
		}
	}
	select {
	case reason := <-closed:
		if reason != limits.ReasonCalls {
			t.Errorf("got %q", reason)
		}
	case <-time.After(10 * time.Second):
		t.Error("it is not closed")
	}
}
