package io.github.opendestinations.v1;

import static io.grpc.MethodDescriptor.generateFullMethodName;

/**
 * <pre>
 * Destinations takes events from workflow executors and delivers them to the
 * destinations that the events name.
 * Events of one destination (bucket and prefix) are collected and written, once
 * a window (a minute by default), as one gzip object of newline-delimited
 * payloads:
 *     [PREFIX]/YYYY/MM/DD/HH/YYYY-MM-DD-HH-MM-SS-IDENTIFIER.gz
 * in UTC, where IDENTIFIER is 64 hexadecimal digits. An object holds the payload
 * bytes that were sent, one event a line, in the order in which the events of one
 * stream were sent to that destination.
 * An event that was answered as accepted is on stable storage. It survives a
 * crash of the service, a power failure and a full disk, and it is delivered.
 * What comes again is left out where it can be recognised: an event of the same
 * `sender_id`, `sequence` and place in its request, for 24 hours after the sender's
 * last request, and an event of the same `id` and destination, for 10 minutes (the
 * service's --dedupe-window). So a sender may send again whatever he has no answer
 * for, in any stream and as often as he likes. An answer can't tell a duplicate from
 * the first: both count as accepted. The service remembers 100,000 senders and
 * 500,000 ids (--dedupe-senders for each partition, --dedupe-ids) and forgets the
 * oldest beyond that.
 * What ends a stream with an error, beside what gRPC itself reports:
 *     code                reason (ErrorInfo.reason)   cause
 *     INVALID_ARGUMENT    SEQUENCE_NOT_GROWING        `sequence` is not greater than the one before it, or is missing (in a StreamS3, or if other requests of the stream have one)
 *     INVALID_ARGUMENT    SEQUENCE_TOO_FAR            `sequence` is more than 65,536 above `settled` (streams with a `sender_id`)
 *     INVALID_ARGUMENT    SETTLED_INVALID             `settled` is not below `sequence`, or is less than it was; or a stream begins with a `sequence` that its sender had settled
 *     INVALID_ARGUMENT    SENDER_ID_INVALID           `sender_id` is not 16 bytes, is not that of the first request, or comes without `sequence`
 *     RESOURCE_EXHAUSTED  REQUEST_TOO_LARGE           a request is larger than 4 MiB (or the service's --max-request-size), or has more than 100,000 events
 *     RESOURCE_EXHAUSTED  JOURNAL_FULL                the journal's quota or the disk is full; with RetryInfo
 *     RESOURCE_EXHAUSTED  MEMORY_FULL                 for 10 s the service had no memory free for another request, or the caller has not read his answers, or left a stream of large requests idle, while others waited for it; with RetryInfo
 *     RESOURCE_EXHAUSTED  RATE_EXCEEDED               the caller's grant or tenant is more than a second ahead of its events or bytes a second; RetryInfo says until when. Who is less far ahead is only read more slowly
 *     RESOURCE_EXHAUSTED  RATE_EXCEEDED               also: more calls began in a second than an address or a principal may begin
 *     RESOURCE_EXHAUSTED  TOO_MANY_CALLS              so many calls of the address, of the principal or of all are under way as may be; with RetryInfo
 *     UNAUTHENTICATED     CREDENTIAL_MISSING          the caller has shown neither a bearer token nor a client certificate
 *     UNAUTHENTICATED     CREDENTIAL_INVALID          what he has shown is unknown, revoked, expired, or not meant for this service; also in the middle of a stream
 *     PERMISSION_DENIED   NOT_GRANTED                 no grant names the caller; also in the middle of a stream, when it was taken away
 *     PERMISSION_DENIED   ROLE_MISSING                the caller's grant has not the role that the call needs; likewise
 *     UNAVAILABLE         ISSUER_UNAVAILABLE          the keys of the token's issuer could not be had; with RetryInfo
 *     UNAVAILABLE         SHUTTING_DOWN               the service is stopping; with RetryInfo
 *     UNAVAILABLE         STREAM_AGE                  a StreamS3 has lasted long enough; with RetryInfo
 *     INTERNAL            MALFORMED_REQUEST           a request is not valid protobuf, or a string in it is not UTF-8
 *     INTERNAL            JOURNAL_BROKEN              the journal failed; the service is NOT_SERVING and exits
 * Every one of them carries a google.rpc.ErrorInfo with domain "destinations"
 * and, in metadata["durable_sequence"], the last `sequence` up to which
 * everything that was accepted is durable. Requests without a `sequence` are
 * counted 1, 2, 3, ... in the stream for this purpose. What came behind it may
 * or may not be durable.
 * What gRPC itself ends has no such details: a cut connection (UNAVAILABLE), the
 * caller's own deadline or cancellation, an unknown compression (UNIMPLEMENTED),
 * and a request of more than twice the largest size (RESOURCE_EXHAUSTED).
 * </pre>
 */
@io.grpc.stub.annotations.GrpcGenerated
public final class DestinationsGrpc {

  private DestinationsGrpc() {}

  public static final java.lang.String SERVICE_NAME = "destinations.v1.Destinations";

  // Static method descriptors that strictly reflect the proto.
  private static volatile io.grpc.MethodDescriptor<io.github.opendestinations.v1.SendS3Request,
      io.github.opendestinations.v1.SendS3Response> getSendS3Method;

  @io.grpc.stub.annotations.RpcMethod(
      fullMethodName = SERVICE_NAME + '/' + "SendS3",
      requestType = io.github.opendestinations.v1.SendS3Request.class,
      responseType = io.github.opendestinations.v1.SendS3Response.class,
      methodType = io.grpc.MethodDescriptor.MethodType.CLIENT_STREAMING)
  public static io.grpc.MethodDescriptor<io.github.opendestinations.v1.SendS3Request,
      io.github.opendestinations.v1.SendS3Response> getSendS3Method() {
    io.grpc.MethodDescriptor<io.github.opendestinations.v1.SendS3Request, io.github.opendestinations.v1.SendS3Response> getSendS3Method;
    if ((getSendS3Method = DestinationsGrpc.getSendS3Method) == null) {
      synchronized (DestinationsGrpc.class) {
        if ((getSendS3Method = DestinationsGrpc.getSendS3Method) == null) {
          DestinationsGrpc.getSendS3Method = getSendS3Method =
              io.grpc.MethodDescriptor.<io.github.opendestinations.v1.SendS3Request, io.github.opendestinations.v1.SendS3Response>newBuilder()
              .setType(io.grpc.MethodDescriptor.MethodType.CLIENT_STREAMING)
              .setFullMethodName(generateFullMethodName(SERVICE_NAME, "SendS3"))
              .setSampledToLocalTracing(true)
              .setRequestMarshaller(io.grpc.protobuf.ProtoUtils.marshaller(
                  io.github.opendestinations.v1.SendS3Request.getDefaultInstance()))
              .setResponseMarshaller(io.grpc.protobuf.ProtoUtils.marshaller(
                  io.github.opendestinations.v1.SendS3Response.getDefaultInstance()))
              .setSchemaDescriptor(new DestinationsMethodDescriptorSupplier("SendS3"))
              .build();
        }
      }
    }
    return getSendS3Method;
  }

