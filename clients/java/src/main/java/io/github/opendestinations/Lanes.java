package io.github.opendestinations;

import io.github.opendestinations.StreamMethod.Outgoing;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.function.Function;
import java.util.stream.Stream;

/** The places of a sender's streams: one, and more under load. Guarded by the sender's lock. */
final class Lanes {
  /** A stream with so much without an answer is loaded. */
  static final long LOADED_BYTES = 1 << 20;

  /** An additional stream that has had nothing to do for so long is closed. */
  private static final long MAX_IDLE_NANOS = TimeUnit.SECONDS.toNanos(10);

  private final int maxStreams;
  private final long reconnectInitialNanos;
  private final long reconnectMaxNanos;
  private final List<Lane> lanes = new ArrayList<>();
  private long reconnects;

  Lanes(Options options) {
    this.maxStreams = options.maxStreams;
    this.reconnectInitialNanos = Options.nanos(options.reconnectInitial);
    this.reconnectMaxNanos = Options.nanos(options.reconnectMax);
  }

  /** The place that takes the next request; null if none can now. */
  Lane pick(long now) {
    if (lanes.isEmpty()) {
      return open(now);
    }
    Lane best = null; // the ready one with the fewest bytes
    Lane closed = null; // one that may be opened for it
    int open = 0;
    boolean loaded = true; // all open ones
    for (Lane lane : lanes) {
      if (lane.call == null) {
        closed = lane.isEmpty() && lane.openAt - now <= 0 ? lane : closed;
        continue;
      }
      open++;
      loaded &= lane.bytes() >= LOADED_BYTES;
      if (!lane.hasUnsent()
          && lane.call.isReady()
          && (best == null || lane.bytes() < best.bytes())) {
        best = lane;
      }
    }
    if (loaded && closed != null) {
      return closed;
    }
    if (loaded && open == lanes.size() && open < maxStreams) {
      return open(now);
    }
    return best;
  }

  private Lane open(long now) {
    Lane lane =
        new Lane(lanes.isEmpty(), new Backoff(reconnectInitialNanos, reconnectMaxNanos), now);
    lanes.add(lane);
    return lane;
  }

  /** What is to be done now: open, send or close; null if nothing. */
  Pump.Step next(long now, Function<Lane, StreamCall> opener, Function<Lane, Outgoing> outgoing) {
    for (Lane lane : lanes) {
      StreamCall call = lane.call;
      if (call == null && lane.hasUnsent() && lane.openAt - now <= 0) {
        StreamCall opened = opener.apply(lane);
        lane.call = opened;
        reconnects += lane.reopens ? 1 : 0;
        return new Pump.Step(opened, opened::start);
      }
      if (call != null && lane.hasUnsent() && call.isReady()) {
        Outgoing request = outgoing.apply(lane);
        return new Pump.Step(call, () -> call.send(request));
      }
      if (call != null && isIdle(lane, now)) {
        lanes.remove(lane);
        lane.call = null;
        return new Pump.Step(call, call::halfClose);
      }
    }
    return null;
  }

  private static boolean isIdle(Lane lane, long now) {
    return !lane.first && lane.isEmpty() && now - lane.idleSince >= MAX_IDLE_NANOS;
  }

  /** How long until there may be something to do by itself, in nanoseconds. */
  long untilNext(long now) {
    long least = Long.MAX_VALUE;
    for (Lane lane : lanes) {
      if (lane.call == null && lane.openAt - now > 0) {
        least = Math.min(least, lane.openAt - now);
      } else if (lane.call != null && !lane.first && lane.isEmpty()) {
        least = Math.min(least, lane.idleSince + MAX_IDLE_NANOS - now);
      }
    }
    return least;
  }

  /**
   * A call has ended by itself: another one is opened after a pause, if there is something to send.
   */
  void end(Lane lane, StreamEnd end, long now) {
    lane.end();
    lane.openAt = now + end.retryDelayNanos() + lane.backoff.pause();
    if (!lane.first && lane.isEmpty()) {
      lanes.remove(lane);
    }
  }

  /** The open calls. */
  Stream<StreamCall> calls() {
    return lanes.stream().map(lane -> lane.call).filter(call -> call != null);
  }

  long reconnects() {
    return reconnects;
  }

  /** Forgets places that have nothing to send. */
  void clear() {
    lanes.forEach(lane -> lane.call = null);
    lanes.clear();
  }

  /** Takes out everything that has no answer. */
  List<Request> drain() {
    List<Request> out = new ArrayList<>();
    lanes.forEach(lane -> out.addAll(lane.drain()));
    return out;
  }
}
