package conformance;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import com.sun.management.OperatingSystemMXBean;
import io.github.opendestinations.Receipt;
import io.github.opendestinations.S3Event;
import io.github.opendestinations.Send;
import java.lang.management.ManagementFactory;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.locks.LockSupport;

/** Commands that send many events. */
final class Loops {
  private static final long STEP_NANOS = 10_000_000;

  private Loops() {}

  /** What an event of a loop has. */
  private record Payload(String c, long n, String pad) {}

  /** Where events go. */
  private record Place(String bucket, String prefix) {}

  static void loop(Session session, JsonNode command, ObjectNode answer)
      throws InterruptedException {
    boolean wait = command.path("wait").asBoolean(true);
    Counts counts = wait ? new Counts() : session.later;
    long began = System.nanoTime();
    long largest = send(session, command, counts);
    if (wait) {
      counts.await(Long.MAX_VALUE / 2_000_000);
      counts.tell(answer);
      answer.put("seconds", (System.nanoTime() - began) / 1e9).put("max_buffered_bytes", largest);
    }
  }

  /** Returns the most that was seen in the buffer. */
  private static long send(Session session, JsonNode command, Counts counts) {
    List<Place> places = places(command);
    long first = command.path("first").asLong();
    long count = command.path("count").asLong();
    double rate = command.path("rate").asDouble();
    int facades = command.path("facades").asInt(1);
    String name = command.path("name").asText(command.path("client").asText());
    String idPrefix = command.path("id_prefix").asText(null);
    String pad = "x".repeat(command.path("pad").asInt());
    boolean keep = command.path("keep").asBoolean();
    long began = System.nanoTime();
    long largest = 0;
    for (long i = 0; i < count; i++) {
      pace(began, i, rate);
      long n = first + i;
      Place place = places.get((int) (n % places.size()));
      S3Event.Builder event =
          S3Event.builder()
              .bucket(place.bucket)
              .prefix(place.prefix)
              .payload(new Payload(name, n, pad));
      Send send = session.facade((int) (n % facades));
      CompletableFuture<Receipt> future =
          send.s3(idPrefix == null ? event.build() : event.id(idPrefix + n).build());
      counts.add(keep ? future.whenComplete((receipt, error) -> keep(session, receipt)) : future);
      if (i % 100 == 0) {
        largest = Math.max(largest, session.client.stats().bufferedBytes());
      }
    }
    return largest;
  }

  private static void keep(Session session, Receipt receipt) {
    if (receipt != null) {
      session.keep(receipt);
    }
  }

  /** Waits until event i is due, in steps. */
  private static void pace(long began, long i, double rate) {
    if (rate <= 0) {
      return;
    }
    long due = began + (long) (i / rate * 1e9);
    for (long left = due - System.nanoTime(); left > STEP_NANOS; left = due - System.nanoTime()) {
      LockSupport.parkNanos(left);
    }
  }

  private static List<Place> places(JsonNode command) {
    List<Place> places = new ArrayList<>();
    for (JsonNode d : command.path("destinations")) {
      places.add(new Place(d.path("bucket").asText(null), d.path("prefix").asText(null)));
    }
    return places;
  }

  static void bench(Session session, JsonNode command, ObjectNode answer)
      throws InterruptedException {
    List<Place> places = places(command);
    long count = command.path("count").asLong();
    String head = command.path("head").asText();
    List<String> tails = new ArrayList<>();
    command.path("tails").forEach(tail -> tails.add(tail.asText()));
    Send send = session.client.send();
    Counts counts = new Counts();
    OperatingSystemMXBean system = ManagementFactory.getPlatformMXBean(OperatingSystemMXBean.class);
    long cpu = system.getProcessCpuTime();
    long began = System.nanoTime();
    StringBuilder text = new StringBuilder();
    for (long n = 0; n < count; n++) {
      Place place = places.get((int) (n % places.size()));
      text.setLength(0);
      text.append(head);
      tenDigits(text, n);
      text.append(tails.get((int) (n % tails.size())));
      counts.add(send.s3(place.bucket, place.prefix, text.toString()));
    }
    counts.await(Long.MAX_VALUE / 2_000_000);
    answer.put("seconds", (System.nanoTime() - began) / 1e9);
    answer.put("cpu_seconds", (system.getProcessCpuTime() - cpu) / 1e9);
    counts.tell(answer);
  }

  private static void tenDigits(StringBuilder to, long n) {
    for (long unit = 1_000_000_000; unit > 0; unit /= 10) {
      to.append((char) ('0' + n / unit % 10));
    }
  }
}
