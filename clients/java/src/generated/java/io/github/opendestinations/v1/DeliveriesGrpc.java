package io.github.opendestinations.v1;

import static io.grpc.MethodDescriptor.generateFullMethodName;

/**
 * <pre>
 * Deliveries says whether, when and where events were delivered.
 * What ends a call with an error, beside what gRPC itself reports:
 *     code                 reason (ErrorInfo.reason)  cause
 *     INVALID_ARGUMENT     TOKENS_INVALID             no token, or more than 1,000
 *     INVALID_ARGUMENT     BUCKET_INVALID             `bucket` breaks the rules of S3Event.bucket, or is missing where there is a prefix
 *     INVALID_ARGUMENT     PREFIX_INVALID             `prefix` breaks the rules of S3Event.prefix
 *     INVALID_ARGUMENT     TENANT_INVALID             `tenant` is what no tenant can be called, or missing: the caller sees every tenant, and names one destination
 *     INVALID_ARGUMENT     STATE_INVALID              `state` is UPLOADING or PARTIAL, which a batch in the ledger never is
 *     INVALID_ARGUMENT     PAGE_INVALID               `page_size` is above 1,000, or `page_token` or `cursor` is not one that this service gave for the same filter, or is of what the ledger does not have any more
 *     NOT_FOUND            TOKEN_UNKNOWN              a token that this service did not give, or whose events are not those of its journal any more; `token` in the ErrorInfo's metadata is its place in the request, from 0
 *     RESOURCE_EXHAUSTED   WATCHER_TOO_SLOW           the caller of WatchDeliveries has not read for so long that what waits for him no longer fits; he goes on with the last `cursor`
 *     UNAVAILABLE          PARTITION_UNAVAILABLE      GetFreshness: the destination's part of the journal is closed because its files are damaged
 *     UNAVAILABLE          SHUTTING_DOWN              the service is stopping; with RetryInfo
 *     INTERNAL             LEDGER_FAILED              the ledger can't be read
 * Every one of them carries a google.rpc.ErrorInfo with domain "destinations". Where the
 * service authenticates its callers there is also what the service Destinations says of
 * UNAUTHENTICATED, PERMISSION_DENIED and ISSUER_UNAVAILABLE. GetDelivery and GetFreshness are
 * for who may send or inspect, the others for who may inspect; nobody learns of what is
 * not of his tenant, or what his grant does not reach: tokens of it are unknown, and
 * lists leave it out.
 * </pre>
 */
@io.grpc.stub.annotations.GrpcGenerated
public final class DeliveriesGrpc {

  private DeliveriesGrpc() {}

  public static final java.lang.String SERVICE_NAME = "destinations.v1.Deliveries";

  // Static method descriptors that strictly reflect the proto.
  private static volatile io.grpc.MethodDescriptor<io.github.opendestinations.v1.GetDeliveryRequest,
      io.github.opendestinations.v1.GetDeliveryResponse> getGetDeliveryMethod;

  @io.grpc.stub.annotations.RpcMethod(
      fullMethodName = SERVICE_NAME + '/' + "GetDelivery",
      requestType = io.github.opendestinations.v1.GetDeliveryRequest.class,
      responseType = io.github.opendestinations.v1.GetDeliveryResponse.class,
      methodType = io.grpc.MethodDescriptor.MethodType.UNARY)
  public static io.grpc.MethodDescriptor<io.github.opendestinations.v1.GetDeliveryRequest,
      io.github.opendestinations.v1.GetDeliveryResponse> getGetDeliveryMethod() {
    io.grpc.MethodDescriptor<io.github.opendestinations.v1.GetDeliveryRequest, io.github.opendestinations.v1.GetDeliveryResponse> getGetDeliveryMethod;
    if ((getGetDeliveryMethod = DeliveriesGrpc.getGetDeliveryMethod) == null) {
      synchronized (DeliveriesGrpc.class) {
        if ((getGetDeliveryMethod = DeliveriesGrpc.getGetDeliveryMethod) == null) {
          DeliveriesGrpc.getGetDeliveryMethod = getGetDeliveryMethod =
              io.grpc.MethodDescriptor.<io.github.opendestinations.v1.GetDeliveryRequest, io.github.opendestinations.v1.GetDeliveryResponse>newBuilder()
              .setType(io.grpc.MethodDescriptor.MethodType.UNARY)
              .setFullMethodName(generateFullMethodName(SERVICE_NAME, "GetDelivery"))
              .setSampledToLocalTracing(true)
              .setRequestMarshaller(io.grpc.protobuf.ProtoUtils.marshaller(
                  io.github.opendestinations.v1.GetDeliveryRequest.getDefaultInstance()))
              .setResponseMarshaller(io.grpc.protobuf.ProtoUtils.marshaller(
                  io.github.opendestinations.v1.GetDeliveryResponse.getDefaultInstance()))
              .setSchemaDescriptor(new DeliveriesMethodDescriptorSupplier("GetDelivery"))
              .build();
        }
      }
    }
    return getGetDeliveryMethod;
  }

  private static volatile io.grpc.MethodDescriptor<io.github.opendestinations.v1.ListDeliveriesRequest,
      io.github.opendestinations.v1.ListDeliveriesResponse> getListDeliveriesMethod;

