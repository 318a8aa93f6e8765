package main

import (
	"errors"

	"google.golang.org/grpc/encoding"
	"google.golang.org/grpc/encoding/proto"
	"google.golang.org/grpc/mem"
)

// encodedRequest is a StreamS3Request as it goes over the wire.
type encodedRequest []byte

// codec is gRPC's own for protobuf, but for requests that are encoded already. The
// load would cost as much as the service otherwise, on the cores that they share.
type codec struct{ encoding.CodecV2 }

func newCodec() (codec, error) {
	c := encoding.GetCodecV2(proto.Name)
	if c == nil {
		return codec{}, errors.New("gRPC has no codec for protobuf")
	}
	return codec{c}, nil
}

// Marshal implements encoding.CodecV2. gRPC reads an encodedRequest until it is on
// the wire: it must not be changed before it is answered.
func (c codec) Marshal(v any) (mem.BufferSlice, error) {
	if r, ok := v.(encodedRequest); ok {
		return mem.BufferSlice{mem.SliceBuffer(r)}, nil
	}
	return c.CodecV2.Marshal(v)
}
