package telemetry

import (
	"context"
	"encoding/hex"
	"errors"
	"math"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	semconv "go.opentelemetry.io/otel/semconv/v1.43.0"
	"go.opentelemetry.io/otel/trace"

	"github.com/open-destinations/destinations/batcher"
	"github.com/open-destinations/destinations/server"
	"github.com/open-destinations/destinations/uploader"
)

// Keys of the attributes of spans beside OpenTelemetry's own.
const (
	attrBatch       = attribute.Key("destinations.batch.id")
	attrBatchBytes  = attribute.Key("destinations.batch.bytes")
	attrBatchStored = attribute.Key("destinations.batch.compressed_bytes")
	attrOldest      = attribute.Key("destinations.batch.oldest_age")
	attrReason      = attribute.Key(keyReason)
	attrReplayed    = attribute.Key("destinations.delivery.replayed")
	attrAttempt     = attribute.Key("destinations.delivery.attempt")
	attrExisted     = attribute.Key("destinations.delivery.existed")
	attrLinger      = attribute.Key("destinations.linger.duration")
	attrUpload      = attribute.Key("destinations.upload.duration")
	attrAggregated  = attribute.Key("destinations.events.aggregated")
	attrClamped     = attribute.Key("destinations.clock_skew.clamped")
	attrSampled     = attribute.Key("destinations.tracing.sampled_events")
	attrSuppressed  = attribute.Key("destinations.tracing.suppressed_events")
	attrOmitted     = attribute.Key("destinations.s3.requests_omitted")
	attrCode        = attribute.Key("aws.error.code")
)

// Names of the service's own spans.
const (
	nameDeliver = "deliver s3"
	nameAccept  = "accept s3"
	nameUpload  = "upload s3"
)

// maxLinks is OpenTelemetry's usual limit; beyond it the SDK throws links away.
const maxLinks = 128

// common are the attributes of the service's own spans.
func common(operation string, more ...attribute.KeyValue) []attribute.KeyValue {
	return append(more, semconv.MessagingSystemKey.String("destinations"), semconv.MessagingOperationName(operation),
		semconv.MessagingDestinationTemplate("s3"))
}

// parentOf puts a span's parent into a context: who sent the event. ids are the span's own;
// an event that begins its trace has no parent.
func parentOf(event [25]byte, state string, span trace.SpanID) context.Context {
	id := trace.TraceID(event[:16])
	ctx := withIDs(context.Background(), id, span)
	if parent := sentBy(event, state); parent.IsValid() {
		return trace.ContextWithRemoteSpanContext(ctx, parent)
	}
	return ctx
}

// sentBy is the context of what sent an event; it is not valid if the event begins the
// trace.
func sentBy(event [25]byte, state string) trace.SpanContext {
	kept, _ := trace.ParseTraceState(state) // what is not valid is left out
	return trace.NewSpanContext(trace.SpanContextConfig{
		TraceID: trace.TraceID(event[:16]), SpanID: trace.SpanID(event[16:24]), TraceFlags: trace.TraceFlags(event[24]),
		TraceState: kept, Remote: true,
	})
}

// ended is when a span ends that has begun then: not before.
func ended(began, end time.Time) (time.Time, bool) {
	if end.Before(began) {
		return began, true
	}
	return end, false
}

// acceptJob makes the spans of the sampled events of a request.
func (t *Telemetry) acceptJob(s *server.Settled) job {
	received, durable, traced := s.Received, s.Durable, s.Traced
	return job{spans: map[string]uint64{spanAccept: uint64(len(traced))}, emit: func(e *emitter) {
		for i := range traced {
			event := &traced[i]
			id := spanOf(e.journal, "accept", event.Partition, event.Offset, event.Index)
			ctx := parentOf(event.Context, event.State, id)
			end, _ := ended(received, durable)
			e.start(ctx, spanAccept, nameAccept, trace.WithSpanKind(trace.SpanKindInternal), trace.WithTimestamp(received),
				trace.WithAttributes(common("accept")...)).End(trace.WithTimestamp(end))
			t.meters.accept.exemplify(end.Sub(received).Seconds(), [16]byte(event.Context[:16]), id)
		}
	}}
}

