package io.github.opendestinations;

/** What became of events. */
public enum DeliveryState {
  /** None is delivered yet. */
  PENDING,
  /** The batch is on its way to S3. */
  UPLOADING,
  /** The destination does not work: the events wait, and are delivered when it works again. */
  BLOCKED,
  /** Some are delivered, others not yet. */
  PARTIAL,
  /** All are delivered. */
  DELIVERED,
  /** Some are kept and no longer tried by themselves, or were discarded. */
  DEAD,
  /** A state that this client does not know. */
  UNKNOWN
}
