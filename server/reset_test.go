package server_test

import (
	"bytes"
	"context"
	"io"
	"log/slog"
	"net"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/stats"
	"google.golang.org/grpc/status"
	"google.golang.org/grpc/test/bufconn"

	destinationsv1 "github.com/open-destinations/destinations/gen/destinations/v1"
	"github.com/open-destinations/destinations/server"
	"github.com/open-destinations/destinations/server/limits"
)

// bounded has h dial a listener with bounds, and returns why connections are closed.
func bounded(t *testing.T, h *harness) (closed chan string) {
	closed = make(chan string, 10_000)
	bounds := limits.NewConnections(limits.ConnectionsParams{Listener: "--listen", Most: 100, PerAddress: 100,
		Closed: func(_, reason string) { closed <- reason }, Log: slog.New(slog.DiscardHandler)})
	listener := bufconn.Listen(1 << 20)
	served := make(chan error, 1)
	go func() { served <- h.grpc.Serve(bounds.Over(listener)) }()
	t.Cleanup(func() {
		h.grpc.Stop() // ends both listeners
		<-served
	})
	h.dial = func(ctx context.Context, _ string) (net.Conn, error) { return listener.DialContext(ctx) }
	return closed
}

// resets opens and resets streams over a connection until it ends, or so many times, as fast as
// they are taken.
func resets(t *testing.T, h *harness, token string, times int) {
	conn, err := h.dial(t.Context(), "")
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	go func() { _, _ = io.Copy(io.Discard, conn) }() // ends with the connection
	if _, err := io.WriteString(conn, http2.ClientPreface); err != nil {
		return
	}
	var headers bytes.Buffer
	encoder := hpack.NewEncoder(&headers)
	framer := http2.NewFramer(conn, nil)
	if framer.WriteSettings() != nil {
		return
	}
	for i := range uint32(times) {
		headers.Reset()
		for _, f := range []hpack.HeaderField{
			{Name: ":method", Value: "POST"}, {Name: ":scheme", Value: "http"}, {Name: ":path", Value: destinationsv1.Destinations_StreamS3_FullMethodName},
			{Name: ":authority", Value: "here"}, {Name: "content-type", Value: "application/grpc"}, {Name: "authorization", Value: "Bearer " + token},
		} {
			_ = encoder.WriteField(f) // into memory
		}
		if framer.WriteHeaders(http2.HeadersFrameParam{StreamID: 2*i + 1, BlockFragment: headers.Bytes(), EndHeaders: true}) != nil {
			return
		}
		if framer.WriteRSTStream(2*i+1, http2.ErrCodeCancel) != nil {
			return
		}
	}
}

// handlers counts the handlers that are started.
type handlers struct{ started atomic.Int64 }

func (*handlers) TagRPC(ctx context.Context, _ *stats.RPCTagInfo) context.Context   { return ctx }
func (*handlers) TagConn(ctx context.Context, _ *stats.ConnTagInfo) context.Context { return ctx }
func (*handlers) HandleConn(context.Context, stats.ConnStats)                       {}

func (h *handlers) HandleRPC(_ context.Context, s stats.RPCStats) {
	if _, begins := s.(*stats.Begin); begins {
		h.started.Add(1)
	}
}

// A stranger who opens and resets streams is cut off, and but for so many no handler is started
// for him, also when he comes again and again.
func TestResetsOfStrangersAreBounded(t *testing.T) {
	counted := &handlers{}
	g := guard(t, setup{journal: &fakeJournal{t: t}, options: []grpc.ServerOption{grpc.StatsHandler(counted)}}, twoTenants, "a")
	closed := bounded(t, g.harness)
	for range 5 {
		resets(t, g.harness, "wrong", 20_000)
	}
	for range 5 {
		select {
		case reason := <-closed:
			if reason != limits.ReasonStrangersCalls {
				t.Fatalf("closed for %q", reason)
			}
		case <-time.After(10 * time.Second):
			t.Fatal("it is not closed")
		}
	}
	if got := counted.started.Load(); got > 2000 { // 1,000 of the address, 20 of each connection, and what comes free meanwhile
		t.Errorf("%d handlers were started for 100,000 calls", got)
	}
}

// Of calls that are reset, whoever's they are, no more are started than may begin, and who
// goes on is cut off.
func TestResetsOfCallersAreBounded(t *testing.T) {
	config := server.DefaultConfig()
	config.CallsPerSecondPerAddress = 500
	counted := &handlers{}
	g := guard(t, setup{config: config, journal: &fakeJournal{t: t}, options: []grpc.ServerOption{grpc.StatsHandler(counted)}}, twoTenants, "a")
	closed := bounded(t, g.harness)
	begun := time.Now()
	resets(t, g.harness, g.tokens["a"], 100_000)
	select {
	case <-closed:
	case <-time.After(10 * time.Second):
		t.Error("it is not closed")
	}
	if got, most := counted.started.Load(), 500*(2+int64(time.Since(begun).Seconds())); got > most {
		t.Errorf("%d handlers were started, want at most %d", got, most)
	}
}

// Who was let in may give up as many calls as he likes, and who is not let in hears so each
// time: neither is cut off.
func TestHonestCallersAreNotCutOff(t *testing.T) {
	g := guard(t, setup{journal: &fakeJournal{t: t, auto: true}}, twoTenants, "a")
	closed := bounded(t, g.harness)
	conn := g.connect(t)
	defer conn.Close()
	client := destinationsv1.NewDestinationsClient(conn)
	g.client = client
	if _, err := opened(t, g, "a"); err != nil {
		t.Fatal(err)
	}
	for range 3000 {
		ctx, cancel := context.WithCancel(g.as("a"))
		if _, err := client.StreamS3(ctx); err != nil {
			t.Fatal(err)
		}
		cancel()
	}
	strangers := g.connect(t)
	defer strangers.Close()
	told := destinationsv1.NewDeliveriesClient(strangers)
	answers := make(chan error)
	for range 100 {
		go func() {
			_, err := told.GetFreshness(t.Context(), &destinationsv1.GetFreshnessRequest{})
			answers <- err
		}()
	}
	for range 100 {
		if err := <-answers; status.Code(err) != codes.Unauthenticated {
			t.Errorf("a stranger: got %v", err)
		}
	}
	if len(closed) > 0 {
		t.Errorf("a connection was closed for %q", <-closed)
	}
}
