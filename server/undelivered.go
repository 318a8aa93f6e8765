package server

import (
	"context"

	"google.golang.org/grpc"

	destinationsv1 "github.com/open-destinations/destinations/gen/destinations/v1"
)

// Undelivered knows what is not delivered, and why.
type Undelivered interface {
	// List gives the lines of Operations.ListDestinations, in its order, until give
	// returns an error, which is then List's. Other errors are those of [Flusher]. Any
	// number of callers may call together.
	List(ctx context.Context, give func(*destinationsv1.ListDestinationsResponse) error) error
}

// ListDestinations implements destinations.v1.Operations.ListDestinations.
func (o operations) ListDestinations(request *destinationsv1.ListDestinationsRequest, rpc grpc.ServerStreamingServer[destinationsv1.ListDestinationsResponse]) error {
	only := request.GetState()
	return o.stream(rpc.Context(), "list destinations", func(ctx context.Context) error {
		grant := callerOf(ctx).Grant()
		tenant, err := tenantFor(grant, request.GetTenant(), true)
		if err != nil {
			return err
		}
		return o.server.undelivered.List(ctx, func(line *destinationsv1.ListDestinationsResponse) error {
			if only != destinationsv1.DestinationState_DESTINATION_STATE_UNSPECIFIED && only != line.GetState() && line.GetClosedPartition() == nil {
				return nil
			}
			if d := line.GetDestination(); d != nil && (tenant != "" && tenant != d.GetTenant() || !reaches(grant, d)) {
				return nil
			}
			return send(ctx, rpc, line)
		})
	})
}
