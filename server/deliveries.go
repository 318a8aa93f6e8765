package server

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"

	"google.golang.org/grpc"

	destinationsv1 "github.com/open-destinations/destinations/gen/destinations/v1"
)

const (
	// maxTokens is how many tokens a GetDelivery may have.
	maxTokens = 1000
	// maxPage is how many batches a page of ListDeliveries may have, and defaultPage how many
	// one has whose size is not said.
	maxPage     = 1000
	defaultPage = 100
	// maxObjectBytes bounds the objects in an answer of GetDelivery, of which callers take 4 MiB
	// unless they say otherwise. Beyond it they are only counted.
	maxObjectBytes = 3 << 20
	// objectOverhead is what an object in an answer takes beside its texts, at most.
	objectOverhead = 80
)

// What [Receipts] and [Deliveries] answer beside the errors of [Flusher]. They may be wrapped.
var (
	// ErrTokenUnknown: the events of a token are not those of the journal any more.
	ErrTokenUnknown = errors.New("token is not one of this service's")
	// ErrCursorInvalid: the page token or cursor was not given for this filter, or is of
	// what is not there any more. The text is for the caller.
	ErrCursorInvalid = errors.New("page_token or cursor is invalid")
	// ErrWatcherTooSlow: more has happened than is kept for a caller who does not read.
	ErrWatcherTooSlow = errors.New("more has happened than is kept for a caller who does not read; go on with the last cursor")
	// ErrLedgerFailed: what was delivered can't be read now.
	ErrLedgerFailed = errors.New("the ledger can't be read")
)

// TokenError says which of the tokens of a call something is wrong with.
type TokenError struct {
	Index int // from 0
	Err   error
}

// Error implements error.
func (e *TokenError) Error() string { return fmt.Sprintf("tokens[%d]: %v", e.Index, e.Err) }

// Unwrap is the problem.
func (e *TokenError) Unwrap() error { return e.Err }

// aboutToken is what a caller is told beside an error about one of his tokens.
func aboutToken(err error) map[string]string {
	if about, ok := errors.AsType[*TokenError](err); ok {
		return map[string]string{"token": strconv.Itoa(about.Index)}
	}
	return nil
}

// Receipts knows what became of the events of receipts. Any number of callers may call together.
type Receipts interface {
	// Get says what became of the events of tokens, in their order; Delivery.token is left
	// to the caller. A token whose events are not there any more is a [*TokenError] of
	// ErrTokenUnknown.
	Get(ctx context.Context, tokens []Token) ([]*destinationsv1.Delivery, error)

	// Freshness says how fresh a destination is.
	Freshness(ctx context.Context, of Selection) (*destinationsv1.GetFreshnessResponse, error)
}

// DeliveryFilter says which batches are meant.
type DeliveryFilter struct {
	Tenant, Bucket string    // empty = every one
	Prefix         *string   // completed; nil = every prefix
	Since, Until   time.Time // by the time of sealing; zero = no bound
	State          destinationsv1.DeliveryState
	Admits         func(tenant, bucket, prefix string) bool // what the caller may see
}

// Watching is somebody who watches.
type Watching struct {
	Cursor string                                              // where to go on; "" = from now on
	Give   func(*destinationsv1.WatchDeliveriesResponse) error // may wait for long; its error ends the watching
	CutOff func()                                              // called when he does not keep up, while Give may be waiting
}

// Deliveries knows what was delivered. Any number of callers may call together.
type Deliveries interface {
	// List lists batches, the newest first, from a page token on.
	List(ctx context.Context, of DeliveryFilter, limit int, after string) (*destinationsv1.ListDeliveriesResponse, error)

	// Watch gives changes as they happen, until ctx ends. It waits for nobody: who does
	// not take them is cut off.
	Watch(ctx context.Context, of DeliveryFilter, w Watching) error
}

// deliveries serves the service Deliveries.
type deliveries struct {
	destinationsv1.UnimplementedDeliveriesServer
	operations operations
}

// GetDelivery implements destinations.v1.Deliveries.GetDelivery.
func (d deliveries) GetDelivery(ctx context.Context, request *destinationsv1.GetDeliveryRequest) (response *destinationsv1.GetDeliveryResponse, err error) {
	s := d.operations.server
	err = d.operations.run(ctx, "get delivery", func(ctx context.Context) error {
		tokens, err := s.readTokens(ctx, request.GetTokens())
		if err != nil {
			return err
		}
		found, err := s.receipts.Get(ctx, tokens)
		if err == nil {
			err = checkReach(ctx, found)
		}
		if err != nil {
			return err
		}
		room := maxObjectBytes
		for i, delivery := range found {
			delivery.Token = request.GetTokens()[i]
			room -= keepObjects(delivery, room)
		}
		response = &destinationsv1.GetDeliveryResponse{Deliveries: found}
		response.Destinations, response.DestinationsDelivered = countDestinations(tokens, found)
		return nil
	})
	return response, err
}

// checkReach refuses what the caller's grant does not reach, in the words for what is not there.
func checkReach(ctx context.Context, found []*destinationsv1.Delivery) error {
	grant := callerOf(ctx).Grant()
	for i, delivery := range found {
		if to := delivery.GetDestination(); to != nil && !reaches(grant, to) {
			return &TokenError{Index: i, Err: ErrTokenUnknown}
		}
	}
	return nil
}

