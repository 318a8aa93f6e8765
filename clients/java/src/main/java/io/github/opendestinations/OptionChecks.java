package io.github.opendestinations;

import java.time.Duration;

/**
 * The ranges of the options. Each method throws an IllegalArgumentException that begins with the
 * option's name.
 */
final class OptionChecks {
  private OptionChecks() {}

  static void buffer(long maxBufferedBytes, WhenFull whenFull, Duration blockTimeout) {
    if (maxBufferedBytes < 1) {
      throw refuse("maxBufferedBytes", "is " + maxBufferedBytes + ", must be 1 or more");
    }
    if (whenFull == null) {
      throw refuse("whenFull", "is null");
    }
    positive("blockTimeout", blockTimeout);
  }

  static void batches(long batchBytes, long max, Duration batchDelay) {
    if (batchBytes < 1 || batchBytes > max) {
      throw refuse("batchBytes", "is " + batchBytes + ", must be 1 to " + max);
    }
    notNegative("batchDelay", batchDelay);
  }

  static void connection(int maxStreams, Duration reconnectInitial, Duration reconnectMax) {
    if (maxStreams < 1 || maxStreams > 64) {
      throw refuse("maxStreams", "is " + maxStreams + ", must be 1 to 64");
    }
    positive("reconnectInitial", reconnectInitial);
    positive("reconnectMax", reconnectMax);
    if (reconnectMax.compareTo(reconnectInitial) < 0) {
      throw refuse(
          "reconnectMax",
          "is " + reconnectMax + ", must not be below reconnectInitial, " + reconnectInitial);
    }
  }

  static void times(Duration keepaliveTime, Duration keepaliveTimeout, Duration closeTimeout) {
    notNegative("keepaliveTime", keepaliveTime);
    if (keepaliveTime.compareTo(Duration.ofSeconds(10)) < 0) {
      throw refuse("keepaliveTime", "is " + keepaliveTime + ", must be 10 s or more");
    }
    positive("keepaliveTimeout", keepaliveTimeout);
    notNegative("closeTimeout", closeTimeout);
  }

  private static void positive(String option, Duration value) {
    notNegative(option, value);
    if (value.isZero()) {
      throw refuse(option, "is 0, must be more");
    }
  }

  private static void notNegative(String option, Duration value) {
    if (value == null || value.isNegative()) {
      throw refuse(option, "is " + value + ", must be 0 or more");
    }
    if (value.compareTo(Duration.ofDays(365)) > 0) {
      throw refuse(option, "is " + value + ", must be a year or less");
    }
  }

  private static IllegalArgumentException refuse(String option, String problem) {
    return new IllegalArgumentException(option + ": " + problem);
  }
}
