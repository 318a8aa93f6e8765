package server

import (
	"context"
	"fmt"

	"github.com/open-destinations/destinations/server/auth"
)

// Selection is one destination, or all of a tenant, or all there are.
type Selection struct {
	All                    bool   // then bucket and prefix are empty, or the bucket is that of all of them
	Tenant, Bucket, Prefix string // the prefix is completed; with All, no tenant is every tenant
}

// selecting is a request that names a destination, or none for all.
type selecting interface {
	GetTenant() string
	GetBucket() string
	GetPrefix() string
}

// selected is what a request names, if the caller may reach it: one destination or
// all. For all his grant has to reach all.
func selected(ctx context.Context, request selecting) (Selection, error) {
	of, err := listed(ctx, request)
	if grant := callerOf(ctx).Grant(); err == nil && of.All && !grant.CoversAll() {
		return of, fmt.Errorf("%w: the caller's grant reaches some destinations only, so one has to be named", errNotGranted)
	}
	return of, err
}

// listed is selected for a call that leaves out what the grant does not reach.
func listed(ctx context.Context, request selecting) (Selection, error) {
	if request.GetBucket() != "" {
		return named(ctx, request)
	}
	if request.GetPrefix() != "" {
		return Selection{}, fmt.Errorf("%w: a prefix needs a bucket", errBucketInvalid)
	}
	tenant, err := tenantFor(callerOf(ctx).Grant(), request.GetTenant(), true)
	return Selection{All: true, Tenant: tenant}, err
}

// named is the one destination that a request names, if the caller may reach it.
func named(ctx context.Context, request selecting) (Selection, error) {
	bucket := request.GetBucket()
	if err := CheckBucket(bucket); err != nil {
		return Selection{}, fmt.Errorf("%w: %w", errBucketInvalid, err)
	}
	prefix, err := CheckPrefix(request.GetPrefix())
	if err != nil {
		return Selection{}, fmt.Errorf("%w: %w", errPrefixInvalid, err)
	}
	grant := callerOf(ctx).Grant()
	tenant, err := tenantFor(grant, request.GetTenant(), false)
	if err == nil && !grant.Covers(bucket, prefix) {
		err = notGranted(bucket, prefix)
	}
	return Selection{Tenant: tenant, Bucket: bucket, Prefix: prefix}, err
}

// notGranted says that no grant of the caller reaches a destination; whether another
// one's does is not said.
func notGranted(bucket, prefix string) error {
	return fmt.Errorf("%w: bucket %q, prefix %q", errNotGranted, bucket, prefix)
}

// tenantFor is whose a request is about: "" = everybody's, which only a request for all
// may be about.
func tenantFor(grant *auth.Grant, asked string, all bool) (string, error) {
	switch {
	case asked != "" && !grant.Reaches(asked):
		return "", fmt.Errorf("%w: tenant %q", errNotGranted, asked)
	case asked != "":
		if err := auth.CheckTenantName(asked); err != nil { // what nobody is called gets into no file
			return "", fmt.Errorf("%w: %w", errTenantInvalid, err)
		}
		return asked, nil
	case all && grant.ReachesAll():
		return "", nil
	case grant.Tenant == auth.AllTenants:
		return "", fmt.Errorf("%w: missing: the caller sees every tenant, so the request has to name the one that is meant (--tenant)", errTenantInvalid)
	}
	return grant.Tenant, nil
}