  @io.grpc.stub.annotations.RpcMethod(
      fullMethodName = SERVICE_NAME + '/' + "ListDeliveries",
      requestType = io.github.opendestinations.v1.ListDeliveriesRequest.class,
      responseType = io.github.opendestinations.v1.ListDeliveriesResponse.class,
      methodType = io.grpc.MethodDescriptor.MethodType.UNARY)
  public static io.grpc.MethodDescriptor<io.github.opendestinations.v1.ListDeliveriesRequest,
      io.github.opendestinations.v1.ListDeliveriesResponse> getListDeliveriesMethod() {
    io.grpc.MethodDescriptor<io.github.opendestinations.v1.ListDeliveriesRequest, io.github.opendestinations.v1.ListDeliveriesResponse> getListDeliveriesMethod;
    if ((getListDeliveriesMethod = DeliveriesGrpc.getListDeliveriesMethod) == null) {
      synchronized (DeliveriesGrpc.class) {
        if ((getListDeliveriesMethod = DeliveriesGrpc.getListDeliveriesMethod) == null) {
          DeliveriesGrpc.getListDeliveriesMethod = getListDeliveriesMethod =
              io.grpc.MethodDescriptor.<io.github.opendestinations.v1.ListDeliveriesRequest, io.github.opendestinations.v1.ListDeliveriesResponse>newBuilder()
              .setType(io.grpc.MethodDescriptor.MethodType.UNARY)
              .setFullMethodName(generateFullMethodName(SERVICE_NAME, "ListDeliveries"))
              .setSampledToLocalTracing(true)
              .setRequestMarshaller(io.grpc.protobuf.ProtoUtils.marshaller(
                  io.github.opendestinations.v1.ListDeliveriesRequest.getDefaultInstance()))
              .setResponseMarshaller(io.grpc.protobuf.ProtoUtils.marshaller(
                  io.github.opendestinations.v1.ListDeliveriesResponse.getDefaultInstance()))
              .setSchemaDescriptor(new DeliveriesMethodDescriptorSupplier("ListDeliveries"))
              .build();
        }
      }
    }
    return getListDeliveriesMethod;
  }

  private static volatile io.grpc.MethodDescriptor<io.github.opendestinations.v1.WatchDeliveriesRequest,
      io.github.opendestinations.v1.WatchDeliveriesResponse> getWatchDeliveriesMethod;

  @io.grpc.stub.annotations.RpcMethod(
      fullMethodName = SERVICE_NAME + '/' + "WatchDeliveries",
      requestType = io.github.opendestinations.v1.WatchDeliveriesRequest.class,
      responseType = io.github.opendestinations.v1.WatchDeliveriesResponse.class,
      methodType = io.grpc.MethodDescriptor.MethodType.SERVER_STREAMING)
  public static io.grpc.MethodDescriptor<io.github.opendestinations.v1.WatchDeliveriesRequest,
      io.github.opendestinations.v1.WatchDeliveriesResponse> getWatchDeliveriesMethod() {
    io.grpc.MethodDescriptor<io.github.opendestinations.v1.WatchDeliveriesRequest, io.github.opendestinations.v1.WatchDeliveriesResponse> getWatchDeliveriesMethod;
    if ((getWatchDeliveriesMethod = DeliveriesGrpc.getWatchDeliveriesMethod) == null) {
      synchronized (DeliveriesGrpc.class) {
        if ((getWatchDeliveriesMethod = DeliveriesGrpc.getWatchDeliveriesMethod) == null) {
          DeliveriesGrpc.getWatchDeliveriesMethod = getWatchDeliveriesMethod =
              io.grpc.MethodDescriptor.<io.github.opendestinations.v1.WatchDeliveriesRequest, io.github.opendestinations.v1.WatchDeliveriesResponse>newBuilder()
              .setType(io.grpc.MethodDescriptor.MethodType.SERVER_STREAMING)
              .setFullMethodName(generateFullMethodName(SERVICE_NAME, "WatchDeliveries"))
              .setSampledToLocalTracing(true)
              .setRequestMarshaller(io.grpc.protobuf.ProtoUtils.marshaller(
                  io.github.opendestinations.v1.WatchDeliveriesRequest.getDefaultInstance()))
              .setResponseMarshaller(io.grpc.protobuf.ProtoUtils.marshaller(
                  io.github.opendestinations.v1.WatchDeliveriesResponse.getDefaultInstance()))
              .setSchemaDescriptor(new DeliveriesMethodDescriptorSupplier("WatchDeliveries"))
              .build();
        }
      }
    }
    return getWatchDeliveriesMethod;
  }

  private static volatile io.grpc.MethodDescriptor<io.github.opendestinations.v1.GetFreshnessRequest,
      io.github.opendestinations.v1.GetFreshnessResponse> getGetFreshnessMethod;

  @io.grpc.stub.annotations.RpcMethod(
      fullMethodName = SERVICE_NAME + '/' + "GetFreshness",
      requestType = io.github.opendestinations.v1.GetFreshnessRequest.class,
      responseType = io.github.opendestinations.v1.GetFreshnessResponse.class,
      methodType = io.grpc.MethodDescriptor.MethodType.UNARY)
  public static io.grpc.MethodDescriptor<io.github.opendestinations.v1.GetFreshnessRequest,
      io.github.opendestinations.v1.GetFreshnessResponse> getGetFreshnessMethod() {
    io.grpc.MethodDescriptor<io.github.opendestinations.v1.GetFreshnessRequest, io.github.opendestinations.v1.GetFreshnessResponse> getGetFreshnessMethod;
    if ((getGetFreshnessMethod = DeliveriesGrpc.getGetFreshnessMethod) == null) {
      synchronized (DeliveriesGrpc.class) {
        if ((getGetFreshnessMethod = DeliveriesGrpc.getGetFreshnessMethod) == null) {
          DeliveriesGrpc.getGetFreshnessMethod = getGetFreshnessMethod =
              io.grpc.MethodDescriptor.<io.github.opendestinations.v1.GetFreshnessRequest, io.github.opendestinations.v1.GetFreshnessResponse>newBuilder()
              .setType(io.grpc.MethodDescriptor.MethodType.UNARY)
              .setFullMethodName(generateFullMethodName(SERVICE_NAME, "GetFreshness"))
              .setSampledToLocalTracing(true)
              .setRequestMarshaller(io.grpc.protobuf.ProtoUtils.marshaller(
                  io.github.opendestinations.v1.GetFreshnessRequest.getDefaultInstance()))
              .setResponseMarshaller(io.grpc.protobuf.ProtoUtils.marshaller(
                  io.github.opendestinations.v1.GetFreshnessResponse.getDefaultInstance()))
              .setSchemaDescriptor(new DeliveriesMethodDescriptorSupplier("GetFreshness"))
              .build();
        }
      }
    }
    return getGetFreshnessMethod;
  }