  private static volatile io.grpc.MethodDescriptor<io.github.opendestinations.v1.StreamS3Request,
      io.github.opendestinations.v1.StreamS3Response> getStreamS3Method;

  @io.grpc.stub.annotations.RpcMethod(
      fullMethodName = SERVICE_NAME + '/' + "StreamS3",
      requestType = io.github.opendestinations.v1.StreamS3Request.class,
      responseType = io.github.opendestinations.v1.StreamS3Response.class,
      methodType = io.grpc.MethodDescriptor.MethodType.BIDI_STREAMING)
  public static io.grpc.MethodDescriptor<io.github.opendestinations.v1.StreamS3Request,
      io.github.opendestinations.v1.StreamS3Response> getStreamS3Method() {
    io.grpc.MethodDescriptor<io.github.opendestinations.v1.StreamS3Request, io.github.opendestinations.v1.StreamS3Response> getStreamS3Method;
    if ((getStreamS3Method = DestinationsGrpc.getStreamS3Method) == null) {
      synchronized (DestinationsGrpc.class) {
        if ((getStreamS3Method = DestinationsGrpc.getStreamS3Method) == null) {
          DestinationsGrpc.getStreamS3Method = getStreamS3Method =
              io.grpc.MethodDescriptor.<io.github.opendestinations.v1.StreamS3Request, io.github.opendestinations.v1.StreamS3Response>newBuilder()
              .setType(io.grpc.MethodDescriptor.MethodType.BIDI_STREAMING)
              .setFullMethodName(generateFullMethodName(SERVICE_NAME, "StreamS3"))
              .setSampledToLocalTracing(true)
              .setRequestMarshaller(io.grpc.protobuf.ProtoUtils.marshaller(
                  io.github.opendestinations.v1.StreamS3Request.getDefaultInstance()))
              .setResponseMarshaller(io.grpc.protobuf.ProtoUtils.marshaller(
                  io.github.opendestinations.v1.StreamS3Response.getDefaultInstance()))
              .setSchemaDescriptor(new DestinationsMethodDescriptorSupplier("StreamS3"))
              .build();
        }
      }
    }
    return getStreamS3Method;
  }

  /**
   * Creates a new async stub that supports all call types for the service
   */
  public static DestinationsStub newStub(io.grpc.Channel channel) {
    io.grpc.stub.AbstractStub.StubFactory<DestinationsStub> factory =
      new io.grpc.stub.AbstractStub.StubFactory<DestinationsStub>() {
        @java.lang.Override
        public DestinationsStub newStub(io.grpc.Channel channel, io.grpc.CallOptions callOptions) {
          return new DestinationsStub(channel, callOptions);
        }
      };
    return DestinationsStub.newStub(factory, channel);
  }

  /**
   * Creates a new blocking-style stub that supports all types of calls on the service
   */
  public static DestinationsBlockingV2Stub newBlockingV2Stub(
      io.grpc.Channel channel) {
    io.grpc.stub.AbstractStub.StubFactory<DestinationsBlockingV2Stub> factory =
      new io.grpc.stub.AbstractStub.StubFactory<DestinationsBlockingV2Stub>() {
        @java.lang.Override
        public DestinationsBlockingV2Stub newStub(io.grpc.Channel channel, io.grpc.CallOptions callOptions) {
          return new DestinationsBlockingV2Stub(channel, callOptions);
        }
      };
    return DestinationsBlockingV2Stub.newStub(factory, channel);
  }

  /**
   * Creates a new blocking-style stub that supports unary and streaming output calls on the service
   */
  public static DestinationsBlockingStub newBlockingStub(
      io.grpc.Channel channel) {
    io.grpc.stub.AbstractStub.StubFactory<DestinationsBlockingStub> factory =
      new io.grpc.stub.AbstractStub.StubFactory<DestinationsBlockingStub>() {
        @java.lang.Override
        public DestinationsBlockingStub newStub(io.grpc.Channel channel, io.grpc.CallOptions callOptions) {
          return new DestinationsBlockingStub(channel, callOptions);
        }
      };
    return DestinationsBlockingStub.newStub(factory, channel);
  }

  /**
   * Creates a new ListenableFuture-style stub that supports unary calls on the service
   */
  public static DestinationsFutureStub newFutureStub(
      io.grpc.Channel channel) {
    io.grpc.stub.AbstractStub.StubFactory<DestinationsFutureStub> factory =
      new io.grpc.stub.AbstractStub.StubFactory<DestinationsFutureStub>() {
        @java.lang.Override
        public DestinationsFutureStub newStub(io.grpc.Channel channel, io.grpc.CallOptions callOptions) {
          return new DestinationsFutureStub(channel, callOptions);
        }
      };
    return DestinationsFutureStub.newStub(factory, channel);
  }

