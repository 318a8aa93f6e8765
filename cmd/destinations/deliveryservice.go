package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"google.golang.org/protobuf/types/known/durationpb"

	destinationsv1 "github.com/open-destinations/destinations/gen/destinations/v1"
	"github.com/open-destinations/destinations/ledger"
	"github.com/open-destinations/destinations/server"
)

// receipts is the ledger's desk as the server needs it.
type receipts struct {
	desk   *ledger.Desk
	shards ledger.Shards
	ledger *ledger.Ledger
}

// Get implements [server.Receipts].
func (r receipts) Get(ctx context.Context, tokens []server.Token) ([]*destinationsv1.Delivery, error) {
	asked := make([]ledger.Receipt, len(tokens))
	for i, t := range tokens {
		asked[i] = ledger.Receipt{
			Span:      ledger.Span{Digest: t.Destination, First: ledger.Place(t.First), Last: ledger.Place(t.Last)},
			Partition: int(t.Partition), Received: t.Received,
		}
	}
	found, err := r.desk.Deliveries(ctx, asked)
	if err != nil {
		return nil, inDeliveryWords(err)
	}
	answers := make([]*destinationsv1.Delivery, len(found))
	for i := range found {
		answers[i] = deliveryOf(&found[i])
	}
	return answers, nil
}

// Freshness implements [server.Receipts].
func (r receipts) Freshness(ctx context.Context, of server.Selection) (*destinationsv1.GetFreshnessResponse, error) {
	h, err := r.shards.Destination(ctx, of.Tenant, of.Bucket, of.Prefix)
	if err != nil {
		return nil, err
	}
	last, err := r.ledger.LastDelivered(ctx, of.Tenant, of.Bucket, of.Prefix)
	if err != nil {
		return nil, inDeliveryWords(err)
	}
	answer := &destinationsv1.GetFreshnessResponse{
		BacklogEvents: h.BacklogEvents, BacklogBytes: h.BacklogBytes, State: healthState(&h), LastDeliveredAt: stampOf(last),
	}
	if !h.Oldest.IsZero() {
		answer.OldestEventAge = durationpb.New(max(0, time.Since(h.Oldest)))
	}
	return answer, nil
}

func healthState(h *ledger.Health) destinationsv1.DestinationState {
	switch {
	case h.Blocked:
		return destinationsv1.DestinationState_DESTINATION_STATE_BLOCKED
	case h.Behind:
		return destinationsv1.DestinationState_DESTINATION_STATE_CATCHING_UP
	case h.Failing:
		return destinationsv1.DestinationState_DESTINATION_STATE_RETRYING
	}
	return destinationsv1.DestinationState_DESTINATION_STATE_ACTIVE
}

// deliveries is the ledger as the server needs it.
type deliveries struct{ ledger *ledger.Ledger }

// List implements [server.Deliveries].
func (d deliveries) List(ctx context.Context, of server.DeliveryFilter, limit int, after string) (*destinationsv1.ListDeliveriesResponse, error) {
	rows, next, err := d.ledger.List(ctx, filterOf(&of, rowStates[of.State]), limit, after)
	if err != nil {
		return nil, inDeliveryWords(err)
	}
	page := &destinationsv1.ListDeliveriesResponse{NextPageToken: next}
	for _, r := range rows {
		page.Deliveries = append(page.Deliveries, recordOf(r))
	}
	return page, nil
}

// Watch implements [server.Deliveries].
func (d deliveries) Watch(ctx context.Context, of server.DeliveryFilter, w server.Watching) error {
	states := rowStates[of.State]
	if len(states) == 0 {
		states = []ledger.RowState{ledger.RowDead, ledger.RowDiscarded, ledger.RowDelivered}
	}
	err := d.ledger.Watch(ctx, ledger.WatchParams{
		Filter: filterOf(&of, states), Cursor: w.Cursor, CutOff: w.CutOff,
		Give: func(r *ledger.Row, cursor string) error {
			m := &destinationsv1.WatchDeliveriesResponse{Cursor: cursor}
			if r != nil {
				m.Delivery = recordOf(r)
			}
			return w.Give(m)
		},
	})
	return inDeliveryWords(err)
}

