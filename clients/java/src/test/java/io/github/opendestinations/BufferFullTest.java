package io.github.opendestinations;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.time.Duration;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

@Timeout(60)
class BufferFullTest {
  private FakeService service;

  @BeforeEach
  void start() throws Exception {
    service = new FakeService();
    service.hold();
  }

  @AfterEach
  void stop() {
    service.close();
  }

  private Client client(WhenFull whenFull) {
    return Client.connect(
        Options.builder(service.target())
            .maxBufferedBytes(200)
            .whenFull(whenFull)
            .blockTimeout(Duration.ofMillis(50))
            .build());
  }

  private static CompletableFuture<Receipt> send(Client client) {
    return client.send().s3("bkt", "", "x".repeat(33)); // counts 100
  }

  @Test
  void waitWaitsForRoom() throws Exception {
    try (Client client = client(WhenFull.WAIT)) {
      send(client);
      send(client);
      assertEquals(200, client.stats().bufferedBytes());
      CompletableFuture<CompletableFuture<Receipt>> third = new CompletableFuture<>();
      Thread caller = new Thread(() -> third.complete(send(client)));
      caller.start();
      await(() -> caller.getState() == Thread.State.TIMED_WAITING);
      assertFalse(third.isDone());
      service.release();
      assertEquals("bkt", third.get().join().bucket());
    }
    assertEquals(3, service.payloads().size());
  }

  @Test
  void blockWaitsForATime() {
    try (Client client = client(WhenFull.BLOCK)) {
      send(client);
      send(client);
      long began = System.nanoTime();
      CompletableFuture<Receipt> third = send(client);
      assertTrue(System.nanoTime() - began >= TimeUnit.MILLISECONDS.toNanos(50));
      BufferFullException e = assertInstanceOf(BufferFullException.class, SendTest.errorOf(third));
      assertEquals(200, e.limit());
      assertEquals(200, e.held());
      service.release();
    }
    assertEquals(2, service.payloads().size());
  }

  @Test
  void errorFailsAtOnceAndTakesMoreWhenThereIsRoom() throws Exception {
    try (Client client = client(WhenFull.ERROR)) {
      CompletableFuture<Receipt> first = send(client);
      send(client);
      assertInstanceOf(BufferFullException.class, SendTest.errorOf(send(client)));
      service.release();
      client.flush();
      assertTrue(first.isDone());
      assertEquals("bkt", send(client).join().bucket());
    }
    assertEquals(3, service.payloads().size());
  }

  @Test
  void anEmptyBufferTakesOneEventWhateverItsSize() {
    service.release();
    try (Client client = client(WhenFull.ERROR)) {
      assertEquals("bkt", client.send().s3("bkt", "", "x".repeat(1000)).join().bucket());
    }
  }

  @Test
  void anInterruptEndsTheWait() {
    try (Client client = client(WhenFull.WAIT)) {
      send(client);
      send(client);
      Thread.currentThread().interrupt();
      CompletableFuture<Receipt> third = send(client);
      assertTrue(Thread.interrupted());
      assertInstanceOf(BufferFullException.class, SendTest.errorOf(third));
      service.release();
    }
  }

  @Test
  void closeWakesThoseWhoWait() throws Exception {
    Client client = client(WhenFull.WAIT);
    send(client);
    send(client);
    CompletableFuture<CompletableFuture<Receipt>> third = new CompletableFuture<>();
    Thread caller = new Thread(() -> third.complete(send(client)));
    caller.start();
    await(() -> caller.getState() == Thread.State.TIMED_WAITING);
    assertEquals(new Left(2, 200), client.close(Duration.ZERO));
    assertInstanceOf(ClosedException.class, SendTest.errorOf(third.get()));
  }

  /** Waits until something holds that another thread does. */
  static void await(java.util.function.BooleanSupplier condition) throws InterruptedException {
    while (!condition.getAsBoolean()) {
      LockSupport.parkNanos(1_000_000);
      if (Thread.interrupted()) {
        throw new InterruptedException();
      }
    }
  }
}