  /**
   * Creates a new async stub that supports all call types for the service
   */
  public static DeliveriesStub newStub(io.grpc.Channel channel) {
    io.grpc.stub.AbstractStub.StubFactory<DeliveriesStub> factory =
      new io.grpc.stub.AbstractStub.StubFactory<DeliveriesStub>() {
        @java.lang.Override
        public DeliveriesStub newStub(io.grpc.Channel channel, io.grpc.CallOptions callOptions) {
          return new DeliveriesStub(channel, callOptions);
        }
      };
    return DeliveriesStub.newStub(factory, channel);
  }

  /**
   * Creates a new blocking-style stub that supports all types of calls on the service
   */
  public static DeliveriesBlockingV2Stub newBlockingV2Stub(
      io.grpc.Channel channel) {
    io.grpc.stub.AbstractStub.StubFactory<DeliveriesBlockingV2Stub> factory =
      new io.grpc.stub.AbstractStub.StubFactory<DeliveriesBlockingV2Stub>() {
        @java.lang.Override
        public DeliveriesBlockingV2Stub newStub(io.grpc.Channel channel, io.grpc.CallOptions callOptions) {
          return new DeliveriesBlockingV2Stub(channel, callOptions);
        }
      };
    return DeliveriesBlockingV2Stub.newStub(factory, channel);
  }

  /**
   * Creates a new blocking-style stub that supports unary and streaming output calls on the service
   */
  public static DeliveriesBlockingStub newBlockingStub(
      io.grpc.Channel channel) {
    io.grpc.stub.AbstractStub.StubFactory<DeliveriesBlockingStub> factory =
      new io.grpc.stub.AbstractStub.StubFactory<DeliveriesBlockingStub>() {
        @java.lang.Override
        public DeliveriesBlockingStub newStub(io.grpc.Channel channel, io.grpc.CallOptions callOptions) {
          return new DeliveriesBlockingStub(channel, callOptions);
        }
      };
    return DeliveriesBlockingStub.newStub(factory, channel);
  }

  /**
   * Creates a new ListenableFuture-style stub that supports unary calls on the service
   */
  public static DeliveriesFutureStub newFutureStub(
      io.grpc.Channel channel) {
    io.grpc.stub.AbstractStub.StubFactory<DeliveriesFutureStub> factory =
      new io.grpc.stub.AbstractStub.StubFactory<DeliveriesFutureStub>() {
        @java.lang.Override
        public DeliveriesFutureStub newStub(io.grpc.Channel channel, io.grpc.CallOptions callOptions) {
          return new DeliveriesFutureStub(channel, callOptions);
        }
      };
    return DeliveriesFutureStub.newStub(factory, channel);
  }

  /**
   * <pre>
   * Deliveries says whether, when and where events were delivered.
   * What ends a call with an error, beside what gRPC itself reports:
   *     code                 reason (ErrorInfo.reason)  cause
   *     INVALID_ARGUMENT     TOKENS_INVALID             no token, or more than 1,000
   *     INVALID_ARGUMENT     BUCKET_INVALID             `bucket` breaks the rules of S3Event.bucket, or is missing where there is a prefix
   *     INVALID_ARGUMENT     PREFIX_INVALID             `prefix` breaks the rules of S3Event.prefix
   *     INVALID_ARGUMENT     TENANT_INVALID             `tenant` is what no tenant can be called, or missing: the caller sees every tenant, and names one destination
   *     INVALID_ARGUMENT     STATE_INVALID              `state` is UPLOADING or PARTIAL, which a batch in the ledger never is
   *     INVALID_ARGUMENT     PAGE_INVALID               `page_size` is above 1,000, or `page_token` or `cursor` is not one that this service gave for the same filter, or is of what the ledger does not have any more
   *     NOT_FOUND            TOKEN_UNKNOWN              a token that this service did not give, or whose events are not those of its journal any more; `token` in the ErrorInfo's metadata is its place in the request, from 0
   *     RESOURCE_EXHAUSTED   WATCHER_TOO_SLOW           the caller of WatchDeliveries has not read for so long that what waits for him no longer fits; he goes on with the last `cursor`
   *     UNAVAILABLE          PARTITION_UNAVAILABLE      GetFreshness: the destination's part of the journal is closed because its files are damaged
   *     UNAVAILABLE          SHUTTING_DOWN              the service is stopping; with RetryInfo
   *     INTERNAL             LEDGER_FAILED              the ledger can't be read
   * Every one of them carries a google.rpc.ErrorInfo with domain "destinations". Where the
   * service authenticates its callers there is also what the service Destinations says of
   * UNAUTHENTICATED, PERMISSION_DENIED and ISSUER_UNAVAILABLE. GetDelivery and GetFreshness are
   * for who may send or inspect, the others for who may inspect; nobody learns of what is
   * not of his tenant, or what his grant does not reach: tokens of it are unknown, and
   * lists leave it out.
   * </pre>
   */
  public interface AsyncService {

    /**
     * <pre>
     * GetDelivery says what became of the events of receipts: of the destination's
     * events from the first to the last of those that a receipt stands for, others'
     * events to the same destination between them included.
     * </pre>
     */
    default void getDelivery(io.github.opendestinations.v1.GetDeliveryRequest request,
        io.grpc.stub.StreamObserver<io.github.opendestinations.v1.GetDeliveryResponse> responseObserver) {
      io.grpc.stub.ServerCalls.asyncUnimplementedUnaryCall(getGetDeliveryMethod(), responseObserver);
    }

