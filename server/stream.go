package server

import (
	"context"
	"errors"

	"google.golang.org/grpc"

	journalv1 "github.com/open-destinations/destinations/gen/destinations/journal/v1"
	destinationsv1 "github.com/open-destinations/destinations/gen/destinations/v1"
	"github.com/open-destinations/destinations/journal"
)

// destinations serves the service Destinations.
type destinations struct {
	destinationsv1.UnimplementedDestinationsServer
	server *Server
}

// SendS3 implements destinations.v1.Destinations.SendS3.
func (d destinations) SendS3(rpc grpc.ClientStreamingServer[destinationsv1.SendS3Request, destinationsv1.SendS3Response]) error {
	s := d.server
	if !s.life.enter() {
		return s.streamStatus(errShuttingDown, 0)
	}
	defer s.life.leave()
	st := newStream(s)
	in := s.read(rpc)
	defer close(in.stop)
	if err := st.serve(rpc.Context(), in); err != nil {
		return s.streamStatus(err, st.durable)
	}
	return rpc.SendAndClose(st.response())
}

// stream is one call of SendS3. Its handler owns it.
type stream struct {
	server  *Server
	order   order
	checker checker
	events  uint64 // received, which gives them their places in the stream

	waiting []*request // not settled, in the order in which they came
	cost    int64      // of these

	accepted   uint64 // of the settled requests, as all that follows
	durable    uint64 // durable_sequence
	failure    error  // the first append that failed
	rejections rejections
	receipts   *receipts
}

func newStream(s *Server) *stream {
	return &stream{
		server: s,
		checker: checker{
			directory:       newDirectory(s.journal.Partitions()),
			maxPayloadBytes: s.config.MaxPayloadBytes,
		},
		receipts: newReceipts(s.tokens),
	}
}

// serve takes requests until it has a reason to end, and then waits for all that
// it has appended. The error is the stream's, nil at the caller's half-close.
func (st *stream) serve(ctx context.Context, in *reader) error {
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
	drained := st.server.life.drained.Done()
	for {
		next := st.settle()
		if st.failure != nil {
			return nil
		}
		requests := in.requests
		if st.cost >= st.server.config.MaxStreamBytes {
			requests = nil
		}
		select {
		case r := <-requests:
			if err := st.take(r); err != nil {
				return err
			}
		case <-next:
		case <-in.ended:
			return in.err
		case <-drained:
			return endAtDrain(in)
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// endAtDrain is the reason for ending when the server drains: none of its own if
// the stream has ended already.
func endAtDrain(in *reader) error {
	select {
	case <-in.ended:
		return in.err
	default:
		return errShuttingDown
	}
}

// await settles all that is waiting.
func (st *stream) await(ctx context.Context) error {
	for next := st.settle(); next != nil; next = st.settle() {
		select {
		case <-next:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return nil
}

// take checks a request, appends what is accepted of it, and does not wait.
func (st *stream) take(in received) error {
	number, err := st.order.next(in.request)
	if err != nil {
		return err
	}
	r := &request{count: st.order.count, number: number, first: st.events, received: in.at}
	st.check(r, in.request)
	if err := r.appendTo(st.server.journal); err != nil {
		return err
	}
	st.waiting = append(st.waiting, r)
	st.cost += r.cost
	return nil
}

// check puts the accepted events of a request into r, and rejects the others.
func (st *stream) check(r *request, in *destinationsv1.SendS3Request) {
	st.checker.directory.trim()
	header := &journalv1.Events{SenderId: st.order.sender, Sequence: in.GetSequence(), Settled: in.GetSettled()}
	events := in.GetEvents()
	var slab eventSlab
	for i, event := range events {
		to, line, p := st.checker.check(in, event)
		if p != nil {
			st.rejections.add(r.first+uint64(i), p)
			continue
		}
		r.add(to, slab.next(event, i, line, len(events)-i), header)
	}
	st.events += uint64(len(events))
}

// settle settles, in order, the requests that are answered. It returns what is
// closed when there may be more to settle, or nil if nothing is waiting.
func (st *stream) settle() <-chan struct{} {
	for len(st.waiting) > 0 {
		r := st.waiting[0]
		if next := r.waiting(); next != nil {
			return next
		}
		st.waiting[0] = nil
		st.waiting = st.waiting[1:]
		st.cost -= r.cost
		st.count(r)
	}
	return nil
}

// count adds up what became of an answered request.
func (st *stream) count(r *request) {
	lost := make([]bool, len(r.parts))
	for i, p := range r.parts {
		switch err := p.append.Err(); {
		case err == nil:
			st.accepted += p.accepted
		case corrupt(err):
			lost[i] = true
			st.rejections.addPart(r.first, p)
		case st.failure == nil:
			st.failure = err
		}
	}
	if st.failure != nil {
		return
	}
	// Commit point: everything that this request's sender is told was accepted is
	// durable in its partitions.
	st.durable = r.number
	for i := range r.touched {
		t := &r.touched[i]
		if !lost[t.part] {
			st.receipts.add(t, r.parts[t.part].append.Offset(), r.received)
		}
	}
}

// corrupt reports whether an append was refused because its partition is damaged.
func corrupt(err error) bool {
	_, ok := errors.AsType[*journal.CorruptError](err)
	return ok
}

func (st *stream) response() *destinationsv1.SendS3Response {
	return &destinationsv1.SendS3Response{
		Accepted:        st.accepted,
		Rejected:        st.rejections.total,
		Rejections:      st.rejections.kept,
		Receipts:        st.receipts.finished(),
		ReceiptsOmitted: uint64(len(st.receipts.omitted)),
	}
}
