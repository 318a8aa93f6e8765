// Package telemetry says what the service does: metrics of every event, on a page for
// Prometheus and to whatever the standard OTEL_* variables name.
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
package telemetry