    /**
     * <pre>
     * ListDeliveries lists the objects that were delivered, and those batches that
     * are on their way, the newest first, as far as the ledger keeps them
     * (the service's --ledger-retention and --ledger-size).
     * </pre>
     */
    default void listDeliveries(io.github.opendestinations.v1.ListDeliveriesRequest request,
        io.grpc.stub.StreamObserver<io.github.opendestinations.v1.ListDeliveriesResponse> responseObserver) {
      io.grpc.stub.ServerCalls.asyncUnimplementedUnaryCall(getListDeliveriesMethod(), responseObserver);
    }

    /**
     * <pre>
     * WatchDeliveries tells of each object when it is delivered or its batch has
     * died, until the caller ends the call or the service stops. It never slows a
     * delivery: a caller that does not keep up is cut off, and goes on with `cursor`.
     * </pre>
     */
    default void watchDeliveries(io.github.opendestinations.v1.WatchDeliveriesRequest request,
        io.grpc.stub.StreamObserver<io.github.opendestinations.v1.WatchDeliveriesResponse> responseObserver) {
      io.grpc.stub.ServerCalls.asyncUnimplementedUnaryCall(getWatchDeliveriesMethod(), responseObserver);
    }

    /**
     * <pre>
     * GetFreshness says for how long the oldest undelivered event of a destination
     * has been here.
     * </pre>
     */
    default void getFreshness(io.github.opendestinations.v1.GetFreshnessRequest request,
        io.grpc.stub.StreamObserver<io.github.opendestinations.v1.GetFreshnessResponse> responseObserver) {
      io.grpc.stub.ServerCalls.asyncUnimplementedUnaryCall(getGetFreshnessMethod(), responseObserver);
    }
  }

  /**
   * Base class for the server implementation of the service Deliveries.
   * <pre>
   * Deliveries says whether, when and where events were delivered.
   * What ends a call with an error, beside what gRPC itself reports:
   *     code                 reason (ErrorInfo.reason)  cause
   *     INVALID_ARGUMENT     TOKENS_INVALID             no token, or more than 1,000
   *     INVALID_ARGUMENT     BUCKET_INVALID             `bucket` breaks the rules of S3Event.bucket, or is missing where there is a prefix
   *     INVALID_ARGUMENT     PREFIX_INVALID             `prefix` breaks the rules of S3Event.prefix
   *     INVALID_ARGUMENT     TENANT_INVALID             `tenant` is what no tenant can be called, or missing: the caller sees every tenant, and names one destination
   *     INVALID_ARGUMENT     STATE_INVALID              `state` is UPLOADING or PARTIAL, which a batch in the ledger never is
   *     INVALID_ARGUMENT     PAGE_INVALID               `page_size` is above 1,000, or `page_token` or `cursor` is not one that this service gave for the same filter, or is of what the ledger does not have any more
   *     NOT_FOUND            TOKEN_UNKNOWN              a token that this service did not give, or whose events are not those of its journal any more; `token` in the ErrorInfo's metadata is its place in the request, from 0
   *     RESOURCE_EXHAUSTED   WATCHER_TOO_SLOW           the caller of WatchDeliveries has not read for so long that what waits for him no longer fits; he goes on with the last `cursor`
   *     UNAVAILABLE          PARTITION_UNAVAILABLE      GetFreshness: the destination's part of the journal is closed because its files are damaged
   *     UNAVAILABLE          SHUTTING_DOWN              the service is stopping; with RetryInfo
   *     INTERNAL             LEDGER_FAILED              the ledger can't be read
   * Every one of them carries a google.rpc.ErrorInfo with domain "destinations". Where the
   * service authenticates its callers there is also what the service Destinations says of
   * UNAUTHENTICATED, PERMISSION_DENIED and ISSUER_UNAVAILABLE. GetDelivery and GetFreshness are
   * for who may send or inspect, the others for who may inspect; nobody learns of what is
   * not of his tenant, or what his grant does not reach: tokens of it are unknown, and
   * lists leave it out.
   * </pre>
   */
  public static abstract class DeliveriesImplBase
      implements io.grpc.BindableService, AsyncService {

    @java.lang.Override public final io.grpc.ServerServiceDefinition bindService() {
      return DeliveriesGrpc.bindService(this);
    }
  }

