package io.github.opendestinations;

/**
 * The few parts of protobuf's wire format that a request consists of. Each event is written once,
 * where it is sent from, instead of becoming a message that is measured, copied and encoded later.
 * Fields have numbers below 16; an empty one is left out.
 */
final class Wire {
  private Wire() {}

  static int sizeOfVarint(long value) {
    return (70 - Long.numberOfLeadingZeros(value | 1)) / 7;
  }

  static int sizeOfBytes(int length) {
    return length == 0 ? 0 : 1 + sizeOfVarint(length) + length;
  }

  static int putVarint(byte[] to, int at, long value) {
    int next = at;
    long rest = value;
    while ((rest & ~0x7FL) != 0) {
      to[next++] = (byte) (rest | 0x80);
      rest >>>= 7;
    }
    to[next++] = (byte) rest;
    return next;
  }

  /** Writes a field of bytes or of a string, and returns where it ends. */
  static int putBytes(byte[] to, int at, int field, byte[] from, int offset, int length) {
    if (length == 0) {
      return at;
    }
    int start = putHead(to, at, field, length);
    System.arraycopy(from, offset, to, start, length);
    return start + length;
  }

  /** Writes what comes before bytes, a string or a message, and returns where that is to stand. */
  static int putHead(byte[] to, int at, int field, int length) {
    to[at] = (byte) (field << 3 | 2);
    return putVarint(to, at + 1, length);
  }

  /** Writes a field of a number, and returns where it ends. */
  static int putNumber(byte[] to, int at, int field, long value) {
    if (value == 0) {
      return at;
    }
    to[at] = (byte) (field << 3);
    return putVarint(to, at + 1, value);
  }
}
