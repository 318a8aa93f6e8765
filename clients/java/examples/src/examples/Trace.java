package examples;

import io.github.opendestinations.Client;
import io.github.opendestinations.Delivery;
import io.github.opendestinations.Receipt;
import io.opentelemetry.api.GlobalOpenTelemetry;
import io.opentelemetry.api.trace.Span;
import io.opentelemetry.api.trace.SpanContext;
import io.opentelemetry.api.trace.TraceFlags;
import io.opentelemetry.api.trace.TraceState;
import io.opentelemetry.context.Scope;
import java.time.Duration;
import java.util.Map;

/**
 * An executor that traces its steps and waits for the delivery of what they send. The span that is
 * current in the call goes with the event. Here it is made by hand; with OpenTelemetry's SDK it is
 * the tracer's, as {@link #tracerSpan} makes it.
 */
public final class Trace {
  private static final Duration PATIENCE = Duration.ofMinutes(2);

  private Trace() {}

  /**
   * Runs a step and waits.
   *
   * @param args where the service is
   */
  public static void main(String[] args) {
    try (Client client = Client.connect(args[0])) {
      Receipt receipt = step(client);
      System.out.println("on stable storage: " + receipt);
      Delivery delivery = receipt.delivered(PATIENCE).join();
      delivery.objects().forEach(o -> System.out.println("s3://" + o.bucket() + "/" + o.key()));
    }
  }

  private static Receipt step(Client client) {
    Span span = tracerSpan();
    if (!span.getSpanContext().isValid()) { // there is no SDK
      span = Span.wrap(remoteContext());
    }
    try (Scope ignored = span.makeCurrent()) {
      return client.send().s3("workflows", "traced/", Map.of("step", "charge", "ok", true)).join();
    } finally {
      span.end();
    }
  }

  private static Span tracerSpan() {
    return GlobalOpenTelemetry.getTracer("executor").spanBuilder("step charge").startSpan();
  }

  private static SpanContext remoteContext() {
    return SpanContext.createFromRemoteParent(
        "0af7651916cd43dd8448eb211c80319c",
        "b7ad6b7169203331",
        TraceFlags.getSampled(),
        TraceState.getDefault());
  }
}
