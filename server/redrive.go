package server

import (
	"context"

	destinationsv1 "github.com/open-destinations/destinations/gen/destinations/v1"
)

// Redriver has what is not tried now tried again.
type Redriver interface {
	// Redrive does what Operations.Redrive says, and returns when that is durable.
	// Errors are those of [Flusher]. Any number of callers may call together.
	Redrive(ctx context.Context, what Selection) (*destinationsv1.RedriveResponse, error)
}

// Redrive implements destinations.v1.Operations.Redrive.
func (o operations) Redrive(ctx context.Context, request *destinationsv1.RedriveRequest) (response *destinationsv1.RedriveResponse, err error) {
	err = o.run(ctx, "redrive", func(ctx context.Context) error {
		what, err := selected(ctx, request)
		if err == nil {
			response, err = o.server.redriver.Redrive(ctx, what)
		}
		return err
	})
	return response, err
}
