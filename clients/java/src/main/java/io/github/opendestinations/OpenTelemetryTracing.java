package io.github.opendestinations;

import io.opentelemetry.api.trace.Span;
import io.opentelemetry.api.trace.SpanContext;
import io.opentelemetry.api.trace.propagation.W3CTraceContextPropagator;
import io.opentelemetry.context.Context;
import java.nio.charset.StandardCharsets;

/** The current span of OpenTelemetry. The only class that names its API. */
final class OpenTelemetryTracing implements Tracing {
  /** A longer one counts as absent at the service. */
  private static final int MAX_TRACESTATE_BYTES = 512;

  @Override
  public void inject(EncodedEvent event) {
    SpanContext span = Span.current().getSpanContext();
    if (span.isValid()) {
      W3CTraceContextPropagator.getInstance()
          .inject(Context.current(), event, OpenTelemetryTracing::set);
    }
  }

  private static void set(EncodedEvent event, String key, String value) {
    byte[] bytes = value.getBytes(StandardCharsets.US_ASCII);
    if (key.equals("traceparent")) {
      event.traceparent = bytes;
    } else if (key.equals("tracestate") && bytes.length <= MAX_TRACESTATE_BYTES) {
      event.tracestate = bytes;
    }
  }
}
