package io.github.opendestinations;

/**
 * An object in S3.
 *
 * @param bucket its bucket
 * @param key its key
 * @param etag its ETag, empty if not known
 * @param size its bytes, 0 if not known
 * @param events events in it, others' too
 */
public record DeliveredObject(String bucket, String key, String etag, long size, long events) {}
