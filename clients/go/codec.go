package destinations

import (
	"google.golang.org/grpc/encoding"
	"google.golang.org/grpc/encoding/proto"
	"google.golang.org/grpc/mem"
)

// wireRequest is a StreamS3Request as it goes over the wire. Nobody may change it until
// it was answered.
type wireRequest struct{ head, events []byte }

// codec is gRPC's own for protobuf, but for requests that are encoded already.
type codec struct{ encoding.CodecV2 }

var wireCodec = codec{encoding.GetCodecV2(proto.Name)}

// Marshal implements encoding.CodecV2.
func (c codec) Marshal(v any) (mem.BufferSlice, error) {
	if r, ok := v.(*wireRequest); ok {
		return mem.BufferSlice{mem.SliceBuffer(r.head), mem.SliceBuffer(r.events)}, nil
	}
	return c.CodecV2.Marshal(v)
}
