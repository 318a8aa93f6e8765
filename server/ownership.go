package server

import (
	"context"
	"errors"

	"google.golang.org/grpc/peer"

	destinationsv1 "github.com/open-destinations/destinations/gen/destinations/v1"
)

// Ownership knows which buckets tenants have shown to be theirs. Its methods are called by
// any number of callers together.
type Ownership interface {
	// Unconfirmed returns why new events for a destination are to be rejected, for the
	// people who send them: its tenant has to confirm the bucket, and has not; "" = they
	// are not. It is asked like [Admission].
	Unconfirmed(tenant, bucket, prefix string) string
	// Challenge has the challenge of a destination written unless it is there, and says how
	// the bucket stands. Errors wrap ErrChallengeRefused, ErrChallengeNotWritten, or ctx's.
	Challenge(ctx context.Context, of Selection) (*destinationsv1.ConfirmBucketResponse, error)
	// Confirm takes the content of that challenge, and returns when the bucket is confirmed
	// durably. Errors wrap ErrContentWrong, ErrConfirmedFull, ErrConfirmedNotKept, or ctx's.
	// None holds the content.
	Confirm(ctx context.Context, of Selection, content string) (*destinationsv1.ConfirmBucketResponse, error)
}

// What an Ownership can end a call with.
var (
	ErrChallengeRefused    = errors.New("the challenge is refused")
	ErrChallengeNotWritten = errors.New("the challenge could not be written now; try again")
	ErrContentWrong        = errors.New("content is wrong")
	ErrConfirmedFull       = errors.New("too many buckets are confirmed")
	ErrConfirmedNotKept    = errors.New("what was confirmed could not be kept; try again")
)

// unowned is the Ownership of a server where nobody has to show anything.
type unowned struct{}

func (unowned) Unconfirmed(_, _, _ string) string { return "" }

func (unowned) Challenge(context.Context, Selection) (*destinationsv1.ConfirmBucketResponse, error) {
	return &destinationsv1.ConfirmBucketResponse{}, nil
}

func (unowned) Confirm(context.Context, Selection, string) (*destinationsv1.ConfirmBucketResponse, error) {
	return &destinationsv1.ConfirmBucketResponse{}, nil
}

// ConfirmBucket implements destinations.v1.Operations.ConfirmBucket.
func (o operations) ConfirmBucket(ctx context.Context, request *destinationsv1.ConfirmBucketRequest) (response *destinationsv1.ConfirmBucketResponse, err error) {
	err = o.run(ctx, "confirm bucket", func(ctx context.Context) error {
		what, err := named(ctx, request)
		switch {
		case err != nil:
		case request.GetContent() == "":
			if err = o.server.checks.ask(callerOf(ctx).Principal()); err == nil {
				response, err = o.server.ownership.Challenge(ctx, what)
			}
		default:
			response, err = o.server.ownership.Confirm(ctx, what, request.GetContent())
		}
		if errors.Is(err, ErrContentWrong) {
			o.server.wrongContents.Fail(ctx, addressOf(ctx))
		}
		return err
	})
	return response, err
}

// addressOf is where a caller is.
func addressOf(ctx context.Context) string {
	if from, ok := peer.FromContext(ctx); ok {
		return from.Addr.String()
	}
	return ""
}
