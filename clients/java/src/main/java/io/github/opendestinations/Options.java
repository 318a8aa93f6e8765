package io.github.opendestinations;

import io.grpc.ChannelCredentials;
import java.time.Duration;
import java.util.function.Consumer;
import java.util.function.Function;
import java.util.function.Supplier;

/** How a client behaves. Immutable. Its text shows no secret. */
public final class Options {
  /** What a request may be at most, and every service takes. */
  private static final long MAX_BATCH_BYTES = 4 << 20;

  final String target;
  final long maxBufferedBytes;
  final WhenFull whenFull;
  final Duration blockTimeout;
  final long batchBytes;
  final Duration batchDelay;
  final int maxStreams;
  final Duration reconnectInitial;
  final Duration reconnectMax;
  final Duration keepaliveTime;
  final Duration keepaliveTimeout;
  final Duration closeTimeout;
  final boolean receipts;
  final boolean insecure;
  final boolean tls;
  final byte[] tlsCa;
  final byte[] tlsCert;
  final byte[] tlsKey;
  final ChannelCredentials credentials;
  final Supplier<String> token;
  final boolean tokenRenews; // it comes from a function
  final Function<Object, byte[]> serializer;
  final Consumer<? super DestinationsException> onRejected;

  private Options(Builder b) {
    this.target = b.target;
    this.maxBufferedBytes = b.maxBufferedBytes;
    this.whenFull = b.whenFull;
    this.blockTimeout = b.blockTimeout;
    this.batchBytes = b.batchBytes;
    this.batchDelay = b.batchDelay;
    this.maxStreams = b.maxStreams;
    this.reconnectInitial = b.reconnectInitial;
    this.reconnectMax = b.reconnectMax;
    this.keepaliveTime = b.keepaliveTime;
    this.keepaliveTimeout = b.keepaliveTimeout;
    this.closeTimeout = b.closeTimeout;
    this.receipts = b.receipts;
    this.insecure = b.insecure;
    this.tls = b.tls;
    this.tlsCa = b.tlsCa;
    this.tlsCert = b.tlsCert;
    this.tlsKey = b.tlsKey;
    this.credentials = b.credentials;
    this.token = b.token;
    this.tokenRenews = b.tokenRenews;
    this.serializer = b.serializer;
    this.onRejected = b.onRejected;
  }

  /**
   * Begins with the defaults.
   *
   * @param target where the service is, as gRPC names it: {@code localhost:50051}. It must be one
   *     service: another one has another journal, and what is sent again there would be delivered
   *     twice
   * @return a builder
   */
  public static Builder builder(String target) {
    return new Builder(target);
  }

  @Override
  public String toString() {
    return "Options[target=" + target + "]";
  }

  /** As many nanoseconds, the most there are for what is longer. */
  static long nanos(Duration duration) {
    if (duration.isNegative()) {
      return 0;
    }
    return duration.compareTo(Duration.ofNanos(Long.MAX_VALUE)) > 0
        ? Long.MAX_VALUE
        : duration.toNanos();
  }

  static String checkTarget(String target) {
    check(target != null && !target.isBlank(), "target", "is required");
    return target;
  }

  private static void check(boolean ok, String option, String problem) {
    if (!ok) {
      throw new IllegalArgumentException(option + ": " + problem);
    }
  }

  /** Sets options. Each has a default but the target. */
  public static final class Builder {
    private final String target;
    private long maxBufferedBytes = 64 << 20;
    private WhenFull whenFull = WhenFull.WAIT;
    private Duration blockTimeout = Duration.ofSeconds(30);
    private long batchBytes = 256 << 10;
    private Duration batchDelay = Duration.ofMillis(5);
    private int maxStreams = 4;
    private Duration reconnectInitial = Duration.ofMillis(100);
    private Duration reconnectMax = Duration.ofSeconds(10);
    private Duration keepaliveTime = Duration.ofSeconds(30);
    private Duration keepaliveTimeout = Duration.ofSeconds(10);
    private Duration closeTimeout = Duration.ofSeconds(30);
    private boolean receipts = true;
    private boolean insecure;
    private boolean tls;
    private byte[] tlsCa;
    private byte[] tlsCert;
    private byte[] tlsKey;
    private ChannelCredentials credentials;
    private Supplier<String> token;
    private boolean tokenRenews;
    private Function<Object, byte[]> serializer;
    private Consumer<? super DestinationsException> onRejected;

    private Builder(String target) {
      this.target = target;
    }

    /**
     * Sets what is held without an answer. One event is taken by an empty buffer, whatever its
     * size.
     *
     * @param bytes of payload, bucket, prefix, id and 64 bytes an event; at least 1; default 64 MiB
     * @return this
     */
    public Builder maxBufferedBytes(long bytes) {
      this.maxBufferedBytes = bytes;
      return this;
    }

    /**
     * Sets what a call does when the buffer has no room.
     *
     * @param whenFull default {@link WhenFull#WAIT}
     * @return this
     */
    public Builder whenFull(WhenFull whenFull) {
      this.whenFull = whenFull;
      return this;
    }

    /**
     * Sets how long {@link WhenFull#BLOCK} waits.
     *
     * @param timeout more than zero; default 30 s
     * @return this
     */
    public Builder blockTimeout(Duration timeout) {
      this.blockTimeout = timeout;
      return this;
    }

