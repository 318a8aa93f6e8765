package io.github.opendestinations;

/**
 * What this package fails with: every other exception of it is one of these. No message ever holds
 * a payload.
 */
public class DestinationsException extends RuntimeException {
  private static final long serialVersionUID = 1;

  DestinationsException(String message, Throwable cause) {
    super(message, cause);
  }
}
