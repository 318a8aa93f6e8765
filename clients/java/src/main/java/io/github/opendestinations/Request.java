package io.github.opendestinations;

import io.github.opendestinations.v1.Rejection;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/**
 * The events of one StreamS3Request, already encoded. Bucket and prefix of the request are those of
 * its first event. Guarded by the sender's lock while it is filled; what it sends never changes
 * once it was taken.
 */
final class Request {
  /** The encoded size that every service takes, less what stands beside the events. */
  private static final int MAX_ENCODED_BYTES = (4 << 20) - 4096;

  final long sequence;
  final Destination destination; // of its first event

  private byte[] body = {};
  private int bodyLength;
  private PendingReceipt[] pending = {};
  private int events;
  private long counted;

  /** Those that the present stream has named; null = none. */
  private List<Rejection> rejections;

  /** Whether it is settled. */
  boolean answered;

  Request(long sequence, Destination destination) {
    this.sequence = sequence;
    this.destination = destination;
  }

  int events() {
    return events;
  }

  /** What its events count in the buffer. */
  long counted() {
    return counted;
  }

  boolean hasRoom(EncodedEvent event, long batchBytes) {
    return events == 0
        || counted + event.counted() <= batchBytes
            && bodyLength + outerSize(event) <= MAX_ENCODED_BYTES;
  }

  private int outerSize(EncodedEvent event) {
    int size = event.size(event.pending.destination == destination);
    return 1 + Wire.sizeOfVarint(size) + size;
  }

  void add(EncodedEvent event) {
    boolean inherits = event.pending.destination == destination;
    int size = event.size(inherits);
    reserve(1 + Wire.sizeOfVarint(size) + size);
    bodyLength = event.write(body, Wire.putHead(body, bodyLength, 1, size), inherits);
    if (events == pending.length) {
      pending = Arrays.copyOf(pending, Math.max(16, 2 * events));
    }
    pending[events++] = event.pending;
    counted += event.counted();
  }

  private void reserve(int more) {
    if (bodyLength + more > body.length) {
      body = Arrays.copyOf(body, Math.max(bodyLength + more, 2 * body.length));
    }
  }

  byte[] body() {
    return body;
  }

  int bodyLength() {
    return bodyLength;
  }

  /** Notes a rejection. False if there is no such event. */
  boolean reject(Rejection rejection) {
    if (Integer.compareUnsigned(rejection.getRequestIndex(), events) >= 0) {
      return false;
    }
    if (rejections == null) {
      rejections = new ArrayList<>();
    }
    rejections.add(rejection);
    return true;
  }

  /** What an earlier stream has named does not count in the next. */
  void forgetRejections() {
    rejections = null;
  }

  List<Rejection> rejections() {
    return rejections == null ? List.of() : rejections;
  }

  PendingReceipt pending(int index) {
    return pending[index];
  }

  /**
   * Takes its events out, which no service takes: it is sent as an empty one, for it has its
   * number.
   */
  List<PendingReceipt> empty() {
    List<PendingReceipt> out = List.of(Arrays.copyOf(pending, events));
    body = new byte[0];
    pending = new PendingReceipt[0];
    bodyLength = 0;
    events = 0;
    counted = 0;
    return out;
  }
}
