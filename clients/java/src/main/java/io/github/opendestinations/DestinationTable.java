package io.github.opendestinations;

import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicInteger;

/**
 * The destinations that were sent to lately, so that their names are encoded once and compared by
 * identity.
 */
final class DestinationTable {
  /** So many entries are kept; then all are forgotten. Nothing depends on an entry being there. */
  private static final int MAX_ENTRIES = 10_000;

  private final ConcurrentHashMap<String, ConcurrentHashMap<String, Destination>> byBucket =
      new ConcurrentHashMap<>();
  private final AtomicInteger entries = new AtomicInteger();

  /** Throws a RejectedException as the constructor of Destination does. */
  Destination get(String bucket, String prefix) {
    ConcurrentHashMap<String, Destination> byPrefix = byBucket.get(bucket);
    Destination found = byPrefix == null ? null : byPrefix.get(prefix);
    return found != null ? found : add(new Destination(bucket, prefix), prefix);
  }

  private Destination add(Destination made, String prefix) {
    if (entries.incrementAndGet() > MAX_ENTRIES) {
      byBucket.clear();
      entries.set(1);
    }
    Destination before =
        byBucket
            .computeIfAbsent(made.bucket, b -> new ConcurrentHashMap<>())
            .putIfAbsent(prefix, made);
    return before == null ? made : before;
  }
}
