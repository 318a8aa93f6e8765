package telemetry

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"fmt"

	"go.opentelemetry.io/otel/trace"
)

// Ids of spans follow from what they are of, so that one that was exported twice, by
// whatever mistake, is seen to be the same.

// spanOf is the span that an event's position has for what is done with it ("deliver",
// "accept").
func spanOf(journal [16]byte, what string, partition int, offset uint64, index uint32) trace.SpanID {
	return trace.SpanID(hashed("%s of event %d/%d of partition %d of %x", what, offset, index, partition, journal))
}

// groupOf is the span that stands for several events of one context in a batch.
func groupOf(batch [16]byte, eventContext [25]byte) trace.SpanID {
	return trace.SpanID(hashed("events of %x in %x", eventContext[:24], batch))
}

// requestOf is the span of a request to S3, by its place in a try.
func requestOf(try [8]byte, place int) trace.SpanID {
	return trace.SpanID(hashed("request %d of %x", place, try))
}

func hashed(format string, args ...any) (id [8]byte) {
	sum := sha256.Sum256(fmt.Appendf(nil, format, args...))
	copy(id[:], sum[:])
	return id
}

// wanted ids travel to the generator in the context with which a span is started.
type idsKey struct{}

// withIDs has the next span get these ids; the trace's counts if it begins one.
func withIDs(ctx context.Context, id trace.TraceID, span trace.SpanID) context.Context {
	return context.WithValue(ctx, idsKey{}, trace.NewSpanContext(trace.SpanContextConfig{TraceID: id, SpanID: span}))
}

// generator is the SDK's IDGenerator.
type generator struct{}

func (generator) NewIDs(ctx context.Context) (trace.TraceID, trace.SpanID) {
	if ids, ok := ctx.Value(idsKey{}).(trace.SpanContext); ok {
		return ids.TraceID(), ids.SpanID()
	}
	var id trace.TraceID
	var span trace.SpanID
	rand.Read(id[:]) // never fails
	rand.Read(span[:])
	return id, span
}

func (g generator) NewSpanID(ctx context.Context, _ trace.TraceID) trace.SpanID {
	_, span := g.NewIDs(ctx)
	return span
}