  /**
   * <pre>
   * Destinations takes events from workflow executors and delivers them to the
   * destinations that the events name.
   * Events of one destination (bucket and prefix) are collected and written, once
   * a window (a minute by default), as one gzip object of newline-delimited
   * payloads:
   *     [PREFIX]/YYYY/MM/DD/HH/YYYY-MM-DD-HH-MM-SS-IDENTIFIER.gz
   * in UTC, where IDENTIFIER is 64 hexadecimal digits. An object holds the payload
   * bytes that were sent, one event a line, in the order in which the events of one
   * stream were sent to that destination.
   * An event that was answered as accepted is on stable storage. It survives a
   * crash of the service, a power failure and a full disk, and it is delivered.
   * What comes again is left out where it can be recognised: an event of the same
   * `sender_id`, `sequence` and place in its request, for 24 hours after the sender's
   * last request, and an event of the same `id` and destination, for 10 minutes (the
   * service's --dedupe-window). So a sender may send again whatever he has no answer
   * for, in any stream and as often as he likes. An answer can't tell a duplicate from
   * the first: both count as accepted. The service remembers 100,000 senders and
   * 500,000 ids (--dedupe-senders for each partition, --dedupe-ids) and forgets the
   * oldest beyond that.
   * What ends a stream with an error, beside what gRPC itself reports:
   *     code                reason (ErrorInfo.reason)   cause
   *     INVALID_ARGUMENT    SEQUENCE_NOT_GROWING        `sequence` is not greater than the one before it, or is missing (in a StreamS3, or if other requests of the stream have one)
   *     INVALID_ARGUMENT    SEQUENCE_TOO_FAR            `sequence` is more than 65,536 above `settled` (streams with a `sender_id`)
   *     INVALID_ARGUMENT    SETTLED_INVALID             `settled` is not below `sequence`, or is less than it was; or a stream begins with a `sequence` that its sender had settled
   *     INVALID_ARGUMENT    SENDER_ID_INVALID           `sender_id` is not 16 bytes, is not that of the first request, or comes without `sequence`
   *     RESOURCE_EXHAUSTED  REQUEST_TOO_LARGE           a request is larger than 4 MiB (or the service's --max-request-size), or has more than 100,000 events
   *     RESOURCE_EXHAUSTED  JOURNAL_FULL                the journal's quota or the disk is full; with RetryInfo
   *     RESOURCE_EXHAUSTED  MEMORY_FULL                 for 10 s the service had no memory free for another request, or the caller has not read his answers, or left a stream of large requests idle, while others waited for it; with RetryInfo
   *     RESOURCE_EXHAUSTED  RATE_EXCEEDED               the caller's grant or tenant is more than a second ahead of its events or bytes a second; RetryInfo says until when. Who is less far ahead is only read more slowly
   *     RESOURCE_EXHAUSTED  RATE_EXCEEDED               also: more calls began in a second than an address or a principal may begin
   *     RESOURCE_EXHAUSTED  TOO_MANY_CALLS              so many calls of the address, of the principal or of all are under way as may be; with RetryInfo
   *     UNAUTHENTICATED     CREDENTIAL_MISSING          the caller has shown neither a bearer token nor a client certificate
   *     UNAUTHENTICATED     CREDENTIAL_INVALID          what he has shown is unknown, revoked, expired, or not meant for this service; also in the middle of a stream
   *     PERMISSION_DENIED   NOT_GRANTED                 no grant names the caller; also in the middle of a stream, when it was taken away
   *     PERMISSION_DENIED   ROLE_MISSING                the caller's grant has not the role that the call needs; likewise
   *     UNAVAILABLE         ISSUER_UNAVAILABLE          the keys of the token's issuer could not be had; with RetryInfo
   *     UNAVAILABLE         SHUTTING_DOWN               the service is stopping; with RetryInfo
   *     UNAVAILABLE         STREAM_AGE                  a StreamS3 has lasted long enough; with RetryInfo
   *     INTERNAL            MALFORMED_REQUEST           a request is not valid protobuf, or a string in it is not UTF-8
   *     INTERNAL            JOURNAL_BROKEN              the journal failed; the service is NOT_SERVING and exits
   * Every one of them carries a google.rpc.ErrorInfo with domain "destinations"
   * and, in metadata["durable_sequence"], the last `sequence` up to which
   * everything that was accepted is durable. Requests without a `sequence` are
   * counted 1, 2, 3, ... in the stream for this purpose. What came behind it may
   * or may not be durable.
   * What gRPC itself ends has no such details: a cut connection (UNAVAILABLE), the
   * caller's own deadline or cancellation, an unknown compression (UNIMPLEMENTED),
   * and a request of more than twice the largest size (RESOURCE_EXHAUSTED).
   * </pre>
   */
  public interface AsyncService {

    /**
     * <pre>
     * SendS3 takes events for Amazon S3 in bulk. It answers once, after the caller
     * has closed its side, when every accepted event is durable; not when they are
     * delivered, which happens within the window.
     * An event that can't be accepted is rejected by itself: it is counted and
     * described in the response, and every other event of the stream is accepted.
     * If the stream ends with an error the caller does not know which of its events
     * behind `durable_sequence` were accepted; see the service's comment.
     * </pre>
     */
    default io.grpc.stub.StreamObserver<io.github.opendestinations.v1.SendS3Request> sendS3(
        io.grpc.stub.StreamObserver<io.github.opendestinations.v1.SendS3Response> responseObserver) {
      return io.grpc.stub.ServerCalls.asyncUnimplementedStreamingCall(getSendS3Method(), responseObserver);
    }

    /**
     * <pre>
     * StreamS3 takes events for Amazon S3 for as long as the caller likes, and
     * acknowledges them as it goes: each answer says up to which `sequence` every
     * accepted event is durable. Many requests may be sent before the first answer
     * comes; under load one answer stands for many of them.
     * Requests are numbered here: `sequence` is required. Answers come in its order.
     * When the caller closes its side, everything it has sent is answered, and the
     * stream ends with OK. A caller that does not read its answers is not read
     * either.
     * The service ends a stream after an hour or so (its --max-stream-age), and when
     * it stops: it reads nothing more, answers everything it has read, and ends the
     * stream with UNAVAILABLE (STREAM_AGE, SHUTTING_DOWN). The caller opens another
     * one and sends there what has no answer, exactly as it was.
     * </pre>
     */
    default io.grpc.stub.StreamObserver<io.github.opendestinations.v1.StreamS3Request> streamS3(
        io.grpc.stub.StreamObserver<io.github.opendestinations.v1.StreamS3Response> responseObserver) {
      return io.grpc.stub.ServerCalls.asyncUnimplementedStreamingCall(getStreamS3Method(), responseObserver);
    }
  }

