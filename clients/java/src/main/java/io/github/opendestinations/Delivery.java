package io.github.opendestinations;

import java.time.Instant;
import java.util.List;
import java.util.Optional;

/**
 * What became of the events that a receipt stands for.
 *
 * @param state how far they are
 * @param objects that hold them, in the order of the events: at most 1,000
 * @param code AWS's error code of what keeps them from being delivered; empty if nothing does
 * @param message what was said then, for people
 * @param nextTry when they are tried next, if a pause has to pass before
 * @param detailsExpired they are delivered, and the service no longer knows all of the objects
 */
public record Delivery(
    DeliveryState state,
    List<DeliveredObject> objects,
    String code,
    String message,
    Optional<Instant> nextTry,
    boolean detailsExpired) {

  /**
   * Copies the list.
   *
   * @param state how far they are
   * @param objects that hold them
   * @param code of what keeps them from being delivered
   * @param message what was said then
   * @param nextTry when they are tried next
   * @param detailsExpired not all objects are known any more
   */
  public Delivery {
    objects = List.copyOf(objects);
  }
}
