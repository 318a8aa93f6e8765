package io.github.opendestinations;

/**
 * The client was closed before the service had answered: what is left may have been accepted or
 * not.
 */
public final class UnansweredException extends DestinationsException {
  private static final long serialVersionUID = 1;

  private final Left left;

  UnansweredException(Left left) {
    super(
        "closed with " + left.events() + " events (" + left.bytes() + " bytes) without an answer",
        null);
    this.left = left;
  }

  /**
   * How much was left when the client was closed, all of its events together.
   *
   * @return events and bytes
   */
  public Left left() {
    return left;
  }
}
