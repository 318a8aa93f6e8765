package io.github.opendestinations;

import java.util.concurrent.CompletableFuture;
import java.util.concurrent.locks.Condition;
import java.util.concurrent.locks.ReentrantLock;

/**
 * One sender: takes events into the buffer, and has its pump send them until each has its answer.
 */
final class Sender {
  private final SenderState state;
  private final Pump pump;

  // The state's own, under short names.
  private final ReentrantLock lock;
  private final Condition progress;
  private final Buffer buffer;

  Sender(Options options, Connection connection) {
    this.state = new SenderState(options, connection);
    this.pump = new Pump(state, new Answers(state));
    this.lock = state.lock;
    this.progress = state.progress;
    this.buffer = state.buffer;
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
        pump.wake();
      }
    } finally {
      lock.unlock();
    }
    return event.pending;
  }

  /** Returns why the event is not taken, null if there is room. */
  private DestinationsException awaitRoom(long counted) {
    WhenFull whenFull = state.options.whenFull;
    long patience =
        switch (whenFull) {
          case WAIT -> Long.MAX_VALUE;
          case BLOCK -> state.options.blockTimeout.toNanos();
          case ERROR -> 0;
        };
    while (state.refusal() == null && !buffer.hasRoom(counted)) {
      if (patience <= 0) {
        return full(whenFull == WhenFull.BLOCK ? "for " + state.options.blockTimeout : "now");
      }
      try {
        patience = state.room.awaitNanos(patience);
      } catch (InterruptedException e) {
        Thread.currentThread().interrupt();
        return full("until the thread was interrupted");
      }
    }
    return state.refusal();
  }

  private BufferFullException full(String why) {
    return new BufferFullException(state.options.maxBufferedBytes, buffer.heldBytes(), why);
  }

  /** Waits until everything before is answered; the longest time = however long. */
  void flush(long nanos) throws InterruptedException {
    lock.lockInterruptibly();
    try {
      long upTo = buffer.lastSequence();
      buffer.hurry(System.nanoTime());
      state.work.signal();
      long patience = nanos;
      while (!state.isDone(upTo)) {
        if (state.failure != null) {
          throw state.failure;
        }
        if (state.left != null) {
          throw new UnansweredException(state.left);
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

  private TimeoutException timeout(String what) {
    return new TimeoutException(
        String.format(
            "%s: the time is over, and %d events (%d bytes) have no answer",
            what, buffer.heldEvents(), buffer.heldBytes()));
  }

  /** Goes on with another target, when the present one has answered what has a number. */
  void setTarget(Connection next, long nanos) throws InterruptedException {
    boolean used = false;
    lock.lock();
    try {
      if (state.paused) {
        throw new IllegalStateException("setTarget: another one is under way");
      }
      state.paused = true;
      try {
        awaitAnswers(nanos);
        state.change(next);
        used = true;
      } finally {
        state.paused = false;
        state.work.signal();
      }
    } finally {
      lock.unlock();
      if (!used) {
        next.close();
      }
    }
  }

  private void awaitAnswers(long nanos) throws InterruptedException {
    long patience = nanos;
    while (state.refusal() == null && !state.unanswered.isEmpty()) {
      if (patience <= 0) {
        throw timeout("setTarget");
      }
      patience = progress.awaitNanos(patience);
    }
    if (state.refusal() != null) {
      throw state.refusal();
    }
  }

  Stats stats() {
    lock.lock();
    try {
      return state.stats();
    } finally {
      lock.unlock();
    }
  }

  /** Takes nothing more, waits for answers, and ends. Returns what is left, which fails. */
  Left close(long nanos) {
    boolean interrupted;
    lock.lock();
    try {
      if (state.closing) {
        return awaitClosed();
      }
      state.closing = true;
      state.room.signalAll();
      progress.signalAll(); // a setTarget that waits
      buffer.hurry(System.nanoTime());
      interrupted = awaitCompletion(nanos);
      state.stopped = true;
      state.work.signal();
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
    state.work.signal();
    try {
      while (state.failure == null && patience > 0 && !state.isDone(buffer.lastSequence())) {
        patience = progress.awaitNanos(patience);
      }
      return false;
    } catch (InterruptedException e) {
      return true;
    }
  }

  /** What hangs on a future must not wait for a close that waits for it. */
  private Left awaitClosed() {
    while (state.left == null && !state.completions.isCurrent()) {
      progress.awaitUninterruptibly();
    }
    return state.left == null ? new Left(0, 0) : state.left;
  }

  /** Throws why not everything has its answer, if so. */
  void checkEnd(Left left) {
    lock.lock();
    try {
      if (state.failure != null) {
        throw state.failure;
      }
    } finally {
      lock.unlock();
    }
    if (left.events() > 0) {
      throw new UnansweredException(left);
    }
  }

  /** Ends what is under way, in the order in which it depends on each other. */
  private Left end() {
    pump.join();
    Left rest;
    lock.lock();
    try {
      rest = new Left(buffer.heldEvents(), buffer.heldBytes());
      state.failAll(new UnansweredException(rest));
      state.endCalls(StreamCall::halfClose);
    } finally {
      lock.unlock();
    }
    if (rest.events() > 0) {
      state.connection.abort();
    }
    state.connection.close();
    state.former.forEach(Connection::abort);
    state.former.forEach(former -> former.deliveries().close());
    state.connection.deliveries().close();
    state.completions.close();
    lock.lock();
    try {
      state.left = rest;
      progress.signalAll();
    } finally {
      lock.unlock();
    }
    return rest;
  }
}
