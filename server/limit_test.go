package server_test

import (
	"io"
	"strings"
	"testing"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	destinationsv1 "github.com/open-destinations/destinations/gen/destinations/v1"
	"github.com/open-destinations/destinations/server"
)

// opened opens a stream and lets it answer once, so that it is under way.
func opened(t *testing.T, g *guarded, name string) (destinationsv1.Destinations_StreamS3Client, error) {
	t.Helper()
	stream, err := g.client.StreamS3(g.as(name))
	if err != nil {
		t.Fatal(err)
	}
	if err := stream.Send(&destinationsv1.StreamS3Request{Bucket: "demo", Prefix: "a/x", Sequence: 1, Events: []*destinationsv1.S3Event{{Payload: []byte("{}")}}}); err != nil && err != io.EOF { // EOF = refused already
		t.Fatal(err)
	}
	_, err = stream.Recv()
	return stream, err
}

// Calls that last are bounded: of a principal, of an address whoever calls, and in all. Who is
// refused is told to come again, and others are not concerned until all are meant.
func TestCallsUnderWayAreBounded(t *testing.T) {
	for name, c := range map[string]struct {
		bound func(*server.Config)
		free  bool // of another principal
	}{
		"of a principal": {func(c *server.Config) { c.MaxCallsPerPrincipal = 2 }, true},
		"of an address":  {func(c *server.Config) { c.MaxCallsPerAddress = 2 }, false},
		"in all":         {func(c *server.Config) { c.MaxCalls = 2 }, false},
	} {
		t.Run(name, func(t *testing.T) {
			config := server.DefaultConfig()
			c.bound(&config)
			g := guard(t, setup{config: config, journal: &fakeJournal{t: t, auto: true}}, twoTenants, "a", "b")
			first, err := opened(t, g, "a")
			if err != nil {
				t.Fatal(err)
			}
			if _, err := opened(t, g, "a"); err != nil {
				t.Fatal(err)
			}
			_, err = opened(t, g, "a")
			if info, retry := detailsOf(status.Convert(err)); status.Code(err) != codes.ResourceExhausted || info.GetReason() != "TOO_MANY_CALLS" || !retry {
				t.Errorf("a third stream: got %v, %s, retry %t", err, info.GetReason(), retry)
			}
			if _, err := opened(t, g, "b"); (err == nil) != c.free {
				t.Errorf("a stream of another principal: got %v", err)
			}
			if err := first.CloseSend(); err != nil {
				t.Fatal(err)
			}
			for err == nil || !strings.Contains(err.Error(), "EOF") {
				_, err = first.Recv()
			}
			if c.free {
				if _, err := opened(t, g, "a"); err != nil {
					t.Errorf("after one has ended: got %v", err)
				}
			}
		})
	}
}

// Calls that come too fast are refused with when to come again; strangers' count, too.
func TestCallsThatComeTooFastAreRefused(t *testing.T) {
	config := server.DefaultConfig()
	config.CallsPerSecondPerAddress = 3
	g := guard(t, setup{config: config, journal: &fakeJournal{t: t, auto: true}}, twoTenants, "a")
	for range 3 {
		if _, err := g.told.GetFreshness(t.Context(), &destinationsv1.GetFreshnessRequest{}); status.Code(err) != codes.Unauthenticated {
			t.Fatalf("a stranger: got %v", err)
		}
	}
	refused := 0
	for range 3 { // failures are answered late, so a place may have come free
		_, err := g.told.GetFreshness(t.Context(), &destinationsv1.GetFreshnessRequest{})
		if info, retry := detailsOf(status.Convert(err)); status.Code(err) == codes.ResourceExhausted && info.GetReason() == "RATE_EXCEEDED" && retry {
			refused++
		}
	}
	if refused == 0 {
		t.Error("none of six calls is refused at three a second")
	}
}

// Methods that there are not are bounded like the others.
func TestUnknownMethodsAreUnimplemented(t *testing.T) {
	g := guard(t, setup{journal: &fakeJournal{t: t}}, twoTenants, "a")
	conn := g.connect(t)
	defer conn.Close()
	err := conn.Invoke(g.as("a"), "/destinations.v1.Operations/Nothing", &destinationsv1.FlushRequest{}, &destinationsv1.FlushResponse{})
	if status.Code(err) != codes.Unimplemented {
		t.Errorf("got %v", err)
	}
}
