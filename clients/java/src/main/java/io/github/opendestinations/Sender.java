package io.github.opendestinations;

import io.github.opendestinations.v1.StreamS3Response;
import java.security.SecureRandom;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.locks.Condition;
import java.util.concurrent.locks.ReentrantLock;
import java.util.function.Consumer;

/**
 * One sender: takes events into the buffer, and has its pump send them until each has its answer.
 * One lock guards everything; nothing that may wait is called under it.
 */
final class Sender implements StreamCall.Owner {
  /** What a stream's request may be above settled, less what is plenty anyway. */
  private static final int MAX_UNANSWERED = 1_000;

  private static final long MAX_AHEAD = 65_536;

  private final Options options;
  private final Deliveries deliveries;
  private final Completions completions;
  private final Thread pump;

  private final ReentrantLock lock = new ReentrantLock();
  private final Condition room = lock.newCondition(); // there is, or there never will be
  private final Condition work = lock.newCondition(); // for the pump
  private final Condition progress = lock.newCondition(); // an answer, or the end

  // Guarded by lock.
  private final Buffer buffer;
  private final Lanes lanes;
  private final ArrayDeque<Request> unanswered =
      new ArrayDeque<>(); // by number; the first has no answer
  private Connection connection;
  private byte[] senderId = newId();
  private long settled; // up to which everything is answered
  private long completed; // up to which futures are completed, too
  private boolean started; // the pump
  private boolean paused; // nothing new is sent: the target changes
  private boolean closing; // nothing more is taken
  private boolean stopped; // nothing more is sent
  private DestinationsException failure; // why nothing more is sent, if not because of close
  private Left left; // of close, when it is done
  private long accepted;
  private long rejected;
  private String lastError = "";

  Sender(Options options, Connection connection) {
    this.options = options;
    this.connection = connection;
    this.buffer =
        new Buffer(options.maxBufferedBytes, options.batchBytes, Options.nanos(options.batchDelay));
    this.lanes = new Lanes(options);
    this.deliveries = new Deliveries(this::connection);
    this.completions = new Completions(deliveries, options.onRejected);
    this.pump = Threads.daemon("destinations-sender").newThread(this::pump);
  }

  private static byte[] newId() {
    byte[] id = new byte[16];
    new SecureRandom().nextBytes(id);
    return id;
  }

  private Connection connection() {
    lock.lock();
    try {
      return connection;
    } finally {
      lock.unlock();
    }
  }

  /** Takes an event, when there is room for it. */
  CompletableFuture<Receipt> add(EncodedEvent event) {
    lock.lock();
    try {
      DestinationsException refusal = awaitRoom(event.counted());
      if (refusal != null) {
        return CompletableFuture.failedFuture(refusal);
      }
      if (buffer.add(event, System.nanoTime())) {
        wakePump();
      }
    } finally {
      lock.unlock();
    }
    return event.pending;
  }

  private void wakePump() {
    if (!started) {
      started = true;
      pump.start();
    }
    work.signal();
  }

  /** Returns why the event is not taken, null if there is room. */
  private DestinationsException awaitRoom(long counted) {
    long patience =
        switch (options.whenFull) {
          case WAIT -> Long.MAX_VALUE;
          case BLOCK -> options.blockTimeout.toNanos();
          case ERROR -> 0;
        };
    while (refusal() == null && !buffer.hasRoom(counted)) {
      if (patience <= 0) {
        return full(options.whenFull == WhenFull.BLOCK ? "for " + options.blockTimeout : "now");
      }
      try {
        patience = room.awaitNanos(patience);
      } catch (InterruptedException e) {
        Thread.currentThread().interrupt();
        return full("until the thread was interrupted");
      }
    }
    return refusal();
  }

  private BufferFullException full(String why) {
    return new BufferFullException(options.maxBufferedBytes, buffer.heldBytes(), why);
  }

  /** Why nothing is taken, null if it is. */
  private DestinationsException refusal() {
    if (closing) {
      return new ClosedException();
    }
    return failure;
  }

  /** Sends what there is to send, until it is stopped. */
  private void pump() {
    for (Step step = nextStep(); step != null; step = nextStep()) {
      try {
        step.action().run();
      } catch (RuntimeException e) {
        onEnd(
            step.call(), StreamEnd.of(io.grpc.Status.UNKNOWN.withDescription(e.toString()), null));
        step.call().cancel("failed");
      }
    }
  }

  /**
   * What the pump does next, without the lock.
   *
   * @param call that it concerns
   */
  record Step(StreamCall call, Runnable action) {}

