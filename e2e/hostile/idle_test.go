package hostile_test

import (
	"context"
	"flag"
	"fmt"
	"net"
	"testing"

	"golang.org/x/sync/errgroup"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"

	"github.com/open-destinations/destinations/e2e/harness"
	"github.com/open-destinations/destinations/e2e/stage"
	destinationsv1 "github.com/open-destinations/destinations/gen/destinations/v1"
)

var idle = flag.Int("idle", 0, "how many connections, and how many streams, TestWhatIdleCallersCost measures the memory of; 0 = none")

// perAddress is how many of them come from one address, and streams over one connection.
const perAddress = 500

// TestWhatIdleCallersCost says what callers take who were let in and do nothing: connections
// with no call under way, and streams that send nothing.
func TestWhatIdleCallersCost(t *testing.T) {
	if *idle == 0 {
		t.Skip("a measurement: -idle 4000")
	}
	for name, hold := range map[string]func(ctx context.Context, s *stage.Stage, n int) error{"connections": connections, "streams": streams} {
		t.Run(name, func(t *testing.T) {
			s, err := stage.Open(t.Context(), stage.Params{
				Dir: t.TempDir(), Bins: bins, Buckets: []string{"hostile"}, Direct: true, Grants: grants, Names: []string{"good", "bad"},
			})
			must(t, err)
			defer func() { must(t, s.Close()) }()
			must(t, s.LaunchReady(t.Context()))
			first, endFirst := context.WithCancel(t.Context())
			must(t, hold(first, s, 1)) // what the first one needs is everybody's
			endFirst()
			ctx, end := context.WithCancel(t.Context())
			defer end()
			before, err := harness.ReadUsage(s.Service.PID())
			must(t, err)
			must(t, hold(ctx, s, *idle))
			after, err := harness.ReadUsage(s.Service.PID())
			must(t, err)
			more := after.PeakRSS - before.PeakRSS
			t.Logf("%d idle %s: the peak of the resident set went from %d MiB to %d, %.1f KiB each",
				*idle, name, before.PeakRSS>>20, after.PeakRSS>>20, float64(more)/1024/float64(*idle))
		})
	}
}

// connections opens n connections of callers who were let in; they are closed when ctx ends.
func connections(ctx context.Context, s *stage.Stage, n int) error {
	var all errgroup.Group
	all.SetLimit(50)
	for i := range n {
		all.Go(func() error {
			conn, err := callerFrom(ctx, s, i/perAddress, "bad")
			if err != nil {
				return err
			}
			_, err = destinationsv1.NewDeliveriesClient(conn).GetFreshness(ctx, &destinationsv1.GetFreshnessRequest{Bucket: "none"})
			return err
		})
	}
	return all.Wait()
}

// streams opens n streams, which send one request; they end when ctx does.
func streams(ctx context.Context, s *stage.Stage, n int) error {
	var all errgroup.Group
	for i := range (n + perAddress - 1) / perAddress {
		to := []string{"hostile", "none"}[i%2] // of the one, and of the other
		conn, err := callerFrom(ctx, s, 100+i, []string{"good", "bad"}[i%2])
		if err != nil {
			return err
		}
		api := destinationsv1.NewDestinationsClient(conn)
		for range min(perAddress, n-i*perAddress) {
			all.Go(func() error {
				stream, err := api.StreamS3(ctx)
				if err != nil {
					return err
				}
				request := &destinationsv1.StreamS3Request{Sequence: 1, Events: []*destinationsv1.S3Event{{Bucket: to, Payload: []byte("{}")}}}
				if err := stream.Send(request); err != nil {
					return err
				}
				_, err = stream.Recv()
				return err
			})
		}
	}
	return all.Wait()
}

// callerFrom connects from an address of this machine, of which there are many.
func callerFrom(ctx context.Context, s *stage.Stage, address int, name string) (*grpc.ClientConn, error) {
	from := &net.TCPAddr{IP: net.IPv4(127, 0, 3, byte(address))}
	conn, err := grpc.NewClient(s.Service.Target, grpc.WithTransportCredentials(insecure.NewCredentials()), s.Access.As(name),
		grpc.WithContextDialer(func(ctx context.Context, target string) (net.Conn, error) {
			return (&net.Dialer{LocalAddr: from}).DialContext(ctx, "tcp4", target)
		}))
	if err != nil {
		return nil, fmt.Errorf("connect: %w", err)
	}
	context.AfterFunc(ctx, func() { conn.Close() })
	return conn, nil
}
