package e2e_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"strconv"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc/status"

	"github.com/open-destinations/destinations/e2e/harness"
	destinationsv1 "github.com/open-destinations/destinations/gen/destinations/v1"
)

// outgoing is an event that is to be sent.
type outgoing struct {
	destination harness.Destination
	payload     []byte
}

// send sends requests over one SendS3 call, as part of the ledger's stream of that
// number, and notes what was sent and what the answer says is durable. It returns
// the call's error. Nothing is ever sent again.
func (w *world) send(ctx context.Context, svc *service, stream int, requests iter.Seq[[]outgoing]) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	call, err := svc.events.SendS3(ctx)
	if err != nil {
		return err
	}
	var sent [][]*harness.Event // by request
	for events := range requests {
		sent = append(sent, w.noteSent(stream, events))
		if err := call.Send(request(events)); err != nil {
			break // the answer says why
		}
	}
	resp, err := call.CloseAndRecv()
	if err != nil {
		return w.noteError(err, sent)
	}
	return w.noteAnswer(resp, sent)
}

// noteSent puts the events of one request into the ledger.
func (w *world) noteSent(stream int, events []outgoing) []*harness.Event {
	noted := make([]*harness.Event, len(events))
	for i, e := range events {
		noted[i] = w.ledger.Sent(e.destination, stream, e.payload)
	}
	return noted
}

// request names the destination once if all its events share it, and event by
// event if not.
func request(events []outgoing) *destinationsv1.SendS3Request {
	shared := true
	for _, e := range events {
		shared = shared && e.destination == events[0].destination
	}
	req := &destinationsv1.SendS3Request{Events: make([]*destinationsv1.S3Event, len(events))}
	if shared {
		req.Bucket, req.Prefix = events[0].destination.Bucket, events[0].destination.Prefix
	}
	for i, e := range events {
		req.Events[i] = &destinationsv1.S3Event{Payload: e.payload}
		if !shared {
			req.Events[i].Bucket, req.Events[i].Prefix = e.destination.Bucket, &e.destination.Prefix
		}
	}
	return req
}

// noteAnswer takes everything as acknowledged, unless the answer says otherwise.
func (w *world) noteAnswer(resp *destinationsv1.SendS3Response, sent [][]*harness.Event) error {
	events := uint64(0)
	for _, s := range sent {
		events += uint64(len(s))
	}
	if resp.GetAccepted() != events || resp.GetRejected() != 0 {
		return fmt.Errorf("sent %d events, accepted %d, rejected %d: %v",
			events, resp.GetAccepted(), resp.GetRejected(), resp.GetRejections()[:min(3, len(resp.GetRejections()))])
	}
	for _, s := range sent {
		w.ledger.Acked(s...)
	}
	return nil
}

// noteError takes as acknowledged what the error says is durable.
func (w *world) noteError(err error, sent [][]*harness.Event) error {
	durable, _, convErr := durableSequence(err)
	if convErr != nil || durable > len(sent) {
		return errors.Join(err, convErr, fmt.Errorf("%d requests durable of %d", durable, len(sent)))
	}
	for _, s := range sent[:durable] {
		w.ledger.Acked(s...)
	}
	return err
}

// durableSequence is the request up to which an error says that everything is
// durable, and whether it says so.
func durableSequence(err error) (n int, ok bool, convErr error) {
	for _, d := range status.Convert(err).Details() {
		if info, is := d.(*errdetails.ErrorInfo); is {
			n, convErr = strconv.Atoi(info.GetMetadata()["durable_sequence"])
			return n, true, convErr
		}
	}
	return 0, false, nil
}

// inRequests groups events into requests of at most n events and about 1 MiB.
func inRequests(n int, events iter.Seq[outgoing]) iter.Seq[[]outgoing] {
	const maxBytes = 1 << 20
	return func(yield func([]outgoing) bool) {
		var batch []outgoing
		size := 0
		for e := range events {
			if len(batch) == n || size+len(e.payload) > maxBytes && size > 0 {
				if !yield(batch) {
					return
				}
				batch, size = nil, 0
			}
			batch, size = append(batch, e), size+len(e.payload)
		}
		if len(batch) > 0 {
			yield(batch)
		}
	}
}

// sendAs sends one request whose prefix is written otherwise than it stands in
// keys. All its events are for one destination.
func (w *world) sendAs(ctx context.Context, svc *service, stream int, prefix string, events []outgoing) error {
	call, err := svc.events.SendS3(ctx)
	if err != nil {
		return err
	}
	sent := [][]*harness.Event{w.noteSent(stream, events)}
	req := request(events)
	req.Prefix = prefix
	if err := call.Send(req); err != nil && !errors.Is(err, io.EOF) {
		return err
	}
	resp, err := call.CloseAndRecv()
	if err != nil {
		return w.noteError(err, sent)
	}
	return w.noteAnswer(resp, sent)
}
