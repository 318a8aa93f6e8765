package server

import (
	"context"
	"net/netip"
	"slices"

	destinationsv1 "github.com/open-destinations/destinations/gen/destinations/v1"
)

// GetEgressAddresses implements destinations.v1.Operations.GetEgressAddresses.
func (o operations) GetEgressAddresses(ctx context.Context, _ *destinationsv1.GetEgressAddressesRequest) (*destinationsv1.GetEgressAddressesResponse, error) {
	response := &destinationsv1.GetEgressAddressesResponse{}
	err := o.run(ctx, "get egress addresses", func(context.Context) error {
		ranges := slices.Clone(o.server.config.EgressAddresses)
		slices.SortFunc(ranges, netip.Prefix.Compare)
		for _, addresses := range slices.Compact(ranges) {
			response.Addresses = append(response.Addresses, addresses.String())
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return response, nil
}
