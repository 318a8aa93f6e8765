package main

import (
	"context"
	"time"

	"google.golang.org/protobuf/types/known/durationpb"

	"github.com/open-destinations/destinations/batcher"
	destinationsv1 "github.com/open-destinations/destinations/gen/destinations/v1"
	"github.com/open-destinations/destinations/journal"
	"github.com/open-destinations/destinations/ownership"
	"github.com/open-destinations/destinations/server/auth"
)

// undelivered is the batcher, and behind it what is not confirmed, as the server needs it to
// list destinations.
type undelivered struct {
	batcher interface {
		Shared() []batcher.SharedStatus
		Closed() []*journal.CorruptError
		Destinations(ctx context.Context) ([]batcher.Status, error)
	}
	keeper interface{ Waiting() []ownership.Waiting }
	awsOf  func(tenant string) *auth.AWS // see checker
}

// List implements [server.Undelivered].
func (u undelivered) List(ctx context.Context, give func(*destinationsv1.ListDestinationsResponse) error) error {
	for _, s := range u.batcher.Shared() {
		if err := give(sharedOf(&s)); err != nil {
			return err
		}
	}
	statuses, err := u.batcher.Destinations(ctx)
	if err != nil {
		return err
	}
	for _, damage := range u.batcher.Closed() { // behind Destinations, which may have found it
		if err := give(closedOf(damage)); err != nil {
			return err
		}
	}
	now := time.Now()
	for i := range statuses {
		line := statusOf(&statuses[i], now)
		line.Diagnosis = u.diagnosisOf(&statuses[i])
		if err := give(line); err != nil {
			return err
		}
	}
	for _, w := range u.keeper.Waiting() {
		if err := give(unconfirmedOf(&w)); err != nil {
			return err
		}
	}
	return nil
}

// diagnosisOf is what was found out of a destination; nil = nothing.
func (u undelivered) diagnosisOf(s *batcher.Status) *destinationsv1.Diagnosis {
	if s.Diagnosis == nil {
		return nil
	}
	return diagnosisOf(s.Diagnosis, destinationTerms(u.awsOf(s.Tenant), s.Bucket, s.Prefix))
}

func unconfirmedOf(w *ownership.Waiting) *destinationsv1.ListDestinationsResponse {
	line := &destinationsv1.ListDestinationsResponse{
		Subject: &destinationsv1.ListDestinationsResponse_Destination{Destination: &destinationsv1.Destination{Tenant: w.Tenant, Bucket: w.Bucket, Prefix: w.Prefix}},
		State:   destinationsv1.DestinationState_DESTINATION_STATE_UNCONFIRMED,
		Since:   stampOf(w.Since), Code: w.Code, Message: w.Message, NextTry: stampOf(w.Next),
	}
	if w.Message == "" {
		line.Message = w.Advice
	}
	return line
}

func sharedOf(s *batcher.SharedStatus) *destinationsv1.ListDestinationsResponse {
	what := destinationsv1.Shared_SHARED_ENDPOINT
	if s.Subject == "credentials" {
		what = destinationsv1.Shared_SHARED_CREDENTIALS
	}
	return &destinationsv1.ListDestinationsResponse{
		Subject: &destinationsv1.ListDestinationsResponse_Shared{Shared: what},
		State:   stateOf(s.State), Since: stampOf(s.Since), Code: s.Code, Message: s.Message,
		NextTry: stampOf(s.NextTry), WaitingDestinations: s.Destinations, Region: s.Region, Tenant: s.Tenant,
	}
}

func closedOf(damage *journal.CorruptError) *destinationsv1.ListDestinationsResponse {
	return &destinationsv1.ListDestinationsResponse{
		Subject: &destinationsv1.ListDestinationsResponse_ClosedPartition{ClosedPartition: &destinationsv1.ClosedPartition{
			Partition: uint32(damage.Partition), File: damage.File, Offset: uint64(damage.Offset),
		}},
		State: destinationsv1.DestinationState_DESTINATION_STATE_BLOCKED, Message: damage.Err.Error(),
	}
}

func statusOf(s *batcher.Status, now time.Time) *destinationsv1.ListDestinationsResponse {
	line := &destinationsv1.ListDestinationsResponse{
		Subject: &destinationsv1.ListDestinationsResponse_Destination{Destination: &destinationsv1.Destination{Tenant: s.Tenant, Bucket: s.Bucket, Prefix: s.Prefix}},
		State:   stateOf(s.State), Since: stampOf(s.Since), Code: s.Code, Message: s.Message,
		BacklogEvents: s.BacklogEvents, BacklogBytes: s.BacklogBytes,
		NextTry: stampOf(s.NextTry), ByHand: s.ByHand,
		ParkedEvents: s.ParkedEvents, DeadEvents: s.DeadEvents, OverQuota: s.OverQuota,
	}
	if !s.Oldest.IsZero() {
		line.OldestEventAge = durationpb.New(max(0, now.Sub(s.Oldest)))
	}
	return line
}

func stateOf(s batcher.State) destinationsv1.DestinationState {
	switch s {
	case batcher.StateActive:
		return destinationsv1.DestinationState_DESTINATION_STATE_ACTIVE
	case batcher.StateRetrying:
		return destinationsv1.DestinationState_DESTINATION_STATE_RETRYING
	case batcher.StateBlocked:
		return destinationsv1.DestinationState_DESTINATION_STATE_BLOCKED
	case batcher.StateCatchingUp:
		return destinationsv1.DestinationState_DESTINATION_STATE_CATCHING_UP
	}
	return destinationsv1.DestinationState_DESTINATION_STATE_UNSPECIFIED
}
