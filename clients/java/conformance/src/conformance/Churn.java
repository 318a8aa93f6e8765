package conformance;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.github.opendestinations.Client;
import java.io.File;
import java.io.IOException;
import java.lang.management.ManagementFactory;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.TimeUnit;

/** Opens and closes many clients, and tells what is left of them. */
final class Churn {
  private static final long REST_MILLIS = 5_000;
  private static final int LOOKS = 20;

  private final JsonNode command;
  private final Counts counts = new Counts();

  Churn(JsonNode command) {
    this.command = command;
  }

  void run(ObjectNode answer) throws Exception {
    one(0);
    Usage before = rest(new Usage(0, 0));
    int count = command.path("count").asInt();
    ExecutorService pool = Executors.newFixedThreadPool(command.path("parallel").asInt(8));
    CompletableFuture<?>[] all = new CompletableFuture<?>[Math.max(0, count - 1)];
    for (int i = 1; i < count; i++) {
      int n = i;
      all[i - 1] = CompletableFuture.runAsync(() -> one(n), pool);
    }
    CompletableFuture.allOf(all).get();
    pool.shutdown();
    pool.awaitTermination(1, TimeUnit.MINUTES);
    Usage after = rest(before);
    counts.tell(answer);
    answer.set("before", before.describe());
    answer.set("after", after.describe());
  }

  private void one(int n) {
    JsonNode place = command.path("destinations").get(n % command.path("destinations").size());
    Map<String, Object> payload =
        Map.of(
            "c", command.path("name").asText(command.path("client").asText()), "n", n, "pad", "");
    try (Client client = Client.connect(OptionReader.read(command.path("options")))) {
      var future =
          client
              .send()
              .s3(place.path("bucket").asText(null), place.path("prefix").asText(null), payload);
      counts.add(future);
      future.exceptionally(e -> null).join();
    } catch (IOException e) {
      throw new IllegalStateException(e);
    }
  }

  /** Waits until no more is open than before, or for a while. */
  private static Usage rest(Usage before) throws InterruptedException {
    Usage least = Usage.now();
    for (int looks = 0;
        looks < LOOKS && (least.fds > before.fds || least.threads > before.threads);
        looks++) {
      System.gc();
      TimeUnit.MILLISECONDS.sleep(REST_MILLIS / LOOKS);
      Usage now = Usage.now();
      least = new Usage(Math.min(least.fds, now.fds), Math.min(least.threads, now.threads));
    }
    return least;
  }

  /** What a process has open. */
  private record Usage(int fds, int threads) {
    static Usage now() {
      String[] open = new File("/proc/self/fd").list();
      return new Usage(
          open == null ? 0 : open.length, ManagementFactory.getThreadMXBean().getThreadCount());
    }

    ObjectNode describe() {
      return Driver.JSON.createObjectNode().put("fds", fds).put("threads", threads).put("tasks", 0);
    }
  }
}
