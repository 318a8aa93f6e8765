package io.github.opendestinations;

/**
 * What has no answer when a client is closed.
 *
 * @param events how many; 0 when all is answered
 * @param bytes of them, counted as in {@link Options.Builder#maxBufferedBytes}
 */
public record Left(long events, long bytes) {}