  /**
   * Base class for the server implementation of the service Destinations.
   * <pre>
   * Destinations takes events from workflow executors and delivers them to the
   * destinations that the events name.
   * Events of one destination (bucket and prefix) are collected and written, once
   * a window (a minute by default), as one gzip object of newline-delimited
   * payloads:
   *     [PREFIX]/YYYY/MM/DD/HH/YYYY-MM-DD-HH-MM-SS-IDENTIFIER.gz
   * in UTC, where IDENTIFIER is 64 hexadecimal digits. An object holds the payload
   * bytes that were sent, one event a line, in the order in which the events of one
   * stream were sent to that destination.
   * An event that was answered as accepted is on stable storage. It survives a
   * crash of the service, a power failure and a full disk, and it is delivered.
   * What comes again is left out where it can be recognised: an event of the same
   * `sender_id`, `sequence` and place in its request, for 24 hours after the sender's
   * last request, and an event of the same `id` and destination, for 10 minutes (the
   * service's --dedupe-window). So a sender may send again whatever he has no answer
   * for, in any stream and as often as he likes. An answer can't tell a duplicate from
   * the first: both count as accepted. The service remembers 100,000 senders and
   * 500,000 ids (--dedupe-senders for each partition, --dedupe-ids) and forgets the
   * oldest beyond that.
   * What ends a stream with an error, beside what gRPC itself reports:
   *     code                reason (ErrorInfo.reason)   cause
   *     INVALID_ARGUMENT    SEQUENCE_NOT_GROWING        `sequence` is not greater than the one before it, or is missing (in a StreamS3, or if other requests of the stream have one)
   *     INVALID_ARGUMENT    SEQUENCE_TOO_FAR            `sequence` is more than 65,536 above `settled` (streams with a `sender_id`)
   *     INVALID_ARGUMENT    SETTLED_INVALID             `settled` is not below `sequence`, or is less than it was; or a stream begins with a `sequence` that its sender had settled
   *     INVALID_ARGUMENT    SENDER_ID_INVALID           `sender_id` is not 16 bytes, is not that of the first request, or comes without `sequence`
   *     RESOURCE_EXHAUSTED  REQUEST_TOO_LARGE           a request is larger than 4 MiB (or the service's --max-request-size), or has more than 100,000 events
   *     RESOURCE_EXHAUSTED  JOURNAL_FULL                the journal's quota or the disk is full; with RetryInfo
   *     RESOURCE_EXHAUSTED  MEMORY_FULL                 for 10 s the service had no memory free for another request, or the caller has not read his answers, or left a stream of large requests idle, while others waited for it; with RetryInfo
   *     RESOURCE_EXHAUSTED  RATE_EXCEEDED               the caller's grant or tenant is more than a second ahead of its events or bytes a second; RetryInfo says until when. Who is less far ahead is only read more slowly
   *     RESOURCE_EXHAUSTED  RATE_EXCEEDED               also: more calls began in a second than an address or a principal may begin
   *     RESOURCE_EXHAUSTED  TOO_MANY_CALLS              so many calls of the address, of the principal or of all are under way as may be; with RetryInfo
   *     UNAUTHENTICATED     CREDENTIAL_MISSING          the caller has shown neither a bearer token nor a client certificate
   *     UNAUTHENTICATED     CREDENTIAL_INVALID          what he has shown is unknown, revoked, expired, or not meant for this service; also in the middle of a stream
   *     PERMISSION_DENIED   NOT_GRANTED                 no grant names the caller; also in the middle of a stream, when it was taken away
   *     PERMISSION_DENIED   ROLE_MISSING                the caller's grant has not the role that the call needs; likewise
   *     UNAVAILABLE         ISSUER_UNAVAILABLE          the keys of the token's issuer could not be had; with RetryInfo
   *     UNAVAILABLE         SHUTTING_DOWN               the service is stopping; with RetryInfo
   *     UNAVAILABLE         STREAM_AGE                  a StreamS3 has lasted long enough; with RetryInfo
   *     INTERNAL            MALFORMED_REQUEST           a request is not valid protobuf, or a string in it is not UTF-8
   *     INTERNAL            JOURNAL_BROKEN              the journal failed; the service is NOT_SERVING and exits
   * Every one of them carries a google.rpc.ErrorInfo with domain "destinations"
   * and, in metadata["durable_sequence"], the last `sequence` up to which
   * everything that was accepted is durable. Requests without a `sequence` are
   * counted 1, 2, 3, ... in the stream for this purpose. What came behind it may
   * or may not be durable.
   * What gRPC itself ends has no such details: a cut connection (UNAVAILABLE), the
   * caller's own deadline or cancellation, an unknown compression (UNIMPLEMENTED),
   * and a request of more than twice the largest size (RESOURCE_EXHAUSTED).
   * </pre>
   */
  public static abstract class DestinationsImplBase
      implements io.grpc.BindableService, AsyncService {

    @java.lang.Override public final io.grpc.ServerServiceDefinition bindService() {
      return DestinationsGrpc.bindService(this);
    }
  }

