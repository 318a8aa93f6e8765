package conformance;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.github.opendestinations.Client;
import io.github.opendestinations.ClientFailedException;
import io.github.opendestinations.DeliveredObject;
import io.github.opendestinations.Delivery;
import io.github.opendestinations.Left;
import io.github.opendestinations.Receipt;
import io.github.opendestinations.Send;
import io.github.opendestinations.Stats;
import io.github.opendestinations.UnansweredException;
import io.opentelemetry.context.Context;
import io.opentelemetry.context.Scope;
import java.io.IOException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.function.Function;

/** The runner's commands, but for those that send many events. */
final class Commands {
  private final Map<String, Session> sessions = new HashMap<>();

  void run(JsonNode command, ObjectNode answer) throws Exception {
    switch (command.path("op").asText()) {
      case "open" -> open(command);
      case "send" -> send(session(command), command, answer);
      case "loop" -> Loops.loop(session(command), command, answer);
      case "results" -> results(session(command), command, answer);
      case "flush" -> flush(session(command).client, command);
      case "stats" -> stats(session(command).client.stats(), answer);
      case "set_target" ->
          session(command).client.setTarget(command.path("target").asText(null), timeout(command));
      case "close" -> close(session(command).client, command, answer);
      case "status" -> status(session(command), answer);
      case "delivered" -> delivered(session(command), command, answer);
      case "churn" -> new Churn(command).run(answer);
      case "bench" -> Loops.bench(session(command), command, answer);
      default -> throw new Errors.UnknownOp(command.path("op").asText());
    }
  }

  private Session session(JsonNode command) {
    Session session = sessions.get(command.path("client").asText());
    if (session == null) {
      throw new IllegalStateException("no client " + command.path("client"));
    }
    return session;
  }

  private static Duration timeout(JsonNode command) {
    return command.has("timeout_ms")
        ? Duration.ofMillis(command.get("timeout_ms").asLong())
        : Duration.ofDays(1);
  }

  private void open(JsonNode command) throws IOException {
    Client client = Client.connect(OptionReader.read(command.path("options")));
    sessions.put(command.path("client").asText(), new Session(client));
  }

  private static void send(Session session, JsonNode command, ObjectNode answer)
      throws IOException {
    List<CompletableFuture<Receipt>> futures = new ArrayList<>();
    for (JsonNode event : command.path("events")) {
      Send send = session.facade(event.path("facade").asInt());
      Context context = Events.context(event);
      try (Scope ignored = context.makeCurrent()) {
        futures.add(send.s3(Events.read(event)));
      }
    }
    ArrayNode results = answer.putArray("results");
    for (CompletableFuture<Receipt> future : futures) {
      ObjectNode result = results.addObject();
      try {
        Receipt r = future.join();
        result
            .put("ok", true)
            .put("bucket", r.bucket())
            .put("prefix", r.prefix())
            .put("token", r.token());
        if (command.path("keep").asBoolean()) {
          session.keep(r);
        }
      } catch (RuntimeException e) {
        result.put("ok", false).set("error", Errors.describe(e));
      }
    }
  }

  private static void results(Session session, JsonNode command, ObjectNode answer)
      throws InterruptedException {
    session.later.await(command.path("timeout_ms").asLong());
    session.later.tell(answer);
  }

  private static void flush(Client client, JsonNode command) throws InterruptedException {
    if (command.has("timeout_ms")) {
      client.flush(timeout(command));
    } else {
      client.flush();
    }
  }

  private static void stats(Stats s, ObjectNode answer) {
    answer
        .putObject("stats")
        .put("buffered_events", s.bufferedEvents())
        .put("buffered_bytes", s.bufferedBytes())
        .put("accepted", s.accepted())
        .put("rejected", s.rejected())
        .put("streams", s.streams())
        .put("reconnects", s.reconnects())
        .put("last_error", s.lastError());
  }

  private static void close(Client client, JsonNode command, ObjectNode answer) {
    long began = System.nanoTime();
    Left left = command.has("timeout_ms") ? client.close(timeout(command)) : closeByItself(client);
    answer.putObject("left").put("events", left.events()).put("bytes", left.bytes());
    answer.put("seconds", (System.nanoTime() - began) / 1e9);
  }

  private static Left closeByItself(Client client) {
    try {
      client.close();
    } catch (UnansweredException e) {
      return e.left();
    } catch (ClientFailedException e) {
      // Its events have told, too.
    }
    return client.close(
        Duration.ZERO); // only the first close() throws, and each close(Duration) tells
  }

  private static void status(Session session, ObjectNode answer) {
    Map<String, Long> states = new HashMap<>();
    collect(session.asked(), Receipt::status, answer)
        .forEach(d -> states.merge(d.state().name(), 1L, Long::sum));
    ObjectNode told = answer.putObject("states");
    states.forEach(told::put);
  }

  private static void delivered(Session session, JsonNode command, ObjectNode answer) {
    Duration timeout = timeout(command);
    List<Delivery> all = collect(session.asked(), receipt -> receipt.delivered(timeout), answer);
    Set<List<String>> objects = new LinkedHashSet<>();
    for (Delivery delivery : all) {
      for (DeliveredObject o : delivery.objects()) {
        objects.add(List.of(o.bucket(), o.key()));
      }
    }
    answer.put("delivered", all.size());
    ArrayNode told = answer.putArray("objects");
    objects.forEach(o -> told.addObject().put("bucket", o.get(0)).put("key", o.get(1)));
  }

  /** Asks all together, and tells of those that fail. */
  private static List<Delivery> collect(
      List<Receipt> receipts,
      Function<Receipt, CompletableFuture<Delivery>> ask,
      ObjectNode answer) {
    List<CompletableFuture<Delivery>> futures = receipts.stream().map(ask).toList();
    Map<String, Long> errors = new HashMap<>();
    List<Delivery> out = new ArrayList<>();
    for (CompletableFuture<Delivery> future : futures) {
      try {
        out.add(future.join());
      } catch (RuntimeException e) {
        errors.merge(Errors.kind(Errors.unwrap(e)), 1L, Long::sum);
      }
    }
    ObjectNode told = answer.putObject("errors");
    errors.forEach(told::put);
    return out;
  }
}
