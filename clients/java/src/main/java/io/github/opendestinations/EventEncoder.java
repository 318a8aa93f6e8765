package io.github.opendestinations;

import java.nio.ByteBuffer;
import java.util.function.Function;

/** Makes bytes of what the caller gave, in the caller's thread, before any lock is taken. */
final class EventEncoder {
  /**
   * Larger payloads are refused here: no service takes them, and they would be copied for nothing.
   */
  static final int MAX_PAYLOAD_BYTES = 16 << 20;

  private final DestinationTable destinations = new DestinationTable();
  private final Function<Object, byte[]> serializer;
  private final Tracing tracing = Tracing.find();

  EventEncoder(Function<Object, byte[]> serializer) {
    this.serializer = serializer != null ? serializer : Serializers.find();
  }

  /** Throws a RejectedException or a SerializationException, which name the field. */
  EncodedEvent encode(S3Event event) {
    if (event.bucket == null) {
      throw new RejectedException("BUCKET_INVALID", "bucket", "missing");
    }
    Destination destination =
        destinations.get(event.bucket, event.prefix == null ? "" : event.prefix);
    EncodedEvent encoded = payload(destination, event.payload);
    if (encoded.length > MAX_PAYLOAD_BYTES) {
      throw new RejectedException(
          "PAYLOAD_TOO_LARGE", "payload", encoded.length + " bytes, limit " + MAX_PAYLOAD_BYTES);
    }
    if (event.id != null && !event.id.isEmpty()) {
      encoded.id = id(event.id);
    }
    tracing.inject(encoded);
    return encoded;
  }

  private EncodedEvent payload(Destination destination, Object payload) {
    if (payload == null) {
      throw new RejectedException("PAYLOAD_EMPTY", "payload", "missing");
    }
    if (payload instanceof ByteBuffer buffer) {
      if (buffer.hasArray()) {
        int offset = buffer.arrayOffset() + buffer.position();
        return new EncodedEvent(destination, buffer.array(), offset, buffer.remaining());
      }
      byte[] copy = new byte[buffer.remaining()];
      buffer.duplicate().get(copy);
      return new EncodedEvent(destination, copy, 0, copy.length);
    }
    byte[] bytes = bytes(payload);
    return new EncodedEvent(destination, bytes, 0, bytes.length);
  }

  private byte[] bytes(Object payload) {
    if (payload instanceof byte[] bytes) {
      return bytes;
    }
    if (payload instanceof String text) {
      byte[] bytes = Utf8.bytes(text);
      if (bytes == null) {
        throw new SerializationException("the string is not valid Unicode", null);
      }
      return bytes;
    }
    return serialize(payload);
  }

  private byte[] serialize(Object payload) {
    byte[] bytes;
    try {
      bytes = serializer.apply(payload);
    } catch (DestinationsException e) {
      throw e;
    } catch (RuntimeException | StackOverflowError e) {
      throw new SerializationException(
          "the serializer failed on a " + payload.getClass().getName(), e);
    }
    if (bytes == null) {
      throw new SerializationException(
          "the serializer gave null for a " + payload.getClass().getName(), null);
    }
    return bytes;
  }

  /** A longer id is the service's to refuse; one that no request has room for is refused here. */
  private static byte[] id(String id) {
    byte[] bytes = Utf8.field(id, "id", "ID_INVALID");
    if (bytes.length > 1 << 16) {
      throw new RejectedException("ID_INVALID", "id", bytes.length + " bytes, limit " + (1 << 16));
    }
    return bytes;
  }
}
