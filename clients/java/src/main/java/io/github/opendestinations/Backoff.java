package io.github.opendestinations;

import java.util.concurrent.ThreadLocalRandom;

/**
 * Pauses that double, each of them between half of it and all of it at random. Not for concurrent
 * use.
 */
final class Backoff {
  private final long initialNanos;
  private final long maxNanos;
  private long next;

  Backoff(long initialNanos, long maxNanos) {
    this.initialNanos = initialNanos;
    this.maxNanos = maxNanos;
    this.next = initialNanos;
  }

  /** Begins anew: all is well. */
  void reset() {
    next = initialNanos;
  }

  /** The next pause, in nanoseconds. */
  long pause() {
    long whole = next;
    next = Math.min(maxNanos, 2 * whole);
    return whole / 2 + ThreadLocalRandom.current().nextLong(whole - whole / 2 + 1);
  }
}