// readTokens reads the tokens of a request. One of another tenant is not known.
func (s *Server) readTokens(ctx context.Context, texts []string) ([]Token, error) {
	if len(texts) == 0 || len(texts) > maxTokens {
		return nil, fmt.Errorf("%w: %d, must be from 1 to %d", errTokensInvalid, len(texts), maxTokens)
	}
	tokens := make([]Token, len(texts))
	for i, text := range texts {
		var err error
		if tokens[i], err = s.tokens.decode(text); err != nil || !callerOf(ctx).Grant().Reaches(tokens[i].Tenant) {
			return nil, &TokenError{Index: i, Err: ErrTokenUnknown}
		}
	}
	return tokens, nil
}

// keepObjects leaves as many objects in a delivery as there is room for, and returns how
// much of it they take.
func keepObjects(d *destinationsv1.Delivery, room int) (taken int) {
	for i, o := range d.GetObjects() {
		size := len(o.GetBucket()) + len(o.GetKey()) + len(o.GetEtag()) + objectOverhead
		if taken+size > room {
			d.ObjectsOmitted += uint64(len(d.GetObjects()) - i)
			d.Objects = d.GetObjects()[:i]
			return taken
		}
		taken += size
	}
	return taken
}

// countDestinations counts the destinations of tokens, and those to which all is delivered.
func countDestinations(tokens []Token, found []*destinationsv1.Delivery) (all, delivered uint32) {
	complete := map[digest]bool{}
	for i := range tokens {
		to := digest(tokens[i].Destination)
		before, seen := complete[to]
		complete[to] = (before || !seen) && found[i].GetState() == destinationsv1.DeliveryState_DELIVERY_STATE_DELIVERED
	}
	for _, ok := range complete {
		if ok {
			delivered++
		}
	}
	return uint32(len(complete)), delivered
}

// GetFreshness implements destinations.v1.Deliveries.GetFreshness.
func (d deliveries) GetFreshness(ctx context.Context, request *destinationsv1.GetFreshnessRequest) (response *destinationsv1.GetFreshnessResponse, err error) {
	err = d.operations.run(ctx, "get freshness", func(ctx context.Context) error {
		of, err := named(ctx, request)
		if err == nil {
			response, err = d.operations.server.receipts.Freshness(ctx, of)
		}
		return err
	})
	return response, err
}

// ListDeliveries implements destinations.v1.Deliveries.ListDeliveries.
func (d deliveries) ListDeliveries(ctx context.Context, request *destinationsv1.ListDeliveriesRequest) (response *destinationsv1.ListDeliveriesResponse, err error) {
	err = d.operations.run(ctx, "list deliveries", func(ctx context.Context) error {
		of, err := filtered(ctx, request, request.Prefix)
		if err = errors.Join(checkState(request.GetState()), err); err != nil {
			return err
		}
		of.State = request.GetState()
		if request.GetSince() != nil {
			of.Since = request.GetSince().AsTime()
		}
		if request.GetUntil() != nil {
			of.Until = request.GetUntil().AsTime()
		}
		limit := int(request.GetPageSize())
		switch {
		case limit == 0:
			limit = defaultPage
		case limit > maxPage:
			return fmt.Errorf("%w: page_size: %d, at most %d", errPageInvalid, limit, maxPage)
		}
		response, err = d.operations.server.deliveries.List(ctx, of, limit, request.GetPageToken())
		return err
	})
	return response, err
}

// WatchDeliveries implements destinations.v1.Deliveries.WatchDeliveries.
func (d deliveries) WatchDeliveries(request *destinationsv1.WatchDeliveriesRequest, rpc grpc.ServerStreamingServer[destinationsv1.WatchDeliveriesResponse]) error {
	watching, cutOff := context.WithCancelCause(rpc.Context())
	defer cutOff(nil)
	return d.operations.stream(watching, "watch deliveries", func(ctx context.Context) error {
		of, err := filtered(ctx, request, request.Prefix)
		if err = errors.Join(checkState(request.GetState()), err); err != nil {
			return err
		}
		of.State = request.GetState()
		return d.operations.server.deliveries.Watch(ctx, of, Watching{
			Cursor: request.GetCursor(),
			Give:   func(m *destinationsv1.WatchDeliveriesResponse) error { return send(ctx, rpc, m) },
			CutOff: func() { cutOff(ErrWatcherTooSlow) },
		})
	})
}

// filtered is what a request means, of what the caller may see.
func filtered(ctx context.Context, request selecting, prefix *string) (of DeliveryFilter, err error) {
	of.Admits = func(tenant, bucket, prefix string) bool {
		grant := callerOf(ctx).Grant() // what he may changes
		return grant.Reaches(tenant) && grant.Covers(bucket, prefix)
	}
	switch bucket := request.GetBucket(); {
	case bucket == "" && prefix != nil:
		return of, fmt.Errorf("%w: a prefix needs a bucket", errBucketInvalid)
	case prefix != nil:
		what, err := named(ctx, request)
		of.Tenant, of.Bucket, of.Prefix = what.Tenant, what.Bucket, &what.Prefix
		return of, err
	case bucket != "":
		if err := CheckBucket(bucket); err != nil {
			return of, fmt.Errorf("%w: %w", errBucketInvalid, err)
		}
		of.Bucket = bucket
	}
	of.Tenant, err = tenantFor(callerOf(ctx).Grant(), request.GetTenant(), true)
	return of, err
}

// checkState refuses a state that no batch of the ledger is ever in.
func checkState(state destinationsv1.DeliveryState) error {
	switch state {
	case destinationsv1.DeliveryState_DELIVERY_STATE_UPLOADING, destinationsv1.DeliveryState_DELIVERY_STATE_PARTIAL:
		return fmt.Errorf("%w: %v, which a batch of the ledger never is", errStateInvalid, state)
	}
	return nil
}
