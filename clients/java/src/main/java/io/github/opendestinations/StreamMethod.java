package io.github.opendestinations;

import io.github.opendestinations.v1.DestinationsGrpc;
import io.github.opendestinations.v1.StreamS3Response;
import io.grpc.Drainable;
import io.grpc.KnownLength;
import io.grpc.MethodDescriptor;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.io.SequenceInputStream;
import java.util.Arrays;

/** StreamS3 for requests that are encoded already. */
final class StreamMethod {
  static final MethodDescriptor<Outgoing, StreamS3Response> STREAM_S3 =
      DestinationsGrpc.getStreamS3Method().toBuilder(
              new Marshaller(), DestinationsGrpc.getStreamS3Method().getResponseMarshaller())
          .build();

  private StreamMethod() {}

  /**
   * A request as it is sent now.
   *
   * @param settled what the sender has settled by now
   * @param senderId null behind the first request of a stream
   * @param receipts whether answers are to have receipts; counts in the first request
   */
  record Outgoing(Request request, long settled, byte[] senderId, boolean receipts) {
    /** What stands behind the events. */
    byte[] tail() {
      Destination d = request.destination;
      byte[] tail = new byte[d.bucketBytes.length + d.prefixBytes.length + 80];
      int end = Wire.putBytes(tail, 0, 2, d.bucketBytes, 0, d.bucketBytes.length);
      end = Wire.putBytes(tail, end, 3, d.prefixBytes, 0, d.prefixBytes.length);
      end = Wire.putNumber(tail, end, 4, request.sequence);
      end = Wire.putNumber(tail, end, 5, settled);
      if (senderId != null) {
        end = Wire.putBytes(tail, end, 6, senderId, 0, senderId.length);
        end = Wire.putNumber(tail, end, 7, receipts ? 1 : 0);
      }
      return Arrays.copyOf(tail, end);
    }
  }

  private static final class Marshaller implements MethodDescriptor.Marshaller<Outgoing> {
    @Override
    public InputStream stream(Outgoing value) {
      return new Encoded(value.request().body(), value.request().bodyLength(), value.tail());
    }

    @Override
    public Outgoing parse(InputStream stream) {
      throw new UnsupportedOperationException("a client reads no requests");
    }
  }

  /** Gives gRPC the length, and copies once, into its own buffers. */
  private static final class Encoded extends SequenceInputStream implements KnownLength, Drainable {
    private final byte[] body;
    private final int bodyLength;
    private final byte[] tail;
    private boolean drained;

    Encoded(byte[] body, int bodyLength, byte[] tail) {
      super(new ByteArrayInputStream(body, 0, bodyLength), new ByteArrayInputStream(tail));
      this.body = body;
      this.bodyLength = bodyLength;
      this.tail = tail;
    }

    @Override
    public int available() {
      return drained ? 0 : bodyLength + tail.length;
    }

    @Override
    public int drainTo(OutputStream target) throws IOException {
      target.write(body, 0, bodyLength);
      target.write(tail, 0, tail.length);
      drained = true;
      return bodyLength + tail.length;
    }
  }
}