  /**
   * A stub to allow clients to do asynchronous rpc calls to service Destinations.
   * <pre>
   * Destinations takes events from workflow executors and delivers them to the
   * destinations that the events name.
   * Events of one destination (bucket and prefix) are collected and written, once
   * a window (a minute by default), as one gzip object of newline-delimited
   * payloads:
   *     [PREFIX]/YYYY/MM/DD/HH/YYYY-MM-DD-HH-MM-SS-IDENTIFIER.gz
   * in UTC, where IDENTIFIER is 64 hexadecimal digits. An object holds the payload
   * bytes that were sent, one event a line, in the order in which the events of one
   * stream were sent to that destination.
   * An event that was answered as accepted is on stable storage. It survives a
   * crash of the service, a power failure and a full disk, and it is delivered.
   * What comes again is left out where it can be recognised: an event of the same
   * `sender_id`, `sequence` and place in its request, for 24 hours after the sender's
   * last request, and an event of the same `id` and destination, for 10 minutes (the
   * service's --dedupe-window). So a sender may send again whatever he has no answer
   * for, in any stream and as often as he likes. An answer can't tell a duplicate from
   * the first: both count as accepted. The service remembers 100,000 senders and
   * 500,000 ids (--dedupe-senders for each partition, --dedupe-ids) and forgets the
   * oldest beyond that.
   * What ends a stream with an error, beside what gRPC itself reports:
   *     code                reason (ErrorInfo.reason)   cause
   *     INVALID_ARGUMENT    SEQUENCE_NOT_GROWING        `sequence` is not greater than the one before it, or is missing (in a StreamS3, or if other requests of the stream have one)
   *     INVALID_ARGUMENT    SEQUENCE_TOO_FAR            `sequence` is more than 65,536 above `settled` (streams with a `sender_id`)
   *     INVALID_ARGUMENT    SETTLED_INVALID             `settled` is not below `sequence`, or is less than it was; or a stream begins with a `sequence` that its sender had settled
   *     INVALID_ARGUMENT    SENDER_ID_INVALID           `sender_id` is not 16 bytes, is not that of the first request, or comes without `sequence`
   *     RESOURCE_EXHAUSTED  REQUEST_TOO_LARGE           a request is larger than 4 MiB (or the service's --max-request-size), or has more than 100,000 events
   *     RESOURCE_EXHAUSTED  JOURNAL_FULL                the journal's quota or the disk is full; with RetryInfo
   *     RESOURCE_EXHAUSTED  MEMORY_FULL                 for 10 s the service had no memory free for another request, or the caller has not read his answers, or left a stream of large requests idle, while others waited for it; with RetryInfo
   *     RESOURCE_EXHAUSTED  RATE_EXCEEDED               the caller's grant or tenant is more than a second ahead of its events or bytes a second; RetryInfo says until when. Who is less far ahead is only read more slowly
   *     RESOURCE_EXHAUSTED  RATE_EXCEEDED               also: more calls began in a second than an address or a principal may begin
   *     RESOURCE_EXHAUSTED  TOO_MANY_CALLS              so many calls of the address, of the principal or of all are under way as may be; with RetryInfo
   *     UNAUTHENTICATED     CREDENTIAL_MISSING          the caller has shown neither a bearer token nor a client certificate
   *     UNAUTHENTICATED     CREDENTIAL_INVALID          what he has shown is unknown, revoked, expired, or not meant for this service; also in the middle of a stream
   *     PERMISSION_DENIED   NOT_GRANTED                 no grant names the caller; also in the middle of a stream, when it was taken away
   *     PERMISSION_DENIED   ROLE_MISSING                the caller's grant has not the role that the call needs; likewise
   *     UNAVAILABLE         ISSUER_UNAVAILABLE          the keys of the token's issuer could not be had; with RetryInfo
   *     UNAVAILABLE         SHUTTING_DOWN               the service is stopping; with RetryInfo
   *     UNAVAILABLE         STREAM_AGE                  a StreamS3 has lasted long enough; with RetryInfo
   *     INTERNAL            MALFORMED_REQUEST           a request is not valid protobuf, or a string in it is not UTF-8
   *     INTERNAL            JOURNAL_BROKEN              the journal failed; the service is NOT_SERVING and exits
   * Every one of them carries a google.rpc.ErrorInfo with domain "destinations"
   * and, in metadata["durable_sequence"], the last `sequence` up to which
   * everything that was accepted is durable. Requests without a `sequence` are
   * counted 1, 2, 3, ... in the stream for this purpose. What came behind it may
   * or may not be durable.
   * What gRPC itself ends has no such details: a cut connection (UNAVAILABLE), the
   * caller's own deadline or cancellation, an unknown compression (UNIMPLEMENTED),
   * and a request of more than twice the largest size (RESOURCE_EXHAUSTED).
   * </pre>
   */
  public static final class DestinationsStub
      extends io.grpc.stub.AbstractAsyncStub<DestinationsStub> {
    private DestinationsStub(
        io.grpc.Channel channel, io.grpc.CallOptions callOptions) {
      super(channel, callOptions);
    }

    @java.lang.Override
    protected DestinationsStub build(
        io.grpc.Channel channel, io.grpc.CallOptions callOptions) {
      return new DestinationsStub(channel, callOptions);
    }

    /**
     * <pre>
     * SendS3 takes events for Amazon S3 in bulk. It answers once, after the caller
     * has closed its side, when every accepted event is durable; not when they are
     * delivered, which happens within the window.
     * An event that can't be accepted is rejected by itself: it is counted and
     * described in the response, and every other event of the stream is accepted.
     * If the stream ends with an error the caller does not know which of its events
     * behind `durable_sequence` were accepted; see the service's comment.
     * </pre>
     */
    public io.grpc.stub.StreamObserver<io.github.opendestinations.v1.SendS3Request> sendS3(
        io.grpc.stub.StreamObserver<io.github.opendestinations.v1.SendS3Response> responseObserver) {
      return io.grpc.stub.ClientCalls.asyncClientStreamingCall(
          getChannel().newCall(getSendS3Method(), getCallOptions()), responseObserver);
    }

    /**
     * <pre>
     * StreamS3 takes events for Amazon S3 for as long as the caller likes, and
     * acknowledges them as it goes: each answer says up to which `sequence` every
     * accepted event is durable. Many requests may be sent before the first answer
     * comes; under load one answer stands for many of them.
     * Requests are numbered here: `sequence` is required. Answers come in its order.
     * When the caller closes its side, everything it has sent is answered, and the
     * stream ends with OK. A caller that does not read its answers is not read
     * either.
     * The service ends a stream after an hour or so (its --max-stream-age), and when
     * it stops: it reads nothing more, answers everything it has read, and ends the
     * stream with UNAVAILABLE (STREAM_AGE, SHUTTING_DOWN). The caller opens another
     * one and sends there what has no answer, exactly as it was.
     * </pre>
     */
    public io.grpc.stub.StreamObserver<io.github.opendestinations.v1.StreamS3Request> streamS3(
        io.grpc.stub.StreamObserver<io.github.opendestinations.v1.StreamS3Response> responseObserver) {
      return io.grpc.stub.ClientCalls.asyncBidiStreamingCall(
          getChannel().newCall(getStreamS3Method(), getCallOptions()), responseObserver);
    }
  }

