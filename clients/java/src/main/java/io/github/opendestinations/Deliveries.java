package io.github.opendestinations;

import io.github.opendestinations.v1.DeliveriesGrpc;
import io.github.opendestinations.v1.GetDeliveryRequest;
import io.github.opendestinations.v1.GetDeliveryResponse;
import io.grpc.Status;
import io.grpc.stub.StreamObserver;
import java.time.Duration;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.function.BiConsumer;

/** Asks one target what became of events. Safe for concurrent use. */
final class Deliveries {
  /** Tokens in one call; the service's limit. */
  private static final int MAX_TOKENS = 1_000;

  /** What is due within so long is asked for together. */
  private static final long TOGETHER_NANOS = TimeUnit.MILLISECONDS.toNanos(50);

  private static final long CALL_SECONDS = 30;

  private final Connection connection;

  // Guarded by this.
  private final Map<String, DeliveryPoll> polls = new LinkedHashMap<>();
  private Long tickAt; // System.nanoTime of the next look at them; null = none is planned
  private boolean closed;

  Deliveries(Connection connection) {
    this.connection = connection;
  }

  CompletableFuture<Delivery> status(Receipt receipt) {
    CompletableFuture<Delivery> future = new CompletableFuture<>();
    if (receipt.token().isEmpty()) {
      future.completeExceptionally(
          new DestinationsException("the client was made without receipts", null));
      return future;
    }
    ask(
        List.of(receipt.token()),
        (deliveries, end) -> {
          if (end != null) {
            future.completeExceptionally(isClosed() ? new ClosedException() : end.failure());
          } else {
            future.complete(deliveries.get(0));
          }
        });
    return future;
  }

  private synchronized boolean isClosed() {
    return closed;
  }

  CompletableFuture<Delivery> delivered(Receipt receipt, Duration timeout) {
    CompletableFuture<Delivery> future = new CompletableFuture<>();
    long now = System.nanoTime();
    // Half of the range of nanoTime, so that differences keep their sign.
    long deadline = now + Math.min(Options.nanos(timeout), Long.MAX_VALUE / 2);
    synchronized (this) {
      if (receipt.token().isEmpty()) {
        future.completeExceptionally(
            new DestinationsException("the client was made without receipts", null));
      } else if (closed) {
        future.completeExceptionally(new ClosedException());
      } else {
        polls
            .computeIfAbsent(receipt.token(), token -> new DeliveryPoll(token, now))
            .add(future, deadline);
        plan(now);
      }
    }
    return future;
  }

  /** Plans the next look. The lock is held. */
  private void plan(long now) {
    Long next = null;
    for (DeliveryPoll poll : polls.values()) {
      next = next == null || poll.next() - next < 0 ? Long.valueOf(poll.next()) : next;
    }
    if (next == null || tickAt != null && tickAt - next <= 0) {
      return;
    }
    Long at = next;
    tickAt = at;
    CompletableFuture.delayedExecutor(Math.max(0, at - now), TimeUnit.NANOSECONDS)
        .execute(() -> tick(at));
  }

  private void tick(Long planned) {
    long now = System.nanoTime();
    List<Runnable> endings = new ArrayList<>();
    List<List<String>> calls = new ArrayList<>();
    synchronized (this) {
      if (!planned.equals(tickAt)) {
        return; // an earlier one has taken its place
      }
      tickAt = null;
      polls.values().removeIf(poll -> expire(poll, now, endings));
      for (DeliveryPoll poll : polls.values()) {
        if (poll.isDue(now + TOGETHER_NANOS)) {
          poll.ask();
          if (calls.isEmpty() || calls.get(calls.size() - 1).size() == MAX_TOKENS) {
            calls.add(new ArrayList<>());
          }
          calls.get(calls.size() - 1).add(poll.token);
        }
      }
      plan(now);
    }
    endings.forEach(Runnable::run);
    calls.forEach(this::ask);
  }

