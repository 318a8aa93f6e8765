package io.github.opendestinations;

import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.List;

/**
 * What waits to be sent, and how much is held in all. Guarded by the sender's lock.
 *
 * <p>A request has its number from its first event on, and is cut when a stream takes it: when it
 * is full, or its time has come.
 */
final class Buffer {
  private final long maxBytes;
  private final long batchBytes;
  private final long batchDelayNanos;

  private final ArrayDeque<Request> full = new ArrayDeque<>();
  private Request filling; // null = none is begun
  private long due; // System.nanoTime at which filling is cut, full or not
  private long lastSequence;

  private long heldEvents; // here and without an answer
  private long heldBytes;

  Buffer(long maxBytes, long batchBytes, long batchDelayNanos) {
    this.maxBytes = maxBytes;
    this.batchBytes = batchBytes;
    this.batchDelayNanos = batchDelayNanos;
  }

  boolean hasRoom(long counted) {
    return heldBytes == 0 || heldBytes + counted <= maxBytes;
  }

  /** Takes an event. True if there is something new to send, now or when it is due. */
  boolean add(EncodedEvent event, long now) {
    boolean news = false;
    if (filling != null && !filling.hasRoom(event, batchBytes)) {
      full.add(filling);
      filling = null;
    }
    if (filling == null) {
      filling = new Request(++lastSequence, event.pending.destination);
      due = now + batchDelayNanos;
      news = true;
    }
    filling.add(event);
    heldEvents++;
    heldBytes += event.counted();
    return news;
  }

  /** The number of the request that has the latest event. */
  long lastSequence() {
    return lastSequence;
  }

  /** What is begun is to be sent at once. */
  void hurry(long now) {
    due = now;
  }

  /** The next request, if one is to be cut now; null if not. */
  Request peek(long now) {
    if (!full.isEmpty()) {
      return full.peek();
    }
    return filling != null && due - now <= 0 ? filling : null;
  }

  /** Cuts what peek has given. */
  void take(Request request) {
    if (full.peek() == request) {
      full.poll();
    } else {
      filling = null;
    }
  }

  /** How long until the next request is due, in nanoseconds; the longest time if none is begun. */
  long untilDue(long now) {
    return filling == null ? Long.MAX_VALUE : due - now;
  }

  void release(long events, long bytes) {
    heldEvents -= events;
    heldBytes -= bytes;
  }

  long heldEvents() {
    return heldEvents;
  }

  long heldBytes() {
    return heldBytes;
  }

  /** Takes everything out that no stream has taken. */
  List<Request> drain() {
    List<Request> out = new ArrayList<>(full);
    if (filling != null) {
      out.add(filling);
    }
    full.clear();
    filling = null;
    return out;
  }
}
