package io.github.opendestinations;

import com.google.protobuf.Any;
import com.google.protobuf.InvalidProtocolBufferException;
import com.google.rpc.ErrorInfo;
import com.google.rpc.RetryInfo;
import io.grpc.Metadata;
import io.grpc.Status;
import io.grpc.protobuf.StatusProto;
import java.util.List;

/**
 * How a stream or a call ended.
 *
 * @param status as gRPC says it
 * @param reason ErrorInfo.reason, empty if there is none
 * @param retryDelayNanos RetryInfo.retry_delay, 0 if there is none
 */
record StreamEnd(Status status, String reason, long retryDelayNanos) {

  /** What is to be done about it. */
  enum Remedy {
    /** Open another one. */
    RECONNECT,
    /** Leave out the largest request, then open another one. */
    LEAVE_OUT,
    /** Nothing helps. */
    FAIL
  }

  static StreamEnd of(Status status, Metadata trailers) {
    String reason = "";
    long delay = 0;
    com.google.rpc.Status details =
        trailers == null ? null : StatusProto.fromStatusAndTrailers(status, trailers);
    for (Any detail : details == null ? List.<Any>of() : details.getDetailsList()) {
      try {
        if (detail.is(ErrorInfo.class)) {
          reason = detail.unpack(ErrorInfo.class).getReason();
        } else if (detail.is(RetryInfo.class)) {
          com.google.protobuf.Duration d = detail.unpack(RetryInfo.class).getRetryDelay();
          delay = Math.max(0, d.getSeconds() * 1_000_000_000L + d.getNanos());
        }
      } catch (InvalidProtocolBufferException e) {
        // A detail that can't be read counts as absent: the code says enough.
      }
    }
    return new StreamEnd(status, reason, delay);
  }

  /** mayRenew: the token comes from a function, which may give a better one next time. */
  Remedy remedy(boolean mayRenew) {
    return switch (status.getCode()) {
      case OK, UNAVAILABLE, DEADLINE_EXCEEDED, ABORTED, UNKNOWN, CANCELLED -> Remedy.RECONNECT;
      case INTERNAL -> reason.equals("MALFORMED_REQUEST") ? Remedy.FAIL : Remedy.RECONNECT;
      case UNAUTHENTICATED -> mayRenew ? Remedy.RECONNECT : Remedy.FAIL;
      case RESOURCE_EXHAUSTED -> exhausted();
      default -> Remedy.FAIL;
    };
  }

  private Remedy exhausted() {
    return switch (reason) {
      case "JOURNAL_FULL", "MEMORY_FULL", "RATE_EXCEEDED", "TOO_MANY_CALLS" -> Remedy.RECONNECT;
      case "REQUEST_TOO_LARGE" -> Remedy.LEAVE_OUT;
      case "" -> message().contains("larger than max") ? Remedy.LEAVE_OUT : Remedy.FAIL;
      default -> Remedy.FAIL;
    };
  }

  String message() {
    return status.getDescription() == null ? "" : status.getDescription();
  }

  ClientFailedException failure() {
    return new ClientFailedException(status.getCode().name(), reason, message());
  }

  @Override
  public String toString() {
    return status.getCode()
        + (reason.isEmpty() ? "" : " " + reason)
        + (message().isEmpty() ? "" : ": " + message());
  }
}
