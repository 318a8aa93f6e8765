package server

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/open-destinations/destinations/server/auth"
)

// stream is what the calls that take events have in common: it takes requests,
// appends them, and settles them in the order in which they came. What it settles
// goes to its answerer, which is all that the calls differ in. The handler of the
// call owns it.
type stream struct {
	server   *Server
	ends     context.Context // ends when no more may be read; its cause says why
	caller   *auth.Caller
	share    *share // of the memory, of the caller's tenant
	answerer answerer
	outbox   chan<- *answer // takes an answer when the one before it is sent; nil = answers only at the end

	order    order
	sender   *knownSender // whose stream it is; nil before the first request, and without a sender_id
	checker  checker
	tracing  tracing
	events   uint64        // received, which gives them their places in the stream
	accepted []recordEvent // of the request that is being taken

	traced  int              // sampled events of a request that are kept for the observer
	slowed  <-chan time.Time // when the caller is read on, who is ahead of his rate; nil = now
	waiting []*request       // not settled, in the order in which they came
	cost    int64            // of these

	durable uint64 // durable_sequence
	failure error  // the first append that failed
}

// answerer turns what became of requests into answers. It belongs to one stream.
type answerer interface {
	// settle takes what became of a request, whose appends are answered. It
	// reports false if it had room for a part of it only; then the same request
	// comes again when the pending answer has gone.
	settle(r *request) bool

	// pending is the answer that may go now, or nil, and whether it must go before
	// more is read.
	pending() (a *answer, full bool)

	// gone says that the pending answer has gone.
	gone()
}

func newStream(s *Server, caller *auth.Caller, ends context.Context, a answerer) *stream {
	st := &stream{
		server:   s,
		ends:     ends,
		caller:   caller,
		share:    s.memory.shares.of(caller.Tenant()),
		answerer: a,
		checker: checker{
			directory:       newDirectory(s.journal.Partitions(), caller.Tenant()),
			admission:       s.admission,
			ownership:       s.ownership,
			maxPayloadBytes: s.config.MaxPayloadBytes,
		},
	}
	st.checker.denied = st.noteDenied
	return st
}

// serve takes requests until it has a reason to end, and then waits for all that
// it has appended, and until the answers of that have gone. The error is the
// stream's, nil at the caller's half-close.
func (st *stream) serve(ctx context.Context, in *reader) error {
	st.server.memory.enter(st.share)
	defer st.leave()
	st.tracing, st.traced = newTracing(ctx, st.server.config.TraceRatio), st.server.config.TracedPerRequest
	end := st.receive(ctx, in)
	if err := st.await(ctx); err != nil {
		return err
	}
	if st.failure != nil { // came before the end
		return st.failure
	}
	return end
}

