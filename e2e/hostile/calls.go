package hostile

import (
	"context"
	"net"
	"sync"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/metadata"

	destinationsv1 "github.com/open-destinations/destinations/gen/destinations/v1"
)

// connected lets f have a connection of a real client.
func connected(a Attacker, f func(*grpc.ClientConn)) {
	conn, err := grpc.NewClient(a.Target, grpc.WithTransportCredentials(insecure.NewCredentials()),
		grpc.WithContextDialer(func(ctx context.Context, _ string) (net.Conn, error) { return a.connect(ctx) }))
	if err != nil {
		return
	}
	defer conn.Close()
	f(conn)
}

func showing(ctx context.Context, secret string) context.Context {
	return metadata.AppendToOutgoingContext(ctx, "authorization", "Bearer "+secret)
}

// unary calls as fast as it is answered, with a token.
func unary(ctx context.Context, a Attacker, secret string, connections, calls int) {
	together(ctx, connections, func(ctx context.Context) {
		connected(a, func(conn *grpc.ClientConn) {
			api := destinationsv1.NewDeliveriesClient(conn)
			together(ctx, calls, func(ctx context.Context) {
				short, cancel := context.WithTimeout(showing(ctx, secret), time.Second)
				defer cancel()
				_, err := api.GetFreshness(short, &destinationsv1.GetFreshnessRequest{Bucket: "none"})
				a.Seen.called(ctx, err)
			})
		})
	})
}

func wrongTokens(ctx context.Context, a Attacker) { unary(ctx, a, "dst_wrong", 20, 50) }
func callFlood(ctx context.Context, a Attacker)   { unary(ctx, a, a.Token, 10, 50) }

// idleStreams opens ten thousand streams and sends nothing.
func idleStreams(ctx context.Context, a Attacker) {
	var all sync.WaitGroup
	for range 20 {
		all.Go(func() {
			connected(a, func(conn *grpc.ClientConn) {
				api := destinationsv1.NewDestinationsClient(conn)
				together(ctx, 500, func(ctx context.Context) {
					stream, err := api.StreamS3(showing(ctx, a.Token))
					if err == nil {
						_, err = stream.Recv() // until it ends, or is refused
						a.Seen.called(ctx, err)
					}
				})
			})
		})
	}
	all.Wait()
}
