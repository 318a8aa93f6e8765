package io.github.opendestinations;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.google.rpc.Code;
import io.github.opendestinations.FakeService.Fault;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.stream.IntStream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

@Timeout(120)
class ResendTest {
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

  private Options.Builder options() {
    return Options.builder(service.target()).reconnect(Duration.ofMillis(1), Duration.ofMillis(20));
  }

  /** Sends n events and waits; each must be there once. */
  private void sendAll(Client client, int n) {
    List<CompletableFuture<Receipt>> all = new ArrayList<>();
    for (int i = 0; i < n; i++) {
      all.add(client.send().s3("bkt", "p" + i % 20, "event " + i));
    }
    all.forEach(CompletableFuture::join);
    List<String> want = IntStream.range(0, n).mapToObj(i -> "event " + i).sorted().toList();
    assertEquals(want, service.payloads().stream().sorted().toList());
  }

  @Test
  void whatHasNoAnswerIsSentAgainExactlyAsItWas() {
    Random random = new Random(1);
    service.faults(
        r ->
            switch (random.nextInt(6)) {
              case 0 -> Fault.CUT_AFTER;
              case 1 -> Fault.CUT_BEFORE;
              default -> Fault.NONE;
            });
    try (Client client = Client.connect(options().batchBytes(2000).build())) {
      sendAll(client, 5000);
      assertTrue(client.stats().reconnects() > 10, "got " + client.stats());
    }
    assertEquals(1, service.senders());
  }

  @Test
  void severalStreamsOfOneClientUnderResets() throws Exception {
    Random random = new Random(2);
    service.faults(r -> random.nextInt(8) == 0 ? Fault.CUT_AFTER : Fault.NONE);
    service.hold();
    String pad = "x".repeat(10_000);
    try (Client client = Client.connect(options().maxStreams(3).build())) {
      List<CompletableFuture<Receipt>> all = new ArrayList<>();
      for (int i = 0; i < 1500; i++) {
        all.add(client.send().s3("bkt", "", i + " " + pad));
      }
      awaitStreams(3);
      service.release();
      all.forEach(CompletableFuture::join);
    }
    assertEquals(1500, service.payloads().stream().distinct().count());
    assertEquals(1500, service.payloads().size());
  }

  private void awaitStreams(int n) throws InterruptedException {
    BufferFullTest.await(() -> service.streams() >= n);
  }

  @Test
  void aStreamThatIsOfAgeIsReplaced() {
    AtomicInteger requests = new AtomicInteger();
    service.end(FakeService.status(Code.UNAVAILABLE, "STREAM_AGE", "old", Duration.ofMillis(5)));
    service.faults(r -> requests.incrementAndGet() % 3 == 0 ? Fault.END : Fault.NONE);
    try (Client client = Client.connect(options().batchBytes(2000).build())) {
      sendAll(client, 1000);
      assertTrue(client.stats().reconnects() >= 2, "got " + client.stats());
    }
  }

  @Test
  void whatTheServiceAsksForIsTheLeastPause() {
    for (String reason : List.of("RATE_EXCEEDED", "TOO_MANY_CALLS")) {
      AtomicInteger requests = new AtomicInteger();
      service.end(
          FakeService.status(Code.RESOURCE_EXHAUSTED, reason, "later", Duration.ofMillis(300)));
      service.faults(r -> requests.incrementAndGet() == 1 ? Fault.END : Fault.NONE);
      try (Client client = Client.connect(options().build())) {
        long began = System.nanoTime();
        client.send().s3("bkt", "", reason).join();
        assertTrue(System.nanoTime() - began >= Duration.ofMillis(300).toNanos(), reason);
      }
    }
  }

  @Test
  void aServiceThatIsAwayIsNoError() throws Exception {
    String target = service.target();
    service.close();
    try (Client client =
        Client.connect(
            Options.builder(target)
                .reconnect(Duration.ofMillis(1), Duration.ofMillis(20))
                .build())) {
      CompletableFuture<Receipt> future = client.send().s3("bkt", "", "x");
      BufferFullTest.await(() -> client.stats().lastError().startsWith("UNAVAILABLE"));
      assertThrows(TimeoutException.class, () -> client.flush(Duration.ofMillis(50)));
      assertEquals(false, future.isDone());
      assertEquals(new Left(1, 68), client.close(Duration.ofMillis(10)));
    }
  }