  /** Waits for something to do. Null = it is stopped. */
  private Step nextStep() {
    lock.lock();
    try {
      while (!stopped) {
        long now = System.nanoTime();
        assignNext(now);
        Step step = lanes.next(now, this::open, this::outgoing);
        if (step != null) {
          return step;
        }
        // What is due and has no stream is woken by the stream.
        long due = hasTurn() && buffer.peek(now) == null ? buffer.untilDue(now) : Long.MAX_VALUE;
        work.awaitNanos(Math.min(due, lanes.untilNext(now)));
      }
    } catch (InterruptedException e) {
      // Nobody interrupts this thread but to end it.
    } finally {
      lock.unlock();
    }
    return null;
  }

  /**
   * Cuts the next request, if a stream is ready for it. Commit point: from here on it is sent as it
   * is, however often.
   */
  private void assignNext(long now) {
    Request next = hasTurn() ? buffer.peek(now) : null;
    Lane lane = next == null || next.sequence - settled > MAX_AHEAD ? null : lanes.pick(now);
    if (lane == null) {
      return;
    }
    buffer.take(next);
    unanswered.add(next);
    lane.add(next);
  }

  /** Whether a request may be cut at all. */
  private boolean hasTurn() {
    return !paused && unanswered.size() < MAX_UNANSWERED;
  }

  private StreamCall open(Lane lane) {
    return new StreamCall(connection.newStream(), lane, this);
  }

  private StreamMethod.Outgoing outgoing(Lane lane) {
    boolean first = lane.greet();
    return new StreamMethod.Outgoing(
        lane.poll(), settled, first ? senderId : null, options.receipts);
  }

  @Override
  public void onReady() {
    lock.lock();
    try {
      work.signal();
    } finally {
      lock.unlock();
    }
  }

  @Override
  public void onAnswer(StreamCall call, StreamS3Response answer) {
    lock.lock();
    try {
      if (call.lane.call != call) {
        return;
      }
      Settled result = call.lane.answer(answer, System.nanoTime());
      if (result == null) {
        fail(new ClientFailedException("INTERNAL", "", "an answer is not one to what was sent"));
        return;
      }
      lastError = "";
      settle(result);
    } finally {
      lock.unlock();
    }
  }

  private void settle(Settled result) {
    for (Request request : result.requests()) {
      request.answered = true;
      int refused = request.rejections().size();
      rejected += refused;
      accepted += request.events() - refused;
      buffer.release(request.events(), request.counted());
    }
    while (!unanswered.isEmpty() && unanswered.peek().answered) {
      settled = unanswered.poll().sequence;
    }
    if (!result.requests().isEmpty()) {
      long upTo = settled;
      completions.settle(result, () -> complete(upTo));
    }
    wakeAll();
  }

  private void wakeAll() {
    work.signal();
    room.signalAll();
    progress.signalAll();
  }

  private void complete(long upTo) {
    lock.lock();
    try {
      completed = upTo;
      progress.signalAll();
    } finally {
      lock.unlock();
    }
  }

  @Override
  public void onEnd(StreamCall call, StreamEnd end) {
    lock.lock();
    try {
      Lane lane = call.lane;
      if (lane.call != call) {
        return;
      }
      boolean normal = end.status().isOk() && lane.isEmpty();
      if (!normal) {
        lastError = end.toString();
      }
      lanes.end(lane, end, System.nanoTime());
      switch (end.remedy(options.tokenRenews)) {
        case RECONNECT -> {}
        case LEAVE_OUT -> leaveOut(lane, end);
        case FAIL -> fail(end.failure());
      }
      work.signal();
    } finally {
      lock.unlock();
    }
  }

  /**
   * Fails the events of the request that must have been too large, which is sent as an empty one
   * then.
   */
  private void leaveOut(Lane lane, StreamEnd end) {
    Request largest = lane.largest();
    if (largest == null) {
      fail(end.failure());
      return;
    }
    buffer.release(largest.events(), largest.counted());
    List<PendingReceipt> out = lane.leaveOut(largest);
    rejected += out.size();
    completions.fail(
        out, new RejectedException("REQUEST_TOO_LARGE", "payload", end.message()), () -> {});
    wakeAll();
  }

  /** Ends the client: nothing is sent any more. */
  private void fail(DestinationsException why) {
    if (failure != null || stopped) {
      return;
    }
    failure = why;
    stopped = true;
    failAll(why);
    endCalls(call -> call.cancel("the client has failed"));
    connection.abort();
    wakeAll();
  }

  /** Ends the open calls, whose own end nobody waits for. */
  private void endCalls(Consumer<StreamCall> ending) {
    List<StreamCall> calls = lanes.calls().toList();
    lanes.clear(); // an end may be told at once
    calls.forEach(ending);
  }

