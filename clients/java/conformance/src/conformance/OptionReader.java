package conformance;

import com.fasterxml.jackson.databind.JsonNode;
import io.github.opendestinations.Options;
import io.github.opendestinations.WhenFull;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Locale;
import java.util.Map;

/** Options in the runner's words. */
final class OptionReader {
  private OptionReader() {}

  static Options read(JsonNode options) throws IOException {
    Options.Builder builder = Options.builder(options.path("target").asText(null));
    for (Map.Entry<String, JsonNode> option : options.properties()) {
      set(builder, option.getKey(), option.getValue(), options);
    }
    return builder.build();
  }

  private static void set(Options.Builder b, String name, JsonNode value, JsonNode all)
      throws IOException {
    switch (name) {
      case "target" -> {}
      case "max_buffered_bytes" -> b.maxBufferedBytes(value.asLong());
      case "when_full" -> b.whenFull(whenFull(value.asText()));
      case "block_timeout_ms" -> b.blockTimeout(millis(value));
      case "batch_bytes" -> b.batchBytes(value.asLong());
      case "batch_delay_ms" -> b.batchDelay(millis(value));
      case "max_streams" -> b.maxStreams(integer(name, value));
      case "reconnect_initial_ms", "reconnect_max_ms" ->
          b.reconnect(
              Duration.ofMillis(all.path("reconnect_initial_ms").asLong(100)),
              Duration.ofMillis(all.path("reconnect_max_ms").asLong(10_000)));
      case "keepalive_time_ms", "keepalive_timeout_ms" ->
          b.keepalive(
              Duration.ofMillis(all.path("keepalive_time_ms").asLong(30_000)),
              Duration.ofMillis(all.path("keepalive_timeout_ms").asLong(10_000)));
      case "close_timeout_ms" -> b.closeTimeout(millis(value));
      case "receipts" -> b.receipts(value.asBoolean());
      case "insecure" -> insecure(b, value.asBoolean());
      case "tls_ca" -> b.tlsCa(file(value));
      case "tls_cert" -> b.tlsCert(file(value), file(all.path("tls_key")));
      case "tls_key" -> b.tlsCert(file(all.path("tls_cert")), file(value));
      case "token" -> b.token(value.asText());
      case "token_function" -> b.token(value::asText);
      default -> throw new IllegalArgumentException(name + ": there is no such option");
    }
  }

  private static int integer(String name, JsonNode value) {
    if (!value.isInt()) {
      throw new IllegalArgumentException(name + ": not an int");
    }
    return value.asInt();
  }

  private static void insecure(Options.Builder b, boolean insecure) {
    if (insecure) {
      b.insecure();
    }
  }

  private static Duration millis(JsonNode value) {
    return Duration.ofMillis(value.asLong());
  }

  private static byte[] file(JsonNode path) throws IOException {
    if (path.isMissingNode()) {
      throw new IllegalArgumentException("tls_cert: needs tls_key, and the other way round");
    }
    return Files.readAllBytes(Path.of(path.asText()));
  }

  private static WhenFull whenFull(String name) {
    try {
      return WhenFull.valueOf(name.toUpperCase(Locale.ROOT));
    } catch (IllegalArgumentException e) {
      throw new IllegalArgumentException("whenFull: there is no " + name, e);
    }
  }
}
