package io.github.opendestinations;

import java.time.Duration;
import java.util.concurrent.CompletableFuture;

/**
 * The service has the event on stable storage and will deliver it. Events of one destination that
 * were answered together share a receipt. It can be asked for as long as its client is open.
 */
public final class Receipt {
  private final String bucket;
  private final String prefix;
  private final String token;
  private final Deliveries deliveries;

  Receipt(String bucket, String prefix, String token, Deliveries deliveries) {
    this.bucket = bucket;
    this.prefix = prefix;
    this.token = token;
    this.deliveries = deliveries;
  }

  /**
   * The destination's bucket.
   *
   * @return its name
   */
  public String bucket() {
    return bucket;
  }

  /**
   * The destination's prefix as it is used.
   *
   * @return empty, or ending with {@code /}
   */
  public String prefix() {
    return prefix;
  }

  /**
   * What the service calls the events that this receipt stands for.
   *
   * @return opaque; empty if the client was made without receipts
   */
  public String token() {
    return token;
  }

  /**
   * Asks once what became of the events.
   *
   * @return what the service says; fails with a {@link ClientFailedException} if the service
   *     refuses to say it
   */
  public CompletableFuture<Delivery> status() {
    return deliveries.status(this);
  }

  /**
   * Waits until the events are delivered, by asking again and again. Many who wait share the calls.
   *
   * @param timeout how long at most
   * @return the status that says so; fails with a {@link DeadException} if they will not be
   *     delivered by themselves, a {@link TimeoutException} when the time is over, a {@link
   *     ClientFailedException} if the service refuses to say it
   */
  public CompletableFuture<Delivery> delivered(Duration timeout) {
    return deliveries.delivered(this, timeout);
  }

  @Override
  public String toString() {
    return "Receipt[bucket=" + bucket + ", prefix=" + prefix + "]";
  }
}