  /**
   * A stub to allow clients to do asynchronous rpc calls to service Deliveries.
   * <pre>
   * Deliveries says whether, when and where events were delivered.
   * What ends a call with an error, beside what gRPC itself reports:
   *     code                 reason (ErrorInfo.reason)  cause
   *     INVALID_ARGUMENT     TOKENS_INVALID             no token, or more than 1,000
   *     INVALID_ARGUMENT     BUCKET_INVALID             `bucket` breaks the rules of S3Event.bucket, or is missing where there is a prefix
   *     INVALID_ARGUMENT     PREFIX_INVALID             `prefix` breaks the rules of S3Event.prefix
   *     INVALID_ARGUMENT     TENANT_INVALID             `tenant` is what no tenant can be called, or missing: the caller sees every tenant, and names one destination
   *     INVALID_ARGUMENT     STATE_INVALID              `state` is UPLOADING or PARTIAL, which a batch in the ledger never is
   *     INVALID_ARGUMENT     PAGE_INVALID               `page_size` is above 1,000, or `page_token` or `cursor` is not one that this service gave for the same filter, or is of what the ledger does not have any more
   *     NOT_FOUND            TOKEN_UNKNOWN              a token that this service did not give, or whose events are not those of its journal any more; `token` in the ErrorInfo's metadata is its place in the request, from 0
   *     RESOURCE_EXHAUSTED   WATCHER_TOO_SLOW           the caller of WatchDeliveries has not read for so long that what waits for him no longer fits; he goes on with the last `cursor`
   *     UNAVAILABLE          PARTITION_UNAVAILABLE      GetFreshness: the destination's part of the journal is closed because its files are damaged
   *     UNAVAILABLE          SHUTTING_DOWN              the service is stopping; with RetryInfo
   *     INTERNAL             LEDGER_FAILED              the ledger can't be read
   * Every one of them carries a google.rpc.ErrorInfo with domain "destinations". Where the
   * service authenticates its callers there is also what the service Destinations says of
   * UNAUTHENTICATED, PERMISSION_DENIED and ISSUER_UNAVAILABLE. GetDelivery and GetFreshness are
   * for who may send or inspect, the others for who may inspect; nobody learns of what is
   * not of his tenant, or what his grant does not reach: tokens of it are unknown, and
   * lists leave it out.
   * </pre>
   */
  public static final class DeliveriesStub
      extends io.grpc.stub.AbstractAsyncStub<DeliveriesStub> {
    private DeliveriesStub(
        io.grpc.Channel channel, io.grpc.CallOptions callOptions) {
      super(channel, callOptions);
    }

    @java.lang.Override
    protected DeliveriesStub build(
        io.grpc.Channel channel, io.grpc.CallOptions callOptions) {
      return new DeliveriesStub(channel, callOptions);
    }

    /**
     * <pre>
     * GetDelivery says what became of the events of receipts: of the destination's
     * events from the first to the last of those that a receipt stands for, others'
     * events to the same destination between them included.
     * </pre>
     */
    public void getDelivery(io.github.opendestinations.v1.GetDeliveryRequest request,
        io.grpc.stub.StreamObserver<io.github.opendestinations.v1.GetDeliveryResponse> responseObserver) {
      io.grpc.stub.ClientCalls.asyncUnaryCall(
          getChannel().newCall(getGetDeliveryMethod(), getCallOptions()), request, responseObserver);
    }

    /**
     * <pre>
     * ListDeliveries lists the objects that were delivered, and those batches that
     * are on their way, the newest first, as far as the ledger keeps them
     * (the service's --ledger-retention and --ledger-size).
     * </pre>
     */
    public void listDeliveries(io.github.opendestinations.v1.ListDeliveriesRequest request,
        io.grpc.stub.StreamObserver<io.github.opendestinations.v1.ListDeliveriesResponse> responseObserver) {
      io.grpc.stub.ClientCalls.asyncUnaryCall(
          getChannel().newCall(getListDeliveriesMethod(), getCallOptions()), request, responseObserver);
    }

    /**
     * <pre>
     * WatchDeliveries tells of each object when it is delivered or its batch has
     * died, until the caller ends the call or the service stops. It never slows a
     * delivery: a caller that does not keep up is cut off, and goes on with `cursor`.
     * </pre>
     */
    public void watchDeliveries(io.github.opendestinations.v1.WatchDeliveriesRequest request,
        io.grpc.stub.StreamObserver<io.github.opendestinations.v1.WatchDeliveriesResponse> responseObserver) {
      io.grpc.stub.ClientCalls.asyncServerStreamingCall(
          getChannel().newCall(getWatchDeliveriesMethod(), getCallOptions()), request, responseObserver);
    }

    /**
     * <pre>
     * GetFreshness says for how long the oldest undelivered event of a destination
     * has been here.
     * </pre>
     */
    public void getFreshness(io.github.opendestinations.v1.GetFreshnessRequest request,
        io.grpc.stub.StreamObserver<io.github.opendestinations.v1.GetFreshnessResponse> responseObserver) {
      io.grpc.stub.ClientCalls.asyncUnaryCall(
          getChannel().newCall(getGetFreshnessMethod(), getCallOptions()), request, responseObserver);
    }
  }