// rowStates are the states of batches by what they are called outside.
var rowStates = map[destinationsv1.DeliveryState][]ledger.RowState{
	destinationsv1.DeliveryState_DELIVERY_STATE_PENDING:   {ledger.RowSealed},
	destinationsv1.DeliveryState_DELIVERY_STATE_BLOCKED:   {ledger.RowParked},
	destinationsv1.DeliveryState_DELIVERY_STATE_DEAD:      {ledger.RowDead, ledger.RowDiscarded},
	destinationsv1.DeliveryState_DELIVERY_STATE_DELIVERED: {ledger.RowDelivered},
}

func filterOf(of *server.DeliveryFilter, states []ledger.RowState) ledger.Filter {
	return ledger.Filter{Tenant: of.Tenant, Bucket: of.Bucket, Prefix: of.Prefix, Since: of.Since, Until: of.Until, States: states, Admits: of.Admits}
}

func deliveryOf(d *ledger.Delivery) *destinationsv1.Delivery {
	made := &destinationsv1.Delivery{
		ObjectsOmitted: d.ObjectsOmitted, Code: d.Code, Message: d.Message, NextTry: stampOf(d.NextTry), DetailsExpired: d.DetailsExpired,
		State: map[ledger.State]destinationsv1.DeliveryState{
			ledger.StatePending:   destinationsv1.DeliveryState_DELIVERY_STATE_PENDING,
			ledger.StateUploading: destinationsv1.DeliveryState_DELIVERY_STATE_UPLOADING,
			ledger.StateBlocked:   destinationsv1.DeliveryState_DELIVERY_STATE_BLOCKED,
			ledger.StatePartial:   destinationsv1.DeliveryState_DELIVERY_STATE_PARTIAL,
			ledger.StateDelivered: destinationsv1.DeliveryState_DELIVERY_STATE_DELIVERED,
			ledger.StateDead:      destinationsv1.DeliveryState_DELIVERY_STATE_DEAD,
		}[d.State],
	}
	if d.Bucket != "" {
		made.Destination = &destinationsv1.Destination{Bucket: d.Bucket, Prefix: d.Prefix, Tenant: d.Tenant}
	}
	for _, r := range d.Objects {
		made.Objects = append(made.Objects, objectOf(r))
	}
	return made
}

func objectOf(r *ledger.Row) *destinationsv1.DeliveredObject {
	o := &destinationsv1.DeliveredObject{Bucket: r.Bucket, Key: r.Key, Etag: r.ETag, Size: r.Size, Events: r.Events, RawBytes: r.RawBytes}
	if r.State == ledger.RowDelivered {
		o.DeliveredAt = stampOf(r.Ended)
	}
	return o
}

func recordOf(r *ledger.Row) *destinationsv1.DeliveryRecord {
	made := &destinationsv1.DeliveryRecord{
		Destination: &destinationsv1.Destination{Bucket: r.Bucket, Prefix: r.Prefix, Tenant: r.Tenant}, Object: objectOf(r), Partition: uint32(r.Partition),
		FirstReceived: stampOf(r.FirstReceived), LastReceived: stampOf(r.LastReceived), SealedAt: stampOf(r.Sealed),
		Attempts: r.Attempts, LastError: r.LastError,
	}
	for state, rows := range rowStates {
		for _, s := range rows {
			if s == r.State {
				made.State = state
			}
		}
	}
	return made
}

// inDeliveryWords is an error of the ledger as the server knows it.
func inDeliveryWords(err error) error {
	var unknown *ledger.UnknownError
	switch {
	case errors.As(err, &unknown):
		return &server.TokenError{Index: unknown.Index, Err: server.ErrTokenUnknown}
	case errors.Is(err, ledger.ErrCursorInvalid):
		return fmt.Errorf("%w: %w", server.ErrCursorInvalid, err)
	case errors.Is(err, ledger.ErrTooSlow):
		return server.ErrWatcherTooSlow
	case errors.Is(err, ledger.ErrFailed):
		return fmt.Errorf("%w: %w", server.ErrLedgerFailed, err)
	}
	return err
}
