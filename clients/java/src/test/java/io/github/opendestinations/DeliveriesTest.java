package io.github.opendestinations;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.google.protobuf.Timestamp;
import com.google.rpc.Code;
import io.github.opendestinations.v1.DeliveriesGrpc;
import io.github.opendestinations.v1.GetDeliveryRequest;
import io.github.opendestinations.v1.GetDeliveryResponse;
import io.grpc.Status;
import io.grpc.stub.StreamObserver;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

@Timeout(60)
class DeliveriesTest {
  private static final Duration LONG = Duration.ofSeconds(50);

  /** Says of tokens what it was told. */
  private static final class FakeDeliveries extends DeliveriesGrpc.DeliveriesImplBase {
    final Map<String, io.github.opendestinations.v1.DeliveryState> states =
        new ConcurrentHashMap<>();
    final ConcurrentLinkedQueue<List<String>> calls = new ConcurrentLinkedQueue<>();
    final AtomicInteger unreachable = new AtomicInteger();

    @Override
    public void getDelivery(
        GetDeliveryRequest request, StreamObserver<GetDeliveryResponse> answer) {
      calls.add(request.getTokensList());
      if (unreachable.getAndDecrement() > 0) {
        answer.onError(Status.UNAVAILABLE.asRuntimeException());
        return;
      }
      GetDeliveryResponse.Builder response = GetDeliveryResponse.newBuilder();
      for (String token : request.getTokensList()) {
        if (!states.containsKey(token)) {
          answer.onError(FakeService.status(Code.NOT_FOUND, "TOKEN_UNKNOWN", "not known"));
          return;
        }
        response.addDeliveries(delivery(token));
      }
      answer.onNext(response.build());
      answer.onCompleted();
    }

    private io.github.opendestinations.v1.Delivery delivery(String token) {
      return io.github.opendestinations.v1.Delivery.newBuilder()
          .setToken(token)
          .setState(states.get(token))
          .setCode("AccessDenied")
          .setMessage("said so")
          .setNextTry(Timestamp.newBuilder().setSeconds(7))
          .addObjects(
              io.github.opendestinations.v1.DeliveredObject.newBuilder()
                  .setBucket("bkt")
                  .setKey("k.gz")
                  .setEtag("e")
                  .setSize(5)
                  .setEvents(2))
          .build();
    }
  }

  private final FakeDeliveries deliveries = new FakeDeliveries();
  private FakeService service;
  private Client client;

  @BeforeEach
  void start() throws Exception {
    service = new FakeService(deliveries);
    client = Client.connect(service.target());
  }

  @AfterEach
  void stop() {
    client.close();
    service.close();
  }

  private Receipt receipt(String prefix, io.github.opendestinations.v1.DeliveryState state) {
    if (state != null) {
      deliveries.states.put("token-bkt/" + prefix, state);
    }
    return client.send().s3("bkt", prefix, "x").join();
  }

  @Test
  void statusAsksOnce() {
    Delivery d =
        receipt("", io.github.opendestinations.v1.DeliveryState.DELIVERY_STATE_BLOCKED)
            .status()
            .join();
    assertEquals(DeliveryState.BLOCKED, d.state());
    assertEquals("AccessDenied", d.code());
    assertEquals("said so", d.message());
    assertEquals(Instant.ofEpochSecond(7), d.nextTry().orElseThrow());
    assertEquals(List.of(new DeliveredObject("bkt", "k.gz", "e", 5, 2)), d.objects());
    assertEquals(1, deliveries.calls.size());
  }

  @Test
  void deliveredAsksAgainAndManyShareACall() throws Exception {
    List<Receipt> receipts = new ArrayList<>();
    for (int i = 0; i < 50; i++) {
      receipts.add(
          receipt(
              "p" + i + "/", io.github.opendestinations.v1.DeliveryState.DELIVERY_STATE_PENDING));
    }
    deliveries.unreachable.set(1);
    List<CompletableFuture<Delivery>> all = receipts.stream().map(r -> r.delivered(LONG)).toList();
    BufferFullTest.await(() -> deliveries.calls.size() > 2);
    deliveries.states.replaceAll(
        (token, state) -> io.github.opendestinations.v1.DeliveryState.DELIVERY_STATE_DELIVERED);
    for (CompletableFuture<Delivery> future : all) {
      assertEquals(DeliveryState.DELIVERED, future.join().state());
    }
    int largest = deliveries.calls.stream().mapToInt(List::size).max().orElse(0);
    assertTrue(largest >= 10, "got at most " + largest + " tokens in a call");
  }

  @Test
  void theDeadFail() {
    Receipt r = receipt("", io.github.opendestinations.v1.DeliveryState.DELIVERY_STATE_DEAD);
    DeadException e = assertInstanceOf(DeadException.class, SendTest.errorOf(r.delivered(LONG)));
    assertEquals(DeliveryState.DEAD, e.delivery().state());
  }

  @Test
  void theTimeIsOver() {
    Receipt r = receipt("", io.github.opendestinations.v1.DeliveryState.DELIVERY_STATE_PENDING);
    Throwable e = SendTest.errorOf(r.delivered(Duration.ofSeconds(3)));
    assertEquals(
        "delivered: the time is over, and the events are PENDING",
        assertInstanceOf(TimeoutException.class, e).getMessage());
    assertInstanceOf(TimeoutException.class, SendTest.errorOf(r.delivered(Duration.ZERO)));
  }

  @Test
  void aTokenThatIsRefusedFailsAlone() {
    CompletableFuture<Delivery> unknown = receipt("unknown/", null).delivered(LONG);
    CompletableFuture<Delivery> known =
        receipt("known/", io.github.opendestinations.v1.DeliveryState.DELIVERY_STATE_DELIVERED)
            .delivered(LONG);
    ClientFailedException e =
        assertInstanceOf(ClientFailedException.class, SendTest.errorOf(unknown));
    assertEquals("NOT_FOUND", e.code());
    assertEquals("TOKEN_UNKNOWN", e.reason());
    assertEquals(DeliveryState.DELIVERED, known.join().state());
    assertEquals("bkt", client.send().s3("bkt", "", "still works").join().bucket());
  }

  @Test
  void closeEndsThoseWhoWait() {
    Receipt r = receipt("", io.github.opendestinations.v1.DeliveryState.DELIVERY_STATE_PENDING);
    CompletableFuture<Delivery> waiting = r.delivered(LONG);
    client.close();
    assertInstanceOf(ClosedException.class, SendTest.errorOf(waiting));
    assertInstanceOf(ClosedException.class, SendTest.errorOf(r.delivered(LONG)));
  }
}
