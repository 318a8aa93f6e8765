package io.github.opendestinations;

import java.util.ArrayList;
import java.util.Iterator;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;

/**
 * One token that is asked for again and again, for all who wait for it. Guarded by the lock of its
 * Deliveries.
 */
final class DeliveryPoll {
  private static final long INITIAL_NANOS = TimeUnit.MILLISECONDS.toNanos(500);
  private static final long MAX_NANOS = TimeUnit.SECONDS.toNanos(10);

  /** Who waits until deadline, a System.nanoTime. */
  private record Waiter(CompletableFuture<Delivery> future, long deadline) {}

  final String token;
  private final List<Waiter> waiters = new ArrayList<>();
  private long interval = INITIAL_NANOS;
  private long askAt;
  private boolean asking;
  private Delivery last; // null = not known

  DeliveryPoll(String token, long now) {
    this.token = token;
    this.askAt = now + interval;
  }

  void add(CompletableFuture<Delivery> future, long deadline) {
    waiters.add(new Waiter(future, deadline));
  }

  boolean isEmpty() {
    return waiters.isEmpty();
  }

  /** Takes those out whose time is over. */
  List<CompletableFuture<Delivery>> expired(long now) {
    List<CompletableFuture<Delivery>> out = new ArrayList<>();
    for (Iterator<Waiter> i = waiters.iterator(); i.hasNext(); ) {
      Waiter waiter = i.next();
      if (waiter.deadline - now <= 0) {
        out.add(waiter.future);
        i.remove();
      }
    }
    return out;
  }

  /** Takes all out. */
  List<CompletableFuture<Delivery>> drain() {
    List<CompletableFuture<Delivery>> out = waiters.stream().map(Waiter::future).toList();
    waiters.clear();
    return out;
  }

  boolean isDue(long now) {
    return !asking && askAt - now <= 0;
  }

  void ask() {
    asking = true;
  }

  /** It was asked, and is not delivered; delivery = null if there was no answer. */
  void again(Delivery delivery, long now) {
    asking = false;
    last = delivery != null ? delivery : last;
    interval = Math.min(MAX_NANOS, interval + interval / 2);
    askAt = now + interval;
  }

  /** When there is something to do with it. */
  long next() {
    long next = Long.MAX_VALUE;
    boolean first = true;
    for (Waiter waiter : waiters) {
      next = first || waiter.deadline - next < 0 ? waiter.deadline : next;
      first = false;
    }
    return asking || !first && next - askAt < 0 ? next : askAt;
  }

  TimeoutException timeout() {
    return new TimeoutException(
        "delivered: the time is over, and the events are "
            + (last == null ? "not known to be delivered" : last.state()));
  }
}
