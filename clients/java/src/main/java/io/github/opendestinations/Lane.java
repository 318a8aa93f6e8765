package io.github.opendestinations;

import io.github.opendestinations.v1.Rejection;
import io.github.opendestinations.v1.StreamS3Response;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/**
 * The place of one stream: what it has not answered yet goes over the next one in this place, in
 * the order of the numbers, before anything new. Guarded by the sender's lock.
 */
final class Lane {
  final boolean first; // it stays open when there is nothing to do
  final Backoff backoff;

  /** The open call, null if none is. */
  StreamCall call;

  /** System.nanoTime before which no call is opened. */
  long openAt;

  /** System.nanoTime since which there is nothing to do, if so. */
  long idleSince;

  /** Whether an earlier call has ended. */
  boolean reopens;

  private final ArrayDeque<Request> sent = new ArrayDeque<>();
  private final ArrayDeque<Request> unsent = new ArrayDeque<>();
  private long bytes;
  private boolean greeted; // the present call has its first request
  private long answeredUpTo; // by the present call

  /** Receipts of the answers since the last one that settled a request, and of that one. */
  private Map<Destination, String> tokens = new HashMap<>();

  private Map<Destination, String> tokensBefore = Map.of();

  Lane(boolean first, Backoff backoff, long now) {
    this.first = first;
    this.backoff = backoff;
    this.openAt = now;
    this.idleSince = now;
  }

  /** Bytes without an answer, counted as in the buffer. */
  long bytes() {
    return bytes;
  }

  boolean isEmpty() {
    return sent.isEmpty() && unsent.isEmpty();
  }

  boolean hasUnsent() {
    return !unsent.isEmpty();
  }

  void add(Request request) {
    unsent.add(request);
    bytes += request.counted();
  }

  /** The next request to send over the present call; isFirst of them says so once. */
  Request poll() {
    Request next = unsent.poll();
    sent.add(next);
    return next;
  }

  /** True once for each call. */
  boolean greet() {
    boolean isFirst = !greeted;
    greeted = true;
    return isFirst;
  }

  /** The present call has ended: what it has not answered is unsent. */
  void end() {
    for (Request r : sent) {
      r.forgetRejections();
    }
    while (!sent.isEmpty()) {
      unsent.addFirst(sent.pollLast());
    }
    call = null;
    reopens = true;
    greeted = false;
    answeredUpTo = 0;
    tokens = new HashMap<>();
    tokensBefore = Map.of();
  }

  /**
   * Takes an answer of the present call and returns what it settles; null if the answer breaks the
   * API.
   */
  Settled answer(StreamS3Response answer, long now) {
    for (Rejection rejection : answer.getRejectionsList()) {
      Request request = find(rejection.getSequence());
      if (request == null || !request.reject(rejection)) {
        return null;
      }
    }
    long upTo = answer.getSequence();
    if (Long.compareUnsigned(upTo, answeredUpTo) < 0
        || upTo != answeredUpTo && find(upTo) == null) {
      return null;
    }
    answeredUpTo = upTo;
    Map<Destination, String> given = tokensOf(answer);
    tokens.putAll(given);
    List<Request> settled = new ArrayList<>();
    while (!sent.isEmpty() && sent.peek().sequence <= upTo) {
      Request request = sent.poll();
      bytes -= request.counted();
      settled.add(request);
    }
    Settled result = new Settled(settled, tokens, tokensBefore);
    if (!settled.isEmpty()) {
      // The next request may have some of its receipts in this answer, and the rest in the next.
      tokens = new HashMap<>();
      tokensBefore = given;
      backoff.reset();
    }
    idleSince = now;
    return result;
  }

  private static Map<Destination, String> tokensOf(StreamS3Response answer) {
    Map<Destination, String> tokens = new HashMap<>();
    for (io.github.opendestinations.v1.Receipt r : answer.getReceiptsList()) {
      if (!r.getBucket().isEmpty()) {
        tokens.put(new Destination(r.getBucket(), r.getPrefix()), r.getToken());
      }
    }
    return tokens;
  }

  /** The request of that number, if the present call was given it and has not answered it. */
  private Request find(long sequence) {
    for (Request r : sent) {
      if (r.sequence == sequence) {
        return r;
      }
    }
    return null;
  }

  /** The largest request without an answer, null if there is none with events. */
  Request largest() {
    Request largest = null;
    for (Request r : unsent) {
      if (r.events() > 0 && (largest == null || r.bodyLength() > largest.bodyLength())) {
        largest = r;
      }
    }
    return largest;
  }

  /** Takes the events out of a request. */
  List<PendingReceipt> leaveOut(Request request) {
    bytes -= request.counted();
    return request.empty();
  }

  /** Takes everything out. */
  List<Request> drain() {
    List<Request> out = new ArrayList<>(sent);
    out.addAll(unsent);
    sent.clear();
    unsent.clear();
    bytes = 0;
    return out;
  }
}