  @Test
  void aRequestThatIsTooLargeCostsItself() {
    service.end(
        FakeService.status(Code.RESOURCE_EXHAUSTED, "REQUEST_TOO_LARGE", "5 MiB, limit 4 MiB"));
    service.faults(r -> r.getSerializedSize() > 4 << 20 ? Fault.END : Fault.NONE);
    try (Client client = Client.connect(options().build())) {
      CompletableFuture<Receipt> before = client.send().s3("bkt", "", "small");
      CompletableFuture<Receipt> large = client.send().s3("bkt", "", "x".repeat(5 << 20));
      CompletableFuture<Receipt> after = client.send().s3("bkt", "", "small, too");
      RejectedException e = assertInstanceOf(RejectedException.class, SendTest.errorOf(large));
      assertEquals("REQUEST_TOO_LARGE", e.code());
      assertEquals("payload", e.field());
      before.join();
      after.join();
      assertEquals(0, client.stats().bufferedBytes());
    }
    assertEquals(List.of("small", "small, too"), service.payloads());
  }

  @Test
  void aRefusalEndsTheClient() {
    service.end(FakeService.status(Code.PERMISSION_DENIED, "NOT_GRANTED", "no grant for bkt"));
    service.faults(r -> Fault.END);
    ClientFailedException end = assertThrows(ClientFailedException.class, this::useARefusedClient);
    assertEquals("PERMISSION_DENIED", end.code()); // of close, too
  }

  private void useARefusedClient() {
    try (Client client = Client.connect(options().build())) {
      CompletableFuture<Receipt> first = client.send().s3("bkt", "", "x");
      ClientFailedException e =
          assertInstanceOf(ClientFailedException.class, SendTest.errorOf(first));
      assertEquals("PERMISSION_DENIED", e.code());
      assertEquals("NOT_GRANTED", e.reason());
      assertTrue(e.getMessage().contains("no grant for bkt"));
      assertInstanceOf(
          ClientFailedException.class, SendTest.errorOf(client.send().s3("bkt", "", "x")));
      assertThrows(ClientFailedException.class, client::flush);
      assertEquals(0, client.stats().bufferedEvents());
    }
  }

  @Test
  void eightThreadsSendAtOnceUnderResets() throws Exception {
    Random random = new Random(3);
    service.faults(r -> random.nextInt(10) == 0 ? Fault.CUT_AFTER : Fault.NONE);
    List<Thread> threads = new ArrayList<>();
    AtomicInteger accepted = new AtomicInteger();
    try (Client client =
        Client.connect(options().batchBytes(4000).maxBufferedBytes(100_000).build())) {
      for (int t = 0; t < 8; t++) {
        int thread = t;
        threads.add(
            new Thread(
                () -> {
                  for (int i = 0; i < 2000; i++) {
                    client
                        .send()
                        .s3("bkt", "p" + thread % 3, thread + "-" + i)
                        .thenRun(accepted::incrementAndGet);
                  }
                }));
      }
      threads.forEach(Thread::start);
      for (Thread thread : threads) {
        thread.join();
      }
    }
    assertEquals(16_000, accepted.get());
    assertEquals(16_000, service.payloads().stream().distinct().count());
    assertEquals(16_000, service.payloads().size());
  }

  @Test
  void anotherTargetGetsWhatIsNewUnderAnotherSenderId() throws Exception {
    try (FakeService other = new FakeService();
        Client client = Client.connect(options().build())) {
      service.hold();
      client.send().s3("bkt", "", "old");
      awaitStreams(1);
      BufferFullTest.await(() -> service.payloads().size() == 1);
      assertThrows(
          TimeoutException.class, () -> client.setTarget(other.target(), Duration.ofMillis(20)));
      service.release();
      client.setTarget(other.target(), Duration.ofSeconds(30));
      client.send().s3("bkt", "", "new").join();
      assertEquals(List.of("old"), service.payloads());
      assertEquals(List.of("new"), other.payloads());
      assertEquals(List.of(), other.violations());
      BufferFullTest.await(() -> service.openStreams() == 0);
    }
  }
}
