package io.github.opendestinations;

/**
 * The service refuses what the client does, and would again: a missing permission, another API. Of
 * a client it is final, everything that waits and every later call fails with it. Of a receipt that
 * was asked for its delivery it concerns that receipt alone.
 */
public final class ClientFailedException extends DestinationsException {
  private static final long serialVersionUID = 1;

  private final String code;
  private final String reason;

  ClientFailedException(String code, String reason, String message) {
    super(
        "the service refused (" + code + (reason.isEmpty() ? "" : ", " + reason) + "): " + message,
        null);
    this.code = code;
    this.reason = reason;
  }

  /**
   * The gRPC code.
   *
   * @return its name, such as {@code PERMISSION_DENIED}
   */
  public String code() {
    return code;
  }

  /**
   * The reason that the service gave for programs (ErrorInfo.reason).
   *
   * @return the reason, empty if there is none
   */
  public String reason() {
    return reason;
  }
}
