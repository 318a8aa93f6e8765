package telemetry

import (
	"context"
	"encoding/binary"
	"math"
	"strings"
	"time"

	"go.opentelemetry.io/otel/attribute"

	"github.com/open-destinations/destinations/batcher"
	"github.com/open-destinations/destinations/journal"
	"github.com/open-destinations/destinations/server"
	"github.com/open-destinations/destinations/uploader"
)

// Received implements [server.Observer].
func (t *Telemetry) Received(r server.Received) {
	t.meters.received.Add(uint64(r.Events))
	c := r.Contexts
	for i, n := range [...]int{c.Event, c.Call, c.Root, c.None, c.Invalid} {
		if n > 0 {
			t.meters.contexts.add(sources[i], uint64(n))
		}
	}
}

// sources are the attributes of where trace contexts are from.
var sources = [...]attribute.Set{
	attributes(keySource, "event"), attributes(keySource, "call"), attributes(keySource, "root"),
	attributes(keySource, "none"), attributes(keySource, "invalid"),
}

// Settled implements [server.Observer].
func (t *Telemetry) Settled(s *server.Settled) {
	m := t.meters
	if s.Accepted > 0 {
		m.accepted.Add(s.Accepted)
		m.accept.add(s.Durable.Sub(s.Received).Seconds(), s.Accepted)
	}
	if s.Principal != "" {
		m.principals.add(m.named.of(s.Principal), s.Accepted)
	}
	for code, n := range s.Rejected {
		m.rejected.add(attributes(keyRejection, rejectionText(code)), n)
	}
	if len(s.Traced) > 0 && t.emitter != nil {
		t.emitter.submit(t.acceptJob(s))
		m.countSpans(spanAccept, outcomeOfRequest, uint64(s.TracedOmitted))
	}
}

// ConnectionClosed counts a connection that was closed because of a limit: of the listener of a
// flag, for a reason of the package limits.
func (t *Telemetry) ConnectionClosed(flag, reason string) {
	t.meters.closed.add(attribute.NewSet(attribute.String(keyListener, strings.TrimLeft(flag, "-")), attribute.String(keyClosed, reason)), 1)
}

// Refused implements [server.Observer].
func (t *Telemetry) Refused(reason string) {
	t.meters.refused.add(attributes(keyRefusal, strings.ToLower(reason)), 1)
}

// Synced implements [journal.Observer].
func (t *Telemetry) Synced(log journal.Kind, took time.Duration) {
	t.meters.histograms[nameJournalSync].Record(context.Background(), took.Seconds(), t.meters.syncs[log])
}

// Sealed implements [batcher.Observer].
func (t *Telemetry) Sealed(b *batcher.Batch) {
	m := t.meters
	m.record(nameBatchEvents, float64(b.Events))
	m.record(nameBatchSize, float64(b.RawBytes))
	m.record(nameBatchLinger, max(0, b.Closed.Sub(firstReceived(b)).Seconds()), attribute.String(keyReason, b.Reason))
}

// firstReceived is when a batch's first event was received or, if that is not known, a time that it
// was not received behind: the histograms count every batch and event, and a year 1 would spoil their sums.
func firstReceived(b *batcher.Batch) time.Time {
	if b.FirstReceived.IsZero() {
		return b.Closed
	}
	return b.FirstReceived
}

// Tried implements [batcher.Observer].
func (t *Telemetry) Tried(try *batcher.Try) {
	m := t.meters
	m.record(nameUploadDuration, try.Ended.Sub(try.Began).Seconds(),
		errorType(try.Err, attribute.Bool(keyMultipart, try.Result.Multipart))...)
	for i := range try.Result.Calls {
		c := &try.Result.Calls[i]
		m.record(nameRequestDuration, c.Ended.Sub(c.Began).Seconds(), errorType(errOf(c), attribute.String(keyMethod, "S3/"+c.Op))...)
	}
	if try.Err == nil && !try.Result.Existed {
		m.record(nameObjectSize, float64(try.Result.Size))
	}
	if try.Err != nil && t.uploadIsSampled(try) {
		j := uploadJob(try)
		j.holds = len(try.Traced) // they stay in no budget while the job waits
		t.emitter.submit(j)
	}
}

// uploadsPerSecond is how many tries of batches without sampled events are traced.
const uploadsPerSecond = 100

// uploadIsSampled reports whether a try is traced: if any of its events is, or a part of the
// others.
func (t *Telemetry) uploadIsSampled(try *batcher.Try) bool {
	switch {
	case t.emitter == nil:
		return false
	case len(try.Traced) > 0:
		return true
	case float64(binary.BigEndian.Uint64(try.TraceID[8:])) >= t.ratio*math.MaxUint64:
		return false
	case !t.uploads.Allow():
		t.meters.countSpans(spanUpload, outcomeOfTheQueue, 1)
		return false
	}
	return true
}

// errOf is the error of a request; nil if it has none.
func errOf(c *uploader.Call) error {
	if c.Err == nil {
		return nil
	}
	return c.Err
}

// errorType adds an error's class to attributes, if there is one. The class and not AWS's
// code: a server may answer any number of codes.
func errorType(err error, kind ...attribute.KeyValue) []attribute.KeyValue {
	if err != nil {
		kind = append(kind, attribute.String(keyErrorType, uploader.Classify(err).String()))
	}
	return kind
}

// Delivered implements [batcher.Observer].
func (t *Telemetry) Delivered(d *batcher.Delivery) {
	m := t.meters
	m.delivered.Add(d.Events)
	at := d.Ended.UnixNano()
	receipts := d.Receipts
	if receipts == nil {
		receipts = []batcher.Receipt{{At: firstReceived(&d.Batch).UnixNano(), Events: d.Events}}
	}
	for _, r := range receipts {
		if r.At > at {
			m.skewed.Add(r.Events)
		}
		m.delivery.add(max(0, time.Duration(at-r.At).Seconds()), r.Events)
	}
	if !t.uploadIsSampled(&d.Try) {
		return
	}
	more := uint64(0)
	for i := range d.Traced {
		more += d.Traced[i].More
	}
	m.countSpans(spanDeliver, outcomeOfTrace, more)
	m.countSpans(spanDeliver, outcomeOfObject, d.TracedOmitted)
	t.emitter.submit(t.deliverJob(d))
}
