package io.github.opendestinations;

import io.github.opendestinations.StreamMethod.Outgoing;
import io.github.opendestinations.v1.StreamS3Response;
import io.grpc.ClientCall;
import io.grpc.Metadata;
import io.grpc.Status;

/**
 * One call of StreamS3. What it sends comes from the pump alone; what it tells comes from gRPC's
 * threads.
 */
final class StreamCall extends ClientCall.Listener<StreamS3Response> {

  /** Who is told. None of it may wait. */
  interface Owner {
    void onReady();

    void onAnswer(StreamCall call, StreamS3Response answer);

    /** The last that is told of a call. */
    void onEnd(StreamCall call, StreamEnd end);
  }

  private final ClientCall<Outgoing, StreamS3Response> call;
  private final Owner owner;
  final Lane lane;

  StreamCall(ClientCall<Outgoing, StreamS3Response> call, Lane lane, Owner owner) {
    this.call = call;
    this.lane = lane;
    this.owner = owner;
  }

  void start() {
    call.start(this, new Metadata());
    call.request(Integer.MAX_VALUE); // answers are small, and are taken at once
  }

  boolean isReady() {
    return call.isReady();
  }

  void send(Outgoing request) {
    call.sendMessage(request);
  }

  void halfClose() {
    call.halfClose();
  }

  void cancel(String why) {
    call.cancel(why, null);
  }

  @Override
  public void onReady() {
    owner.onReady();
  }

  @Override
  public void onMessage(StreamS3Response answer) {
    owner.onAnswer(this, answer);
  }

  @Override
  public void onClose(Status status, Metadata trailers) {
    owner.onEnd(this, StreamEnd.of(status, trailers));
  }
}
