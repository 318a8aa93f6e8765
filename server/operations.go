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
	// bucket and prefix are empty, or the bucket is that of all of them) of a tenant or of everybody (then he is empty, too), and returns when everything that was acknowledged before
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
	response := &destinationsv1.FlushResponse{}
	err := o.run(ctx, "flush", func(ctx context.Context) error {
		what, err := flushed(ctx, request)
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
func flushed(ctx context.Context, request *destinationsv1.FlushRequest) (Selection, error) {
	what, err := selected(ctx, request)
	switch {
	case err != nil || !request.GetAllPrefixes():
		return what, err
	case what.All:
		return Selection{}, fmt.Errorf("%w: all_prefixes needs a bucket", errBucketInvalid)
	case what.Prefix != "":
		return Selection{}, fmt.Errorf("%w: all_prefixes and a prefix: only one of them", errPrefixInvalid)
	case !callerOf(ctx).Grant().CoversAllOf(what.Bucket):
		return Selection{}, fmt.Errorf("%w: all prefixes of bucket %q", errNotGranted, what.Bucket)
	}
	what.All = true
	return what, nil
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
	case errors.Is(context.Cause(ctx), errShuttingDown), isOfAuth(context.Cause(ctx)):
		err = context.Cause(ctx)
	}
	return s.toStatus(fmt.Errorf("%s: %w", what, err), aboutToken(err))
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
