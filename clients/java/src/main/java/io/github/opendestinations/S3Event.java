package io.github.opendestinations;

/**
 * One event: a line of an object in S3. Immutable, but that the payload is looked at in the call
 * that sends it.
 */
public final class S3Event {
  final String bucket;
  final String prefix;
  final Object payload;
  final String id;

  private S3Event(Builder builder) {
    this.bucket = builder.bucket;
    this.prefix = builder.prefix;
    this.payload = builder.payload;
    this.id = builder.id;
  }

  /**
   * Begins an event.
   *
   * @return a builder without any field
   */
  public static Builder builder() {
    return new Builder();
  }

  /** Makes an event. Nothing is checked before it is sent. */
  public static final class Builder {
    private String bucket;
    private String prefix;
    private Object payload;
    private String id;

    private Builder() {}

    /**
     * Sets the bucket, which is required.
     *
     * @param bucket its name
     * @return this
     */
    public Builder bucket(String bucket) {
      this.bucket = bucket;
      return this;
    }

    /**
     * Sets what the object's key begins with.
     *
     * @param prefix completed with {@code /} by the service; null or empty = none
     * @return this
     */
    public Builder prefix(String prefix) {
      this.prefix = prefix;
      return this;
    }

    /**
     * Sets the line, which is required.
     *
     * @param payload {@code byte[]} and {@code ByteBuffer} (from its position to its limit) go as
     *     they are, a {@code String} as UTF-8; anything else is serialised, see {@link
     *     Options.Builder#serializer}
     * @return this
     */
    public Builder payload(Object payload) {
      this.payload = payload;
      return this;
    }

    /**
     * Sets the caller's own name of the event, for a step that may run again: within the service's
     * dedupe window another event of the same id and destination is left out.
     *
     * @param id at most 128 bytes of UTF-8; null or empty = none
     * @return this
     */
    public Builder id(String id) {
      this.id = id;
      return this;
    }

    /**
     * Makes the event.
     *
     * @return an event with these fields
     */
    public S3Event build() {
      return new S3Event(this);
    }
  }
}