  /**
   * A stub to allow clients to do synchronous rpc calls to service Destinations.
   * <pre>
   * Destinations takes events from workflow executors and delivers them to the
   * destinations that the events name.
   * Events of one destination (bucket and prefix) are collected and written, once
   * a window (a minute by default), as one gzip object of newline-delimited
   * payloads:
   *     [PREFIX]/YYYY/MM/DD/HH/YYYY-MM-DD-HH-MM-SS-IDENTIFIER.gz
   * in UTC, where IDENTIFIER is 64 hexadecimal digits. An object holds the payload
   * bytes that were sent, one event a line, in the order in which the events of one
   * stream were sent to that destination.
   * An event that was answered as accepted is on stable storage. It survives a
   * crash of the service, a power failure and a full disk, and it is delivered.
   * What comes again is left out where it can be recognised: an event of the same
   * `sender_id`, `sequence` and place in its request, for 24 hours after the sender's
   * last request, and an event of the same `id` and destination, for 10 minutes (the
   * service's --dedupe-window). So a sender may send again whatever he has no answer
   * for, in any stream and as often as he likes. An answer can't tell a duplicate from
   * the first: both count as accepted. The service remembers 100,000 senders and
   * 500,000 ids (--dedupe-senders for each partition, --dedupe-ids) and forgets the
   * oldest beyond that.
   * What ends a stream with an error, beside what gRPC itself reports:
   *     code                reason (ErrorInfo.reason)   cause
   *     INVALID_ARGUMENT    SEQUENCE_NOT_GROWING        `sequence` is not greater than the one before it, or is missing (in a StreamS3, or if other requests of the stream have one)
   *     INVALID_ARGUMENT    SEQUENCE_TOO_FAR            `sequence` is more than 65,536 above `settled` (streams with a `sender_id`)
   *     INVALID_ARGUMENT    SETTLED_INVALID             `settled` is not below `sequence`, or is less than it was; or a stream begins with a `sequence` that its sender had settled
   *     INVALID_ARGUMENT    SENDER_ID_INVALID           `sender_id` is not 16 bytes, is not that of the first request, or comes without `sequence`
   *     RESOURCE_EXHAUSTED  REQUEST_TOO_LARGE           a request is larger than 4 MiB (or the service's --max-request-size), or has more than 100,000 events
   *     RESOURCE_EXHAUSTED  JOURNAL_FULL                the journal's quota or the disk is full; with RetryInfo
   *     RESOURCE_EXHAUSTED  MEMORY_FULL                 for 10 s the service had no memory free for another request, or the caller has not read his answers, or left a stream of large requests idle, while others waited for it; with RetryInfo
   *     RESOURCE_EXHAUSTED  RATE_EXCEEDED               the caller's grant or tenant is more than a second ahead of its events or bytes a second; RetryInfo says until when. Who is less far ahead is only read more slowly
   *     RESOURCE_EXHAUSTED  RATE_EXCEEDED               also: more calls began in a second than an address or a principal may begin
   *     RESOURCE_EXHAUSTED  TOO_MANY_CALLS              so many calls of the address, of the principal or of all are under way as may be; with RetryInfo
   *     UNAUTHENTICATED     CREDENTIAL_MISSING          the caller has shown neither a bearer token nor a client certificate
   *     UNAUTHENTICATED     CREDENTIAL_INVALID          what he has shown is unknown, revoked, expired, or not meant for this service; also in the middle of a stream
   *     PERMISSION_DENIED   NOT_GRANTED                 no grant names the caller; also in the middle of a stream, when it was taken away
   *     PERMISSION_DENIED   ROLE_MISSING                the caller's grant has not the role that the call needs; likewise
   *     UNAVAILABLE         ISSUER_UNAVAILABLE          the keys of the token's issuer could not be had; with RetryInfo
   *     UNAVAILABLE         SHUTTING_DOWN               the service is stopping; with RetryInfo
   *     UNAVAILABLE         STREAM_AGE                  a StreamS3 has lasted long enough; with RetryInfo
   *     INTERNAL            MALFORMED_REQUEST           a request is not valid protobuf, or a string in it is not UTF-8
   *     INTERNAL            JOURNAL_BROKEN              the journal failed; the service is NOT_SERVING and exits
   * Every one of them carries a google.rpc.ErrorInfo with domain "destinations"
   * and, in metadata["durable_sequence"], the last `sequence` up to which
   * everything that was accepted is durable. Requests without a `sequence` are
   * counted 1, 2, 3, ... in the stream for this purpose. What came behind it may
   * or may not be durable.
   * What gRPC itself ends has no such details: a cut connection (UNAVAILABLE), the
   * caller's own deadline or cancellation, an unknown compression (UNIMPLEMENTED),
   * and a request of more than twice the largest size (RESOURCE_EXHAUSTED).
   * </pre>
   */
  public static final class DestinationsBlockingV2Stub
      extends io.grpc.stub.AbstractBlockingStub<DestinationsBlockingV2Stub> {
    private DestinationsBlockingV2Stub(
        io.grpc.Channel channel, io.grpc.CallOptions callOptions) {
      super(channel, callOptions);
    }

    @java.lang.Override
    protected DestinationsBlockingV2Stub build(
        io.grpc.Channel channel, io.grpc.CallOptions callOptions) {
      return new DestinationsBlockingV2Stub(channel, callOptions);
    }

    /**
     * <pre>
     * SendS3 takes events for Amazon S3 in bulk. It answers once, after the caller
     * has closed its side, when every accepted event is durable; not when they are
     * delivered, which happens within the window.
     * An event that can't be accepted is rejected by itself: it is counted and
     * described in the response, and every other event of the stream is accepted.
     * If the stream ends with an error the caller does not know which of its events
     * behind `durable_sequence` were accepted; see the service's comment.
     * </pre>
     */
    @io.grpc.ExperimentalApi("https://github.com/grpc/grpc-java/issues/10918")
    public io.grpc.stub.BlockingClientCall<io.github.opendestinations.v1.SendS3Request, io.github.opendestinations.v1.SendS3Response>
        sendS3() {
      return io.grpc.stub.ClientCalls.blockingClientStreamingCall(
          getChannel(), getSendS3Method(), getCallOptions());
    }

    /**
     * <pre>
     * StreamS3 takes events for Amazon S3 for as long as the caller likes, and
     * acknowledges them as it goes: each answer says up to which `sequence` every
     * accepted event is durable. Many requests may be sent before the first answer
     * comes; under load one answer stands for many of them.
     * Requests are numbered here: `sequence` is required. Answers come in its order.
     * When the caller closes its side, everything it has sent is answered, and the
     * stream ends with OK. A caller that does not read its answers is not read
     * either.
     * The service ends a stream after an hour or so (its --max-stream-age), and when
     * it stops: it reads nothing more, answers everything it has read, and ends the
     * stream with UNAVAILABLE (STREAM_AGE, SHUTTING_DOWN). The caller opens another
     * one and sends there what has no answer, exactly as it was.
     * </pre>
     */
    @io.grpc.ExperimentalApi("https://github.com/grpc/grpc-java/issues/10918")
    public io.grpc.stub.BlockingClientCall<io.github.opendestinations.v1.StreamS3Request, io.github.opendestinations.v1.StreamS3Response>
        streamS3() {
      return io.grpc.stub.ClientCalls.blockingBidiStreamingCall(
          getChannel(), getStreamS3Method(), getCallOptions());
    }
  }