    /**
     * Sets the size of a request: it is cut before the event that would make it larger.
     *
     * @param bytes counted as in {@link #maxBufferedBytes}; 1 to 4 MiB; default 256 KiB
     * @return this
     */
    public Builder batchBytes(long bytes) {
      this.batchBytes = bytes;
      return this;
    }

    /**
     * Sets how long a request waits for more events behind its first.
     *
     * @param delay zero or more; default 5 ms
     * @return this
     */
    public Builder batchDelay(Duration delay) {
      this.batchDelay = delay;
      return this;
    }

    /**
     * Sets how many streams there may be under load.
     *
     * @param streams 1 to 64; 1 keeps the lines of a destination in the order of the calls; default
     *     4
     * @return this
     */
    public Builder maxStreams(int streams) {
      this.maxStreams = streams;
      return this;
    }

    /**
     * Sets the pauses between tries to reach the service: doubled each time, each of them between
     * half of it and all of it at random.
     *
     * @param initial the first, more than zero; default 100 ms
     * @param max the longest, not below the first; default 10 s
     * @return this
     */
    public Builder reconnect(Duration initial, Duration max) {
      this.reconnectInitial = initial;
      this.reconnectMax = max;
      return this;
    }

    /**
     * Sets when a connection with an open stream that is silent is asked whether it lives.
     *
     * @param time of silence, 10 s or more (the service allows no less); default 30 s
     * @param timeout for its answer, more than zero; default 10 s
     * @return this
     */
    public Builder keepalive(Duration time, Duration timeout) {
      this.keepaliveTime = time;
      this.keepaliveTimeout = timeout;
      return this;
    }

    /**
     * Sets how long {@link Client#close()} waits.
     *
     * @param timeout zero or more; default 30 s
     * @return this
     */
    public Builder closeTimeout(Duration timeout) {
      this.closeTimeout = timeout;
      return this;
    }

    /**
     * Sets whether receipts can be asked for deliveries. Without, the service and the client save
     * some work.
     *
     * @param receipts default true
     * @return this
     */
    public Builder receipts(boolean receipts) {
      this.receipts = receipts;
      return this;
    }

    /**
     * Allows plaintext to a target that is not this machine.
     *
     * @return this
     */
    public Builder insecure() {
      this.insecure = true;
      return this;
    }

    /**
     * Asks for TLS with the system's roots, also to this machine. It is the default to any other.
     *
     * @return this
     */
    public Builder tls() {
      this.tls = true;
      return this;
    }

    /**
     * Asks for TLS with roots of its own.
     *
     * @param pem certificates in PEM
     * @return this
     */
    public Builder tlsCa(byte[] pem) {
      this.tls = true;
      this.tlsCa = pem.clone();
      return this;
    }

    /**
     * Asks for TLS with a certificate of its own (mTLS).
     *
     * @param certPem the chain, in PEM
     * @param keyPem its private key, PKCS#8 in PEM
     * @return this
     */
    public Builder tlsCert(byte[] certPem, byte[] keyPem) {
      this.tls = true;
      this.tlsCert = certPem.clone();
      this.tlsKey = keyPem.clone();
      return this;
    }

    /**
     * Sets gRPC's own credentials, instead of {@code insecure} and {@code tls}.
     *
     * @param credentials of the channel
     * @return this
     */
    public Builder credentials(ChannelCredentials credentials) {
      this.credentials = credentials;
      return this;
    }

    /**
     * Sets what is sent as {@code authorization: Bearer ...}.
     *
     * @param token never sent in plaintext to another machine
     * @return this
     */
    public Builder token(String token) {
      check(BearerToken.isValid(token), "token", "is not of visible ASCII characters");
      this.token = () -> token;
      this.tokenRenews = false;
      return this;
    }

    /**
     * Sets a function that gives the token, which is asked for each stream and call.
     *
     * @param token may wait
     * @return this
     */
    public Builder token(Supplier<String> token) {
      this.token = token;
      this.tokenRenews = true;
      return this;
    }

    /**
     * Sets what makes bytes of payloads that are neither bytes nor a string. It is called in the
     * calls, perhaps by many threads at once.
     *
     * @param serializer what it throws fails the call; default: Jackson, if it is on the class path
     * @return this
     */
    public Builder serializer(Function<Object, byte[]> serializer) {
      this.serializer = serializer;
      return this;
    }

    /**
     * Sets who is told of each event that failed after its call: rejected, or unanswered at the
     * end.
     *
     * @param onRejected called in a thread of the client; what it throws is ignored
     * @return this
     */
    public Builder onRejected(Consumer<? super DestinationsException> onRejected) {
      this.onRejected = onRejected;
      return this;
    }

    /**
     * Makes the options.
     *
     * @return options that fit together
     * @throws IllegalArgumentException if one is out of range or contradicts another; the message
     *     begins with its name
     */
    public Options build() {
      OptionChecks.buffer(maxBufferedBytes, whenFull, blockTimeout);
      OptionChecks.batches(batchBytes, MAX_BATCH_BYTES, batchDelay);
      OptionChecks.connection(maxStreams, reconnectInitial, reconnectMax);
      OptionChecks.times(keepaliveTime, keepaliveTimeout, closeTimeout);
      checkTarget(target);
      check(!insecure || !tls, "insecure", "contradicts tls");
      check(
          credentials == null || !insecure && !tls, "credentials", "contradicts insecure and tls");
      return new Options(this);
    }
  }
}
