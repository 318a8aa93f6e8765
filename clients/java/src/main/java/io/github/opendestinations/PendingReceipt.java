package io.github.opendestinations;

import java.util.concurrent.CompletableFuture;

/** The future of an event that has no answer yet. */
final class PendingReceipt extends CompletableFuture<Receipt> {
  final Destination destination;

  PendingReceipt(Destination destination) {
    this.destination = destination;
  }

  /** What is derived from it need not know where the event goes. */
  @Override
  public <U> CompletableFuture<U> newIncompleteFuture() {
    return new CompletableFuture<>();
  }
}
