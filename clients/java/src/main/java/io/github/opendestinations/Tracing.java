package io.github.opendestinations;

/** Takes the tracing context of the call into the event. */
interface Tracing {
  /** Sets traceparent and tracestate, if there is a current span. */
  void inject(EncodedEvent event);

  /** OpenTelemetry if its API is on the class path, else nothing. */
  static Tracing find() {
    try {
      Class.forName("io.opentelemetry.api.trace.Span", false, Tracing.class.getClassLoader());
      return new OpenTelemetryTracing();
    } catch (ClassNotFoundException | LinkageError e) {
      return event -> {};
    }
  }
}
