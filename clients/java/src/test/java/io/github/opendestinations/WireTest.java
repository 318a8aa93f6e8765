package io.github.opendestinations;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;

import io.github.opendestinations.v1.S3Event;
import io.github.opendestinations.v1.StreamS3Request;
import java.io.ByteArrayOutputStream;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.util.Random;
import org.junit.jupiter.api.Test;

/** What is written by hand is what protobuf reads. */
class WireTest {
  private final Random random = new Random(4);

  private byte[] bytes(int most) {
    byte[] out = new byte[random.nextInt(most + 1)];
    for (int i = 0; i < out.length; i++) {
      out[i] = (byte) ('a' + random.nextInt(26));
    }
    return out;
  }

  private String text(int most) {
    return new String(bytes(most), StandardCharsets.US_ASCII);
  }

  @Test
  void requestsAreWhatProtobufReads() throws Exception {
    for (int round = 0; round < 2000; round++) {
      Destination first = new Destination("b" + text(5), text(3));
      Request request = new Request(random.nextLong() >>> random.nextInt(64), first);
      StreamS3Request.Builder want =
          StreamS3Request.newBuilder()
              .setBucket(first.bucket)
              .setPrefix(new String(first.prefixBytes, StandardCharsets.UTF_8));
      for (int i = random.nextInt(5); i >= 0; i--) {
        want.addEvents(
            add(
                request,
                random.nextBoolean() ? first : new Destination("b" + text(5), text(3)),
                first));
      }
      byte[] sender = random.nextBoolean() ? bytes(16) : null;
      boolean receipts = random.nextBoolean();
      long settled = random.nextInt(1000);
      want.setSequence(request.sequence).setSettled(settled);
      if (sender != null) {
        want.setSenderId(com.google.protobuf.ByteString.copyFrom(sender))
            .setReceipts(receipts && sender.length > 0);
      }
      boolean says = receipts && (sender == null || sender.length > 0);
      check(want.build(), new StreamMethod.Outgoing(request, settled, sender, says));
    }
  }

  private S3Event add(Request request, Destination to, Destination first) {
    byte[] payload = bytes(random.nextInt(10) == 0 ? 40_000 : 200);
    EncodedEvent event = new EncodedEvent(to, payload, 0, payload.length);
    event.id = bytes(10);
    event.traceparent = bytes(55);
    event.tracestate = bytes(200);
    request.add(event);
    S3Event.Builder want =
        S3Event.newBuilder()
            .setId(new String(event.id, StandardCharsets.US_ASCII))
            .setPayload(com.google.protobuf.ByteString.copyFrom(payload))
            .setTraceparent(new String(event.traceparent, StandardCharsets.US_ASCII))
            .setTracestate(new String(event.tracestate, StandardCharsets.US_ASCII));
    if (to != first) {
      want.setBucket(to.bucket);
      if (to.prefixBytes.length > 0) {
        want.setPrefix(new String(to.prefixBytes, StandardCharsets.US_ASCII));
      }
    }
    return want.build();
  }

  private static void check(StreamS3Request want, StreamMethod.Outgoing outgoing) throws Exception {
    InputStream read = StreamMethod.STREAM_S3.streamRequest(outgoing);
    byte[] got = read.readAllBytes();
    assertEquals(want, StreamS3Request.parseFrom(got));
    InputStream drained = StreamMethod.STREAM_S3.streamRequest(outgoing);
    assertEquals(got.length, drained.available());
    ByteArrayOutputStream out = new ByteArrayOutputStream();
    assertEquals(got.length, ((io.grpc.Drainable) drained).drainTo(out));
    assertArrayEquals(got, out.toByteArray());
    assertEquals(0, drained.available());
  }
}
