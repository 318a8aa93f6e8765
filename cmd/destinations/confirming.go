package main

import (
	"context"
	"errors"
	"fmt"

	destinationsv1 "github.com/open-destinations/destinations/gen/destinations/v1"
	"github.com/open-destinations/destinations/ownership"
	"github.com/open-destinations/destinations/server"
	"github.com/open-destinations/destinations/uploader"
)

// confirming is the keeper of confirmed buckets as the server needs it.
type confirming struct{ *ownership.Keeper }

// Challenge implements [server.Ownership].
func (c confirming) Challenge(ctx context.Context, of server.Selection) (*destinationsv1.ConfirmBucketResponse, error) {
	standing, err := c.Keeper.Challenge(ctx, placeOf(of))
	switch {
	case err == nil:
	case ctx.Err() != nil:
		err = context.Cause(ctx)
	case uploader.Classify(err) == uploader.ClassCredentials:
		// What was said of them may be of what all tenants share.
		as := server.ErrChallengeNotWritten
		if uploader.CredentialsRefused(err) {
			as = server.ErrChallengeRefused
		}
		err = fmt.Errorf("%w: its credentials do not work; the service's log says why", as)
	case uploader.Permanent(err):
		err = fmt.Errorf("%w: %w", server.ErrChallengeRefused, err)
	default:
		err = fmt.Errorf("%w: %w", server.ErrChallengeNotWritten, err)
	}
	return standingOf(&standing), err
}

// Confirm implements [server.Ownership].
func (c confirming) Confirm(ctx context.Context, of server.Selection, content string) (*destinationsv1.ConfirmBucketResponse, error) {
	standing, err := c.Keeper.Confirm(ctx, placeOf(of), content)
	for _, word := range []struct{ is, as error }{
		{ownership.ErrContentWrong, server.ErrContentWrong},
		{ownership.ErrFull, server.ErrConfirmedFull},
		{ownership.ErrNotKept, server.ErrConfirmedNotKept},
	} {
		if errors.Is(err, word.is) {
			err = fmt.Errorf("%w: %w", word.as, err)
		}
	}
	return standingOf(&standing), err
}

func placeOf(of server.Selection) ownership.Place {
	return ownership.Place{Tenant: of.Tenant, Bucket: of.Bucket, Prefix: of.Prefix}
}

func standingOf(s *ownership.Standing) *destinationsv1.ConfirmBucketResponse {
	return &destinationsv1.ConfirmBucketResponse{
		Key: s.Key, Needed: s.Needed, Confirmed: !s.Confirmed.IsZero(), Since: stampOf(s.Confirmed),
	}
}
