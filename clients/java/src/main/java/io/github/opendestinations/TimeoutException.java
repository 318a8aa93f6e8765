package io.github.opendestinations;

/** The time was over first. Nothing is lost by it: what was waited for goes on. */
public final class TimeoutException extends DestinationsException {
  private static final long serialVersionUID = 1;

  TimeoutException(String message) {
    super(message, null);
  }
}
