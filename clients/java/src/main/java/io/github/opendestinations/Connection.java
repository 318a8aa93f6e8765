package io.github.opendestinations;

import io.github.opendestinations.StreamMethod.Outgoing;
import io.github.opendestinations.v1.StreamS3Response;
import io.grpc.CallOptions;
import io.grpc.Channel;
import io.grpc.ClientCall;
import io.grpc.ConnectivityState;
import io.grpc.Grpc;
import io.grpc.ManagedChannel;
import java.util.concurrent.TimeUnit;

/** The channel to one target. */
final class Connection {
  /** How long the end of streams is waited for that have nothing to answer. */
  private static final long END_PATIENCE_MILLIS = 2_000;

  /**
   * So much may wait in gRPC before a stream is not ready: as much as makes it a loaded one, so
   * that the next is opened also when this one is stuck.
   */
  private static final int READY_BYTES = (int) Lanes.LOADED_BYTES;

  private final ManagedChannel channel;
  private final CallOptions callOptions;
  private final Deliveries deliveries = new Deliveries(this);

  private Connection(ManagedChannel channel, CallOptions callOptions) {
    this.channel = channel;
    this.callOptions = callOptions;
  }

  /**
   * Connects when there is something to send. Throws an IllegalArgumentException about options that
   * do not fit the target.
   */
  static Connection to(String target, Options options) {
    ManagedChannel channel =
        Grpc.newChannelBuilder(target, Credentials.of(target, options))
            .disableRetry()
            .keepAliveTime(options.keepaliveTime.toNanos(), TimeUnit.NANOSECONDS)
            .keepAliveTimeout(options.keepaliveTimeout.toNanos(), TimeUnit.NANOSECONDS)
            .keepAliveWithoutCalls(false)
            .build();
    CallOptions callOptions = CallOptions.DEFAULT;
    if (options.token != null) {
      callOptions = callOptions.withCallCredentials(new BearerToken(options.token));
    }
    return new Connection(channel, callOptions);
  }

  /** A call that is not started. What it tells comes in gRPC's own threads. */
  ClientCall<Outgoing, StreamS3Response> newStream() {
    if (channel.getState(false) == ConnectivityState.TRANSIENT_FAILURE) {
      // The pauses are ours: this call is to try, not to fail with the last error.
      channel.enterIdle();
    }
    return channel.newCall(
        StreamMethod.STREAM_S3,
        callOptions.withExecutor(Runnable::run).withOnReadyThreshold(READY_BYTES));
  }

  Channel channel() {
    return channel;
  }

  /** Who asks what became of events that this target has accepted. */
  Deliveries deliveries() {
    return deliveries;
  }

  CallOptions callOptions() {
    return callOptions;
  }

  /** Waits a little for the streams to end by themselves. */
  void close() {
    channel.shutdown();
    try {
      if (channel.awaitTermination(END_PATIENCE_MILLIS, TimeUnit.MILLISECONDS)) {
        return;
      }
      channel.shutdownNow();
      channel.awaitTermination(END_PATIENCE_MILLIS, TimeUnit.MILLISECONDS);
    } catch (InterruptedException e) {
      channel.shutdownNow();
      Thread.currentThread().interrupt();
    }
  }

  /** Cuts everything off. */
  void abort() {
    channel.shutdownNow();
  }
}
