package io.github.opendestinations;

/** There was no room in the buffer for the event; see {@link WhenFull}. The event was not sent. */
public final class BufferFullException extends DestinationsException {
  private static final long serialVersionUID = 1;

  private final long limit;
  private final long held;

  BufferFullException(long limit, long held, String why) {
    super(
        "the buffer is full ("
            + why
            + "): "
            + held
            + " bytes are held, maxBufferedBytes is "
            + limit,
        null);
    this.limit = limit;
    this.held = held;
  }

  /**
   * How much the buffer takes.
   *
   * @return {@code maxBufferedBytes}
   */
  public long limit() {
    return limit;
  }

  /**
   * How much it held.
   *
   * @return bytes, counted as in {@link Options.Builder#maxBufferedBytes}
   */
  public long held() {
    return held;
  }
}
