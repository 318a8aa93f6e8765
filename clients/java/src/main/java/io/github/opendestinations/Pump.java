package io.github.opendestinations;

import io.grpc.Status;

/** The thread that opens streams and sends requests. It waits for nothing but its own condition. */
final class Pump {
  /** So many requests may be without an answer. */
  private static final int MAX_UNANSWERED = 1_000;

  /** So far a number may be above settled; the API's limit. */
  private static final long MAX_AHEAD = 65_536;

  /**
   * What is done next, without the lock.
   *
   * @param call that it concerns
   * @param action what is done
   */
  record Step(StreamCall call, Runnable action) {}

  private final SenderState state;
  private final StreamCall.Owner answers;
  private final Thread thread = Threads.daemon("destinations-sender").newThread(this::run);
  private boolean started; // guarded by the lock

  Pump(SenderState state, StreamCall.Owner answers) {
    this.state = state;
    this.answers = answers;
  }

  /** There is something to do. The lock is held. */
  void wake() {
    if (!started) {
      started = true;
      thread.start();
    }
    state.work.signal();
  }

  /** Waits for its end, once it is stopped. */
  void join() {
    boolean interrupted = false;
    while (thread.isAlive()) {
      try {
        thread.join();
      } catch (InterruptedException e) {
        interrupted = true;
      }
    }
    if (interrupted) {
      Thread.currentThread().interrupt();
    }
  }

  private void run() {
    try {
      runSteps();
    } catch (Throwable e) { // what is sent would wait for this thread for ever
      state.lock.lock();
      try {
        state.fail(new ClientFailedException("INTERNAL", "", "the client is broken: " + e));
      } finally {
        state.lock.unlock();
      }
      throw e;
    }
  }

  private void runSteps() {
    for (Step step = nextStep(); step != null; step = nextStep()) {
      try {
        step.action().run();
      } catch (RuntimeException e) {
        // A call that gRPC refuses to go on with is one that has ended.
        Status why = Status.UNKNOWN.withDescription(e.toString());
        answers.onEnd(step.call(), StreamEnd.of(why, null));
        step.call().cancel("it could not be used");
      }
    }
  }

  /** Waits for something to do. Null = it is stopped. */
  private Step nextStep() {
    state.lock.lock();
    try {
      while (!state.stopped) {
        long now = System.nanoTime();
        assignNext(now);
        Step step = state.lanes.next(now, this::open, this::outgoing);
        if (step != null) {
          return step;
        }
        state.work.awaitNanos(Math.min(untilDue(now), state.lanes.untilNext(now)));
      }
    } catch (InterruptedException e) {
      // Nobody interrupts this thread but to end it.
    } finally {
      state.lock.unlock();
    }
    return null;
  }

  /**
   * Cuts the next request, if a stream is ready for it. Commit point: from here on it is sent as it
   * is, however often.
   */
  private void assignNext(long now) {
    Request next = hasTurn() ? state.buffer.peek(now) : null;
    if (next == null || next.sequence - state.settled > MAX_AHEAD) {
      return;
    }
    Lane lane = state.lanes.pick(now);
    if (lane != null) {
      state.buffer.take(next);
      state.unanswered.add(next);
      lane.add(next);
    }
  }

  /** Whether a request may be cut at all. */
  private boolean hasTurn() {
    return !state.paused && state.unanswered.size() < MAX_UNANSWERED;
  }

  /**
   * How long until a request is due. What is due already, and has no stream, is woken by the
   * stream.
   */
  private long untilDue(long now) {
    boolean waits = hasTurn() && state.buffer.peek(now) == null;
    return waits ? state.buffer.untilDue(now) : Long.MAX_VALUE;
  }

  private StreamCall open(Lane lane) {
    return new StreamCall(state.connection.newStream(), lane, answers);
  }

  private StreamMethod.Outgoing outgoing(Lane lane) {
    byte[] id = lane.greet() ? state.senderId : null;
    return new StreamMethod.Outgoing(lane.poll(), state.settled, id, state.options.receipts);
  }
}