  /**
   * A stub to allow clients to do limited synchronous rpc calls to service Destinations.
   * <pre>
   * Destinations takes events from workflow executors and delivers them to the
   * destinations that the events name.
   * Events of one destination (bucket and prefix) are collected and written, once
   * a window (a minute by default), as one gzip object of newline-delimited
   * payloads:
   *     [PREFIX]/YYYY/MM/DD/HH/YYYY-MM-DD-HH-MM-SS-IDENTIFIER.gz
   * in UTC, where IDENTIFIER is 64 hexadecimal digits. An object holds the payload
   * bytes that were sent, one event a line, in the order in which the events of one
   * stream were sent to that destination.
   * An event that was answered as accepted is on stable storage. It survives a
   * crash of the service, a power failure and a full disk, and it is delivered.
   * What comes again is left out where it can be recognised: an event of the same
   * `sender_id`, `sequence` and place in its request, for 24 hours after the sender's
   * last request, and an event of the same `id` and destination, for 10 minutes (the
   * service's --dedupe-window). So a sender may send again whatever he has no answer
   * for, in any stream and as often as he likes. An answer can't tell a duplicate from
   * the first: both count as accepted. The service remembers 100,000 senders and
   * 500,000 ids (--dedupe-senders for each partition, --dedupe-ids) and forgets the
   * oldest beyond that.
   * What ends a stream with an error, beside what gRPC itself reports:
   *     code                reason (ErrorInfo.reason)   cause
   *     INVALID_ARGUMENT    SEQUENCE_NOT_GROWING        `sequence` is not greater than the one before it, or is missing (in a StreamS3, or if other requests of the stream have one)
   *     INVALID_ARGUMENT    SEQUENCE_TOO_FAR            `sequence` is more than 65,536 above `settled` (streams with a `sender_id`)
   *     INVALID_ARGUMENT    SETTLED_INVALID             `settled` is not below `sequence`, or is less than it was; or a stream begins with a `sequence` that its sender had settled
   *     INVALID_ARGUMENT    SENDER_ID_INVALID           `sender_id` is not 16 bytes, is not that of the first request, or comes without `sequence`
   *     RESOURCE_EXHAUSTED  REQUEST_TOO_LARGE           a request is larger than 4 MiB (or the service's --max-request-size), or has more than 100,000 events
   *     RESOURCE_EXHAUSTED  JOURNAL_FULL                the journal's quota or the disk is full; with RetryInfo
   *     RESOURCE_EXHAUSTED  MEMORY_FULL                 for 10 s the service had no memory free for another request, or the caller has not read his answers, or left a stream of large requests idle, while others waited for it; with RetryInfo
   *     RESOURCE_EXHAUSTED  RATE_EXCEEDED               the caller's grant or tenant is more than a second ahead of its events or bytes a second; RetryInfo says until when. Who is less far ahead is only read more slowly
   *     RESOURCE_EXHAUSTED  RATE_EXCEEDED               also: more calls began in a second than an address or a principal may begin
   *     RESOURCE_EXHAUSTED  TOO_MANY_CALLS              so many calls of the address, of the principal or of all are under way as may be; with RetryInfo
   *     UNAUTHENTICATED     CREDENTIAL_MISSING          the caller has shown neither a bearer token nor a client certificate
   *     UNAUTHENTICATED     CREDENTIAL_INVALID          what he has shown is unknown, revoked, expired, or not meant for this service; also in the middle of a stream
   *     PERMISSION_DENIED   NOT_GRANTED                 no grant names the caller; also in the middle of a stream, when it was taken away
   *     PERMISSION_DENIED   ROLE_MISSING                the caller's grant has not the role that the call needs; likewise
   *     UNAVAILABLE         ISSUER_UNAVAILABLE          the keys of the token's issuer could not be had; with RetryInfo
   *     UNAVAILABLE         SHUTTING_DOWN               the service is stopping; with RetryInfo
   *     UNAVAILABLE         STREAM_AGE                  a StreamS3 has lasted long enough; with RetryInfo
   *     INTERNAL            MALFORMED_REQUEST           a request is not valid protobuf, or a string in it is not UTF-8
   *     INTERNAL            JOURNAL_BROKEN              the journal failed; the service is NOT_SERVING and exits
   * Every one of them carries a google.rpc.ErrorInfo with domain "destinations"
   * and, in metadata["durable_sequence"], the last `sequence` up to which
   * everything that was accepted is durable. Requests without a `sequence` are
   * counted 1, 2, 3, ... in the stream for this purpose. What came behind it may
   * or may not be durable.
   * What gRPC itself ends has no such details: a cut connection (UNAVAILABLE), the
   * caller's own deadline or cancellation, an unknown compression (UNIMPLEMENTED),
   * and a request of more than twice the largest size (RESOURCE_EXHAUSTED).
   * </pre>
   */
  public static final class DestinationsBlockingStub
      extends io.grpc.stub.AbstractBlockingStub<DestinationsBlockingStub> {
    private DestinationsBlockingStub(
        io.grpc.Channel channel, io.grpc.CallOptions callOptions) {
      super(channel, callOptions);
    }

    @java.lang.Override
    protected DestinationsBlockingStub build(
        io.grpc.Channel channel, io.grpc.CallOptions callOptions) {
      return new DestinationsBlockingStub(channel, callOptions);
    }
  }

  /**
   * A stub to allow clients to do ListenableFuture-style rpc calls to service Destinations.
   * <pre>
   * Destinations takes events from workflow executors and delivers them to the
   * destinations that the events name.
   * Events of one destination (bucket and prefix) are collected and written, once
   * a window (a minute by default), as one gzip object of newline-delimited
   * payloads:
   *     [PREFIX]/YYYY/MM/DD/HH/YYYY-MM-DD-HH-MM-SS-IDENTIFIER.gz
   * in UTC, where IDENTIFIER is 64 hexadecimal digits. An object holds the payload
   * bytes that were sent, one event a line, in the order in which the events of one
   * stream were sent to that destination.
   * An event that was answered as accepted is on stable storage. It survives a
   * crash of the service, a power failure and a full disk, and it is delivered.
   * What comes again is left out where it can be recognised: an event of the same
   * `sender_id`, `sequence` and place in its request, for 24 hours after the sender's
   * last request, and an event of the same `id` and destination, for 10 minutes (the
   * service's --dedupe-window). So a sender may send again whatever he has no answer
   * for, in any stream and as often as he likes. An answer can't tell a duplicate from
   * the first: both count as accepted. The service remembers 100,000 senders and
   * 500,000 ids (--dedupe-senders for each partition, --dedupe-ids) and forgets the
   * oldest beyond that.
   * What ends a stream with an error, beside what gRPC itself reports:
   *     code                reason (ErrorInfo.reason)   cause
   *     INVALID_ARGUMENT    SEQUENCE_NOT_GROWING        `sequence` is not greater than the one before it, or is missing (in a StreamS3, or if other requests of the stream have one)
   *     INVALID_ARGUMENT    SEQUENCE_TOO_FAR            `sequence` is more than 65,536 above `settled` (streams with a `sender_id`)
   *     INVALID_ARGUMENT    SETTLED_INVALID             `settled` is not below `sequence`, or is less than it was; or a stream begins with a `sequence` that its sender had settled
   *     INVALID_ARGUMENT    SENDER_ID_INVALID           `sender_id` is not 16 bytes, is not that of the first request, or comes without `sequence`
   *     RESOURCE_EXHAUSTED  REQUEST_TOO_LARGE           a request is larger than 4 MiB (or the service's --max-request-size), or has more than 100,000 events
   *     RESOURCE_EXHAUSTED  JOURNAL_FULL                the journal's quota or the disk is full; with RetryInfo
   *     RESOURCE_EXHAUSTED  MEMORY_FULL                 for 10 s the service had no memory free for another request, or the caller has not read his answers, or left a stream of large requests idle, while others waited for it; with RetryInfo
   *     RESOURCE_EXHAUSTED  RATE_EXCEEDED               the caller's grant or tenant is more than a second ahead of its events or bytes a second; RetryInfo says until when. Who is less far ahead is only read more slowly
   *     RESOURCE_EXHAUSTED  RATE_EXCEEDED               also: more calls began in a second than an address or a principal may begin
   *     RESOURCE_EXHAUSTED  TOO_MANY_CALLS              so many calls of the address, of the principal or of all are under way as may be; with RetryInfo
   *     UNAUTHENTICATED     CREDENTIAL_MISSING          the caller has shown neither a bearer token nor a client certificate
   *     UNAUTHENTICATED     CREDENTIAL_INVALID          what he has shown is unknown, revoked, expired, or not meant for this service; also in the middle of a stream
   *     PERMISSION_DENIED   NOT_GRANTED                 no grant names the caller; also in the middle of a stream, when it was taken away
   *     PERMISSION_DENIED   ROLE_MISSING                the caller's grant has not the role that the call needs; likewise
   *     UNAVAILABLE         ISSUER_UNAVAILABLE          the keys of the token's issuer could not be had; with RetryInfo
   *     UNAVAILABLE         SHUTTING_DOWN               the service is stopping; with RetryInfo
   *     UNAVAILABLE         STREAM_AGE                  a StreamS3 has lasted long enough; with RetryInfo
   *     INTERNAL            MALFORMED_REQUEST           a request is not valid protobuf, or a string in it is not UTF-8
   *     INTERNAL            JOURNAL_BROKEN              the journal failed; the service is NOT_SERVING and exits
   * Every one of them carries a google.rpc.ErrorInfo with domain "destinations"
   * and, in metadata["durable_sequence"], the last `sequence` up to which
   * everything that was accepted is durable. Requests without a `sequence` are
   * counted 1, 2, 3, ... in the stream for this purpose. What came behind it may
   * or may not be durable.
   * What gRPC itself ends has no such details: a cut connection (UNAVAILABLE), the
   * caller's own deadline or cancellation, an unknown compression (UNIMPLEMENTED),
   * and a request of more than twice the largest size (RESOURCE_EXHAUSTED).
   * </pre>
   */
  public static final class DestinationsFutureStub
      extends io.grpc.stub.AbstractFutureStub<DestinationsFutureStub> {
    private DestinationsFutureStub(
        io.grpc.Channel channel, io.grpc.CallOptions callOptions) {
      super(channel, callOptions);
    }

    @java.lang.Override
    protected DestinationsFutureStub build(
        io.grpc.Channel channel, io.grpc.CallOptions callOptions) {
      return new DestinationsFutureStub(channel, callOptions);
    }
  }