// deliverJob makes the spans of a delivered batch: of its sampled events, of the upload and
// of its requests.
func (t *Telemetry) deliverJob(d *batcher.Delivery) job {
	j := uploadJob(&d.Try)
	for i := range d.Traced {
		if d.Traced[i].More > 0 {
			j.spans[spanAggregate]++
		} else {
			j.spans[spanDeliver]++
		}
	}
	upload := j.emit
	j.emit = func(e *emitter) {
		upload(e)
		link := trace.Link{SpanContext: uploadContext(&d.Try)}
		for i := range d.Traced {
			t.deliver(e, d, &d.Traced[i], link)
		}
	}
	return j
}

// deliver makes the span of one event, or of several that were not kept one by one.
func (t *Telemetry) deliver(e *emitter, d *batcher.Delivery, event *batcher.Traced, upload trace.Link) {
	began := time.Unix(0, event.Received)
	end, clamped := ended(began, d.Ended)
	kind, id := spanDeliver, spanOf(e.journal, "deliver", d.Partition, event.Offset, event.Index)
	attributes := common("deliver", semconv.MessagingOperationTypeProcess,
		semconv.AWSS3Bucket(d.Bucket), semconv.AWSS3Key(d.Key), attrBatch.String(hex.EncodeToString(d.ID[:])),
		attrLinger.Float64(max(0, d.Closed.Sub(began).Seconds())), attrUpload.Float64(d.Ended.Sub(d.Began).Seconds()),
		attrAttempt.Int(int(d.Number)), attrReplayed.Bool(began.Before(t.began)))
	if event.ID != "" {
		attributes = append(attributes, semconv.MessagingMessageID(event.ID))
	}
	if clamped {
		attributes = append(attributes, attrClamped.Bool(true))
	}
	if event.More > 0 {
		kind, id = spanAggregate, groupOf(d.ID, event.Context)
		attributes = append(attributes, attrAggregated.Int64(int64(min(event.More, math.MaxInt64))))
	}
	e.start(parentOf(event.Context, event.State, id), kind, nameDeliver, trace.WithSpanKind(trace.SpanKindConsumer),
		trace.WithTimestamp(began), trace.WithAttributes(attributes...), trace.WithLinks(upload)).End(trace.WithTimestamp(end))
	if event.More == 0 {
		t.meters.delivery.exemplify(end.Sub(began).Seconds(), [16]byte(event.Context[:16]), id)
	}
}

// uploadContext is the context of a try's span.
func uploadContext(try *batcher.Try) trace.SpanContext {
	return trace.NewSpanContext(trace.SpanContextConfig{
		TraceID: try.TraceID, SpanID: try.SpanID, TraceFlags: trace.FlagsSampled, Remote: true,
	})
}

// uploadJob makes the spans of a try and its requests.
func uploadJob(try *batcher.Try) job {
	calls := try.Result.Calls
	return job{
		spans: map[string]uint64{spanUpload: 1, spanRequest: uint64(len(calls))},
		emit: func(e *emitter) {
			ctx := withIDs(context.Background(), try.TraceID, try.SpanID)
			end, _ := ended(try.Began, try.Ended)
			span := e.start(ctx, spanUpload, nameUpload, trace.WithSpanKind(trace.SpanKindConsumer), trace.WithTimestamp(try.Began),
				trace.WithAttributes(uploadAttributes(try)...), trace.WithLinks(links(e, try)...))
			failed(span, try.Err)
			span.End(trace.WithTimestamp(end))
			within := trace.ContextWithRemoteSpanContext(context.Background(), uploadContext(try))
			for i := range calls {
				request(e, withIDs(within, try.TraceID, requestOf(try.SpanID, i)), try, &calls[i])
			}
		},
	}
}

