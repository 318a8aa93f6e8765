package io.github.opendestinations;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.time.Duration;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.stream.IntStream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

@Timeout(120)
class CloseTest {
  private FakeService service;

  @BeforeEach
  void start() throws Exception {
    service = new FakeService();
  }

  @AfterEach
  void stop() {
    service.close();
  }

  @Test
  void closeWaitsForTheAnswers() {
    Client client = Client.connect(service.target());
    CompletableFuture<?>[] all =
        IntStream.range(0, 1000)
            .mapToObj(i -> client.send().s3("bkt", "", i))
            .toArray(CompletableFuture[]::new);
    assertEquals(new Left(0, 0), client.close(Duration.ofSeconds(30)));
    for (CompletableFuture<?> future : all) {
      assertTrue(future.isDone() && !future.isCompletedExceptionally());
    }
    assertEquals(1000, service.payloads().size());
    assertInstanceOf(ClosedException.class, SendTest.errorOf(client.send().s3("bkt", "", "late")));
  }

  @Test
  void closeWithoutTimeSaysWhatIsLeft() {
    service.hold();
    Client client = Client.connect(service.target());
    CompletableFuture<Receipt> future = client.send().s3("bkt", "", "x");
    assertEquals(new Left(1, 68), client.close(Duration.ZERO));
    UnansweredException e = assertInstanceOf(UnansweredException.class, SendTest.errorOf(future));
    assertEquals(new Left(1, 68), e.left());
    assertEquals(new Left(1, 68), client.close(Duration.ofSeconds(1)));
  }

  @Test
  void tryWithResourcesThrowsIfSomethingIsLeft() {
    service.hold();
    Options options = Options.builder(service.target()).closeTimeout(Duration.ofMillis(20)).build();
    UnansweredException e =
        assertThrows(
            UnansweredException.class,
            () -> {
              try (Client client = Client.connect(options)) {
                client.send().s3("bkt", "", "x");
              }
            });
    assertEquals(1, e.left().events());
  }

  @Test
  void aClientThatWasNeverUsedClosesAtOnce() {
    assertEquals(new Left(0, 0), Client.connect("127.0.0.1:1").close(Duration.ofSeconds(10)));
  }

  @Test
  void flushHasATimeOutThatLosesNothing() throws Exception {
    service.hold();
    try (Client client = Client.connect(service.target())) {
      client.flush();
      CompletableFuture<Receipt> future = client.send().s3("bkt", "", "x");
      assertThrows(TimeoutException.class, () -> client.flush(Duration.ofMillis(20)));
      service.release();
      client.flush(Duration.ofSeconds(30));
      assertTrue(future.isDone());
    }
  }

  @Test
  void closeInAFunctionThatHangsOnAFuture() throws Exception {
    Client client = Client.connect(service.target());
    CompletableFuture<Left> left =
        client.send().s3("bkt", "", "x").thenApply(receipt -> client.close(Duration.ofSeconds(10)));
    assertEquals(new Left(0, 0), left.get());
  }

  @Test
  void whatOnRejectedThrowsIsIgnored() throws Exception {
    service.hold();
    List<String> told = new CopyOnWriteArrayList<>();
    Options options =
        Options.builder(service.target())
            .onRejected(
                e -> {
                  told.add(e.getClass().getSimpleName());
                  throw new AssertionError("as told");
                })
            .build();
    Client client = Client.connect(options);
    List<CompletableFuture<Receipt>> futures =
        List.of(client.send().s3("bkt", "", "x"), client.send().s3("bkt", "", "y"));
    client.close(Duration.ZERO);
    futures.forEach(f -> assertInstanceOf(UnansweredException.class, SendTest.errorOf(f)));
    assertEquals(List.of("UnansweredException", "UnansweredException"), told);
  }

  @Test
  void aThousandClientsLeaveNothing() throws Exception {
    one();
    int before = ownThreads();
    for (int i = 0; i < 1000; i++) {
      one();
    }
    assertTrue(ownThreads() <= before); // before: with those of other tests that are ending
    BufferFullTest.await(() -> service.openStreams() == 0);
    assertEquals(1001, service.payloads().size());
    assertEquals(1001, service.senders());
  }

  private void one() {
    try (Client client = Client.connect(service.target())) {
      client.send().s3("bkt", "", "x").join();
    }
  }

  /** Threads that clients have started. */
  private static int ownThreads() {
    return (int)
        Thread.getAllStackTraces().keySet().stream()
            .filter(t -> t.getName().startsWith("destinations-"))
            .count();
  }
}
