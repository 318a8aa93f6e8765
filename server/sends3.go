package server

import (
	"context"

	"google.golang.org/grpc"

	destinationsv1 "github.com/open-destinations/destinations/gen/destinations/v1"
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
	caller := callerOf(rpc.Context())
	ends, end := context.WithCancelCause(s.life.drained)
	defer end(nil)
	defer caller.WhenEnded(end)()
	sum := &total{receipts: newReceipts(s.tokens), memory: s.memory, share: s.memory.shares.of(caller.Tenant())}
	defer sum.leave()
	st := newStream(s, caller, ends, sum)
	in := s.read(rpc, st.share, end)
	defer close(in.stop)
	if err := st.serve(rpc.Context(), in); err != nil {
		return s.streamStatus(err, st.durable)
	}
	return rpc.SendAndClose(sum.response())
}

// total answers a stream once, for all of its requests.
type total struct {
	accepted   uint64
	rejected   uint64
	rejections []*destinationsv1.Rejection // the first of them
	receipts   *receipts

	memory  *memory
	share   *share
	charged int64 // for the receipts
}

func (t *total) settle(r *request) bool {
	t.accepted += r.accepted
	t.rejected += uint64(len(r.refused))
	t.rejections, _ = r.describe(t.rejections, 0)
	for i := range r.touched {
		t.receipts.add(&r.touched[i], r)
	}
	size := max(0, t.receipts.size()-freeReceiptBytes)
	t.memory.charge(t.share, size-t.charged)
	t.charged = size
	return true
}

// leave gives back what the receipts were charged.
func (t *total) leave() {
	t.memory.release(t.share, t.charged)
	t.charged = 0
}

func (t *total) pending() (*answer, bool) { return nil, false }

func (t *total) gone() {}

func (t *total) response() *destinationsv1.SendS3Response {
	return &destinationsv1.SendS3Response{
		Accepted:        t.accepted,
		Rejected:        t.rejected,
		Rejections:      t.rejections,
		Receipts:        t.receipts.finished(),
		ReceiptsOmitted: uint64(len(t.receipts.omitted)),
	}
}
