package io.github.opendestinations;

import java.util.List;
import java.util.Map;

/**
 * What an answer settles.
 *
 * @param requests that are answered
 * @param tokens of their receipts, by destination
 * @param tokensBefore those of the answer before, which may have had the first receipts of the
 *     first request
 */
record Settled(
    List<Request> requests,
    Map<Destination, String> tokens,
    Map<Destination, String> tokensBefore) {

  /** The token of a destination's events, empty if there is no receipt. */
  String token(Destination destination) {
    String token = tokens.get(destination);
    return token != null ? token : tokensBefore.getOrDefault(destination, "");
  }
}