  /** True if nobody waits for it any more. */
  private static boolean expire(DeliveryPoll poll, long now, List<Runnable> endings) {
    for (CompletableFuture<Delivery> future : poll.expired(now)) {
      endings.add(() -> future.completeExceptionally(poll.timeout()));
    }
    return poll.isEmpty();
  }

  private void ask(List<String> tokens) {
    ask(tokens, (deliveries, end) -> take(tokens, deliveries, end));
  }

  private void take(List<String> tokens, List<Delivery> deliveries, StreamEnd end) {
    boolean refused = end != null && end.remedy(true) != StreamEnd.Remedy.RECONNECT;
    if (refused && tokens.size() > 1) {
      // One of them is refused, and all would be with it.
      ask(tokens.subList(0, tokens.size() / 2));
      ask(tokens.subList(tokens.size() / 2, tokens.size()));
      return;
    }
    long now = System.nanoTime();
    List<Runnable> endings = new ArrayList<>();
    synchronized (this) {
      for (int i = 0; i < tokens.size(); i++) {
        DeliveryPoll poll = polls.get(tokens.get(i));
        if (poll == null) {
          continue; // nobody waits any more
        }
        Delivery delivery = end == null ? deliveries.get(i) : null;
        if (!resolve(poll, delivery, refused ? end.failure() : null, endings)) {
          poll.again(delivery, now);
        }
      }
      plan(now);
    }
    endings.forEach(Runnable::run);
  }

  /** Ends a poll if what became of it is certain. The lock is held. */
  private boolean resolve(
      DeliveryPoll poll, Delivery delivery, ClientFailedException refusal, List<Runnable> endings) {
    DestinationsException error = refusal;
    if (error == null && delivery != null && delivery.state() == DeliveryState.DEAD) {
      error = new DeadException(delivery);
    }
    if (error == null && (delivery == null || delivery.state() != DeliveryState.DELIVERED)) {
      return false;
    }
    polls.remove(poll.token);
    DestinationsException failed = error;
    for (CompletableFuture<Delivery> future : poll.drain()) {
      endings.add(
          () -> {
            if (failed != null) {
              future.completeExceptionally(failed);
            } else {
              future.complete(delivery);
            }
          });
    }
    return true;
  }

  /** Calls done with a delivery for each token, or with how the call ended. */
  private void ask(List<String> tokens, BiConsumer<List<Delivery>, StreamEnd> done) {
    DeliveriesGrpc.newStub(connection.channel())
        .withDeadlineAfter(CALL_SECONDS, TimeUnit.SECONDS)
        .withCallCredentials(connection.callOptions().getCredentials())
        .getDelivery(
            GetDeliveryRequest.newBuilder().addAllTokens(tokens).build(),
            new Answer(tokens.size(), done));
  }

  /** Takes the answer of one call. */
  private static final class Answer implements StreamObserver<GetDeliveryResponse> {
    private final int tokens;
    private final BiConsumer<List<Delivery>, StreamEnd> done;
    private GetDeliveryResponse response;

    Answer(int tokens, BiConsumer<List<Delivery>, StreamEnd> done) {
      this.tokens = tokens;
      this.done = done;
    }

    @Override
    public void onNext(GetDeliveryResponse value) {
      response = value;
    }

    @Override
    public void onError(Throwable t) {
      done.accept(null, StreamEnd.of(Status.fromThrowable(t), Status.trailersFromThrowable(t)));
    }

    @Override
    public void onCompleted() {
      if (response == null || response.getDeliveriesCount() != tokens) {
        Status broken =
            Status.FAILED_PRECONDITION.withDescription(
                "not one delivery for each token was answered");
        done.accept(null, StreamEnd.of(broken, null));
        return;
      }
      done.accept(response.getDeliveriesList().stream().map(DeliveryReader::read).toList(), null);
    }
  }

  void close() {
    List<CompletableFuture<Delivery>> waiting = new ArrayList<>();
    synchronized (this) {
      closed = true;
      tickAt = null;
      polls.values().forEach(poll -> waiting.addAll(poll.drain()));
      polls.clear();
    }
    waiting.forEach(future -> future.completeExceptionally(new ClosedException()));
  }
}
