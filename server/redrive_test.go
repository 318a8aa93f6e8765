package server_test

import (
	"context"
	"testing"
	"testing/synctest"

	"google.golang.org/grpc/codes"

	destinationsv1 "github.com/open-destinations/destinations/gen/destinations/v1"
	"github.com/open-destinations/destinations/server"
)

// fakeRedriver answers by a function.
type fakeRedriver func(context.Context, server.Selection) (*destinationsv1.RedriveResponse, error)

func (f fakeRedriver) Redrive(ctx context.Context, what server.Selection) (*destinationsv1.RedriveResponse, error) {
	return f(ctx, what)
}

func TestRedriveNamesItsDestination(t *testing.T) {
	for request, want := range map[*destinationsv1.RedriveRequest]server.Selection{
		{}:                                {All: true},
		{Bucket: "demo"}:                  {Tenant: "default", Bucket: "demo"},
		{Bucket: "demo", Prefix: "test"}:  {Tenant: "default", Bucket: "demo", Prefix: "test/"},
		{Bucket: "demo", Prefix: "test/"}: {Tenant: "default", Bucket: "demo", Prefix: "test/"},
	} {
		synctest.Test(t, func(t *testing.T) {
			f := fakeRedriver(func(_ context.Context, what server.Selection) (*destinationsv1.RedriveResponse, error) {
				if what != want {
					t.Errorf("%v: got %+v, want %+v", request, what, want)
				}
				return &destinationsv1.RedriveResponse{Destinations: 1, Batches: 2, Events: 3}, nil
			})
			h := start(t, setup{journal: &fakeJournal{t: t}, redriver: f})
			got, err := h.ops.Redrive(t.Context(), request)
			if err != nil || got.GetDestinations() != 1 || got.GetBatches() != 2 || got.GetEvents() != 3 {
				t.Errorf("got %v, %v", got, err)
			}
		})
	}
}

func TestDrainGivesUpARedrive(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := fakeRedriver(func(ctx context.Context, _ server.Selection) (*destinationsv1.RedriveResponse, error) {
			<-ctx.Done()
			return nil, ctx.Err()
		})
		h := start(t, setup{journal: &fakeJournal{t: t}, redriver: f})
		done := make(chan error, 1)
		go func() {
			_, err := h.ops.Redrive(t.Context(), &destinationsv1.RedriveRequest{})
			done <- err
		}()
		synctest.Wait()
		h.server.Drain()
		wantStatus(t, <-done, codes.Unavailable, "SHUTTING_DOWN", "")
	})
}
