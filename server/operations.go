package server

import (
	"context"
	"errors"
	"fmt"

	destinationsv1 "github.com/open-destinations/destinations/gen/destinations/v1"
)

// Flusher closes open batches.
type Flusher interface {
	// Flush closes the open batches of a destination, or of all destinations (then
	// the names are empty), and returns when everything that was acknowledged before
	// the call is sealed, with the number of batches it has sealed. The prefix is
	// completed. An error wraps ctx's if ctx has ended, [journal.ErrClosed] if the
	// process is stopping, [journal.ErrBroken], or is a [*journal.CorruptError] if a
	// partition that is needed is damaged; whatever else could be sealed is. Any
	// number of callers may call together.
	Flush(ctx context.Context, all bool, tenant, bucket, prefix string) (batches uint64, err error)
}

// operations serves the service Operations.
type operations struct {
	destinationsv1.UnimplementedOperationsServer
	server *Server
}

// Flush implements destinations.v1.Operations.Flush.
func (o operations) Flush(ctx context.Context, request *destinationsv1.FlushRequest) (*destinationsv1.FlushResponse, error) {
	s := o.server
	if !s.life.enter() {
		return nil, s.toStatus(errShuttingDown, nil)
	}
	defer s.life.leave()
	prefix, err := checkFlush(request)
	if err != nil {
		return nil, s.toStatus(err, nil)
	}
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	defer context.AfterFunc(s.life.drained, func() { cancel(errShuttingDown) })()
	bucket := request.GetBucket()
	if bucket == "" {
		batches, err := s.flusher.Flush(ctx, true, "", "", "")
		return flushed(s, ctx, batches, err)
	}
	batches, err := s.flusher.Flush(ctx, false, tenant, bucket, prefix)
	return flushed(s, ctx, batches, err)
}

// checkFlush returns the completed prefix.
func checkFlush(request *destinationsv1.FlushRequest) (string, error) {
	bucket, prefix := request.GetBucket(), request.GetPrefix()
	switch {
	case bucket == "" && prefix == "":
		return "", nil
	case bucket == "":
		return "", fmt.Errorf("%w: a prefix needs a bucket", errBucketInvalid)
	}
	if err := CheckBucket(bucket); err != nil {
		return "", fmt.Errorf("%w: %w", errBucketInvalid, err)
	}
	completed, err := CheckPrefix(prefix)
	if err != nil {
		return "", fmt.Errorf("%w: %w", errPrefixInvalid, err)
	}
	return completed, nil
}

func flushed(s *Server, ctx context.Context, batches uint64, err error) (*destinationsv1.FlushResponse, error) {
	switch {
	case err == nil:
		return &destinationsv1.FlushResponse{Batches: batches}, nil
	case errors.Is(context.Cause(ctx), errShuttingDown):
		err = errShuttingDown
	}
	return nil, s.toStatus(fmt.Errorf("flush: %w", err), nil)
}
