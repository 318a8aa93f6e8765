package io.github.opendestinations;

/** What a call does when the buffer has no room for its event. */
public enum WhenFull {
  /** It waits for room, however long. */
  WAIT,
  /**
   * It waits for room, for {@code blockTimeout}; then its future fails with a {@link
   * BufferFullException}.
   */
  BLOCK,
  /** Its future fails with a {@link BufferFullException} at once. */
  ERROR
}
