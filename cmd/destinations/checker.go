package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"

	destinationsv1 "github.com/open-destinations/destinations/gen/destinations/v1"
	"github.com/open-destinations/destinations/journal"
	"github.com/open-destinations/destinations/policy"
	"github.com/open-destinations/destinations/server"
	"github.com/open-destinations/destinations/server/auth"
	"github.com/open-destinations/destinations/uploader"
)

// checker is the uploader as the server needs it to check destinations.
type checker struct {
	uploader interface {
		Check(ctx context.Context, tenant, bucket, prefix string) (*uploader.Diagnosis, error)
	}
	batcher interface {
		NoteLeftover(ctx context.Context, tenant, bucket, prefix, key string) error
	}
	awsOf func(tenant string) *auth.AWS // what a tenant has of its own; nil = nothing
	log   *slog.Logger
}

// Check implements [server.Checker].
func (c checker) Check(ctx context.Context, p server.CheckParams) (*destinationsv1.Diagnosis, error) {
	of := c.awsOf(p.Tenant)
	terms := destinationTerms(of, p.Bucket, p.Prefix)
	if p.RoleARN != "" {
		terms.Principal = p.RoleARN
		if err := policy.CheckPrincipal(p.RoleARN); err != nil {
			return nil, fmt.Errorf("%w: %w", server.ErrRoleARNInvalid, err)
		}
	}
	found, err := c.uploader.Check(ctx, p.Tenant, p.Bucket, p.Prefix)
	switch {
	case errors.Is(err, uploader.ErrClosed):
		return nil, fmt.Errorf("%w: %w", journal.ErrClosed, err)
	case errors.Is(err, uploader.ErrChecksBusy):
		return nil, fmt.Errorf("%w: %w", server.ErrChecksBusy, err)
	case err != nil:
		return nil, err
	}
	if found.Leftover {
		if err := c.batcher.NoteLeftover(ctx, p.Tenant, p.Bucket, p.Prefix, found.Key); err != nil {
			c.log.Warn("a multipart upload may have been left behind; it is not looked for any more", "bucket", p.Bucket, "key", found.Key, "error", err)
		}
	}
	c.log.Info("destination checked", "tenant", p.Tenant, "bucket", p.Bucket, "prefix", p.Prefix,
		"outcome", found.Outcome().String(), "missing", found.Missing())
	d := diagnosisOf(found, terms)
	if !of.HasRole() && !p.SeesAll {
		server.HideCredentials(d)
	}
	return d, nil
}
