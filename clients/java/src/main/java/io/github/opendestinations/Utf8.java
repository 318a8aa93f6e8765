package io.github.opendestinations;

import java.nio.charset.StandardCharsets;

/**
 * Strict UTF-8: a string with half a surrogate pair is an error, and is not sent with a question
 * mark in its place.
 */
final class Utf8 {
  private Utf8() {}

  /** Returns null if the string is not valid Unicode. */
  static byte[] bytes(String s) {
    byte[] encoded = s.getBytes(StandardCharsets.UTF_8);
    // What is no character becomes "?". Reading it back is the quickest way to see that: both ways
    // are intrinsics.
    return new String(encoded, StandardCharsets.UTF_8).equals(s) ? encoded : null;
  }

  static byte[] field(String s, String field, String code) {
    byte[] encoded = bytes(s);
    if (encoded == null) {
      throw new RejectedException(code, field, "not valid Unicode");
    }
    return encoded;
  }
}