func uploadAttributes(try *batcher.Try) []attribute.KeyValue {
	sampled, suppressed := try.TracedOmitted, try.TracedOmitted
	for i := range try.Traced {
		sampled += max(1, try.Traced[i].More)
		suppressed += try.Traced[i].More
	}
	attributes := common("upload", semconv.MessagingOperationTypeProcess, semconv.MessagingBatchMessageCount(int(try.Events)),
		semconv.AWSS3Bucket(try.Bucket), semconv.AWSS3Key(try.Key), attrBatch.String(hex.EncodeToString(try.ID[:])), attrBatchBytes.Int64(int64(try.RawBytes)),
		attrReason.String(try.Reason), attrAttempt.Int(int(try.Number)), attrReplayed.Bool(try.Replayed),
		attrSampled.Int64(int64(sampled)), attrSuppressed.Int64(int64(suppressed)))
	if !try.FirstReceived.IsZero() {
		attributes = append(attributes, attrOldest.Float64(max(0, try.Ended.Sub(try.FirstReceived).Seconds())))
	}
	switch {
	case try.Err != nil:
	case try.Result.Existed:
		attributes = append(attributes, attrExisted.Bool(true))
	default:
		attributes = append(attributes, attrBatchStored.Int64(try.Result.Size))
	}
	if try.Result.CallsOmitted > 0 {
		attributes = append(attributes, attrOmitted.Int(try.Result.CallsOmitted))
	}
	return attributes
}

// links are to what sent the sampled events of a batch, one for each trace; to the event's
// own span where that begins the trace.
func links(e *emitter, try *batcher.Try) (all []trace.Link) {
	seen := map[trace.TraceID]bool{}
	for i := range try.Traced {
		event := &try.Traced[i]
		to := sentBy(event.Context, event.State)
		if len(all) == maxLinks {
			return all
		}
		if seen[to.TraceID()] {
			continue
		}
		seen[to.TraceID()] = true
		if !to.IsValid() {
			to = to.WithSpanID(spanOf(e.journal, "deliver", try.Partition, event.Offset, event.Index))
		}
		all = append(all, trace.Link{SpanContext: to})
	}
	return all
}

// request makes the span of a request to S3.
func request(e *emitter, ctx context.Context, try *batcher.Try, c *uploader.Call) {
	attributes := []attribute.KeyValue{
		semconv.RPCSystemNameKey.String("aws-api"), semconv.RPCMethod("S3/" + c.Op), semconv.CloudRegion(c.Region),
		semconv.AWSS3Bucket(try.Bucket), semconv.AWSS3Key(try.Key),
	}
	if c.UploadID != "" {
		attributes = append(attributes, semconv.AWSS3UploadID(c.UploadID))
	}
	if c.Part > 0 {
		attributes = append(attributes, semconv.AWSS3PartNumber(int(c.Part)))
	}
	if c.RequestID != "" {
		attributes = append(attributes, semconv.AWSRequestID(c.RequestID))
	}
	switch {
	case c.Err == nil:
		attributes = append(attributes, semconv.HTTPResponseStatusCode(200))
	case c.Err.Status != 0:
		attributes = append(attributes, semconv.HTTPResponseStatusCode(c.Err.Status))
	}
	span := e.start(ctx, spanRequest, "S3."+c.Op, trace.WithSpanKind(trace.SpanKindClient), trace.WithTimestamp(c.Began), trace.WithAttributes(attributes...))
	failed(span, errOf(c))
	end, _ := ended(c.Began, c.Ended)
	span.End(trace.WithTimestamp(end))
}

// failed says in a span why what it is of has failed; nil = it has not.
func failed(span trace.Span, err error) {
	if err == nil {
		return
	}
	var s3 *uploader.Error
	span.SetAttributes(attribute.String(keyErrorType, uploader.Classify(err).String()))
	if errors.As(err, &s3) && s3.Code != "" {
		span.SetAttributes(attrCode.String(s3.Code))
	}
	span.SetStatus(codes.Error, err.Error())
}
