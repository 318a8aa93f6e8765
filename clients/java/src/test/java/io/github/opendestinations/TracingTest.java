package io.github.opendestinations;

import static org.junit.jupiter.api.Assertions.assertEquals;

import io.github.opendestinations.v1.S3Event;
import io.opentelemetry.api.trace.Span;
import io.opentelemetry.api.trace.SpanContext;
import io.opentelemetry.api.trace.TraceFlags;
import io.opentelemetry.api.trace.TraceState;
import io.opentelemetry.context.Scope;
import java.io.File;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

@Timeout(60)
class TracingTest {
  private static final String TRACE = "0af7651916cd43dd8448eb211c80319c";
  private static final String SPAN = "b7ad6b7169203331";

  @Test
  void theCurrentSpanGoesWithTheEvent() throws Exception {
    TraceState state = TraceState.builder().put("vendor", "value").build();
    Span span = Span.wrap(SpanContext.create(TRACE, SPAN, TraceFlags.getSampled(), state));
    try (FakeService service = new FakeService();
        Client client = Client.connect(service.target())) {
      try (Scope ignored = span.makeCurrent()) {
        client.send().s3("bkt", "", "traced").join();
      }
      client.send().s3("bkt", "", "not traced").join();
      List<S3Event> events = new ArrayList<>();
      service.requests().forEach(r -> events.addAll(r.getEventsList()));
      events.sort((a, b) -> b.getTraceparent().compareTo(a.getTraceparent()));
      assertEquals("00-" + TRACE + "-" + SPAN + "-01", events.get(0).getTraceparent());
      assertEquals("vendor=value", events.get(0).getTracestate());
      assertEquals("", events.get(1).getTraceparent());
      assertEquals("", events.get(1).getTracestate());
    }
  }

  /** The package in a process whose class path has neither OpenTelemetry nor Jackson. */
  @Test
  void neitherOpenTelemetryNorJacksonIsRequired() throws Exception {
    String classPath =
        Stream.of(System.getProperty("java.class.path").split(File.pathSeparator))
            .filter(entry -> !entry.contains("opentelemetry") && !entry.contains("jackson"))
            .collect(Collectors.joining(File.pathSeparator));
    String java =
        System.getProperty("java.home") + File.separator + "bin" + File.separator + "java";
    try (FakeService service = new FakeService()) {
      Process process =
          new ProcessBuilder(java, "-cp", classPath, Bare.class.getName(), service.target())
              .redirectErrorStream(true)
              .start();
      String printed = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
      assertEquals(
          "a java.util.ImmutableCollections$ListN needs Jackson on the class path, or"
              + " Options.serializer",
          printed.strip());
      assertEquals(0, process.waitFor());
      assertEquals(List.of("text"), service.payloads());
    }
  }

  /** What runs there. */
  static final class Bare {
    private Bare() {}

    /** Sends a string, and an object that can't be serialised, and prints why that can't be. */
    public static void main(String[] args) {
      try (Client client = Client.connect(args[0])) {
        client.send().s3("bkt", "", "text").join();
        client
            .send()
            .s3("bkt", "", List.of())
            .exceptionally(
                e -> {
                  System.out.println(((SerializationException) e).reason());
                  return null;
                });
      }
    }
  }
}
