package io.github.opendestinations;

/** The client is closed: the event was not sent. */
public final class ClosedException extends DestinationsException {
  private static final long serialVersionUID = 1;

  ClosedException() {
    super("the client is closed", null);
  }
}
