package destinations

import (
	"context"
	"errors"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/open-destinations/destinations/clients/go/internal/api"
)

// DeliveryState is what became of an accepted event.
type DeliveryState string

// The states, as the service's API explains them.
const (
	Pending   DeliveryState = "PENDING"
	Uploading DeliveryState = "UPLOADING"
	Blocked   DeliveryState = "BLOCKED"
	Partial   DeliveryState = "PARTIAL"
	Delivered DeliveryState = "DELIVERED"
	Dead      DeliveryState = "DEAD"
)

// DeliveryStatus is what became of an event, and of those of the same destination that
// were answered together with it.
type DeliveryStatus struct {
	State          DeliveryState
	Objects        []Object  // those that hold the events
	Code           string    // AWS's code of what keeps them from being delivered; empty if nothing does
	Message        string    // what was said then
	NextTry        time.Time // zero if no pause has to pass before
	DetailsExpired bool      // delivered, and the service no longer knows all of the objects
}

// Object is an object in S3.
type Object struct {
	Bucket, Key string
	ETag        string // empty if not known
	Size        uint64 // bytes; 0 if not known
	Events      uint64
}

// errNoToken is a receipt that can't be asked for.
var errNoToken = errors.New("the receipt has no token: Options.NoReceipts, or the service gives none")

// Status asks once what became of the event, when it is accepted. The error is that of
// Wait, of the context, or the service's refusal (*ClientFailedError).
func (r *Receipt) Status(ctx context.Context) (DeliveryStatus, error) {
	if err := r.Wait(ctx); err != nil {
		return DeliveryStatus{}, err
	}
	token := r.Token()
	if token == "" {
		return DeliveryStatus{}, errNoToken
	}
	return r.request.questions.ask(ctx, token)
}

const (
	firstLook  = 500 * time.Millisecond
	mostPause  = 10 * time.Second
	askTimeout = 10 * time.Second
	askDelay   = 5 * time.Millisecond // for more tokens
	mostTokens = 1000                 // in a call: the service's rule
)

// Delivered waits until the event is in its bucket, and says in which object. The error
// is a *DeadError, or as Status's; a service that does not answer is asked again.
func (r *Receipt) Delivered(ctx context.Context) (DeliveryStatus, error) {
	for pause := firstLook; ; pause = min(pause*3/2, mostPause) {
		now, err := r.Status(ctx)
		switch {
		case err != nil && (ctx.Err() != nil || !unreachable(err)):
			return now, err
		case err == nil && now.State == Delivered:
			return now, nil
		case err == nil && now.State == Dead:
			return now, &DeadError{Status: now}
		}
		select {
		case <-time.After(pause):
		case <-ctx.Done():
			return now, context.Cause(ctx)
		}
	}
}

// unreachable says whether the service may answer when it is asked again.
func unreachable(err error) bool {
	refused := (*ClientFailedError)(nil)
	if !errors.As(err, &refused) {
		return false
	}
	switch status.Code(refused.Err) {
	case codes.Unavailable, codes.DeadlineExceeded, codes.Aborted, codes.Unknown, codes.ResourceExhausted, codes.Internal:
		return true
	}
	return false
}

// questions asks a target for many tokens at a time.
type questions struct {
	client *Client
	conn   *grpc.ClientConn

	mu   sync.Mutex
	next *question // not asked yet; nil = there is none
}

// question is one call for many tokens.
type question struct {
	tokens map[string]bool
	done   chan struct{}
	states map[string]DeliveryStatus // written before done is closed
	errs   map[string]error
}

// ask asks for a token, together with others who ask now.
func (q *questions) ask(ctx context.Context, token string) (DeliveryStatus, error) {
	asked := q.join(token)
	select {
	case <-asked.done:
	case <-ctx.Done():
		return DeliveryStatus{}, context.Cause(ctx)
	}
	if err := asked.errs[token]; err != nil {
		return DeliveryStatus{}, err
	}
	return asked.states[token], nil
}

// join adds a token to the next question.
func (q *questions) join(token string) *question {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.next == nil || len(q.next.tokens) >= mostTokens && !q.next.tokens[token] {
		begun := &question{tokens: map[string]bool{}, done: make(chan struct{}), states: map[string]DeliveryStatus{}, errs: map[string]error{}}
		q.next = begun
		if !q.client.begin(func() { q.put(begun) }) {
			begun.errs[token] = ErrClosed
			close(begun.done)
			q.next = nil
			return begun
		}
	}
	q.next.tokens[token] = true
	return q.next
}

// put asks a question when there was time for others to join.
func (q *questions) put(asked *question) {
	ctx, cancel := context.WithTimeout(q.client.ended, askTimeout)
	defer cancel()
	select {
	case <-time.After(askDelay):
	case <-ctx.Done():
	}
	q.mu.Lock()
	if q.next == asked {
		q.next = nil
	}
	q.mu.Unlock()
	asked.put(ctx, q, slices.Collect(maps.Keys(asked.tokens)))
	close(asked.done)
}

// put asks for some of the tokens. One that the service refuses must not cost the others
// their answer: those that are refused together are asked for in halves.
func (asked *question) put(ctx context.Context, q *questions, tokens []string) {
	answer := new(api.GetDeliveryResponse)
	err := q.conn.Invoke(ctx, "/destinations.v1.Deliveries/GetDelivery", &api.GetDeliveryRequest{Tokens: tokens}, answer)
	code := status.Code(err)
	switch {
	case err == nil:
		for _, d := range answer.GetDeliveries() {
			asked.states[d.GetToken()] = deliveryStatus(d)
		}
	case len(tokens) > 1 && (code == codes.NotFound || code == codes.InvalidArgument || code == codes.Unavailable && reason(status.Convert(err)) == "PARTITION_UNAVAILABLE"):
		asked.put(ctx, q, tokens[:len(tokens)/2])
		asked.put(ctx, q, tokens[len(tokens)/2:])
	default:
		var failed error = refusal(err)
		if q.client.ended.Err() != nil {
			failed = context.Cause(q.client.ended)
		}
		for _, token := range tokens {
			asked.errs[token] = failed
		}
	}
}

// deliveryStatus is the service's answer in words of this package.
func deliveryStatus(d *api.Delivery) DeliveryStatus {
	s := DeliveryStatus{
		State: DeliveryState(strings.TrimPrefix(d.GetState().String(), "DELIVERY_STATE_")),
		Code:  d.GetCode(), Message: d.GetMessage(), DetailsExpired: d.GetDetailsExpired(),
	}
	if d.GetNextTry() != nil {
		s.NextTry = d.GetNextTry().AsTime()
	}
	for _, o := range d.GetObjects() {
		s.Objects = append(s.Objects, Object{Bucket: o.GetBucket(), Key: o.GetKey(), ETag: o.GetEtag(), Size: o.GetSize(), Events: o.GetEvents()})
	}
	return s
}
