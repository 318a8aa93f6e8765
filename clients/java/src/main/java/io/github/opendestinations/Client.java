package io.github.opendestinations;

import java.time.Duration;
import java.util.concurrent.atomic.AtomicBoolean;

/**
 * Sends events to the Destinations service: {@code client.send().s3(...)} is the call of a step.
 *
 * <p>A client is one sender: it collects events for a few milliseconds, sends them over a stream
 * that stays open, sends again exactly as it was what has no answer when the stream breaks, and so
 * has each event delivered once. It is safe for concurrent use, and meant to be kept. Threads: one
 * that sends and one that completes futures, while there is work, and gRPC's own, which all clients
 * share. They keep no program alive: close the client.
 */
public final class Client implements AutoCloseable {
  private final Options options;
  private final Sender sender;
  private final Send send;
  private final AtomicBoolean closed = new AtomicBoolean();

  private Client(Options options) {
    this.options = options;
    this.sender = new Sender(options, Connection.to(options.target, options));
    this.send = new Send(sender, new EventEncoder(options.serializer));
  }

  /**
   * Makes a client with the default options. Does not wait for a connection.
   *
   * @param target where the service is, as gRPC names it: {@code localhost:50051}
   * @return a client that is to be closed
   */
  public static Client connect(String target) {
    return connect(Options.builder(target).build());
  }

  /**
   * Makes a client. Does not wait for a connection.
   *
   * @param options how it is to behave
   * @return a client that is to be closed
   * @throws IllegalArgumentException if an option does not fit the target; the message begins with
   *     its name
   */
  public static Client connect(Options options) {
    return new Client(options);
  }

  /**
   * What a step sends with.
   *
   * @return a facade that may be kept
   */
  public Send send() {
    return send;
  }

  /**
   * Waits until everything that was sent before is answered and its futures are completed.
   * Rejections do not fail it.
   *
   * @throws InterruptedException if the thread is interrupted
   * @throws ClientFailedException if the client has failed
   */
  public void flush() throws InterruptedException {
    sender.flush(Long.MAX_VALUE);
  }

  /**
   * As {@link #flush()}, for a time. Nothing is lost when it is over.
   *
   * @param timeout how long at most
   * @throws InterruptedException if the thread is interrupted
   * @throws TimeoutException when the time is over
   * @throws ClientFailedException if the client has failed
   */
  public void flush(Duration timeout) throws InterruptedException {
    sender.flush(Options.nanos(timeout));
  }

  /**
   * Sends to another service from now on, when the present one has answered what it was sent; new
   * events wait in the buffer meanwhile. When the time is over first, the present target stays.
   *
   * @param target see {@link #connect(String)}
   * @param timeout how long at most
   * @throws InterruptedException if the thread is interrupted; the present target stays
   * @throws TimeoutException when the time is over
   * @throws IllegalArgumentException if an option does not fit the target
   */
  public void setTarget(String target, Duration timeout) throws InterruptedException {
    sender.setTarget(Connection.to(Options.checkTarget(target), options), Options.nanos(timeout));
  }

  /**
   * How things stand.
   *
   * @return figures of one moment
   */
  public Stats stats() {
    return sender.stats();
  }

  /**
   * Takes no more events, waits for answers for {@code closeTimeout}, and ends. Waits for a call of
   * {@link #close(Duration)} that was first, and leaves it to that one to say what is left.
   *
   * @throws UnansweredException if something has no answer then
   * @throws ClientFailedException if the client has failed
   */
  @Override
  public void close() {
    boolean first = closed.compareAndSet(false, true);
    Left left = sender.close(Options.nanos(options.closeTimeout));
    if (first) {
      sender.checkEnd(left);
    }
  }

  /**
   * Takes no more events, waits for answers, and ends. What has no answer then fails with an {@link
   * UnansweredException}. A second call waits for the first. An interrupt is as the end of the
   * time.
   *
   * @param timeout how long at most; zero = not at all
   * @return what is left without an answer
   */
  public Left close(Duration timeout) {
    closed.set(true);
    return sender.close(Options.nanos(timeout));
  }
}