  private static final int METHODID_SEND_S3 = 0;
  private static final int METHODID_STREAM_S3 = 1;

  private static final class MethodHandlers<Req, Resp> implements
      io.grpc.stub.ServerCalls.UnaryMethod<Req, Resp>,
      io.grpc.stub.ServerCalls.ServerStreamingMethod<Req, Resp>,
      io.grpc.stub.ServerCalls.ClientStreamingMethod<Req, Resp>,
      io.grpc.stub.ServerCalls.BidiStreamingMethod<Req, Resp> {
    private final AsyncService serviceImpl;
    private final int methodId;

    MethodHandlers(AsyncService serviceImpl, int methodId) {
      this.serviceImpl = serviceImpl;
      this.methodId = methodId;
    }

    @java.lang.Override
    @java.lang.SuppressWarnings("unchecked")
    public void invoke(Req request, io.grpc.stub.StreamObserver<Resp> responseObserver) {
      switch (methodId) {
        default:
          throw new AssertionError();
      }
    }

    @java.lang.Override
    @java.lang.SuppressWarnings("unchecked")
    public io.grpc.stub.StreamObserver<Req> invoke(
        io.grpc.stub.StreamObserver<Resp> responseObserver) {
      switch (methodId) {
        case METHODID_SEND_S3:
          return (io.grpc.stub.StreamObserver<Req>) serviceImpl.sendS3(
              (io.grpc.stub.StreamObserver<io.github.opendestinations.v1.SendS3Response>) responseObserver);
        case METHODID_STREAM_S3:
          return (io.grpc.stub.StreamObserver<Req>) serviceImpl.streamS3(
              (io.grpc.stub.StreamObserver<io.github.opendestinations.v1.StreamS3Response>) responseObserver);
        default:
          throw new AssertionError();
      }
    }
  }

  public static final io.grpc.ServerServiceDefinition bindService(AsyncService service) {
    return io.grpc.ServerServiceDefinition.builder(getServiceDescriptor())
        .addMethod(
          getSendS3Method(),
          io.grpc.stub.ServerCalls.asyncClientStreamingCall(
            new MethodHandlers<
              io.github.opendestinations.v1.SendS3Request,
              io.github.opendestinations.v1.SendS3Response>(
                service, METHODID_SEND_S3)))
        .addMethod(
          getStreamS3Method(),
          io.grpc.stub.ServerCalls.asyncBidiStreamingCall(
            new MethodHandlers<
              io.github.opendestinations.v1.StreamS3Request,
              io.github.opendestinations.v1.StreamS3Response>(
                service, METHODID_STREAM_S3)))
        .build();
  }

  private static abstract class DestinationsBaseDescriptorSupplier
      implements io.grpc.protobuf.ProtoFileDescriptorSupplier, io.grpc.protobuf.ProtoServiceDescriptorSupplier {
    DestinationsBaseDescriptorSupplier() {}

    @java.lang.Override
    public com.google.protobuf.Descriptors.FileDescriptor getFileDescriptor() {
      return io.github.opendestinations.v1.DestinationsProto.getDescriptor();
    }

    @java.lang.Override
    public com.google.protobuf.Descriptors.ServiceDescriptor getServiceDescriptor() {
      return getFileDescriptor().findServiceByName("Destinations");
    }
  }

  private static final class DestinationsFileDescriptorSupplier
      extends DestinationsBaseDescriptorSupplier {
    DestinationsFileDescriptorSupplier() {}
  }

  private static final class DestinationsMethodDescriptorSupplier
      extends DestinationsBaseDescriptorSupplier
      implements io.grpc.protobuf.ProtoMethodDescriptorSupplier {
    private final java.lang.String methodName;

    DestinationsMethodDescriptorSupplier(java.lang.String methodName) {
      this.methodName = methodName;
    }

    @java.lang.Override
    public com.google.protobuf.Descriptors.MethodDescriptor getMethodDescriptor() {
      return getServiceDescriptor().findMethodByName(methodName);
    }
  }

  private static volatile io.grpc.ServiceDescriptor serviceDescriptor;

  public static io.grpc.ServiceDescriptor getServiceDescriptor() {
    io.grpc.ServiceDescriptor result = serviceDescriptor;
    if (result == null) {
      synchronized (DestinationsGrpc.class) {
        result = serviceDescriptor;
        if (result == null) {
          serviceDescriptor = result = io.grpc.ServiceDescriptor.newBuilder(SERVICE_NAME)
              .setSchemaDescriptor(new DestinationsFileDescriptorSupplier())
              .addMethod(getSendS3Method())
              .addMethod(getStreamS3Method())
              .build();
        }
      }
    }
    return result;
  }
}
