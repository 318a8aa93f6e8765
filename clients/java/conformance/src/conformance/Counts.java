package conformance;

import com.fasterxml.jackson.databind.node.ObjectNode;
import io.github.opendestinations.Receipt;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.CompletableFuture;

/** Counts what became of events. */
final class Counts {
  // Guarded by this.
  private long pending;
  private long accepted;
  private long failed;
  private final Map<String, Long> errors = new TreeMap<>();
  private Throwable first;

  void add(CompletableFuture<Receipt> future) {
    synchronized (this) {
      pending++;
    }
    future.whenComplete(this::take);
  }

  private synchronized void take(Receipt receipt, Throwable error) {
    pending--;
    if (error == null) {
      accepted++;
    } else {
      failed++;
      errors.merge(Errors.key(error), 1L, Long::sum);
      first = first == null ? error : first;
    }
    if (pending == 0) {
      notifyAll();
    }
  }

  /** Waits until none is pending, at most so long. */
  synchronized void await(long millis) throws InterruptedException {
    long end = System.nanoTime() + millis * 1_000_000;
    while (pending > 0) {
      long left = (end - System.nanoTime()) / 1_000_000;
      if (left <= 0) {
        return;
      }
      wait(left);
    }
  }

  /** Tells what was counted since it was told last. */
  synchronized void tell(ObjectNode answer) {
    answer.put("accepted", accepted).put("failed", failed).put("pending", pending);
    ObjectNode told = answer.putObject("errors");
    errors.forEach(told::put);
    if (first != null) {
      answer.set("first_error", Errors.describe(first));
    }
    accepted = 0;
    failed = 0;
    errors.clear();
    first = null;
  }
}