  /** Fails everything that has no answer. */
  private void failAll(DestinationsException why) {
    List<PendingReceipt> out = new ArrayList<>();
    List<Request> requests = lanes.drain();
    requests.addAll(buffer.drain());
    for (Request r : requests) {
      for (int i = 0; i < r.events(); i++) {
        out.add(r.pending(i));
      }
    }
    unanswered.clear();
    buffer.release(buffer.heldEvents(), buffer.heldBytes());
    completions.fail(out, why, () -> {});
  }

  /** Waits until everything before is answered; the longest time = however long. */
  void flush(long nanos) throws InterruptedException {
    lock.lockInterruptibly();
    try {
      long upTo = buffer.lastSequence();
      buffer.hurry(System.nanoTime());
      work.signal();
      long patience = nanos;
      while (!isDone(upTo)) {
        if (failure != null) {
          throw failure;
        }
        if (left != null) {
          throw new UnansweredException(left);
        }
        if (patience <= 0) {
          throw timeout("flush");
        }
        patience = progress.awaitNanos(patience);
      }
    } finally {
      lock.unlock();
    }
  }

  /**
   * Whether everything up to a number is answered, and its futures are completed unless the caller
   * hangs on one.
   */
  private boolean isDone(long upTo) {
    return (completions.isCurrent() ? settled : completed) >= upTo;
  }

  private TimeoutException timeout(String what) {
    return new TimeoutException(
        what
            + ": the time is over, and "
            + buffer.heldEvents()
            + " events ("
            + buffer.heldBytes()
            + " bytes) have no answer");
  }

  /** Goes on with another target, when the present one has answered what has a number. */
  void setTarget(Connection next, long nanos) throws InterruptedException {
    Connection before = next; // which is not used if this fails
    lock.lock();
    try {
      if (paused) {
        throw new IllegalStateException("setTarget: another one is under way");
      }
      paused = true;
      awaitAnswers(nanos);
      before = connection;
      endCalls(StreamCall::halfClose);
      connection = next;
      senderId = newId();
    } finally {
      paused = false;
      work.signal();
      lock.unlock();
      before.close();
    }
  }

  private void awaitAnswers(long nanos) throws InterruptedException {
    long patience = nanos;
    while (true) {
      if (refusal() != null) {
        throw refusal();
      }
      if (unanswered.isEmpty()) {
        return;
      }
      if (patience <= 0) {
        throw timeout("setTarget");
      }
      patience = progress.awaitNanos(patience);
    }
  }

  Stats stats() {
    lock.lock();
    try {
      return new Stats(
          buffer.heldEvents(),
          buffer.heldBytes(),
          accepted,
          rejected,
          (int) lanes.calls().count(),
          lanes.reconnects(),
          lastError);
    } finally {
      lock.unlock();
    }
  }

  /** Takes nothing more, waits for answers, and ends. Returns what is left, which fails. */
  Left close(long nanos) {
    boolean interrupted = false;
    lock.lock();
    try {
      if (closing) {
        return awaitClosed();
      }
      closing = true;
      room.signalAll();
      buffer.hurry(System.nanoTime());
      work.signal();
      interrupted = awaitCompletion(nanos);
      stopped = true;
      work.signal();
    } finally {
      lock.unlock();
    }
    Left rest = end();
    if (interrupted) {
      Thread.currentThread().interrupt();
    }
    return rest;
  }

  /** Waits as close does. True if it was interrupted. */
  private boolean awaitCompletion(long nanos) {
    long patience = nanos;
    try {
      while (failure == null && patience > 0 && !isDone(buffer.lastSequence())) {
        patience = progress.awaitNanos(patience);
      }
      return false;
    } catch (InterruptedException e) {
      return true;
    }
  }

  private Left awaitClosed() {
    while (left == null && !completions.isCurrent()) {
      progress.awaitUninterruptibly();
    }
    return left == null ? new Left(0, 0) : left;
  }

  /** Ends what is under way, in the order in which it depends on each other. */
  private Left end() {
    join();
    Left rest;
    lock.lock();
    try {
      rest = new Left(buffer.heldEvents(), buffer.heldBytes());
      failAll(new UnansweredException(rest));
      endCalls(StreamCall::halfClose);
    } finally {
      lock.unlock();
    }
    if (rest.events() > 0) {
      connection.abort();
    }
    connection.close();
    deliveries.close();
    completions.close();
    lock.lock();
    try {
      left = rest;
      progress.signalAll();
    } finally {
      lock.unlock();
    }
    return rest;
  }

  private void join() {
    boolean interrupted = false;
    while (pump.isAlive()) {
      try {
        pump.join();
      } catch (InterruptedException e) {
        interrupted = true;
      }
    }
    if (interrupted) {
      Thread.currentThread().interrupt();
    }
  }
}
