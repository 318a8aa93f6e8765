package io.github.opendestinations;

import io.grpc.CallCredentials;
import io.grpc.Metadata;
import io.grpc.Status;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.Executor;
import java.util.function.Supplier;

/** {@code authorization: Bearer ...}, asked for at each call. */
final class BearerToken extends CallCredentials {
  private static final Metadata.Key<String> AUTHORIZATION =
      Metadata.Key.of("authorization", Metadata.ASCII_STRING_MARSHALLER);

  private final Supplier<String> token;

  BearerToken(Supplier<String> token) {
    this.token = token;
  }

  @Override
  public void applyRequestMetadata(RequestInfo call, Executor executor, MetadataApplier applier) {
    // The function may ask somebody else: not in a thread of the network.
    CompletableFuture.runAsync(() -> apply(applier));
  }

  private void apply(MetadataApplier applier) {
    String given;
    try {
      given = token.get();
    } catch (Throwable e) { // whatever it is, the call waits for an answer
      fail(applier, "the function failed with " + e.getClass().getSimpleName());
      return;
    }
    if (!isValid(given)) { // gRPC would log it
      fail(applier, "the function gave something else than visible ASCII characters");
      return;
    }
    Metadata headers = new Metadata();
    headers.put(AUTHORIZATION, "Bearer " + given);
    applier.apply(headers);
  }

  private static void fail(MetadataApplier applier, String why) {
    applier.fail(Status.UNAUTHENTICATED.withDescription("token: " + why));
  }

  /** Whether a header can say it: one from a file may have a line end. */
  static boolean isValid(String token) {
    return token != null && !token.isEmpty() && token.chars().allMatch(c -> c > ' ' && c < 0x7f);
  }
}