  /**
   * A stub to allow clients to do synchronous rpc calls to service Deliveries.
   * <pre>
   * Deliveries says whether, when and where events were delivered.
   * What ends a call with an error, beside what gRPC itself reports:
   *     code                 reason (ErrorInfo.reason)  cause
   *     INVALID_ARGUMENT     TOKENS_INVALID             no token, or more than 1,000
   *     INVALID_ARGUMENT     BUCKET_INVALID             `bucket` breaks the rules of S3Event.bucket, or is missing where there is a prefix
   *     INVALID_ARGUMENT     PREFIX_INVALID             `prefix` breaks the rules of S3Event.prefix
   *     INVALID_ARGUMENT     TENANT_INVALID             `tenant` is what no tenant can be called, or missing: the caller sees every tenant, and names one destination
   *     INVALID_ARGUMENT     STATE_INVALID              `state` is UPLOADING or PARTIAL, which a batch in the ledger never is
   *     INVALID_ARGUMENT     PAGE_INVALID               `page_size` is above 1,000, or `page_token` or `cursor` is not one that this service gave for the same filter, or is of what the ledger does not have any more
   *     NOT_FOUND            TOKEN_UNKNOWN              a token that this service did not give, or whose events are not those of its journal any more; `token` in the ErrorInfo's metadata is its place in the request, from 0
   *     RESOURCE_EXHAUSTED   WATCHER_TOO_SLOW           the caller of WatchDeliveries has not read for so long that what waits for him no longer fits; he goes on with the last `cursor`
   *     UNAVAILABLE          PARTITION_UNAVAILABLE      GetFreshness: the destination's part of the journal is closed because its files are damaged
   *     UNAVAILABLE          SHUTTING_DOWN              the service is stopping; with RetryInfo
   *     INTERNAL             LEDGER_FAILED              the ledger can't be read
   * Every one of them carries a google.rpc.ErrorInfo with domain "destinations". Where the
   * service authenticates its callers there is also what the service Destinations says of
   * UNAUTHENTICATED, PERMISSION_DENIED and ISSUER_UNAVAILABLE. GetDelivery and GetFreshness are
   * for who may send or inspect, the others for who may inspect; nobody learns of what is
   * not of his tenant, or what his grant does not reach: tokens of it are unknown, and
   * lists leave it out.
   * </pre>
   */
  public static final class DeliveriesBlockingV2Stub
      extends io.grpc.stub.AbstractBlockingStub<DeliveriesBlockingV2Stub> {
    private DeliveriesBlockingV2Stub(
        io.grpc.Channel channel, io.grpc.CallOptions callOptions) {
      super(channel, callOptions);
    }

    @java.lang.Override
    protected DeliveriesBlockingV2Stub build(
        io.grpc.Channel channel, io.grpc.CallOptions callOptions) {
      return new DeliveriesBlockingV2Stub(channel, callOptions);
    }

    /**
     * <pre>
     * GetDelivery says what became of the events of receipts: of the destination's
     * events from the first to the last of those that a receipt stands for, others'
     * events to the same destination between them included.
     * </pre>
     */
    public io.github.opendestinations.v1.GetDeliveryResponse getDelivery(io.github.opendestinations.v1.GetDeliveryRequest request) throws io.grpc.StatusException {
      return io.grpc.stub.ClientCalls.blockingV2UnaryCall(
          getChannel(), getGetDeliveryMethod(), getCallOptions(), request);
    }

    /**
     * <pre>
     * ListDeliveries lists the objects that were delivered, and those batches that
     * are on their way, the newest first, as far as the ledger keeps them
     * (the service's --ledger-retention and --ledger-size).
     * </pre>
     */
    public io.github.opendestinations.v1.ListDeliveriesResponse listDeliveries(io.github.opendestinations.v1.ListDeliveriesRequest request) throws io.grpc.StatusException {
      return io.grpc.stub.ClientCalls.blockingV2UnaryCall(
          getChannel(), getListDeliveriesMethod(), getCallOptions(), request);
    }

    /**
     * <pre>
     * WatchDeliveries tells of each object when it is delivered or its batch has
     * died, until the caller ends the call or the service stops. It never slows a
     * delivery: a caller that does not keep up is cut off, and goes on with `cursor`.
     * </pre>
     */
    @io.grpc.ExperimentalApi("https://github.com/grpc/grpc-java/issues/10918")
    public io.grpc.stub.BlockingClientCall<?, io.github.opendestinations.v1.WatchDeliveriesResponse>
        watchDeliveries(io.github.opendestinations.v1.WatchDeliveriesRequest request) {
      return io.grpc.stub.ClientCalls.blockingV2ServerStreamingCall(
          getChannel(), getWatchDeliveriesMethod(), getCallOptions(), request);
    }

    /**
     * <pre>
     * GetFreshness says for how long the oldest undelivered event of a destination
     * has been here.
     * </pre>
     */
    public io.github.opendestinations.v1.GetFreshnessResponse getFreshness(io.github.opendestinations.v1.GetFreshnessRequest request) throws io.grpc.StatusException {
      return io.grpc.stub.ClientCalls.blockingV2UnaryCall(
          getChannel(), getGetFreshnessMethod(), getCallOptions(), request);
    }
  }

  /**
   * A stub to allow clients to do limited synchronous rpc calls to service Deliveries.
   * <pre>
   * Deliveries says whether, when and where events were delivered.
   * What ends a call with an error, beside what gRPC itself reports:
   *     code                 reason (ErrorInfo.reason)  cause
   *     INVALID_ARGUMENT     TOKENS_INVALID             no token, or more than 1,000
   *     INVALID_ARGUMENT     BUCKET_INVALID             `bucket` breaks the rules of S3Event.bucket, or is missing where there is a prefix
   *     INVALID_ARGUMENT     PREFIX_INVALID             `prefix` breaks the rules of S3Event.prefix
   *     INVALID_ARGUMENT     TENANT_INVALID             `tenant` is what no tenant can be called, or missing: the caller sees every tenant, and names one destination
   *     INVALID_ARGUMENT     STATE_INVALID              `state` is UPLOADING or PARTIAL, which a batch in the ledger never is
   *     INVALID_ARGUMENT     PAGE_INVALID               `page_size` is above 1,000, or `page_token` or `cursor` is not one that this service gave for the same filter, or is of what the ledger does not have any more
   *     NOT_FOUND            TOKEN_UNKNOWN              a token that this service did not give, or whose events are not those of its journal any more; `token` in the ErrorInfo's metadata is its place in the request, from 0
   *     RESOURCE_EXHAUSTED   WATCHER_TOO_SLOW           the caller of WatchDeliveries has not read for so long that what waits for him no longer fits; he goes on with the last `cursor`
   *     UNAVAILABLE          PARTITION_UNAVAILABLE      GetFreshness: the destination's part of the journal is closed because its files are damaged
   *     UNAVAILABLE          SHUTTING_DOWN              the service is stopping; with RetryInfo
   *     INTERNAL             LEDGER_FAILED              the ledger can't be read
   * Every one of them carries a google.rpc.ErrorInfo with domain "destinations". Where the
   * service authenticates its callers there is also what the service Destinations says of
   * UNAUTHENTICATED, PERMISSION_DENIED and ISSUER_UNAVAILABLE. GetDelivery and GetFreshness are
   * for who may send or inspect, the others for who may inspect; nobody learns of what is
   * not of his tenant, or what his grant does not reach: tokens of it are unknown, and
   * lists leave it out.
   * </pre>
   */
  public static final class DeliveriesBlockingStub
      extends io.grpc.stub.AbstractBlockingStub<DeliveriesBlockingStub> {
    private DeliveriesBlockingStub(
        io.grpc.Channel channel, io.grpc.CallOptions callOptions) {
      super(channel, callOptions);
    }

    @java.lang.Override
    protected DeliveriesBlockingStub build(
        io.grpc.Channel channel, io.grpc.CallOptions callOptions) {
      return new DeliveriesBlockingStub(channel, callOptions);
    }

    /**
     * <pre>
     * GetDelivery says what became of the events of receipts: of the destination's
     * events from the first to the last of those that a receipt stands for, others'
     * events to the same destination between them included.
     * </pre>
     */
    public io.github.opendestinations.v1.GetDeliveryResponse getDelivery(io.github.opendestinations.v1.GetDeliveryRequest request) {
      return io.grpc.stub.ClientCalls.blockingUnaryCall(
          getChannel(), getGetDeliveryMethod(), getCallOptions(), request);
    }

    /**
     * <pre>
     * ListDeliveries lists the objects that were delivered, and those batches that
     * are on their way, the newest first, as far as the ledger keeps them
     * (the service's --ledger-retention and --ledger-size).
     * </pre>
     */
    public io.github.opendestinations.v1.ListDeliveriesResponse listDeliveries(io.github.opendestinations.v1.ListDeliveriesRequest request) {
      return io.grpc.stub.ClientCalls.blockingUnaryCall(
          getChannel(), getListDeliveriesMethod(), getCallOptions(), request);
    }

    /**
     * <pre>
     * WatchDeliveries tells of each object when it is delivered or its batch has
     * died, until the caller ends the call or the service stops. It never slows a
     * delivery: a caller that does not keep up is cut off, and goes on with `cursor`.
     * </pre>
     */
    public java.util.Iterator<io.github.opendestinations.v1.WatchDeliveriesResponse> watchDeliveries(
        io.github.opendestinations.v1.WatchDeliveriesRequest request) {
      return io.grpc.stub.ClientCalls.blockingServerStreamingCall(
          getChannel(), getWatchDeliveriesMethod(), getCallOptions(), request);
    }

    /**
     * <pre>
     * GetFreshness says for how long the oldest undelivered event of a destination
     * has been here.
     * </pre>
     */
    public io.github.opendestinations.v1.GetFreshnessResponse getFreshness(io.github.opendestinations.v1.GetFreshnessRequest request) {
      return io.grpc.stub.ClientCalls.blockingUnaryCall(
          getChannel(), getGetFreshnessMethod(), getCallOptions(), request);
    }
  }

