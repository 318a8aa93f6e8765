package io.github.opendestinations;

/**
 * The event was not accepted, by the service or already by the client. It concerns this event
 * alone.
 */
public final class RejectedException extends DestinationsException {
  private static final long serialVersionUID = 1;

  private final String code;
  private final String field;
  private final String reason;

  RejectedException(String code, String field, String reason) {
    super((field.isEmpty() ? "" : field + ": ") + reason + " (" + code + ")", null);
    this.code = code;
    this.field = field;
    this.reason = reason;
  }

  /**
   * Why, for programs: a RejectionCode of the API without its first words, such as {@code
   * PAYLOAD_LINE_BREAK}; or, from the client, {@code BUCKET_INVALID}, {@code PREFIX_INVALID},
   * {@code ID_INVALID}, {@code PAYLOAD_EMPTY}, {@code PAYLOAD_TOO_LARGE} or {@code
   * REQUEST_TOO_LARGE}.
   *
   * @return the code
   */
  public String code() {
    return code;
  }

  /**
   * The field of the event that is at fault, such as {@code payload}.
   *
   * @return its name, empty if none is
   */
  public String field() {
    return field;
  }

  /**
   * Why, for people.
   *
   * @return a text that names the limit and the value
   */
  public String reason() {
    return reason;
  }
}
