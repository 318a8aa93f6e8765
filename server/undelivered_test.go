package server_test

import (
	"context"
	"fmt"
	"testing"
	"testing/synctest"

	"google.golang.org/grpc/codes"
	"google.golang.org/protobuf/proto"

	destinationsv1 "github.com/open-destinations/destinations/gen/destinations/v1"
	"github.com/open-destinations/destinations/journal"
)

// fakeUndelivered has the lines that it gives.
type fakeUndelivered struct {
	lines []*destinationsv1.ListDestinationsResponse
	err   error // behind them

	between func() // called behind each of them; may be nil
}

func (f *fakeUndelivered) List(_ context.Context, give func(*destinationsv1.ListDestinationsResponse) error) error {
	for _, line := range f.lines {
		if err := give(line); err != nil {
			return err
		}
		if f.between != nil {
			f.between()
		}
	}
	return f.err
}

func lineOf(bucket string, state destinationsv1.DestinationState) *destinationsv1.ListDestinationsResponse {
	return &destinationsv1.ListDestinationsResponse{
		Subject: &destinationsv1.ListDestinationsResponse_Destination{Destination: &destinationsv1.Destination{Bucket: bucket, Prefix: "p/"}},
		State:   state, Code: "AccessDenied", BacklogEvents: 7,
	}
}

func TestListDestinationsFiltersByState(t *testing.T) {
	const (
		active  = destinationsv1.DestinationState_DESTINATION_STATE_ACTIVE
		blocked = destinationsv1.DestinationState_DESTINATION_STATE_BLOCKED
	)
	lines := []*destinationsv1.ListDestinationsResponse{
		{Subject: &destinationsv1.ListDestinationsResponse_Shared{Shared: destinationsv1.Shared_SHARED_ENDPOINT}, State: active},
		lineOf("a-bucket", active), lineOf("b-bucket", blocked), lineOf("c-bucket", active), lineOf("d-bucket", blocked),
		{Subject: &destinationsv1.ListDestinationsResponse_ClosedPartition{ClosedPartition: &destinationsv1.ClosedPartition{Partition: 3}}, State: blocked},
	}
	for only, want := range map[destinationsv1.DestinationState][]*destinationsv1.ListDestinationsResponse{
		destinationsv1.DestinationState_DESTINATION_STATE_UNSPECIFIED: lines,
		active:  {lines[0], lines[1], lines[3], lines[5]},
		blocked: {lines[2], lines[4], lines[5]},
		destinationsv1.DestinationState_DESTINATION_STATE_CATCHING_UP: {lines[5]},
		99: {lines[5]}, // of a later version
	} {
		synctest.Test(t, func(t *testing.T) {
			h := start(t, setup{journal: &fakeJournal{t: t}, undelivered: &fakeUndelivered{lines: lines}})
			call, err := h.ops.ListDestinations(t.Context(), &destinationsv1.ListDestinationsRequest{State: only})
			got, err := all(t, call, err)
			if err != nil || len(got) != len(want) {
				t.Fatalf("%v: got %v, %v; want %v", only, got, err, want)
			}
			for i := range got {
				if !proto.Equal(got[i], want[i]) {
					t.Errorf("%v: got %v, want %v", only, got[i], want[i])
				}
			}
		})
	}
}

func TestListDestinationsEndsWithItsError(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := start(t, setup{journal: &fakeJournal{t: t}, undelivered: &fakeUndelivered{
			lines: []*destinationsv1.ListDestinationsResponse{lineOf("a-bucket", 1)}, err: fmt.Errorf("shard 1: %w", journal.ErrClosed),
		}})
		call, err := h.ops.ListDestinations(t.Context(), &destinationsv1.ListDestinationsRequest{})
		got, err := all(t, call, err)
		wantStatus(t, err, codes.Unavailable, "SHUTTING_DOWN", "")
		if len(got) != 1 {
			t.Errorf("got %v", got)
		}
	})
}

// A caller who does not read a long list holds up no end.
func TestDrainEndsAListThatIsNotRead(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &fakeUndelivered{}
		for range 100_000 {
			f.lines = append(f.lines, lineOf("a-bucket", 1))
		}
		h := start(t, setup{journal: &fakeJournal{t: t}, undelivered: f})
		call, err := h.ops.ListDestinations(t.Context(), &destinationsv1.ListDestinationsRequest{})
		synctest.Wait()
		h.server.Drain()
		if err := h.server.Wait(t.Context()); err != nil {
			t.Errorf("Wait: %v", err)
		}
		got, err := all(t, call, err)
		wantStatus(t, err, codes.Unavailable, "SHUTTING_DOWN", "")
		if len(got) == len(f.lines) {
			t.Error("all was read")
		}
	})
}
