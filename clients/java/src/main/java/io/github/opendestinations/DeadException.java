package io.github.opendestinations;

/**
 * The events will not be delivered by themselves any more: somebody has to look at their
 * destination.
 */
public final class DeadException extends DestinationsException {
  private static final long serialVersionUID = 1;

  private final transient Delivery delivery;

  DeadException(Delivery delivery) {
    super("the events are dead (" + delivery.code() + "): " + delivery.message(), null);
    this.delivery = delivery;
  }

  /**
   * The last status.
   *
   * @return what the service said, null after this exception was serialised
   */
  public Delivery delivery() {
    return delivery;
  }
}
