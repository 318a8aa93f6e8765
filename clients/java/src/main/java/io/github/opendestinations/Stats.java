package io.github.opendestinations;

/**
 * How things stand with a client.
 *
 * @param bufferedEvents events without an answer
 * @param bufferedBytes of them, counted as in {@link Options.Builder#maxBufferedBytes}
 * @param accepted events that the service has accepted, since the beginning
 * @param rejected events that were rejected after their call, since the beginning
 * @param streams open now
 * @param reconnects streams that were opened in the place of one that had ended, since the
 *     beginning
 * @param lastError why the last stream ended; empty when an answer has come since
 */
public record Stats(
    long bufferedEvents,
    long bufferedBytes,
    long accepted,
    long rejected,
    int streams,
    long reconnects,
    String lastError) {}
