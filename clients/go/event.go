package destinations

import (
	"context"
	"encoding/json"
	"fmt"
	"unicode/utf8"

	"go.opentelemetry.io/otel/trace"
	"google.golang.org/protobuf/encoding/protowire"
)

// S3Event is one event: a line of an object in S3.
type S3Event struct {
	// Bucket must not be empty. The other rules of names are the service's.
	Bucket string

	// Prefix is what the object's key begins with, completed with "/"; "" = none.
	Prefix string

	// Payload is a string or bytes, which go as they are, or any other value, which is
	// serialized in the call: as JSON unless Options.Serialize says otherwise. nil is
	// JSON's null.
	Payload any

	// ID is the caller's own name of the event, for a step that runs again: another
	// event of the same id and destination is left out. Optional.
	ID string
}

// outEvent is an event that has been judged, ready to be encoded.
type outEvent struct {
	bucket, prefix, id      string
	payload                 []byte // or
	text                    string
	traceparent, tracestate string
}

// prepare serializes and judges an event. The error is that of the call.
func (c *Client) prepare(ctx context.Context, event S3Event) (out outEvent, err error) {
	out = outEvent{bucket: event.Bucket, prefix: event.Prefix, id: event.ID}
	switch payload := event.Payload.(type) {
	case string:
		out.text = payload
	case []byte:
		out.payload = payload
	case json.RawMessage:
		out.payload = payload
	default:
		if out.payload, err = c.options.Serialize(payload); err != nil {
			return out, &SerializationError{Err: err}
		}
	}
	if err := out.judge(); err != nil {
		return out, err
	}
	if span := trace.SpanContextFromContext(ctx); span.IsValid() {
		out.traceparent = fmt.Sprintf("00-%s-%s-%02x", span.TraceID(), span.SpanID(), byte(span.TraceFlags()))
		out.tracestate = span.TraceState().String()
	}
	return out, nil
}

// judge finds what would be rejected for sure, and what would end a whole stream.
func (e *outEvent) judge() error {
	switch {
	case e.bucket == "":
		return e.rejected("BUCKET_INVALID", "bucket", "is missing")
	case !utf8.ValidString(e.bucket):
		return e.rejected("BUCKET_INVALID", "bucket", "is not UTF-8")
	case !utf8.ValidString(e.prefix):
		return e.rejected("PREFIX_INVALID", "prefix", "is not UTF-8")
	case !utf8.ValidString(e.id):
		return e.rejected("ID_INVALID", "id", "is not UTF-8")
	case e.payloadBytes() == 0:
		return e.rejected("PAYLOAD_EMPTY", "payload", "is empty")
	case e.payloadBytes() > mostPayload:
		return e.rejected("PAYLOAD_TOO_LARGE", "payload", fmt.Sprintf("%d bytes, at most %d", e.payloadBytes(), mostPayload))
	}
	return nil
}

func (e *outEvent) rejected(code, field, reason string) error {
	return &RejectedError{Code: code, Field: field, Reason: reason, Bucket: e.bucket, Prefix: e.prefix, ID: e.id}
}

func (e *outEvent) payloadBytes() int { return len(e.payload) + len(e.text) }

// bytes is what the event counts in the buffer and in a request.
func (e *outEvent) bytes() int {
	return e.payloadBytes() + len(e.bucket) + len(e.prefix) + len(e.id) + eventOverhead
}

// mostEncoded is as many bytes as the event takes in a request, or a few more.
func (e *outEvent) mostEncoded() int {
	return e.bytes() + len(e.traceparent) + len(e.tracestate)
}

// Fields of S3Event and StreamS3Request, as in destinations.proto.
const (
	eventID, eventBucket, eventPrefix, eventPayload, eventTraceparent, eventTracestate = 1, 2, 3, 4, 5, 6

	requestEvents, requestBucket, requestPrefix, requestSequence, requestSettled, requestSender, requestReceipts = 1, 2, 3, 4, 5, 6, 7
)

// appendEvent appends the event as the field `events` of a request. It names its
// destination unless that is the request's.
func appendEvent(to []byte, e *outEvent, inherits bool) []byte {
	size := 1 + protowire.SizeBytes(e.payloadBytes())
	texts := [...]struct {
		field protowire.Number
		text  string
	}{
		{eventID, e.id}, {eventBucket, e.bucket}, {eventPrefix, e.prefix},
		{eventTraceparent, e.traceparent}, {eventTracestate, e.tracestate},
	}
	if inherits {
		texts[1].text, texts[2].text = "", ""
	}
	for _, t := range texts {
		if t.text != "" {
			size += 1 + protowire.SizeBytes(len(t.text))
		}
	}
	to = protowire.AppendTag(to, requestEvents, protowire.BytesType)
	to = protowire.AppendVarint(to, uint64(size))
	for _, t := range texts {
		if t.text != "" {
			to = protowire.AppendTag(to, t.field, protowire.BytesType)
			to = protowire.AppendString(to, t.text)
		}
	}
	to = protowire.AppendTag(to, eventPayload, protowire.BytesType)
	if e.payload != nil {
		return protowire.AppendBytes(to, e.payload)
	}
	return protowire.AppendString(to, e.text)
}
