package server

import (
	"context"
	"errors"
	"fmt"
	"io"

	"google.golang.org/grpc"

	destinationsv1 "github.com/open-destinations/destinations/gen/destinations/v1"
	"github.com/open-destinations/destinations/server/auth"
)

// What [DeadLetters] answer beside the errors of [Flusher]. They may be wrapped; the
// text is for the caller.
var (
	// ErrBatchUnknown: there is no dead batch of that key.
	ErrBatchUnknown = errors.New("there is no dead batch of that key")
	// ErrBatchDamaged: the file of the batch is missing or damaged.
	ErrBatchDamaged = errors.New("the batch can't be read")
	// ErrEventsDiffer: another number of events would be destroyed than was said,
	// and none was.
	ErrEventsDiffer = errors.New("the number of events is not the one that would be destroyed")
)

// DeadLetters keeps the batches that are not tried by themselves any more. Errors
// are those of [Flusher] and the above; any number of callers may call together.
type DeadLetters interface {
	// List gives the dead batches of a destination, of all of a tenant or of all, until
	// give returns an error, which is then List's.
	List(ctx context.Context, of Selection, give func(*destinationsv1.ListDeadResponse) error) error

	// Open returns the object of a dead batch. The caller closes it.
	Open(ctx context.Context, of DeadBatch) (io.ReadCloser, error)

	// Discard destroys the dead batches of one destination, or with a key one of
	// them, if they have that many events together. It returns when that is durable.
	Discard(ctx context.Context, of Selection, key string, events uint64) (*destinationsv1.DiscardDeadResponse, error)
}

// DeadBatch names a dead batch.
type DeadBatch struct {
	Tenant, Bucket, Key string
	Covers              func(prefix string) bool // asked of that batch's alone; false = it is unknown
}

// reaches reports whether a destination is the grant's to see. A call that lasts asks it of
// the caller's grant of the moment: one that is changed counts in the middle of a list.
func reaches(grant *auth.Grant, d *destinationsv1.Destination) bool {
	return grant.Reaches(d.GetTenant()) && grant.Covers(d.GetBucket(), d.GetPrefix())
}

// maxPieceBytes is the size of a piece of an exported object.
const maxPieceBytes = 1 << 20

// ListDead implements destinations.v1.Operations.ListDead.
func (o operations) ListDead(request *destinationsv1.ListDeadRequest, rpc grpc.ServerStreamingServer[destinationsv1.ListDeadResponse]) error {
	return o.stream(rpc.Context(), "list dead batches", func(ctx context.Context) error {
		of, err := listed(ctx, request)
		if err != nil {
			return err
		}
		caller := callerOf(ctx)
		return o.server.deadLetters.List(ctx, of, func(batch *destinationsv1.ListDeadResponse) error {
			if !reaches(caller.Grant(), batch.GetDestination()) {
				return nil
			}
			return send(ctx, rpc, batch)
		})
	})
}

// ExportDead implements destinations.v1.Operations.ExportDead.
func (o operations) ExportDead(request *destinationsv1.ExportDeadRequest, rpc grpc.ServerStreamingServer[destinationsv1.ExportDeadResponse]) error {
	return o.stream(rpc.Context(), "export dead batch", func(ctx context.Context) error {
		if err := CheckBucket(request.GetBucket()); err != nil {
			return fmt.Errorf("%w: %w", errBucketInvalid, err)
		}
		caller := callerOf(ctx)
		tenant, err := tenantFor(caller.Grant(), request.GetTenant(), false)
		if err != nil {
			return err
		}
		of := "" // the prefix of the batch
		covers := func(prefix string) bool {
			of = prefix
			return caller.Grant().Covers(request.GetBucket(), prefix)
		}
		object, err := o.server.deadLetters.Open(ctx, DeadBatch{Tenant: tenant, Bucket: request.GetBucket(), Key: request.GetKey(), Covers: covers})
		if err != nil {
			return err
		}
		err = sendPieces(object, func(piece []byte) error {
			if !covers(of) { // any more
				return ErrBatchUnknown
			}
			return send(ctx, rpc, &destinationsv1.ExportDeadResponse{Data: piece})
		})
		return errors.Join(err, object.Close())
	})
}

// sendPieces sends an object. Each piece has a buffer of its own, since gRPC may
// still hold the one before.
func sendPieces(object io.Reader, send func(piece []byte) error) error {
	for {
		piece := make([]byte, maxPieceBytes)
		n, err := fill(object, piece)
		if n > 0 {
			if err := send(piece[:n]); err != nil {
				return err
			}
		}
		switch {
		case err == io.EOF:
			return nil
		case err != nil:
			return err
		}
	}
}

// fill reads until the piece is full. Other than with [io.ReadFull] an object that
// ends too early, as its reader says, can be told from one that ends.
func fill(object io.Reader, piece []byte) (n int, err error) {
	for n < len(piece) && err == nil {
		var read int
		read, err = object.Read(piece[n:])
		n += read
	}
	return n, err
}

// DiscardDead implements destinations.v1.Operations.DiscardDead.
func (o operations) DiscardDead(ctx context.Context, request *destinationsv1.DiscardDeadRequest) (response *destinationsv1.DiscardDeadResponse, err error) {
	err = o.run(ctx, "discard dead batches", func(ctx context.Context) error {
		of, err := named(ctx, request)
		if err == nil {
			response, err = o.server.deadLetters.Discard(ctx, of, request.GetKey(), request.GetEvents())
		}
		return err
	})
	return response, err
}