// receive takes requests, and settles those that are answered, until it has a
// reason to take no more.
func (st *stream) receive(ctx context.Context, in *reader) error {
	for {
		next := st.settle()
		if st.failure != nil {
			return nil
		}
		answer, outbox, full := st.pending()
		requests := in.requests
		if full || st.slowed != nil || st.cost >= st.server.config.MaxStreamBytes {
			requests = nil
		}
		select {
		case r := <-requests:
			if err := st.take(r); err != nil {
				return err
			}
		case <-next:
		case <-st.slowed:
			st.slowed = nil
		case outbox <- answer:
			st.answerer.gone()
		case <-in.ended:
			return in.err
		case <-st.ends.Done():
			return st.endEarly(in)
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}

// endEarly is the reason for ending when no more may be read: none of its own if
// the stream has ended already.
func (st *stream) endEarly(in *reader) error {
	select {
	case <-in.ended:
		return in.err
	default:
		return context.Cause(st.ends)
	}
}

// await settles all that is waiting, and hands over all answers.
func (st *stream) await(ctx context.Context) error {
	for {
		next := st.settle()
		answer, outbox, _ := st.pending()
		if next == nil && outbox == nil {
			return nil
		}
		select {
		case <-next:
		case outbox <- answer:
			st.answerer.gone()
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}

// pending is the answer that may go now, where to, which is nil if there is none,
// and whether it must go before more is read.
func (st *stream) pending() (*answer, chan<- *answer, bool) {
	answer, full := st.answerer.pending()
	if answer == nil {
		return nil, nil, full
	}
	return answer, st.outbox, full
}

// take checks a request, appends what is accepted of it, and does not wait.
func (st *stream) take(in received) error {
	defer st.server.memory.release(st.share, in.size)
	defer in.request.release()
	number, err := st.order.next(in.request)
	if err != nil {
		return err
	}
	if err := st.meet(in.request); err != nil {
		return err
	}
	grant := st.caller.Grant()
	if err := st.pace(grant, in.request); err != nil {
		return err
	}
	st.checker.grant = grant
	r := &request{
		count:    st.order.count,
		number:   number,
		sequence: in.request.sequence,
		first:    st.events,
		received: in.at,
		share:    st.share,

		wantReceipts: in.request.receipts,
	}
	st.check(r, in.request)
	st.server.observer.Received(Received{Events: len(in.request.events), Contexts: st.tracing.take()})
	r.encode(st.server.buffers, &header{
		received:  in.at.UnixNano(),
		principal: st.caller.Principal(),
		senderID:  st.order.sender,
		sequence:  in.request.sequence,
		settled:   in.request.settled,
	}, st.accepted)
	st.checker.directory.trim(st.server.memory.namesShare())
	st.server.memory.charge(st.share, r.cost)
	r.appendTo(st.server.journal)
	st.waiting = append(st.waiting, r)
	st.cost += r.cost
	return nil
}

// meet refuses a stream that begins where its sender had settled already, and
// remembers up to where the sender has settled.
func (st *stream) meet(request *incoming) (err error) {
	if st.order.sender == nil {
		return nil
	}
	if st.sender == nil {
		if st.sender, err = st.server.senders.enter(st.caller.Principal(), st.order.sender, request.sequence); err != nil {
			return fmt.Errorf("request %d: %w", st.order.count, err)
		}
	}
	st.sender.settle(request.settled)
	return nil
}

// leave gives back what the stream has.
func (st *stream) leave() {
	st.server.memory.leave(st.share, st.waiting)
	if st.sender != nil {
		st.server.senders.leave(st.sender)
	}
}

// check puts the events that the request may have into accepted, finds their
// places in its records, and refuses the others.
func (st *stream) check(r *request, in *incoming) {
	st.checker.request = r.count
	if cap(st.accepted) > maxSpareEvents {
		st.accepted = nil
	}
	st.accepted = slices.Grow(st.accepted[:0], len(in.events))
	for i := range in.events {
		e := &in.events[i]
		to, line, p := st.checker.check(in, e)
		if p != nil {
			r.refuse(uint32(i), p)
			continue
		}
		st.accepted = append(st.accepted, recordEvent{index: uint32(i), id: e.id, line: line})
		accepted := &st.accepted[len(st.accepted)-1]
		st.tracing.decide(accepted, e)
		r.add(to, accepted)
		r.sample(accepted, st.traced)
	}
	st.events += uint64(len(in.events))
}

// settle settles, in order, the requests whose appends are answered. It returns
// what is closed when there may be more to settle; nil if nothing is waiting, or
// if an answer has to go first.
func (st *stream) settle() <-chan struct{} {
	for len(st.waiting) > 0 {
		r := st.waiting[0]
		if next := r.waiting(); next != nil {
			return next
		}
		if !st.settleOne(r) {
			return nil
		}
		st.waiting[0] = nil
		st.waiting = st.waiting[1:]
		st.cost -= r.cost
		st.server.memory.release(st.share, r.cost)
	}
	return nil
}

// settleOne settles a request, and reports false if an answer has to go first.
func (st *stream) settleOne(r *request) bool {
	concluded := r.concluded
	if err := r.conclude(); err != nil && st.failure == nil {
		st.failure = err
	}
	if !concluded && st.failure == nil {
		r.tell(st.server.observer, st.caller.Principal())
	}
	r.release(st.server.buffers)
	if st.failure != nil {
		return true
	}
	// Commit point: everything that this request's sender is told was accepted is
	// durable in its partitions.
	st.durable = r.number
	return st.answerer.settle(r)
}
