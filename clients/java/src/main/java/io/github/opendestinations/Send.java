package io.github.opendestinations;

import java.util.concurrent.CompletableFuture;
import java.util.function.Consumer;

/**
 * {@code $.send}: what a step sends with. May be taken out of its client and kept; safe for
 * concurrent use. All facades of a client are one sender.
 */
public final class Send {
  private final Sender sender;
  private final EventEncoder encoder;

  Send(Sender sender, EventEncoder encoder) {
    this.sender = sender;
    this.encoder = encoder;
  }

  /**
   * Sends an event to Amazon S3. It returns when the event is in the buffer, and waits only for
   * room there ({@link WhenFull}). The payload is copied: what the caller changes later does not
   * matter.
   *
   * <p>The future need not be looked at. It completes when the event is on the service's stable
   * storage, on a thread of the client: work that blocks belongs into {@code thenApplyAsync} and
   * its like. Cancelling it does not take the event back.
   *
   * @param event what is sent and where to
   * @return the receipt; fails with a {@link RejectedException}, {@link SerializationException},
   *     {@link BufferFullException}, {@link ClosedException}, {@link UnansweredException} or {@link
   *     ClientFailedException}
   */
  public CompletableFuture<Receipt> s3(S3Event event) {
    EncodedEvent encoded;
    try {
      encoded = encoder.encode(event);
    } catch (DestinationsException e) {
      return CompletableFuture.failedFuture(e);
    }
    return sender.add(encoded);
  }

  /**
   * Sends an event whose fields a function sets: {@code send.s3(e ->
   * e.bucket("b").prefix("p/").payload(body))}.
   *
   * @param fields sets them
   * @return as {@link #s3(S3Event)}
   */
  public CompletableFuture<Receipt> s3(Consumer<S3Event.Builder> fields) {
    S3Event.Builder builder = S3Event.builder();
    fields.accept(builder);
    return s3(builder.build());
  }

  /**
   * Sends an event without an id.
   *
   * @param bucket see {@link S3Event.Builder#bucket}
   * @param prefix see {@link S3Event.Builder#prefix}
   * @param payload see {@link S3Event.Builder#payload}
   * @return as {@link #s3(S3Event)}
   */
  public CompletableFuture<Receipt> s3(String bucket, String prefix, Object payload) {
    return s3(S3Event.builder().bucket(bucket).prefix(prefix).payload(payload).build());
  }
}
