package io.github.opendestinations;

/** The payload could not be made into bytes. The cause is what the serializer said. */
public final class SerializationException extends DestinationsException {
  private static final long serialVersionUID = 1;

  private final String reason;

  SerializationException(String reason, Throwable cause) {
    super("payload: " + reason, cause);
    this.reason = reason;
  }

  /**
   * The field of the event that is at fault.
   *
   * @return {@code payload}
   */
  public String field() {
    return "payload";
  }

  /**
   * Why, for people.
   *
   * @return a text without the payload
   */
  public String reason() {
    return reason;
  }
}
