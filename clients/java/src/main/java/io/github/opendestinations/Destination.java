package io.github.opendestinations;

/**
 * Where events go, with what its requests need of it. Equal by bucket and completed prefix, as the
 * service sees it.
 */
final class Destination {
  final String bucket;
  final String prefix; // completed with "/"
  final byte[] bucketBytes;
  final byte[] prefixBytes; // as the caller gave it

  /** Throws a RejectedException if a field is missing or not valid Unicode. */
  Destination(String bucket, String prefix) {
    if (bucket.isEmpty()) {
      throw new RejectedException("BUCKET_INVALID", "bucket", "missing");
    }
    this.bucket = bucket;
    this.bucketBytes = Utf8.field(bucket, "bucket", "BUCKET_INVALID");
    this.prefixBytes = Utf8.field(prefix, "prefix", "PREFIX_INVALID");
    this.prefix = prefix.isEmpty() || prefix.endsWith("/") ? prefix : prefix + "/";
  }

  @Override
  public boolean equals(Object other) {
    return this == other
        || other instanceof Destination d && bucket.equals(d.bucket) && prefix.equals(d.prefix);
  }

  @Override
  public int hashCode() {
    return 31 * bucket.hashCode() + prefix.hashCode();
  }
}
