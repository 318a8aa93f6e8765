// Package telemetry says what the service does: metrics of every event, spans of those
// that are sampled, and logs, to whatever the standard OTEL_* variables name, and metrics
// on a page for Prometheus.
//
// It is told of things by the packages that do them, through interfaces that those
// declare ([server.Observer], [journal.Observer], [batcher.Observer]), and asks them for the rest when
// somebody collects. They know nothing of OpenTelemetry. Nothing here is waited for:
// what can't be exported in time is left out and counted.
//
// # Metrics
//
// [Table] is the one place where instruments and attributes are named. What counts
// single events does so in bulk: a batch or a request hands over how many events it
// has of which age, and the buckets are counted here; the SDK has no such call, and
// one for each event would cost a twentieth of the service's CPU.
//
// # Spans
//
// What happens to an event may begin in one process and end in another, so no span is kept
// open: the batcher keeps the trace contexts and times of sampled events, and when a
// delivery is durable and noted the emitter, a goroutine with a bounded queue, makes the
// spans with their times of then. It exports them by itself, not through the SDK's
// processor, which loses spans without saying how many.
package telemetry
