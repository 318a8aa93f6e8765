package io.github.opendestinations;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.github.opendestinations.v1.StreamS3Request;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.function.Function;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

@Timeout(60)
class SendTest {
  private FakeService service;

  @BeforeEach
  void start() throws Exception {
    service = new FakeService();
  }

  @AfterEach
  void stop() {
    service.close();
    assertEquals(List.of(), service.violations());
  }

  static Throwable errorOf(CompletableFuture<?> future) {
    return assertThrows(CompletionException.class, future::join).getCause();
  }

  @Test
  void payloadsGoAsTheyAreOrAsJson() {
    ByteBuffer part = ByteBuffer.wrap("abcdef".getBytes(StandardCharsets.US_ASCII), 1, 3);
    ByteBuffer direct = ByteBuffer.allocateDirect(2).put((byte) 'x').put((byte) 'y').flip();
    List<Object> payloads =
        List.of(
            "täxt",
            "bytes".getBytes(StandardCharsets.US_ASCII),
            part,
            direct,
            Map.of("a", 1),
            List.of(1, 2),
            7);
    try (Client client = Client.connect(service.target())) {
      payloads.forEach(p -> client.send().s3("bkt", null, p));
    }
    assertEquals(
        List.of("täxt", "bytes", "bcd", "xy", "{\"a\":1}", "[1,2]", "7"), service.payloads());
    assertEquals(1, part.position());
  }

  @Test
  void thePayloadIsTakenInTheCall() {
    byte[] payload = "before".getBytes(StandardCharsets.US_ASCII);
    try (Client client = Client.connect(service.target())) {
      client.send().s3("bkt", "", payload);
      payload[0] = 'X';
    }
    assertEquals(List.of("before"), service.payloads());
  }

  @Test
  void aReceiptIsOfTheDestinationOfItsEvent() throws Exception {
    Options options = Options.builder(service.target()).batchDelay(Duration.ofHours(1)).build();
    try (Client client = Client.connect(options)) {
      CompletableFuture<Receipt> a = client.send().s3("bkt", "p", "1");
      CompletableFuture<Receipt> b = client.send().s3("bkt", "p/", "2");
      CompletableFuture<Receipt> c =
          client.send().s3(e -> e.bucket("other").payload("3").id("step-1"));
      client.flush();
      assertEquals("token-bkt/p/", a.join().token());
      assertEquals("p/", a.join().prefix());
      assertEquals("token-bkt/p/", b.join().token());
      assertEquals("token-other/", c.join().token());
      assertEquals("other", c.join().bucket());
    }
    StreamS3Request request = service.requests().get(0);
    assertEquals("bkt", request.getBucket());
    assertEquals("p", request.getPrefix());
    assertEquals("", request.getEvents(0).getBucket());
    assertEquals("bkt", request.getEvents(1).getBucket());
    assertEquals("p/", request.getEvents(1).getPrefix());
    assertEquals("other", request.getEvents(2).getBucket());
    assertEquals("step-1", request.getEvents(2).getId());
  }

  @Test
  void aRejectedEventFailsItsOwnFuture() {
    List<Throwable> told = new ArrayList<>();
    Options options = Options.builder(service.target()).onRejected(told::add).build();
    try (Client client = Client.connect(options)) {
      CompletableFuture<Receipt> good = client.send().s3("bkt", "", "good");
      CompletableFuture<Receipt> bad = client.send().s3("bkt", "", "reject me");
      CompletableFuture<Receipt> last = client.send().s3("bkt", "", "good, too");
      RejectedException e = assertInstanceOf(RejectedException.class, errorOf(bad));
      assertEquals("PAYLOAD_LINE_BREAK", e.code());
      assertEquals("payload", e.field());
      assertEquals("line break at byte 7", e.reason());
      assertEquals("bkt", good.join().bucket());
      assertEquals("bkt", last.join().bucket());
      assertEquals(2, client.stats().accepted());
      assertEquals(1, client.stats().rejected());
      assertEquals(List.of(e), told);
    }
  }

  @Test
  void whatCanNotBeSentFailsItsCallAndNamesTheField() {
    try (Client client = Client.connect(service.target())) {
      Send send = client.send();
      SerializationException e =
          assertInstanceOf(SerializationException.class, errorOf(send.s3("bkt", "", new Object())));
      assertEquals("payload", e.field());
      assertTrue(e.getCause() != null);
      assertInstanceOf(SerializationException.class, errorOf(send.s3("bkt", "", "half \ud800")));
      assertEquals("bucket", rejected(send.s3(null, "", "x")).field());
      assertEquals("bucket", rejected(send.s3("", "", "x")).field());
      assertEquals("prefix", rejected(send.s3("bkt", "\udc00", "x")).field());
      assertEquals("id", rejected(send.s3(b -> b.bucket("bkt").payload("x").id("\ud800"))).field());
      assertEquals("PAYLOAD_EMPTY", rejected(send.s3("bkt", "", null)).code());
      assertEquals(
          "PAYLOAD_TOO_LARGE", rejected(send.s3("bkt", "", new byte[(16 << 20) + 1])).code());
      send.s3("bkt", "", "good").join();
    }
    assertEquals(List.of("good"), service.payloads());
  }

  private static RejectedException rejected(CompletableFuture<Receipt> future) {
    return assertInstanceOf(RejectedException.class, errorOf(future));
  }

  @Test
  void aSerializerOfOnesOwn() {
    Function<Object, byte[]> serializer =
        value -> {
          if (value instanceof Integer) {
            throw new IllegalStateException("no numbers");
          }
          return value.toString().getBytes(StandardCharsets.UTF_8);
        };
    try (Client client =
        Client.connect(Options.builder(service.target()).serializer(serializer).build())) {
      Throwable e = errorOf(client.send().s3("bkt", "", 1));
      assertEquals(
          "no numbers", assertInstanceOf(SerializationException.class, e).getCause().getMessage());
      client.send().s3("bkt", "", List.of("a")).join();
    }
    assertEquals(List.of("[a]"), service.payloads());
  }

  @Test
  void aRequestIsCutBeforeTheEventThatWouldMakeItLarger() {
    Options options =
        Options.builder(service.target())
            .batchBytes(200)
            .batchDelay(Duration.ofHours(1))
            .maxStreams(1)
            .build();
    try (Client client = Client.connect(options)) {
      for (int i = 0; i < 5; i++) {
        client.send().s3("bkt", "", "x".repeat(20)); // counts 87
      }
      client.send().s3("bkt", "", "x".repeat(500)).isDone();
      client.send().s3("bkt", "", "last");
    }
    List<Integer> sizes =
        service.requests().stream()
            .sorted((a, b) -> Long.compare(a.getSequence(), b.getSequence()))
            .map(StreamS3Request::getEventsCount)
            .toList();
    assertEquals(List.of(2, 2, 1, 1, 1), sizes);
  }

  @Test
  void whatHangsOnAFutureMayWaitForRoom() {
    Options options = Options.builder(service.target()).maxBufferedBytes(100).build();
    try (Client client = Client.connect(options)) {
      CompletableFuture<CompletableFuture<Receipt>> second =
          client
              .send()
              .s3("bkt", "", "first")
              .thenApply(
                  receipt -> {
                    client.send().s3("bkt", "", "x".repeat(90));
                    return client.send().s3("bkt", "", "y".repeat(90));
                  });
      assertEquals("bkt", second.join().join().bucket());
    }
  }
}
