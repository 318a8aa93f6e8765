package server

import (
	"context"
	"errors"
	"fmt"

	"google.golang.org/grpc"

	destinationsv1 "github.com/open-destinations/destinations/gen/destinations/v1"
)

// Flusher closes open batches.
type Flusher interface {
	// Flush closes the open batches of a destination, or of all destinations (then
	// the names are empty, or the bucket is that of all of them), and returns when everything that was acknowledged before
	// the call is sealed, with the number of batches it has sealed. The prefix is
	// completed. An error wraps ctx's if ctx has ended, [journal.ErrClosed] if the
	// process is stopping, [journal.ErrBroken], or is a [*journal.CorruptError] if a
	// partition that is needed is damaged; whatever else could be sealed is. Any
	// number of callers may call together.
	Flush(ctx context.Context, all bool, tenant, bucket, prefix string) (batches uint64, err error)
}

// Selection is one destination, or all of them.
type Selection struct {
	All                    bool   // then the names are empty, or the bucket is that of all of them
	Tenant, Bucket, Prefix string // the prefix is completed
}

// operations serves the service Operations.
type operations struct {
	destinationsv1.UnimplementedOperationsServer
	server *Server
}

// Flush implements destinations.v1.Operations.Flush.
func (o operations) Flush(ctx context.Context, request *destinationsv1.FlushRequest) (*destinationsv1.FlushResponse, error) {
	response := &destinationsv1.FlushResponse{}
	err := o.run(ctx, "flush", func(ctx context.Context) error {
		what, err := flushed(request)
		if err != nil {
			return err
		}
		response.Batches, err = o.server.flusher.Flush(ctx, what.All, what.Tenant, what.Bucket, what.Prefix)
		return err
	})
	if err != nil {
		return nil, err
	}
	return response, nil
}

// flushed is what is to be flushed.
func flushed(request *destinationsv1.FlushRequest) (Selection, error) {
	what, err := selected(request)
	switch {
	case err != nil || !request.GetAllPrefixes():
		return what, err
	case what.All:
		return Selection{}, fmt.Errorf("%w: all_prefixes needs a bucket", errBucketInvalid)
	case what.Prefix != "":
		return Selection{}, fmt.Errorf("%w: all_prefixes and a prefix: only one of them", errPrefixInvalid)
	}
	what.All = true
	return what, nil
}

// selecting is a request that names a destination, or none for all.
type selecting interface {
	GetBucket() string
	GetPrefix() string
}

// selected is what a request names.
func selected(request selecting) (Selection, error) {
	if request.GetBucket() != "" {
		return named(request)
	}
	if request.GetPrefix() != "" {
		return Selection{}, fmt.Errorf("%w: a prefix needs a bucket", errBucketInvalid)
	}
	return Selection{All: true}, nil
}

// named is the one destination that a request names.
func named(request selecting) (Selection, error) {
	bucket := request.GetBucket()
	if err := CheckBucket(bucket); err != nil {
		return Selection{}, fmt.Errorf("%w: %w", errBucketInvalid, err)
	}
	prefix, err := CheckPrefix(request.GetPrefix())
	if err != nil {
		return Selection{}, fmt.Errorf("%w: %w", errPrefixInvalid, err)
	}
	return Selection{Tenant: tenant, Bucket: bucket, Prefix: prefix}, nil
}

// run runs a call, which the server's drain ends, and returns its status.
func (o operations) run(ctx context.Context, what string, call func(context.Context) error) error {
	s := o.server
	if !s.life.enter() {
		return s.toStatus(errShuttingDown, nil)
	}
	defer s.life.leave()
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	defer context.AfterFunc(s.life.drained, func() { cancel(errShuttingDown) })()
	err := call(ctx)
	switch {
	case err == nil:
		return nil
	case errors.Is(context.Cause(ctx), errShuttingDown):
		err = errShuttingDown
	}
	return s.toStatus(fmt.Errorf("%s: %w", what, err), nil)
}

// stream is run for a call that sends several answers, in a goroutine of its own: a
// send waits for the caller to read and can't be interrupted, and the handler has to
// end with the drain. The goroutine ends after the handler then, when gRPC ends its
// send; so it is [Server.Wait] that joins it.
func (o operations) stream(ctx context.Context, what string, call func(context.Context) error) error {
	return o.run(ctx, what, func(ctx context.Context) error {
		ended := make(chan error, 1)
		o.server.life.join()
		go func() {
			defer o.server.life.leave()
			ended <- call(ctx)
		}()
		select {
		case err := <-ended:
			return err
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	})
}

// send sends a message unless the call has ended.
func send[M any](ctx context.Context, rpc grpc.ServerStreamingServer[M], message *M) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return rpc.Send(message)
}
