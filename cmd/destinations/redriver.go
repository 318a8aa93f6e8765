package main

import (
	"context"

	"github.com/open-destinations/destinations/batcher"
	destinationsv1 "github.com/open-destinations/destinations/gen/destinations/v1"
	"github.com/open-destinations/destinations/server"
)

// redriver is the batcher as the server needs it to try again.
type redriver struct {
	batcher interface {
		Redrive(ctx context.Context, all bool, tenant, bucket, prefix string) (batcher.Redriven, error)
	}
}

// Redrive implements [server.Redriver].
func (r redriver) Redrive(ctx context.Context, what server.Selection) (*destinationsv1.RedriveResponse, error) {
	done, err := r.batcher.Redrive(ctx, what.All, what.Tenant, what.Bucket, what.Prefix)
	if err != nil {
		return nil, err
	}
	return &destinationsv1.RedriveResponse{Destinations: done.Destinations, Batches: done.Batches, Events: done.Events}, nil
}
