package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/open-destinations/destinations/batcher"
	destinationsv1 "github.com/open-destinations/destinations/gen/destinations/v1"
	"github.com/open-destinations/destinations/server"
)

// deadLetters is the batcher as the server needs it, for dead batches.
type deadLetters struct {
	batcher interface {
		Dead(ctx context.Context, all bool, tenant, bucket, prefix string) ([]batcher.DeadBatch, error)
		OpenDead(ctx context.Context, bucket, key string) (io.ReadCloser, error)
		DiscardDead(ctx context.Context, tenant, bucket, prefix, key string, events uint64) (batcher.Discarded, error)
	}
}

// List implements [server.DeadLetters].
func (d deadLetters) List(ctx context.Context, of server.Selection, give func(*destinationsv1.ListDeadResponse) error) error {
	batches, err := d.batcher.Dead(ctx, of.All, of.Tenant, of.Bucket, of.Prefix)
	for i := range batches { // some are there beside an error too
		if err := give(deadBatchOf(&batches[i])); err != nil {
			return err
		}
	}
	return inServerWords(err)
}

// Open implements [server.DeadLetters].
func (d deadLetters) Open(ctx context.Context, of server.DeadBatch) (io.ReadCloser, error) {
	list, err := d.batcher.Dead(ctx, true, of.Tenant, "", "")
	known := slices.ContainsFunc(list, func(b batcher.DeadBatch) bool {
		return b.Tenant == of.Tenant && b.Bucket == of.Bucket && b.Key == of.Key && of.Covers(b.Prefix)
	})
	switch {
	case known: // a key is of one batch alone
		object, err := d.batcher.OpenDead(ctx, of.Bucket, of.Key)
		return object, inServerWords(err)
	case err != nil: // it may be what could not be listed
		return nil, inServerWords(err)
	}
	return nil, server.ErrBatchUnknown
}

// Discard implements [server.DeadLetters].
func (d deadLetters) Discard(ctx context.Context, of server.Selection, key string, events uint64) (*destinationsv1.DiscardDeadResponse, error) {
	r, err := d.batcher.DiscardDead(ctx, of.Tenant, of.Bucket, of.Prefix, key, events)
	if err != nil {
		return nil, inServerWords(err)
	}
	return &destinationsv1.DiscardDeadResponse{Batches: r.Batches, Events: r.Events}, nil
}

func deadBatchOf(b *batcher.DeadBatch) *destinationsv1.ListDeadResponse {
	return &destinationsv1.ListDeadResponse{
		Destination: &destinationsv1.Destination{Tenant: b.Tenant, Bucket: b.Bucket, Prefix: b.Prefix},
		Key:         b.Key, Events: b.Events, Size: b.Size, Sha256: b.SHA256[:], Reason: b.Reason, Since: stampOf(b.Since),
	}
}

// inServerWords is an error of the batcher as the server knows it.
func inServerWords(err error) error {
	var differ *batcher.EventsDifferError
	switch {
	case errors.As(err, &differ):
		return fmt.Errorf("%w: %d, and %d were said", server.ErrEventsDiffer, differ.Have, differ.Said)
	case errors.Is(err, batcher.ErrBatchUnknown):
		return server.ErrBatchUnknown
	case errors.Is(err, batcher.ErrBatchDamaged):
		return fmt.Errorf("%w: %w; put a copy of the file in its place, or end the batch with \"destinations dead discard\"", server.ErrBatchDamaged, err)
	}
	return err
}

// stampOf is a time that may be zero, which is unset.
func stampOf(t time.Time) *timestamppb.Timestamp {
	if t.IsZero() {
		return nil
	}
	return timestamppb.New(t)
}
