package conformance;

import com.fasterxml.jackson.databind.JsonNode;
import io.github.opendestinations.S3Event;
import io.opentelemetry.api.trace.propagation.W3CTraceContextPropagator;
import io.opentelemetry.context.Context;
import io.opentelemetry.context.propagation.TextMapGetter;
import java.io.IOException;

/** Events in the runner's words. */
final class Events {
  private Events() {}

  static S3Event read(JsonNode event) throws IOException {
    return S3Event.builder()
        .bucket(event.path("bucket").asText(null))
        .prefix(event.path("prefix").asText(null))
        .id(event.path("id").asText(null))
        .payload(payload(event))
        .build();
  }

  private static Object payload(JsonNode event) throws IOException {
    if (event.hasNonNull("json")) {
      return Driver.JSON.treeToValue(event.get("json"), Object.class);
    }
    if (event.hasNonNull("text")) {
      return event.get("text").asText();
    }
    if (event.hasNonNull("base64")) {
      return event.get("base64").binaryValue();
    }
    // Jackson refuses an object without any property.
    return event.path("unserializable").asBoolean() ? new Object() : null;
  }

  /** The context of a command that names a span. */
  static Context context(JsonNode command) {
    return W3CTraceContextPropagator.getInstance().extract(Context.root(), command, new Fields());
  }

  private static final class Fields implements TextMapGetter<JsonNode> {
    @Override
    @SuppressWarnings("deprecation") // the interface asks for it still
    public Iterable<String> keys(JsonNode command) {
      return command::fieldNames;
    }

    @Override
    public String get(JsonNode command, String key) {
      return command.path(key).asText(null);
    }
  }
}
