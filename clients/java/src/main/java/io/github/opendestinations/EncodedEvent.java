package io.github.opendestinations;

/** An event on its way from the call into a request. */
final class EncodedEvent {
  private static final byte[] NONE = {};

  /** What an event counts in the buffer beside its fields. */
  private static final int OVERHEAD = 64;

  final PendingReceipt pending;
  final byte[] payload;
  final int offset; // of the payload in its array
  final int length; // of the payload
  byte[] id = NONE;
  byte[] traceparent = NONE;
  byte[] tracestate = NONE;

  EncodedEvent(Destination destination, byte[] payload, int offset, int length) {
    this.pending = new PendingReceipt(destination);
    this.payload = payload;
    this.offset = offset;
    this.length = length;
  }

  /**
   * What it counts in the buffer and in a request: payload, bucket, prefix, id and the overhead.
   */
  long counted() {
    Destination d = pending.destination;
    return (long) length + d.bucketBytes.length + d.prefixBytes.length + id.length + OVERHEAD;
  }

  /** The size of its S3Event; inherits = the request's bucket and prefix are its own. */
  int size(boolean inherits) {
    int size = Wire.sizeOfBytes(id.length) + Wire.sizeOfBytes(length);
    size += Wire.sizeOfBytes(traceparent.length) + Wire.sizeOfBytes(tracestate.length);
    if (!inherits) {
      Destination d = pending.destination;
      size += Wire.sizeOfBytes(d.bucketBytes.length) + Wire.sizeOfBytes(d.prefixBytes.length);
    }
    return size;
  }

  /** Writes its S3Event, and returns where it ends. */
  int write(byte[] to, int at, boolean inherits) {
    int end = Wire.putBytes(to, at, 1, id, 0, id.length);
    if (!inherits) {
      Destination d = pending.destination;
      end = Wire.putBytes(to, end, 2, d.bucketBytes, 0, d.bucketBytes.length);
      end = Wire.putBytes(to, end, 3, d.prefixBytes, 0, d.prefixBytes.length);
    }
    end = Wire.putBytes(to, end, 4, payload, offset, length);
    end = Wire.putBytes(to, end, 5, traceparent, 0, traceparent.length);
    return Wire.putBytes(to, end, 6, tracestate, 0, tracestate.length);
  }
}
