package server

import (
	"fmt"
	"slices"
	"time"

	"google.golang.org/grpc/encoding"
	"google.golang.org/grpc/mem"
	"google.golang.org/protobuf/encoding/protowire"
)

// codec reads requests in such a way that a bad one is the handler's to answer.
//
// When a receive fails, gRPC ends the stream at once with a status of its own,
// without details and without waiting for the appends that are under way, and
// what the handler returns is lost. So nothing may fail inside of a receive
// that the API promises details for. A request that is too large or malformed
// is therefore received, with err saying so; for the first that needs gRPC's
// own limit to be higher than ours. It is twice ours: a request that is larger
// still gets gRPC's RESOURCE_EXHAUSTED without details, since reading it would
// cost the memory that the limit protects.
type codec struct {
	encoding.CodecV2
	maxRequestBytes int
	buffers         *buffers
}

// maxRequestEvents bounds the events of a request. An event can be two bytes long
// on the wire and takes over a hundred decoded: without it, 4 MiB of empty events
// would be 300 MiB of memory.
const maxRequestEvents = 100_000

// maxAskedBytes is the size of the largest request that holds no events. That of a call with
// one request is decoded before its caller is judged, and takes many times its size then. The
// largest that means anything is of 1,000 tokens, some 440 kB.
const maxAskedBytes = 1 << 20

// countEvents counts the events of an encoded request without decoding them. What
// is malformed counts as far as it can be read.
func countEvents(request []byte) (events int) {
	for len(request) > 0 {
		num, typ, n := protowire.ConsumeTag(request)
		if n < 0 {
			return events
		}
		if num == requestEvents {
			events++
		}
		size := protowire.ConsumeFieldValue(num, typ, request[n:])
		if size < 0 {
			return events
		}
		request = request[n+size:]
	}
	return events
}

// received is a request as it was received.
type received struct {
	request *incoming
	at      time.Time
	size    int64 // what the request is charged with until it is taken
	err     error // why there is no request
}

// Unmarshal decodes into a *received, or any protobuf message.
func (c codec) Unmarshal(data mem.BufferSlice, v any) error {
	in, ok := v.(*received)
	if !ok {
		if n := data.Len(); n > maxAskedBytes {
			return fmt.Errorf("%w: %s", errRequestTooLarge, bytesOver(n, maxAskedBytes))
		}
		return c.CodecV2.Unmarshal(data, v)
	}
	in.at = time.Now()
	if n := data.Len(); n > c.maxRequestBytes {
		in.err = fmt.Errorf("%w: %s", errRequestTooLarge, bytesOver(n, c.maxRequestBytes))
		return nil
	}
	buf := data.MaterializeToBuffer(c.buffers)
	n := countEvents(buf.ReadOnlyData())
	if n > maxRequestEvents {
		buf.Free()
		in.err = fmt.Errorf("%w: %s events, limit %s", errRequestTooLarge, thousands(n), thousands(maxRequestEvents))
		return nil
	}
	request := spareIncoming.Get().(*incoming)
	request.buffer = buf
	request.events = slices.Grow(request.events, n)
	if err := request.decode(buf.ReadOnlyData()); err != nil {
		request.release()
		in.err = fmt.Errorf("%w: %w", errMalformedRequest, err)
		return nil
	}
	in.request = request
	return nil
}
