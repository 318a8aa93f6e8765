package main

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"strconv"

	"google.golang.org/grpc"
	"google.golang.org/grpc/status"

	destinationsv1 "github.com/open-destinations/destinations/gen/destinations/v1"
)

// sendLimits bound what a sender holds and what it asks of the service at once.
type sendLimits struct {
	requestEvents  int // events in a request
	requestBytes   int // bytes of a request, unless one event alone is larger
	streamRequests int // requests in a stream; the service allows 65,536 without an answer
	streamRuns     int // entries in the table of a stream's lines
}

func defaultSendLimits() sendLimits {
	return sendLimits{requestEvents: 1000, requestBytes: 1 << 20, streamRequests: 10_000, streamRuns: 100_000}
}

// eventOverhead is counted for what protobuf adds to a payload.
const eventOverhead = 16

// senderParams is what a sender is made of.
type senderParams struct {
	Client         destinationsv1.DestinationsClient
	Bucket, Prefix string
	Limits         sendLimits
	Report         *sendReport
	Explain        func(error) error // words an error of a call
}

// sender cuts events into requests, and requests into streams: a stream is
// answered at its end only, so that the memory for its lines, and what is unknown
// when it breaks, are bounded by its length. Not for concurrent use.
type sender struct {
	senderParams
	id       []byte // sender_id of all streams
	sequence uint64 // of the last request that was sent
	settled  uint64 // up to which sequence everything is answered

	request *destinationsv1.SendS3Request // being filled
	bytes   int                           // in it
	stream  *sendStream                   // nil until the next event needs one
}

// sendStream is one call of SendS3.
type sendStream struct {
	call   grpc.ClientStreamingClient[destinationsv1.SendS3Request, destinationsv1.SendS3Response]
	places places
	before uint64   // sequence of the last request before this stream
	ends   []uint64 // ends[i] = events in the stream's requests up to before+1+i
}

// newSender makes a sender with a random id.
func newSender(p senderParams) *sender {
	s := &sender{senderParams: p, id: make([]byte, 16)}
	rand.Read(s.id) // never fails
	s.renew()
	return s
}

// renew begins an empty request.
func (s *sender) renew() {
	s.request = &destinationsv1.SendS3Request{Bucket: s.Bucket, Prefix: s.Prefix}
	s.bytes = 0
}

// add sends one event, perhaps later: see finish. The payload is copied.
func (s *sender) add(ctx context.Context, payload []byte, at place) error {
	size := len(payload) + eventOverhead
	events := len(s.request.Events)
	if events > 0 && (events >= s.Limits.requestEvents || s.bytes+size > s.Limits.requestBytes) {
		if err := s.send(ctx); err != nil {
			return err
		}
	}
	if s.stream == nil {
		if err := s.open(ctx); err != nil {
			return err
		}
	}
	s.stream.places.add(at)
	s.request.Events = append(s.request.Events, &destinationsv1.S3Event{Payload: bytes.Clone(payload)})
	s.bytes += size
	return nil
}

// finish sends what add has kept and waits until everything is answered.
func (s *sender) finish(ctx context.Context) error {
	if len(s.request.Events) > 0 {
		if err := s.send(ctx); err != nil {
			return err
		}
	}
	return s.close()
}

func (s *sender) open(ctx context.Context) error {
	s.stream = &sendStream{before: s.sequence}
	call, err := s.Client.SendS3(ctx)
	s.stream.call = call
	if err != nil {
		return s.fail(err)
	}
	return nil
}

// send sends the request, and closes the stream if it is long.
func (s *sender) send(ctx context.Context) error {
	st := s.stream
	s.sequence++
	s.request.Sequence, s.request.Settled = s.sequence, s.settled
	if len(st.ends) == 0 {
		s.request.SenderId = s.id
	}
	st.ends = append(st.ends, st.places.next)
	err := st.call.Send(s.request)
	if errors.Is(err, io.EOF) { // the service has ended the stream and says why
		if _, err = st.call.CloseAndRecv(); err == nil {
			err = errors.New("the service answered before the stream's end")
		}
	}
	if err != nil {
		return s.fail(err)
	}
	s.renew()
	if len(st.ends) >= s.Limits.streamRequests || len(st.places.runs) >= s.Limits.streamRuns {
		return s.close()
	}
	return nil
}

// close ends the stream, if one is open, and takes its answer into the report.
func (s *sender) close() error {
	if s.stream == nil {
		return nil
	}
	response, err := s.stream.call.CloseAndRecv()
	if err != nil {
		return s.fail(err)
	}
	s.Report.take(response, &s.stream.places)
	s.settled = s.sequence
	s.stream = nil
	return nil
}

// fail ends the sending: the error says what happened and up to which line
// everything is durable.
func (s *sender) fail(err error) error {
	if at, ok := s.stream.durable(err); ok {
		s.Report.durable = at
	}
	s.stream = nil
	s.renew()
	if s.Report.durable == (place{}) {
		return fmt.Errorf("%w; no event is known to be durable", s.Explain(err))
	}
	return fmt.Errorf("%w; events up to %s are durable, those behind it may or may not be", s.Explain(err), s.Report.durable)
}

// durable is the last line of the stream up to which everything is durable or
// rejected, as the error that ended the stream says.
func (t *sendStream) durable(err error) (place, bool) {
	text := errorInfo(status.Convert(err)).GetMetadata()["durable_sequence"]
	sequence, parseErr := strconv.ParseUint(text, 10, 64)
	if parseErr != nil || sequence <= t.before || len(t.ends) == 0 {
		return place{}, false
	}
	last := min(sequence-t.before, uint64(len(t.ends)))
	return t.places.find(t.ends[last-1] - 1)
}
