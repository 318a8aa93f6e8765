package traffic

import (
	"context"
	"fmt"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	destinationsv1 "github.com/open-destinations/destinations/gen/destinations/v1"

	"github.com/open-destinations/destinations/e2e/harness"
)

// receipt is a receipt that a client has taken, and which of its events it is for:
// those of some requests that go to one destination.
type receipt struct {
	token         string
	to            harness.Destination
	first, behind uint64 // numbers of the events of the requests
	once          bool   // none of them was sent more than once: the receipt's objects hold them
}

// keepReceipts keeps the receipts of an answer that settles so many requests.
func (c *Client) keepReceipts(all []*destinationsv1.Receipt, requests int) {
	if !c.p.Receipts {
		return
	}
	once := true
	for _, r := range c.unanswered[:requests] {
		once = once && r.sends == 1
	}
	each := uint64(c.p.RequestEvents)
	for _, r := range all {
		c.receipts = append(c.receipts, receipt{
			token: r.GetToken(), to: harness.Destination{Bucket: r.GetBucket(), Prefix: r.GetPrefix()},
			first: c.settled * each, behind: (c.settled + uint64(requests)) * each, once: once,
		})
	}
}

// ReceiptsResult says what became of the receipts of clients.
type ReceiptsResult struct {
	Receipts  uint64 // that were taken
	Delivered uint64 // whose events are said to be delivered
	Events    uint64 // of those, events that stand in the objects that are named
	Wrong     uint64 // events that stand in none of them, though they were sent once
}

// tokensAtOnce is how many receipts are asked for in one call.
const tokensAtOnce = 1000

// CheckReceipts asks the service what became of every receipt of the tally's clients,
// until it is delivered or ctx ends, and looks whether the objects that are named hold its
// events. The tally has read everything and was made with Holders.
func (t *Tally) CheckReceipts(ctx context.Context, api destinationsv1.DeliveriesClient) (ReceiptsResult, error) {
	var result ReceiptsResult
	for _, c := range t.p.Clients {
		result.Receipts += uint64(len(c.receipts))
		for rest := c.receipts; len(rest) > 0; {
			n := min(len(rest), tokensAtOnce)
			delivered, err := ask(ctx, api, rest[:n])
			if err != nil {
				return result, fmt.Errorf("client %d: %w", c.p.Number, err)
			}
			for i, d := range delivered {
				result.Delivered++
				t.checkReceipt(c, &rest[i], d, &result)
			}
			rest = rest[n:]
		}
	}
	return result, nil
}

// ask asks for receipts until all are delivered.
func ask(ctx context.Context, api destinationsv1.DeliveriesClient, of []receipt) ([]*destinationsv1.Delivery, error) {
	request := &destinationsv1.GetDeliveryRequest{}
	for _, r := range of {
		request.Tokens = append(request.Tokens, r.token)
	}
	var answer *destinationsv1.GetDeliveryResponse
	err := harness.Poll(ctx, "every receipt to be delivered", func() (err error) {
		if answer, err = api.GetDelivery(ctx, request); err != nil && status.Code(err) != codes.Unavailable {
			return fmt.Errorf("get delivery: %w", err)
		}
		for i, d := range answer.GetDeliveries() {
			if d.GetState() != destinationsv1.DeliveryState_DELIVERY_STATE_DELIVERED {
				return fmt.Errorf("receipt of %v, events %d to %d: %v %s %s", of[i].to, of[i].first, of[i].behind, d.GetState(), d.GetCode(), d.GetMessage())
			}
		}
		return err
	})
	return answer.GetDeliveries(), err
}

// checkReceipt counts which of a receipt's events the objects hold.
func (t *Tally) checkReceipt(c *Client, r *receipt, d *destinationsv1.Delivery, result *ReceiptsResult) {
	t.mu.Lock()
	defer t.mu.Unlock()
	named := map[string]bool{}
	for _, o := range d.GetObjects() {
		named[harness.Object{Bucket: o.GetBucket(), Key: o.GetKey()}.String()] = true
	}
	for number := r.first; number < r.behind; number++ {
		if *c.p.Corpus.destination(c.p.Number, number) != r.to || !c.isAcknowledged(number) {
			continue
		}
		holder := t.holderLocked(c.p.Number, number)
		switch {
		case named[holder]:
			result.Events++
		case r.once:
			result.Wrong++
			t.problemLocked(fmt.Errorf("WRONG: event %d of client %d is in %q, its receipt names %d objects without it (details expired: %v)",
				number, c.p.Number, holder, len(named), d.GetDetailsExpired()))
		}
	}
}

// holderLocked is the object that an event was read in; "" if it was read in none.
func (t *Tally) holderLocked(client int, number uint64) string {
	if of := t.holders[client]; number < uint64(len(of)) && of[number] > 0 {
		return t.names[of[number]-1]
	}
	return ""
}
