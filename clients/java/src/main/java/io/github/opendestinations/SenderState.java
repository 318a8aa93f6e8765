package io.github.opendestinations;

import java.security.SecureRandom;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.locks.Condition;
import java.util.concurrent.locks.ReentrantLock;
import java.util.function.Consumer;

/**
 * What a sender, its pump and its answers share. One lock guards everything; nothing that may wait
 * is called under it. Where nothing else is said, a method is called with the lock.
 */
final class SenderState {
  final Options options;

  final ReentrantLock lock = new ReentrantLock();
  final Condition room = lock.newCondition(); // there is, or there never will be
  final Condition work = lock.newCondition(); // for the pump
  final Condition progress = lock.newCondition(); // an answer, or the end

  final Buffer buffer;
  final Lanes lanes;
  final Completions completions;

  /** Requests that are cut, by number; the first has no answer. */
  final ArrayDeque<Request> unanswered = new ArrayDeque<>();

  Connection connection;
  final List<Connection> former =
      new ArrayList<>(); // to other targets, for receipts that they gave
  byte[] senderId = newId();
  long settled; // up to which everything is answered
  long completed; // up to which futures are completed, too

  boolean paused; // nothing new is sent: the target changes
  boolean closing; // nothing more is taken
  boolean stopped; // nothing more is sent
  DestinationsException failure; // why nothing more is sent, if not because of close
  Left left; // of close, when it is done

  long accepted;
  long rejected;
  String lastError = "";

  SenderState(Options options, Connection connection) {
    this.options = options;
    this.connection = connection;
    this.buffer =
        new Buffer(options.maxBufferedBytes, options.batchBytes, Options.nanos(options.batchDelay));
    this.lanes = new Lanes(options);
    this.completions = new Completions(options.onRejected);
  }

  private static byte[] newId() {
    byte[] id = new byte[16];
    new SecureRandom().nextBytes(id);
    return id;
  }

  /** Why nothing is taken, null if it is. */
  DestinationsException refusal() {
    return closing ? new ClosedException() : failure;
  }

  /**
   * Whether everything up to a number is answered, and its futures are completed unless the caller
   * hangs on one.
   */
  boolean isDone(long upTo) {
    return (completions.isCurrent() ? settled : completed) >= upTo;
  }

  void wakeAll() {
    work.signal();
    room.signalAll();
    progress.signalAll();
  }

  /** Goes on as another sender with another target. Everything is answered. */
  void change(Connection next) {
    endCalls(StreamCall::halfClose);
    former.add(connection);
    connection = next;
    senderId = newId();
  }

  /** Ends the client: nothing is sent any more. */
  void fail(DestinationsException why) {
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
  void endCalls(Consumer<StreamCall> ending) {
    List<StreamCall> calls = lanes.calls().toList();
    lanes.clear(); // an end may be told at once
    calls.forEach(ending);
  }

  /** Fails everything that has no answer. */
  void failAll(DestinationsException why) {
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

  Stats stats() {
    return new Stats(
        buffer.heldEvents(),
        buffer.heldBytes(),
        accepted,
        rejected,
        (int) lanes.calls().count(),
        lanes.reconnects(),
        lastError);
  }
}
