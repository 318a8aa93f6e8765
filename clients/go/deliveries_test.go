package destinations_test

import (
	"context"
	"errors"
	"slices"
	"testing"
	"time"

	"google.golang.org/grpc/codes"

	destinations "github.com/open-destinations/destinations/clients/go"
	"github.com/open-destinations/destinations/clients/go/internal/api"
)

// delivering is a service whose receipts have the prefix as their tokens.
func delivering(ask func(*api.GetDeliveryRequest) (*api.GetDeliveryResponse, error)) *service {
	return &service{ask: ask, answer: func(_ int, one *served) error {
		for {
			r, err := one.next()
			if err != nil {
				return nil
			}
			a := accepted(r)
			for _, e := range r.GetEvents() {
				prefix := e.GetPrefix()
				if e.GetBucket() == "" {
					prefix = r.GetPrefix()
				}
				a.Receipts = append(a.Receipts, &api.Receipt{Bucket: "bucket", Prefix: prefix, Accepted: 1, Token: prefix})
			}
			if err := one.Send(a); err != nil {
				return err
			}
		}
	}}
}

// sendTo sends an event to each prefix.
func sendTo(t *testing.T, c *destinations.Client, prefixes ...string) (all []*destinations.Receipt) {
	t.Helper()
	for _, p := range prefixes {
		r, err := c.Send.S3(t.Context(), destinations.S3Event{Bucket: "bucket", Prefix: p, Payload: p})
		must(t, err)
		all = append(all, r)
	}
	return all
}

// TestDelivered asks until it is delivered, with pauses that grow, and for many at a time.
func TestDelivered(t *testing.T) {
	began := time.Time{}
	s := delivering(func(r *api.GetDeliveryRequest) (*api.GetDeliveryResponse, error) {
		state := api.DeliveryState_DELIVERY_STATE_PENDING
		if time.Since(began) > time.Minute {
			state = api.DeliveryState_DELIVERY_STATE_DELIVERED
		}
		var a api.GetDeliveryResponse
		for _, token := range r.GetTokens() {
			a.Deliveries = append(a.Deliveries, &api.Delivery{Token: token, State: state, Objects: []*api.DeliveredObject{{Bucket: "bucket", Key: token + "key"}}})
		}
		return &a, nil
	})
	inBubble(t, s, func(t *testing.T) {
		began = time.Now()
		c := s.connect(t, destinations.Options{})
		receipts := sendTo(t, c, "a/", "b/")
		done := make(chan error)
		for i, key := range []string{"a/key", "b/key"} {
			go func() {
				got, err := receipts[i].Delivered(t.Context())
				if err == nil && (got.State != destinations.Delivered || got.Objects[0].Key != key) {
					err = errors.New("another answer")
				}
				done <- err
			}()
		}
		must(t, errors.Join(<-done, <-done))
		if n := len(s.asked); n < 5 || n > 15 || !slices.ContainsFunc(s.asked, func(tokens []string) bool { return len(tokens) == 2 }) {
			t.Errorf("asked %v", s.asked)
		}
	})
}

// TestUnknownTokensCostNobodyElse: those that are asked for together are asked for again.
func TestUnknownTokensCostNobodyElse(t *testing.T) {
	s := delivering(func(r *api.GetDeliveryRequest) (*api.GetDeliveryResponse, error) {
		var a api.GetDeliveryResponse
		for _, token := range r.GetTokens() {
			if token == "bad/" {
				return nil, failure(codes.NotFound, "TOKEN_UNKNOWN")
			}
			a.Deliveries = append(a.Deliveries, &api.Delivery{Token: token, State: api.DeliveryState_DELIVERY_STATE_UPLOADING})
		}
		return &a, nil
	})
	inBubble(t, s, func(t *testing.T) {
		c := s.connect(t, destinations.Options{})
		receipts := sendTo(t, c, "a/", "bad/", "b/", "c/")
		done := make(chan error)
		for i, r := range receipts {
			go func() {
				got, err := r.Status(t.Context())
				switch {
				case i == 1 && !errors.As(err, new(*destinations.ClientFailedError)):
					done <- errors.New("the unknown token is known")
				case i != 1 && (err != nil || got.State != destinations.Uploading):
					done <- errors.Join(err, errors.New("another state"))
				default:
					done <- nil
				}
			}()
		}
		must(t, errors.Join(<-done, <-done, <-done, <-done))
		must(t, send(t, c, "the client goes on").Wait(t.Context()))
	})
}

// TestDead ends the waiting, and so does the context.
func TestDead(t *testing.T) {
	state := api.DeliveryState_DELIVERY_STATE_BLOCKED
	s := delivering(func(r *api.GetDeliveryRequest) (*api.GetDeliveryResponse, error) {
		return &api.GetDeliveryResponse{Deliveries: []*api.Delivery{{Token: r.GetTokens()[0], State: state, Code: "AccessDenied"}}}, nil
	})
	inBubble(t, s, func(t *testing.T) {
		c := s.connect(t, destinations.Options{})
		receipt := sendTo(t, c, "a/")[0]
		ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
		defer cancel()
		if got, err := receipt.Delivered(ctx); !errors.Is(err, context.DeadlineExceeded) || got.State != destinations.Blocked {
			t.Errorf("got %+v, %v", got, err)
		}
		state = api.DeliveryState_DELIVERY_STATE_DEAD
		dead := (*destinations.DeadError)(nil)
		if _, err := receipt.Delivered(t.Context()); !errors.As(err, &dead) || dead.Status.Code != "AccessDenied" {
			t.Errorf("got %v", err)
		}
		must(t, c.Close(t.Context()))
		if _, err := receipt.Status(t.Context()); !errors.Is(err, destinations.ErrClosed) {
			t.Errorf("after the end: got %v", err)
		}
	})
}