  /**
   * A stub to allow clients to do ListenableFuture-style rpc calls to service Deliveries.
   * <pre>
   * Deliveries says whether, when and where events were delivered.
   * What ends a call with an error, beside what gRPC itself reports:
   *     code                 reason (ErrorInfo.reason)  cause
   *     INVALID_ARGUMENT     TOKENS_INVALID             no token, or more than 1,000
   *     INVALID_ARGUMENT     BUCKET_INVALID             `bucket` breaks the rules of S3Event.bucket, or is missing where there is a prefix
   *     INVALID_ARGUMENT     PREFIX_INVALID             `prefix` breaks the rules of S3Event.prefix
   *     INVALID_ARGUMENT     TENANT_INVALID             `tenant` is what no tenant can be called, or missing: the caller sees every tenant, and names one destination
   *     INVALID_ARGUMENT     STATE_INVALID              `state` is UPLOADING or PARTIAL, which a batch in the ledger never is
   *     INVALID_ARGUMENT     PAGE_INVALID               `page_size` is above 1,000, or `page_token` or `cursor` is not one that this service gave for the same filter, or is of what the ledger does not have any more
   *     NOT_FOUND            TOKEN_UNKNOWN              a token that this service did not give, or whose events are not those of its journal any more; `token` in the ErrorInfo's metadata is its place in the request, from 0
   *     RESOURCE_EXHAUSTED   WATCHER_TOO_SLOW           the caller of WatchDeliveries has not read for so long that what waits for him no longer fits; he goes on with the last `cursor`
   *     UNAVAILABLE          PARTITION_UNAVAILABLE      GetFreshness: the destination's part of the journal is closed because its files are damaged
   *     UNAVAILABLE          SHUTTING_DOWN              the service is stopping; with RetryInfo
   *     INTERNAL             LEDGER_FAILED              the ledger can't be read
   * Every one of them carries a google.rpc.ErrorInfo with domain "destinations". Where the
   * service authenticates its callers there is also what the service Destinations says of
   * UNAUTHENTICATED, PERMISSION_DENIED and ISSUER_UNAVAILABLE. GetDelivery and GetFreshness are
   * for who may send or inspect, the others for who may inspect; nobody learns of what is
   * not of his tenant, or what his grant does not reach: tokens of it are unknown, and
   * lists leave it out.
   * </pre>
   */
  public static final class DeliveriesFutureStub
      extends io.grpc.stub.AbstractFutureStub<DeliveriesFutureStub> {
    private DeliveriesFutureStub(
        io.grpc.Channel channel, io.grpc.CallOptions callOptions) {
      super(channel, callOptions);
    }

    @java.lang.Override
    protected DeliveriesFutureStub build(
        io.grpc.Channel channel, io.grpc.CallOptions callOptions) {
      return new DeliveriesFutureStub(channel, callOptions);
    }

    /**
     * <pre>
     * GetDelivery says what became of the events of receipts: of the destination's
     * events from the first to the last of those that a receipt stands for, others'
     * events to the same destination between them included.
     * </pre>
     */
    public com.google.common.util.concurrent.ListenableFuture<io.github.opendestinations.v1.GetDeliveryResponse> getDelivery(
        io.github.opendestinations.v1.GetDeliveryRequest request) {
      return io.grpc.stub.ClientCalls.futureUnaryCall(
          getChannel().newCall(getGetDeliveryMethod(), getCallOptions()), request);
    }

    /**
     * <pre>
     * ListDeliveries lists the objects that were delivered, and those batches that
     * are on their way, the newest first, as far as the ledger keeps them
     * (the service's --ledger-retention and --ledger-size).
     * </pre>
     */
    public com.google.common.util.concurrent.ListenableFuture<io.github.opendestinations.v1.ListDeliveriesResponse> listDeliveries(
        io.github.opendestinations.v1.ListDeliveriesRequest request) {
      return io.grpc.stub.ClientCalls.futureUnaryCall(
          getChannel().newCall(getListDeliveriesMethod(), getCallOptions()), request);
    }

    /**
     * <pre>
     * GetFreshness says for how long the oldest undelivered event of a destination
     * has been here.
     * </pre>
     */
    public com.google.common.util.concurrent.ListenableFuture<io.github.opendestinations.v1.GetFreshnessResponse> getFreshness(
        io.github.opendestinations.v1.GetFreshnessRequest request) {
      return io.grpc.stub.ClientCalls.futureUnaryCall(
          getChannel().newCall(getGetFreshnessMethod(), getCallOptions()), request);
    }
  }

