package io.github.opendestinations;

import io.github.opendestinations.v1.Rejection;
import java.util.List;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.ThreadPoolExecutor;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;

/**
 * Completes the callers' futures, in a thread of its own: what hangs on them may take its time, or
 * wait for room in the buffer, while answers are read.
 */
final class Completions {
  private static final String CODE_PREFIX = "REJECTION_CODE_";

  private static final long PATIENCE_SECONDS = 5;

  private final ThreadPoolExecutor executor;
  private final Consumer<? super DestinationsException> onRejected; // null = nobody asks

  private volatile Thread thread; // that completes now

  Completions(Consumer<? super DestinationsException> onRejected) {
    this.onRejected = onRejected;
    this.executor =
        new ThreadPoolExecutor(
            1,
            1,
            1,
            TimeUnit.SECONDS,
            new LinkedBlockingQueue<>(),
            Threads.daemon("destinations-answers"));
    executor.allowCoreThreadTimeOut(true);
  }

  /** Whether the caller is a function that hangs on a future. */
  boolean isCurrent() {
    return Thread.currentThread() == thread;
  }

  /** Completes what was settled with receipts that ask deliveries, then calls done. */
  void settle(Settled settled, Deliveries deliveries, Runnable done) {
    run(
        () -> {
          for (Request request : settled.requests()) {
            complete(request, settled, deliveries);
          }
          done.run();
        });
  }

  /** Fails futures, then calls done. */
  void fail(List<PendingReceipt> futures, DestinationsException error, Runnable done) {
    run(
        () -> {
          for (PendingReceipt future : futures) {
            fail(future, error);
          }
          done.run();
        });
  }

  private void run(Runnable work) {
    executor.execute(
        () -> {
          thread = Thread.currentThread();
          try {
            work.run();
          } finally {
            thread = null;
          }
        });
  }

  private void complete(Request request, Settled settled, Deliveries deliveries) {
    for (Rejection r : request.rejections()) {
      String code = r.getCode().name();
      code = code.startsWith(CODE_PREFIX) ? code.substring(CODE_PREFIX.length()) : code;
      fail(
          request.pending(r.getRequestIndex()),
          new RejectedException(code, r.getField(), r.getReason()));
    }
    Destination last = null;
    Receipt receipt = null;
    for (int i = 0; i < request.events(); i++) {
      PendingReceipt pending = request.pending(i);
      if (pending.destination != last) {
        last = pending.destination;
        receipt = new Receipt(last.bucket, last.prefix, settled.token(last), deliveries);
      }
      pending.complete(receipt); // nothing, if it was rejected
    }
  }

  private void fail(PendingReceipt future, DestinationsException error) {
    future.completeExceptionally(error);
    if (onRejected != null) {
      try {
        onRejected.accept(error);
      } catch (Throwable e) {
        // It is told, no more: what it throws has nobody to go to.
      }
    }
  }

  /**
   * Waits until everything is completed, but not for itself, nor for long for what hangs on a
   * future and does not end.
   */
  void close() {
    executor.shutdown();
    if (isCurrent()) {
      return;
    }
    try {
      executor.awaitTermination(PATIENCE_SECONDS, TimeUnit.SECONDS);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }
}