  private static final int METHODID_GET_DELIVERY = 0;
  private static final int METHODID_LIST_DELIVERIES = 1;
  private static final int METHODID_WATCH_DELIVERIES = 2;
  private static final int METHODID_GET_FRESHNESS = 3;

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
        case METHODID_GET_DELIVERY:
          serviceImpl.getDelivery((io.github.opendestinations.v1.GetDeliveryRequest) request,
              (io.grpc.stub.StreamObserver<io.github.opendestinations.v1.GetDeliveryResponse>) responseObserver);
          break;
        case METHODID_LIST_DELIVERIES:
          serviceImpl.listDeliveries((io.github.opendestinations.v1.ListDeliveriesRequest) request,
              (io.grpc.stub.StreamObserver<io.github.opendestinations.v1.ListDeliveriesResponse>) responseObserver);
          break;
        case METHODID_WATCH_DELIVERIES:
          serviceImpl.watchDeliveries((io.github.opendestinations.v1.WatchDeliveriesRequest) request,
              (io.grpc.stub.StreamObserver<io.github.opendestinations.v1.WatchDeliveriesResponse>) responseObserver);
          break;
        case METHODID_GET_FRESHNESS:
          serviceImpl.getFreshness((io.github.opendestinations.v1.GetFreshnessRequest) request,
              (io.grpc.stub.StreamObserver<io.github.opendestinations.v1.GetFreshnessResponse>) responseObserver);
          break;
        default:
          throw new AssertionError();
      }
    }

    @java.lang.Override
    @java.lang.SuppressWarnings("unchecked")
    public io.grpc.stub.StreamObserver<Req> invoke(
        io.grpc.stub.StreamObserver<Resp> responseObserver) {
      switch (methodId) {
        default:
          throw new AssertionError();
      }
    }
  }

  public static final io.grpc.ServerServiceDefinition bindService(AsyncService service) {
    return io.grpc.ServerServiceDefinition.builder(getServiceDescriptor())
        .addMethod(
          getGetDeliveryMethod(),
          io.grpc.stub.ServerCalls.asyncUnaryCall(
            new MethodHandlers<
              io.github.opendestinations.v1.GetDeliveryRequest,
              io.github.opendestinations.v1.GetDeliveryResponse>(
                service, METHODID_GET_DELIVERY)))
        .addMethod(
          getListDeliveriesMethod(),
          io.grpc.stub.ServerCalls.asyncUnaryCall(
            new MethodHandlers<
              io.github.opendestinations.v1.ListDeliveriesRequest,
              io.github.opendestinations.v1.ListDeliveriesResponse>(
                service, METHODID_LIST_DELIVERIES)))
        .addMethod(
          getWatchDeliveriesMethod(),
          io.grpc.stub.ServerCalls.asyncServerStreamingCall(
            new MethodHandlers<
              io.github.opendestinations.v1.WatchDeliveriesRequest,
              io.github.opendestinations.v1.WatchDeliveriesResponse>(
                service, METHODID_WATCH_DELIVERIES)))
        .addMethod(
          getGetFreshnessMethod(),
          io.grpc.stub.ServerCalls.asyncUnaryCall(
            new MethodHandlers<
              io.github.opendestinations.v1.GetFreshnessRequest,
              io.github.opendestinations.v1.GetFreshnessResponse>(
                service, METHODID_GET_FRESHNESS)))
        .build();
  }

  private static abstract class DeliveriesBaseDescriptorSupplier
      implements io.grpc.protobuf.ProtoFileDescriptorSupplier, io.grpc.protobuf.ProtoServiceDescriptorSupplier {
    DeliveriesBaseDescriptorSupplier() {}

    @java.lang.Override
    public com.google.protobuf.Descriptors.FileDescriptor getFileDescriptor() {
      return io.github.opendestinations.v1.DeliveriesProto.getDescriptor();
    }

    @java.lang.Override
    public com.google.protobuf.Descriptors.ServiceDescriptor getServiceDescriptor() {
      return getFileDescriptor().findServiceByName("Deliveries");
    }
  }

  private static final class DeliveriesFileDescriptorSupplier
      extends DeliveriesBaseDescriptorSupplier {
    DeliveriesFileDescriptorSupplier() {}
  }

  private static final class DeliveriesMethodDescriptorSupplier
      extends DeliveriesBaseDescriptorSupplier
      implements io.grpc.protobuf.ProtoMethodDescriptorSupplier {
    private final java.lang.String methodName;

    DeliveriesMethodDescriptorSupplier(java.lang.String methodName) {
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
      synchronized (DeliveriesGrpc.class) {
        result = serviceDescriptor;
        if (result == null) {
          serviceDescriptor = result = io.grpc.ServiceDescriptor.newBuilder(SERVICE_NAME)
              .setSchemaDescriptor(new DeliveriesFileDescriptorSupplier())
              .addMethod(getGetDeliveryMethod())
              .addMethod(getListDeliveriesMethod())
              .addMethod(getWatchDeliveriesMethod())
              .addMethod(getGetFreshnessMethod())
              .build();
        }
      }
    }
    return result;
  }
}
