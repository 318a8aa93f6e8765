package io.github.opendestinations.v1;

import static io.grpc.MethodDescriptor.generateFullMethodName;

/**
 * <pre>
 * Operations is for the people who run the service.
 * What ends a call with an error, beside what gRPC itself reports:
 *     code                 reason (ErrorInfo.reason)  cause
 *     INVALID_ARGUMENT     BUCKET_INVALID             `bucket` breaks the rules of S3Event.bucket, or is missing where there is a prefix or `all_prefixes`, or one destination has to be named
 *     INVALID_ARGUMENT     PREFIX_INVALID             `prefix` breaks the rules of S3Event.prefix, or stands beside `all_prefixes`
 *     INVALID_ARGUMENT     TENANT_INVALID             `tenant` is what no tenant can be called, or missing: the caller sees every tenant, and names a bucket
 *     INVALID_ARGUMENT     ROLE_ARN_INVALID           `role_arn` is neither the ARN of a role or user, nor an access key
 *     RESOURCE_EXHAUSTED   RATE_EXCEEDED              the caller has asked for more checks and challenges than he may, or his tenant has too many checks under way; with RetryInfo
 *     PERMISSION_DENIED    DESTINATION_NOT_GRANTED    no grant of the caller reaches this destination; or all were meant, and his grant reaches some only
 *     NOT_FOUND            BATCH_UNKNOWN              there is no dead batch of that key
 *     DATA_LOSS            BATCH_DAMAGED              the file of the dead batch is missing or damaged
 *     FAILED_PRECONDITION  EVENTS_DIFFER              `events` is not the number of events that would be destroyed
 *     FAILED_PRECONDITION  CHALLENGE_REFUSED          the challenge of ConfirmBucket can't be written: somebody has to change the bucket, its policy, or the credentials
 *     UNAVAILABLE          CHALLENGE_NOT_WRITTEN      the challenge could not be written for a reason that may pass; with RetryInfo
 *     PERMISSION_DENIED    CHALLENGE_CONTENT_WRONG    `content` is not that of the challenge of this tenant, bucket and prefix; answered late
 *     RESOURCE_EXHAUSTED   CONFIRMED_FULL             the tenant, or all of them, have confirmed as many buckets as the service keeps
 *     UNAVAILABLE          CONFIRMED_NOT_KEPT         `content` is right, and could not be kept: the service's log says why; with RetryInfo
 *     UNAVAILABLE          PARTITION_UNAVAILABLE      a part of the journal that the call needs is closed because its files are damaged; what could be done in the others is
 *     UNAVAILABLE          REQUEST_INCOMPLETE         the request did not arrive within 10 s, or not within a second while others waited; with RetryInfo
 *     UNAVAILABLE          SHUTTING_DOWN              the service is stopping; with RetryInfo
 *     INTERNAL             JOURNAL_BROKEN             the journal failed; the service is NOT_SERVING and exits
 * and, where the service authenticates its callers, what the service Destinations says of
 * UNAUTHENTICATED, PERMISSION_DENIED and ISSUER_UNAVAILABLE, and of TOO_MANY_CALLS and RATE_EXCEEDED. A caller sees and operates what
 * is of his tenant, and of that what his grant reaches; what all share, and closed
 * partitions, everybody sees who may list.
 * Every one of them carries a google.rpc.ErrorInfo with domain "destinations".
 * </pre>
 */
@io.grpc.stub.annotations.GrpcGenerated
public final class OperationsGrpc {

  private OperationsGrpc() {}

  public static final java.lang.String SERVICE_NAME = "destinations.v1.Operations";

  // Static method descriptors that strictly reflect the proto.
  private static volatile io.grpc.MethodDescriptor<io.github.opendestinations.v1.FlushRequest,
      io.github.opendestinations.v1.FlushResponse> getFlushMethod;

  @io.grpc.stub.annotations.RpcMethod(
      fullMethodName = SERVICE_NAME + '/' + "Flush",
      requestType = io.github.opendestinations.v1.FlushRequest.class,
      responseType = io.github.opendestinations.v1.FlushResponse.class,
      methodType = io.grpc.MethodDescriptor.MethodType.UNARY)
  public static io.grpc.MethodDescriptor<io.github.opendestinations.v1.FlushRequest,
      io.github.opendestinations.v1.FlushResponse> getFlushMethod() {
    io.grpc.MethodDescriptor<io.github.opendestinations.v1.FlushRequest, io.github.opendestinations.v1.FlushResponse> getFlushMethod;
    if ((getFlushMethod = OperationsGrpc.getFlushMethod) == null) {
      synchronized (OperationsGrpc.class) {
        if ((getFlushMethod = OperationsGrpc.getFlushMethod) == null) {
          OperationsGrpc.getFlushMethod = getFlushMethod =
              io.grpc.MethodDescriptor.<io.github.opendestinations.v1.FlushRequest, io.github.opendestinations.v1.FlushResponse>newBuilder()
              .setType(io.grpc.MethodDescriptor.MethodType.UNARY)
              .setFullMethodName(generateFullMethodName(SERVICE_NAME, "Flush"))
              .setSampledToLocalTracing(true)
              .setRequestMarshaller(io.grpc.protobuf.ProtoUtils.marshaller(
                  io.github.opendestinations.v1.FlushRequest.getDefaultInstance()))
              .setResponseMarshaller(io.grpc.protobuf.ProtoUtils.marshaller(
                  io.github.opendestinations.v1.FlushResponse.getDefaultInstance()))
              .setSchemaDescriptor(new OperationsMethodDescriptorSupplier("Flush"))
              .build();
        }
      }
    }
    return getFlushMethod;
  }

  private static volatile io.grpc.MethodDescriptor<io.github.opendestinations.v1.ListDestinationsRequest,
      io.github.opendestinations.v1.ListDestinationsResponse> getListDestinationsMethod;

  @io.grpc.stub.annotations.RpcMethod(
      fullMethodName = SERVICE_NAME + '/' + "ListDestinations",
      requestType = io.github.opendestinations.v1.ListDestinationsRequest.class,
      responseType = io.github.opendestinations.v1.ListDestinationsResponse.class,
      methodType = io.grpc.MethodDescriptor.MethodType.SERVER_STREAMING)
  public static io.grpc.MethodDescriptor<io.github.opendestinations.v1.ListDestinationsRequest,
      io.github.opendestinations.v1.ListDestinationsResponse> getListDestinationsMethod() {
    io.grpc.MethodDescriptor<io.github.opendestinations.v1.ListDestinationsRequest, io.github.opendestinations.v1.ListDestinationsResponse> getListDestinationsMethod;
    if ((getListDestinationsMethod = OperationsGrpc.getListDestinationsMethod) == null) {
      synchronized (OperationsGrpc.class) {
        if ((getListDestinationsMethod = OperationsGrpc.getListDestinationsMethod) == null) {
          OperationsGrpc.getListDestinationsMethod = getListDestinationsMethod =
              io.grpc.MethodDescriptor.<io.github.opendestinations.v1.ListDestinationsRequest, io.github.opendestinations.v1.ListDestinationsResponse>newBuilder()
              .setType(io.grpc.MethodDescriptor.MethodType.SERVER_STREAMING)
              .setFullMethodName(generateFullMethodName(SERVICE_NAME, "ListDestinations"))
              .setSampledToLocalTracing(true)
              .setRequestMarshaller(io.grpc.protobuf.ProtoUtils.marshaller(
                  io.github.opendestinations.v1.ListDestinationsRequest.getDefaultInstance()))
              .setResponseMarshaller(io.grpc.protobuf.ProtoUtils.marshaller(
                  io.github.opendestinations.v1.ListDestinationsResponse.getDefaultInstance()))
              .setSchemaDescriptor(new OperationsMethodDescriptorSupplier("ListDestinations"))
              .build();
        }
      }
    }
    return getListDestinationsMethod;
  }

  private static volatile io.grpc.MethodDescriptor<io.github.opendestinations.v1.RedriveRequest,
      io.github.opendestinations.v1.RedriveResponse> getRedriveMethod;

  @io.grpc.stub.annotations.RpcMethod(
      fullMethodName = SERVICE_NAME + '/' + "Redrive",
      requestType = io.github.opendestinations.v1.RedriveRequest.class,
      responseType = io.github.opendestinations.v1.RedriveResponse.class,
      methodType = io.grpc.MethodDescriptor.MethodType.UNARY)
  public static io.grpc.MethodDescriptor<io.github.opendestinations.v1.RedriveRequest,
      io.github.opendestinations.v1.RedriveResponse> getRedriveMethod() {
    io.grpc.MethodDescriptor<io.github.opendestinations.v1.RedriveRequest, io.github.opendestinations.v1.RedriveResponse> getRedriveMethod;
    if ((getRedriveMethod = OperationsGrpc.getRedriveMethod) == null) {
      synchronized (OperationsGrpc.class) {
        if ((getRedriveMethod = OperationsGrpc.getRedriveMethod) == null) {
          OperationsGrpc.getRedriveMethod = getRedriveMethod =
              io.grpc.MethodDescriptor.<io.github.opendestinations.v1.RedriveRequest, io.github.opendestinations.v1.RedriveResponse>newBuilder()
              .setType(io.grpc.MethodDescriptor.MethodType.UNARY)
              .setFullMethodName(generateFullMethodName(SERVICE_NAME, "Redrive"))
              .setSampledToLocalTracing(true)
              .setRequestMarshaller(io.grpc.protobuf.ProtoUtils.marshaller(
                  io.github.opendestinations.v1.RedriveRequest.getDefaultInstance()))
              .setResponseMarshaller(io.grpc.protobuf.ProtoUtils.marshaller(
                  io.github.opendestinations.v1.RedriveResponse.getDefaultInstance()))
              .setSchemaDescriptor(new OperationsMethodDescriptorSupplier("Redrive"))
              .build();
        }
      }
    }
    return getRedriveMethod;
  }

  private static volatile io.grpc.MethodDescriptor<io.github.opendestinations.v1.ListDeadRequest,
      io.github.opendestinations.v1.ListDeadResponse> getListDeadMethod;

  @io.grpc.stub.annotations.RpcMethod(
      fullMethodName = SERVICE_NAME + '/' + "ListDead",
      requestType = io.github.opendestinations.v1.ListDeadRequest.class,
      responseType = io.github.opendestinations.v1.ListDeadResponse.class,
      methodType = io.grpc.MethodDescriptor.MethodType.SERVER_STREAMING)
  public static io.grpc.MethodDescriptor<io.github.opendestinations.v1.ListDeadRequest,
      io.github.opendestinations.v1.ListDeadResponse> getListDeadMethod() {
    io.grpc.MethodDescriptor<io.github.opendestinations.v1.ListDeadRequest, io.github.opendestinations.v1.ListDeadResponse> getListDeadMethod;
    if ((getListDeadMethod = OperationsGrpc.getListDeadMethod) == null) {
      synchronized (OperationsGrpc.class) {
        if ((getListDeadMethod = OperationsGrpc.getListDeadMethod) == null) {
          OperationsGrpc.getListDeadMethod = getListDeadMethod =
              io.grpc.MethodDescriptor.<io.github.opendestinations.v1.ListDeadRequest, io.github.opendestinations.v1.ListDeadResponse>newBuilder()
              .setType(io.grpc.MethodDescriptor.MethodType.SERVER_STREAMING)
              .setFullMethodName(generateFullMethodName(SERVICE_NAME, "ListDead"))
              .setSampledToLocalTracing(true)
              .setRequestMarshaller(io.grpc.protobuf.ProtoUtils.marshaller(
                  io.github.opendestinations.v1.ListDeadRequest.getDefaultInstance()))
              .setResponseMarshaller(io.grpc.protobuf.ProtoUtils.marshaller(
                  io.github.opendestinations.v1.ListDeadResponse.getDefaultInstance()))
              .setSchemaDescriptor(new OperationsMethodDescriptorSupplier("ListDead"))
              .build();
        }
      }
    }
    return getListDeadMethod;
  }

  private static volatile io.grpc.MethodDescriptor<io.github.opendestinations.v1.ExportDeadRequest,
      io.github.opendestinations.v1.ExportDeadResponse> getExportDeadMethod;

  @io.grpc.stub.annotations.RpcMethod(
      fullMethodName = SERVICE_NAME + '/' + "ExportDead",
      requestType = io.github.opendestinations.v1.ExportDeadRequest.class,
      responseType = io.github.opendestinations.v1.ExportDeadResponse.class,
      methodType = io.grpc.MethodDescriptor.MethodType.SERVER_STREAMING)
  public static io.grpc.MethodDescriptor<io.github.opendestinations.v1.ExportDeadRequest,
      io.github.opendestinations.v1.ExportDeadResponse> getExportDeadMethod() {
    io.grpc.MethodDescriptor<io.github.opendestinations.v1.ExportDeadRequest, io.github.opendestinations.v1.ExportDeadResponse> getExportDeadMethod;
    if ((getExportDeadMethod = OperationsGrpc.getExportDeadMethod) == null) {
      synchronized (OperationsGrpc.class) {
        if ((getExportDeadMethod = OperationsGrpc.getExportDeadMethod) == null) {
          OperationsGrpc.getExportDeadMethod = getExportDeadMethod =
              io.grpc.MethodDescriptor.<io.github.opendestinations.v1.ExportDeadRequest, io.github.opendestinations.v1.ExportDeadResponse>newBuilder()
              .setType(io.grpc.MethodDescriptor.MethodType.SERVER_STREAMING)
              .setFullMethodName(generateFullMethodName(SERVICE_NAME, "ExportDead"))
              .setSampledToLocalTracing(true)
              .setRequestMarshaller(io.grpc.protobuf.ProtoUtils.marshaller(
                  io.github.opendestinations.v1.ExportDeadRequest.getDefaultInstance()))
              .setResponseMarshaller(io.grpc.protobuf.ProtoUtils.marshaller(
                  io.github.opendestinations.v1.ExportDeadResponse.getDefaultInstance()))
              .setSchemaDescriptor(new OperationsMethodDescriptorSupplier("ExportDead"))
              .build();
        }
      }
    }
    return getExportDeadMethod;
  }

  private static volatile io.grpc.MethodDescriptor<io.github.opendestinations.v1.DiscardDeadRequest,
      io.github.opendestinations.v1.DiscardDeadResponse> getDiscardDeadMethod;

  @io.grpc.stub.annotations.RpcMethod(
      fullMethodName = SERVICE_NAME + '/' + "DiscardDead",
      requestType = io.github.opendestinations.v1.DiscardDeadRequest.class,
      responseType = io.github.opendestinations.v1.DiscardDeadResponse.class,
      methodType = io.grpc.MethodDescriptor.MethodType.UNARY)
  public static io.grpc.MethodDescriptor<io.github.opendestinations.v1.DiscardDeadRequest,
      io.github.opendestinations.v1.DiscardDeadResponse> getDiscardDeadMethod() {
    io.grpc.MethodDescriptor<io.github.opendestinations.v1.DiscardDeadRequest, io.github.opendestinations.v1.DiscardDeadResponse> getDiscardDeadMethod;
    if ((getDiscardDeadMethod = OperationsGrpc.getDiscardDeadMethod) == null) {
      synchronized (OperationsGrpc.class) {
        if ((getDiscardDeadMethod = OperationsGrpc.getDiscardDeadMethod) == null) {
          OperationsGrpc.getDiscardDeadMethod = getDiscardDeadMethod =
              io.grpc.MethodDescriptor.<io.github.opendestinations.v1.DiscardDeadRequest, io.github.opendestinations.v1.DiscardDeadResponse>newBuilder()
              .setType(io.grpc.MethodDescriptor.MethodType.UNARY)
              .setFullMethodName(generateFullMethodName(SERVICE_NAME, "DiscardDead"))
              .setSampledToLocalTracing(true)
              .setRequestMarshaller(io.grpc.protobuf.ProtoUtils.marshaller(
                  io.github.opendestinations.v1.DiscardDeadRequest.getDefaultInstance()))
              .setResponseMarshaller(io.grpc.protobuf.ProtoUtils.marshaller(
                  io.github.opendestinations.v1.DiscardDeadResponse.getDefaultInstance()))
              .setSchemaDescriptor(new OperationsMethodDescriptorSupplier("DiscardDead"))
              .build();
        }
      }
    }
    return getDiscardDeadMethod;
  }

  private static volatile io.grpc.MethodDescriptor<io.github.opendestinations.v1.CheckDestinationRequest,
      io.github.opendestinations.v1.CheckDestinationResponse> getCheckDestinationMethod;

  @io.grpc.stub.annotations.RpcMethod(
      fullMethodName = SERVICE_NAME + '/' + "CheckDestination",
      requestType = io.github.opendestinations.v1.CheckDestinationRequest.class,
      responseType = io.github.opendestinations.v1.CheckDestinationResponse.class,
      methodType = io.grpc.MethodDescriptor.MethodType.UNARY)
  public static io.grpc.MethodDescriptor<io.github.opendestinations.v1.CheckDestinationRequest,
      io.github.opendestinations.v1.CheckDestinationResponse> getCheckDestinationMethod() {
    io.grpc.MethodDescriptor<io.github.opendestinations.v1.CheckDestinationRequest, io.github.opendestinations.v1.CheckDestinationResponse> getCheckDestinationMethod;
    if ((getCheckDestinationMethod = OperationsGrpc.getCheckDestinationMethod) == null) {
      synchronized (OperationsGrpc.class) {
        if ((getCheckDestinationMethod = OperationsGrpc.getCheckDestinationMethod) == null) {
          OperationsGrpc.getCheckDestinationMethod = getCheckDestinationMethod =
              io.grpc.MethodDescriptor.<io.github.opendestinations.v1.CheckDestinationRequest, io.github.opendestinations.v1.CheckDestinationResponse>newBuilder()
              .setType(io.grpc.MethodDescriptor.MethodType.UNARY)
              .setFullMethodName(generateFullMethodName(SERVICE_NAME, "CheckDestination"))
              .setSampledToLocalTracing(true)
              .setRequestMarshaller(io.grpc.protobuf.ProtoUtils.marshaller(
                  io.github.opendestinations.v1.CheckDestinationRequest.getDefaultInstance()))
              .setResponseMarshaller(io.grpc.protobuf.ProtoUtils.marshaller(
                  io.github.opendestinations.v1.CheckDestinationResponse.getDefaultInstance()))
              .setSchemaDescriptor(new OperationsMethodDescriptorSupplier("CheckDestination"))
              .build();
        }
      }
    }
    return getCheckDestinationMethod;
  }

  private static volatile io.grpc.MethodDescriptor<io.github.opendestinations.v1.ConfirmBucketRequest,
      io.github.opendestinations.v1.ConfirmBucketResponse> getConfirmBucketMethod;

  @io.grpc.stub.annotations.RpcMethod(
      fullMethodName = SERVICE_NAME + '/' + "ConfirmBucket",
      requestType = io.github.opendestinations.v1.ConfirmBucketRequest.class,
      responseType = io.github.opendestinations.v1.ConfirmBucketResponse.class,
      methodType = io.grpc.MethodDescriptor.MethodType.UNARY)
  public static io.grpc.MethodDescriptor<io.github.opendestinations.v1.ConfirmBucketRequest,
      io.github.opendestinations.v1.ConfirmBucketResponse> getConfirmBucketMethod() {
    io.grpc.MethodDescriptor<io.github.opendestinations.v1.ConfirmBucketRequest, io.github.opendestinations.v1.ConfirmBucketResponse> getConfirmBucketMethod;
    if ((getConfirmBucketMethod = OperationsGrpc.getConfirmBucketMethod) == null) {
      synchronized (OperationsGrpc.class) {
        if ((getConfirmBucketMethod = OperationsGrpc.getConfirmBucketMethod) == null) {
          OperationsGrpc.getConfirmBucketMethod = getConfirmBucketMethod =
              io.grpc.MethodDescriptor.<io.github.opendestinations.v1.ConfirmBucketRequest, io.github.opendestinations.v1.ConfirmBucketResponse>newBuilder()
              .setType(io.grpc.MethodDescriptor.MethodType.UNARY)
              .setFullMethodName(generateFullMethodName(SERVICE_NAME, "ConfirmBucket"))
              .setSampledToLocalTracing(true)
              .setRequestMarshaller(io.grpc.protobuf.ProtoUtils.marshaller(
                  io.github.opendestinations.v1.ConfirmBucketRequest.getDefaultInstance()))
              .setResponseMarshaller(io.grpc.protobuf.ProtoUtils.marshaller(
                  io.github.opendestinations.v1.ConfirmBucketResponse.getDefaultInstance()))
              .setSchemaDescriptor(new OperationsMethodDescriptorSupplier("ConfirmBucket"))
              .build();
        }
      }
    }
    return getConfirmBucketMethod;
  }

  private static volatile io.grpc.MethodDescriptor<io.github.opendestinations.v1.GetEgressAddressesRequest,
      io.github.opendestinations.v1.GetEgressAddressesResponse> getGetEgressAddressesMethod;

  @io.grpc.stub.annotations.RpcMethod(
      fullMethodName = SERVICE_NAME + '/' + "GetEgressAddresses",
      requestType = io.github.opendestinations.v1.GetEgressAddressesRequest.class,
      responseType = io.github.opendestinations.v1.GetEgressAddressesResponse.class,
      methodType = io.grpc.MethodDescriptor.MethodType.UNARY)
  public static io.grpc.MethodDescriptor<io.github.opendestinations.v1.GetEgressAddressesRequest,
      io.github.opendestinations.v1.GetEgressAddressesResponse> getGetEgressAddressesMethod() {
    io.grpc.MethodDescriptor<io.github.opendestinations.v1.GetEgressAddressesRequest, io.github.opendestinations.v1.GetEgressAddressesResponse> getGetEgressAddressesMethod;
    if ((getGetEgressAddressesMethod = OperationsGrpc.getGetEgressAddressesMethod) == null) {
      synchronized (OperationsGrpc.class) {
        if ((getGetEgressAddressesMethod = OperationsGrpc.getGetEgressAddressesMethod) == null) {
          OperationsGrpc.getGetEgressAddressesMethod = getGetEgressAddressesMethod =
              io.grpc.MethodDescriptor.<io.github.opendestinations.v1.GetEgressAddressesRequest, io.github.opendestinations.v1.GetEgressAddressesResponse>newBuilder()
              .setType(io.grpc.MethodDescriptor.MethodType.UNARY)
              .setFullMethodName(generateFullMethodName(SERVICE_NAME, "GetEgressAddresses"))
              .setSampledToLocalTracing(true)
              .setRequestMarshaller(io.grpc.protobuf.ProtoUtils.marshaller(
                  io.github.opendestinations.v1.GetEgressAddressesRequest.getDefaultInstance()))
              .setResponseMarshaller(io.grpc.protobuf.ProtoUtils.marshaller(
                  io.github.opendestinations.v1.GetEgressAddressesResponse.getDefaultInstance()))
              .setSchemaDescriptor(new OperationsMethodDescriptorSupplier("GetEgressAddresses"))
              .build();
        }
      }
    }
    return getGetEgressAddressesMethod;
  }

  /**
   * Creates a new async stub that supports all call types for the service
   */
  public static OperationsStub newStub(io.grpc.Channel channel) {
    io.grpc.stub.AbstractStub.StubFactory<OperationsStub> factory =
      new io.grpc.stub.AbstractStub.StubFactory<OperationsStub>() {
        @java.lang.Override
        public OperationsStub newStub(io.grpc.Channel channel, io.grpc.CallOptions callOptions) {
          return new OperationsStub(channel, callOptions);
        }
      };
    return OperationsStub.newStub(factory, channel);
  }

  /**
   * Creates a new blocking-style stub that supports all types of calls on the service
   */
  public static OperationsBlockingV2Stub newBlockingV2Stub(
      io.grpc.Channel channel) {
    io.grpc.stub.AbstractStub.StubFactory<OperationsBlockingV2Stub> factory =
      new io.grpc.stub.AbstractStub.StubFactory<OperationsBlockingV2Stub>() {
        @java.lang.Override
        public OperationsBlockingV2Stub newStub(io.grpc.Channel channel, io.grpc.CallOptions callOptions) {
          return new OperationsBlockingV2Stub(channel, callOptions);
        }
      };
    return OperationsBlockingV2Stub.newStub(factory, channel);
  }

  /**
   * Creates a new blocking-style stub that supports unary and streaming output calls on the service
   */
  public static OperationsBlockingStub newBlockingStub(
      io.grpc.Channel channel) {
    io.grpc.stub.AbstractStub.StubFactory<OperationsBlockingStub> factory =
      new io.grpc.stub.AbstractStub.StubFactory<OperationsBlockingStub>() {
        @java.lang.Override
        public OperationsBlockingStub newStub(io.grpc.Channel channel, io.grpc.CallOptions callOptions) {
          return new OperationsBlockingStub(channel, callOptions);
        }
      };
    return OperationsBlockingStub.newStub(factory, channel);
  }

  /**
   * Creates a new ListenableFuture-style stub that supports unary calls on the service
   */
  public static OperationsFutureStub newFutureStub(
      io.grpc.Channel channel) {
    io.grpc.stub.AbstractStub.StubFactory<OperationsFutureStub> factory =
      new io.grpc.stub.AbstractStub.StubFactory<OperationsFutureStub>() {
        @java.lang.Override
        public OperationsFutureStub newStub(io.grpc.Channel channel, io.grpc.CallOptions callOptions) {
          return new OperationsFutureStub(channel, callOptions);
        }
      };
    return OperationsFutureStub.newStub(factory, channel);
  }

  /**
   * <pre>
   * Operations is for the people who run the service.
   * What ends a call with an error, beside what gRPC itself reports:
   *     code                 reason (ErrorInfo.reason)  cause
   *     INVALID_ARGUMENT     BUCKET_INVALID             `bucket` breaks the rules of S3Event.bucket, or is missing where there is a prefix or `all_prefixes`, or one destination has to be named
   *     INVALID_ARGUMENT     PREFIX_INVALID             `prefix` breaks the rules of S3Event.prefix, or stands beside `all_prefixes`
   *     INVALID_ARGUMENT     TENANT_INVALID             `tenant` is what no tenant can be called, or missing: the caller sees every tenant, and names a bucket
   *     INVALID_ARGUMENT     ROLE_ARN_INVALID           `role_arn` is neither the ARN of a role or user, nor an access key
   *     RESOURCE_EXHAUSTED   RATE_EXCEEDED              the caller has asked for more checks and challenges than he may, or his tenant has too many checks under way; with RetryInfo
   *     PERMISSION_DENIED    DESTINATION_NOT_GRANTED    no grant of the caller reaches this destination; or all were meant, and his grant reaches some only
   *     NOT_FOUND            BATCH_UNKNOWN              there is no dead batch of that key
   *     DATA_LOSS            BATCH_DAMAGED              the file of the dead batch is missing or damaged
   *     FAILED_PRECONDITION  EVENTS_DIFFER              `events` is not the number of events that would be destroyed
   *     FAILED_PRECONDITION  CHALLENGE_REFUSED          the challenge of ConfirmBucket can't be written: somebody has to change the bucket, its policy, or the credentials
   *     UNAVAILABLE          CHALLENGE_NOT_WRITTEN      the challenge could not be written for a reason that may pass; with RetryInfo
   *     PERMISSION_DENIED    CHALLENGE_CONTENT_WRONG    `content` is not that of the challenge of this tenant, bucket and prefix; answered late
   *     RESOURCE_EXHAUSTED   CONFIRMED_FULL             the tenant, or all of them, have confirmed as many buckets as the service keeps
   *     UNAVAILABLE          CONFIRMED_NOT_KEPT         `content` is right, and could not be kept: the service's log says why; with RetryInfo
   *     UNAVAILABLE          PARTITION_UNAVAILABLE      a part of the journal that the call needs is closed because its files are damaged; what could be done in the others is
   *     UNAVAILABLE          REQUEST_INCOMPLETE         the request did not arrive within 10 s, or not within a second while others waited; with RetryInfo
   *     UNAVAILABLE          SHUTTING_DOWN              the service is stopping; with RetryInfo
   *     INTERNAL             JOURNAL_BROKEN             the journal failed; the service is NOT_SERVING and exits
   * and, where the service authenticates its callers, what the service Destinations says of
   * UNAUTHENTICATED, PERMISSION_DENIED and ISSUER_UNAVAILABLE, and of TOO_MANY_CALLS and RATE_EXCEEDED. A caller sees and operates what
   * is of his tenant, and of that what his grant reaches; what all share, and closed
   * partitions, everybody sees who may list.
   * Every one of them carries a google.rpc.ErrorInfo with domain "destinations".
   * </pre>
   */
  public interface AsyncService {

    /**
     * <pre>
     * Flush closes the open batches of a destination, of a bucket's, or of all, before their
     * windows end, so that their uploads begin now, where S3 takes them. It answers when everything that
     * was acknowledged before the call is sealed: it stands in the journal in which
     * object it goes to S3. It does not wait for the upload. What is left at the
     * caller's deadline is sealed later all the same.
     * </pre>
     */
    default void flush(io.github.opendestinations.v1.FlushRequest request,
        io.grpc.stub.StreamObserver<io.github.opendestinations.v1.FlushResponse> responseObserver) {
      io.grpc.stub.ServerCalls.asyncUnimplementedUnaryCall(getFlushMethod(), responseObserver);
    }

    /**
     * <pre>
     * ListDestinations says how things stand: first with the endpoint, or that of each region,
     * and the credentials, which destinations share, then with each destination that has
     * undelivered events or is blocked, by bucket and prefix, and at last with those whose
     * bucket has to be confirmed and that something was sent to within the last hour. It is a picture of each
     * partition of the journal at one moment. What a partition holds that is closed
     * because its files are damaged is not known; such a partition is a line of its
     * own, before the destinations.
     * </pre>
     */
    default void listDestinations(io.github.opendestinations.v1.ListDestinationsRequest request,
        io.grpc.stub.StreamObserver<io.github.opendestinations.v1.ListDestinationsResponse> responseObserver) {
      io.grpc.stub.ServerCalls.asyncUnimplementedUnaryCall(getListDestinationsMethod(), responseObserver);
    }

    /**
     * <pre>
     * Redrive has a blocked destination tried at once, also one that only a person may
     * free, and its dead batches tried again, under their own keys. It answers when
     * that is durable, and does not wait for the upload.
     * </pre>
     */
    default void redrive(io.github.opendestinations.v1.RedriveRequest request,
        io.grpc.stub.StreamObserver<io.github.opendestinations.v1.RedriveResponse> responseObserver) {
      io.grpc.stub.ServerCalls.asyncUnimplementedUnaryCall(getRedriveMethod(), responseObserver);
    }

    /**
     * <pre>
     * ListDead lists the dead batches: those that are kept and no longer tried by
     * themselves, because S3 has refused them again and again, or for longer than the
     * service's --give-up-after.
     * </pre>
     */
    default void listDead(io.github.opendestinations.v1.ListDeadRequest request,
        io.grpc.stub.StreamObserver<io.github.opendestinations.v1.ListDeadResponse> responseObserver) {
      io.grpc.stub.ServerCalls.asyncUnimplementedUnaryCall(getListDeadMethod(), responseObserver);
    }

    /**
     * <pre>
     * ExportDead gives the object of a dead batch, in pieces, as it would stand in S3.
     * Who has all of it can tell by the size and the SHA-256 that ListDead says.
     * </pre>
     */
    default void exportDead(io.github.opendestinations.v1.ExportDeadRequest request,
        io.grpc.stub.StreamObserver<io.github.opendestinations.v1.ExportDeadResponse> responseObserver) {
      io.grpc.stub.ServerCalls.asyncUnimplementedUnaryCall(getExportDeadMethod(), responseObserver);
    }

    /**
     * <pre>
     * DiscardDead destroys the dead batches of one destination, or one of them. It
     * answers when that is durable. Nothing brings them back: ExportDead first.
     * </pre>
     */
    default void discardDead(io.github.opendestinations.v1.DiscardDeadRequest request,
        io.grpc.stub.StreamObserver<io.github.opendestinations.v1.DiscardDeadResponse> responseObserver) {
      io.grpc.stub.ServerCalls.asyncUnimplementedUnaryCall(getDiscardDeadMethod(), responseObserver);
    }

    /**
     * <pre>
     * CheckDestination finds out what the service can really do at a destination, by doing
     * it now: it asks for the bucket's region, lists multipart uploads, and begins and aborts
     * one under the prefix. It says of each step what came of it, and what has to be granted
     * for it, with the statement. It stores no object (with a KMS key it sends one byte, which
     * it takes back), and nothing need have been sent there; a blocked destination stays
     * blocked until its next try. It takes at most 40 seconds. Checks of one destination at
     * the same time are one; a caller has 10 at once and one a second in the long run.
     * Any role lets a caller ask, for what his grant reaches.
     * </pre>
     */
    default void checkDestination(io.github.opendestinations.v1.CheckDestinationRequest request,
        io.grpc.stub.StreamObserver<io.github.opendestinations.v1.CheckDestinationResponse> responseObserver) {
      io.grpc.stub.ServerCalls.asyncUnimplementedUnaryCall(getCheckDestinationMethod(), responseObserver);
    }

    /**
     * <pre>
     * ConfirmBucket is how a tenant shows that it can read a bucket, which it has to
     * before events are accepted there if `challenge` is on for it in the grants file.
     * Without `content` the service writes the challenge, an object of one line, under the
     * prefix, unless it is there, and answers its key. With `content`, which is that
     * line, the tenant has shown it: the bucket is confirmed, for every prefix, durably.
     * It may be confirmed before `challenge` is on. Senders and operators may call it.
     * The object stays in the bucket; what reads a prefix passes over names that begin
     * with "_". A bucket that everybody can read proves nothing.
     * </pre>
     */
    default void confirmBucket(io.github.opendestinations.v1.ConfirmBucketRequest request,
        io.grpc.stub.StreamObserver<io.github.opendestinations.v1.ConfirmBucketResponse> responseObserver) {
      io.grpc.stub.ServerCalls.asyncUnimplementedUnaryCall(getConfirmBucketMethod(), responseObserver);
    }

    /**
     * <pre>
     * GetEgressAddresses says from which addresses the service writes into buckets, so
     * that a bucket's policy can demand it. Everybody who has a grant may ask. It is what
     * the service was told (--egress-ips), and may change: who relies on it asks now and
     * then.
     * </pre>
     */
    default void getEgressAddresses(io.github.opendestinations.v1.GetEgressAddressesRequest request,
        io.grpc.stub.StreamObserver<io.github.opendestinations.v1.GetEgressAddressesResponse> responseObserver) {
      io.grpc.stub.ServerCalls.asyncUnimplementedUnaryCall(getGetEgressAddressesMethod(), responseObserver);
    }
  }

  /**
   * Base class for the server implementation of the service Operations.
   * <pre>
   * Operations is for the people who run the service.
   * What ends a call with an error, beside what gRPC itself reports:
   *     code                 reason (ErrorInfo.reason)  cause
   *     INVALID_ARGUMENT     BUCKET_INVALID             `bucket` breaks the rules of S3Event.bucket, or is missing where there is a prefix or `all_prefixes`, or one destination has to be named
   *     INVALID_ARGUMENT     PREFIX_INVALID             `prefix` breaks the rules of S3Event.prefix, or stands beside `all_prefixes`
   *     INVALID_ARGUMENT     TENANT_INVALID             `tenant` is what no tenant can be called, or missing: the caller sees every tenant, and names a bucket
   *     INVALID_ARGUMENT     ROLE_ARN_INVALID           `role_arn` is neither the ARN of a role or user, nor an access key
   *     RESOURCE_EXHAUSTED   RATE_EXCEEDED              the caller has asked for more checks and challenges than he may, or his tenant has too many checks under way; with RetryInfo
   *     PERMISSION_DENIED    DESTINATION_NOT_GRANTED    no grant of the caller reaches this destination; or all were meant, and his grant reaches some only
   *     NOT_FOUND            BATCH_UNKNOWN              there is no dead batch of that key
   *     DATA_LOSS            BATCH_DAMAGED              the file of the dead batch is missing or damaged
   *     FAILED_PRECONDITION  EVENTS_DIFFER              `events` is not the number of events that would be destroyed
   *     FAILED_PRECONDITION  CHALLENGE_REFUSED          the challenge of ConfirmBucket can't be written: somebody has to change the bucket, its policy, or the credentials
   *     UNAVAILABLE          CHALLENGE_NOT_WRITTEN      the challenge could not be written for a reason that may pass; with RetryInfo
   *     PERMISSION_DENIED    CHALLENGE_CONTENT_WRONG    `content` is not that of the challenge of this tenant, bucket and prefix; answered late
   *     RESOURCE_EXHAUSTED   CONFIRMED_FULL             the tenant, or all of them, have confirmed as many buckets as the service keeps
   *     UNAVAILABLE          CONFIRMED_NOT_KEPT         `content` is right, and could not be kept: the service's log says why; with RetryInfo
   *     UNAVAILABLE          PARTITION_UNAVAILABLE      a part of the journal that the call needs is closed because its files are damaged; what could be done in the others is
   *     UNAVAILABLE          REQUEST_INCOMPLETE         the request did not arrive within 10 s, or not within a second while others waited; with RetryInfo
   *     UNAVAILABLE          SHUTTING_DOWN              the service is stopping; with RetryInfo
   *     INTERNAL             JOURNAL_BROKEN             the journal failed; the service is NOT_SERVING and exits
   * and, where the service authenticates its callers, what the service Destinations says of
   * UNAUTHENTICATED, PERMISSION_DENIED and ISSUER_UNAVAILABLE, and of TOO_MANY_CALLS and RATE_EXCEEDED. A caller sees and operates what
   * is of his tenant, and of that what his grant reaches; what all share, and closed
   * partitions, everybody sees who may list.
   * Every one of them carries a google.rpc.ErrorInfo with domain "destinations".
   * </pre>
   */
  public static abstract class OperationsImplBase
      implements io.grpc.BindableService, AsyncService {

    @java.lang.Override public final io.grpc.ServerServiceDefinition bindService() {
      return OperationsGrpc.bindService(this);
    }
  }

  /**
   * A stub to allow clients to do asynchronous rpc calls to service Operations.
   * <pre>
   * Operations is for the people who run the service.
   * What ends a call with an error, beside what gRPC itself reports:
   *     code                 reason (ErrorInfo.reason)  cause
   *     INVALID_ARGUMENT     BUCKET_INVALID             `bucket` breaks the rules of S3Event.bucket, or is missing where there is a prefix or `all_prefixes`, or one destination has to be named
   *     INVALID_ARGUMENT     PREFIX_INVALID             `prefix` breaks the rules of S3Event.prefix, or stands beside `all_prefixes`
   *     INVALID_ARGUMENT     TENANT_INVALID             `tenant` is what no tenant can be called, or missing: the caller sees every tenant, and names a bucket
   *     INVALID_ARGUMENT     ROLE_ARN_INVALID           `role_arn` is neither the ARN of a role or user, nor an access key
   *     RESOURCE_EXHAUSTED   RATE_EXCEEDED              the caller has asked for more checks and challenges than he may, or his tenant has too many checks under way; with RetryInfo
   *     PERMISSION_DENIED    DESTINATION_NOT_GRANTED    no grant of the caller reaches this destination; or all were meant, and his grant reaches some only
   *     NOT_FOUND            BATCH_UNKNOWN              there is no dead batch of that key
   *     DATA_LOSS            BATCH_DAMAGED              the file of the dead batch is missing or damaged
   *     FAILED_PRECONDITION  EVENTS_DIFFER              `events` is not the number of events that would be destroyed
   *     FAILED_PRECONDITION  CHALLENGE_REFUSED          the challenge of ConfirmBucket can't be written: somebody has to change the bucket, its policy, or the credentials
   *     UNAVAILABLE          CHALLENGE_NOT_WRITTEN      the challenge could not be written for a reason that may pass; with RetryInfo
   *     PERMISSION_DENIED    CHALLENGE_CONTENT_WRONG    `content` is not that of the challenge of this tenant, bucket and prefix; answered late
   *     RESOURCE_EXHAUSTED   CONFIRMED_FULL             the tenant, or all of them, have confirmed as many buckets as the service keeps
   *     UNAVAILABLE          CONFIRMED_NOT_KEPT         `content` is right, and could not be kept: the service's log says why; with RetryInfo
   *     UNAVAILABLE          PARTITION_UNAVAILABLE      a part of the journal that the call needs is closed because its files are damaged; what could be done in the others is
   *     UNAVAILABLE          REQUEST_INCOMPLETE         the request did not arrive within 10 s, or not within a second while others waited; with RetryInfo
   *     UNAVAILABLE          SHUTTING_DOWN              the service is stopping; with RetryInfo
   *     INTERNAL             JOURNAL_BROKEN             the journal failed; the service is NOT_SERVING and exits
   * and, where the service authenticates its callers, what the service Destinations says of
   * UNAUTHENTICATED, PERMISSION_DENIED and ISSUER_UNAVAILABLE, and of TOO_MANY_CALLS and RATE_EXCEEDED. A caller sees and operates what
   * is of his tenant, and of that what his grant reaches; what all share, and closed
   * partitions, everybody sees who may list.
   * Every one of them carries a google.rpc.ErrorInfo with domain "destinations".
   * </pre>
   */
  public static final class OperationsStub
      extends io.grpc.stub.AbstractAsyncStub<OperationsStub> {
    private OperationsStub(
        io.grpc.Channel channel, io.grpc.CallOptions callOptions) {
      super(channel, callOptions);
    }

    @java.lang.Override
    protected OperationsStub build(
        io.grpc.Channel channel, io.grpc.CallOptions callOptions) {
      return new OperationsStub(channel, callOptions);
    }

    /**
     * <pre>
     * Flush closes the open batches of a destination, of a bucket's, or of all, before their
     * windows end, so that their uploads begin now, where S3 takes them. It answers when everything that
     * was acknowledged before the call is sealed: it stands in the journal in which
     * object it goes to S3. It does not wait for the upload. What is left at the
     * caller's deadline is sealed later all the same.
     * </pre>
     */
    public void flush(io.github.opendestinations.v1.FlushRequest request,
        io.grpc.stub.StreamObserver<io.github.opendestinations.v1.FlushResponse> responseObserver) {
      io.grpc.stub.ClientCalls.asyncUnaryCall(
          getChannel().newCall(getFlushMethod(), getCallOptions()), request, responseObserver);
    }

    /**
     * <pre>
     * ListDestinations says how things stand: first with the endpoint, or that of each region,
     * and the credentials, which destinations share, then with each destination that has
     * undelivered events or is blocked, by bucket and prefix, and at last with those whose
     * bucket has to be confirmed and that something was sent to within the last hour. It is a picture of each
     * partition of the journal at one moment. What a partition holds that is closed
     * because its files are damaged is not known; such a partition is a line of its
     * own, before the destinations.
     * </pre>
     */
    public void listDestinations(io.github.opendestinations.v1.ListDestinationsRequest request,
        io.grpc.stub.StreamObserver<io.github.opendestinations.v1.ListDestinationsResponse> responseObserver) {
      io.grpc.stub.ClientCalls.asyncServerStreamingCall(
          getChannel().newCall(getListDestinationsMethod(), getCallOptions()), request, responseObserver);
    }

    /**
     * <pre>
     * Redrive has a blocked destination tried at once, also one that only a person may
     * free, and its dead batches tried again, under their own keys. It answers when
     * that is durable, and does not wait for the upload.
     * </pre>
     */
    public void redrive(io.github.opendestinations.v1.RedriveRequest request,
        io.grpc.stub.StreamObserver<io.github.opendestinations.v1.RedriveResponse> responseObserver) {
      io.grpc.stub.ClientCalls.asyncUnaryCall(
          getChannel().newCall(getRedriveMethod(), getCallOptions()), request, responseObserver);
    }

    /**
     * <pre>
     * ListDead lists the dead batches: those that are kept and no longer tried by
     * themselves, because S3 has refused them again and again, or for longer than the
     * service's --give-up-after.
     * </pre>
     */
    public void listDead(io.github.opendestinations.v1.ListDeadRequest request,
        io.grpc.stub.StreamObserver<io.github.opendestinations.v1.ListDeadResponse> responseObserver) {
      io.grpc.stub.ClientCalls.asyncServerStreamingCall(
          getChannel().newCall(getListDeadMethod(), getCallOptions()), request, responseObserver);
    }

    /**
     * <pre>
     * ExportDead gives the object of a dead batch, in pieces, as it would stand in S3.
     * Who has all of it can tell by the size and the SHA-256 that ListDead says.
     * </pre>
     */
    public void exportDead(io.github.opendestinations.v1.ExportDeadRequest request,
        io.grpc.stub.StreamObserver<io.github.opendestinations.v1.ExportDeadResponse> responseObserver) {
      io.grpc.stub.ClientCalls.asyncServerStreamingCall(
          getChannel().newCall(getExportDeadMethod(), getCallOptions()), request, responseObserver);
    }

    /**
     * <pre>
     * DiscardDead destroys the dead batches of one destination, or one of them. It
     * answers when that is durable. Nothing brings them back: ExportDead first.
     * </pre>
     */
    public void discardDead(io.github.opendestinations.v1.DiscardDeadRequest request,
        io.grpc.stub.StreamObserver<io.github.opendestinations.v1.DiscardDeadResponse> responseObserver) {
      io.grpc.stub.ClientCalls.asyncUnaryCall(
          getChannel().newCall(getDiscardDeadMethod(), getCallOptions()), request, responseObserver);
    }

    /**
     * <pre>
     * CheckDestination finds out what the service can really do at a destination, by doing
     * it now: it asks for the bucket's region, lists multipart uploads, and begins and aborts
     * one under the prefix. It says of each step what came of it, and what has to be granted
     * for it, with the statement. It stores no object (with a KMS key it sends one byte, which
     * it takes back), and nothing need have been sent there; a blocked destination stays
     * blocked until its next try. It takes at most 40 seconds. Checks of one destination at
     * the same time are one; a caller has 10 at once and one a second in the long run.
     * Any role lets a caller ask, for what his grant reaches.
     * </pre>
     */
    public void checkDestination(io.github.opendestinations.v1.CheckDestinationRequest request,
        io.grpc.stub.StreamObserver<io.github.opendestinations.v1.CheckDestinationResponse> responseObserver) {
      io.grpc.stub.ClientCalls.asyncUnaryCall(
          getChannel().newCall(getCheckDestinationMethod(), getCallOptions()), request, responseObserver);
    }

    /**
     * <pre>
     * ConfirmBucket is how a tenant shows that it can read a bucket, which it has to
     * before events are accepted there if `challenge` is on for it in the grants file.
     * Without `content` the service writes the challenge, an object of one line, under the
     * prefix, unless it is there, and answers its key. With `content`, which is that
     * line, the tenant has shown it: the bucket is confirmed, for every prefix, durably.
     * It may be confirmed before `challenge` is on. Senders and operators may call it.
     * The object stays in the bucket; what reads a prefix passes over names that begin
     * with "_". A bucket that everybody can read proves nothing.
     * </pre>
     */
    public void confirmBucket(io.github.opendestinations.v1.ConfirmBucketRequest request,
        io.grpc.stub.StreamObserver<io.github.opendestinations.v1.ConfirmBucketResponse> responseObserver) {
      io.grpc.stub.ClientCalls.asyncUnaryCall(
          getChannel().newCall(getConfirmBucketMethod(), getCallOptions()), request, responseObserver);
    }

    /**
     * <pre>
     * GetEgressAddresses says from which addresses the service writes into buckets, so
     * that a bucket's policy can demand it. Everybody who has a grant may ask. It is what
     * the service was told (--egress-ips), and may change: who relies on it asks now and
     * then.
     * </pre>
     */
    public void getEgressAddresses(io.github.opendestinations.v1.GetEgressAddressesRequest request,
        io.grpc.stub.StreamObserver<io.github.opendestinations.v1.GetEgressAddressesResponse> responseObserver) {
      io.grpc.stub.ClientCalls.asyncUnaryCall(
          getChannel().newCall(getGetEgressAddressesMethod(), getCallOptions()), request, responseObserver);
    }
  }

  /**
   * A stub to allow clients to do synchronous rpc calls to service Operations.
   * <pre>
   * Operations is for the people who run the service.
   * What ends a call with an error, beside what gRPC itself reports:
   *     code                 reason (ErrorInfo.reason)  cause
   *     INVALID_ARGUMENT     BUCKET_INVALID             `bucket` breaks the rules of S3Event.bucket, or is missing where there is a prefix or `all_prefixes`, or one destination has to be named
   *     INVALID_ARGUMENT     PREFIX_INVALID             `prefix` breaks the rules of S3Event.prefix, or stands beside `all_prefixes`
   *     INVALID_ARGUMENT     TENANT_INVALID             `tenant` is what no tenant can be called, or missing: the caller sees every tenant, and names a bucket
   *     INVALID_ARGUMENT     ROLE_ARN_INVALID           `role_arn` is neither the ARN of a role or user, nor an access key
   *     RESOURCE_EXHAUSTED   RATE_EXCEEDED              the caller has asked for more checks and challenges than he may, or his tenant has too many checks under way; with RetryInfo
   *     PERMISSION_DENIED    DESTINATION_NOT_GRANTED    no grant of the caller reaches this destination; or all were meant, and his grant reaches some only
   *     NOT_FOUND            BATCH_UNKNOWN              there is no dead batch of that key
   *     DATA_LOSS            BATCH_DAMAGED              the file of the dead batch is missing or damaged
   *     FAILED_PRECONDITION  EVENTS_DIFFER              `events` is not the number of events that would be destroyed
   *     FAILED_PRECONDITION  CHALLENGE_REFUSED          the challenge of ConfirmBucket can't be written: somebody has to change the bucket, its policy, or the credentials
   *     UNAVAILABLE          CHALLENGE_NOT_WRITTEN      the challenge could not be written for a reason that may pass; with RetryInfo
   *     PERMISSION_DENIED    CHALLENGE_CONTENT_WRONG    `content` is not that of the challenge of this tenant, bucket and prefix; answered late
   *     RESOURCE_EXHAUSTED   CONFIRMED_FULL             the tenant, or all of them, have confirmed as many buckets as the service keeps
   *     UNAVAILABLE          CONFIRMED_NOT_KEPT         `content` is right, and could not be kept: the service's log says why; with RetryInfo
   *     UNAVAILABLE          PARTITION_UNAVAILABLE      a part of the journal that the call needs is closed because its files are damaged; what could be done in the others is
   *     UNAVAILABLE          REQUEST_INCOMPLETE         the request did not arrive within 10 s, or not within a second while others waited; with RetryInfo
   *     UNAVAILABLE          SHUTTING_DOWN              the service is stopping; with RetryInfo
   *     INTERNAL             JOURNAL_BROKEN             the journal failed; the service is NOT_SERVING and exits
   * and, where the service authenticates its callers, what the service Destinations says of
   * UNAUTHENTICATED, PERMISSION_DENIED and ISSUER_UNAVAILABLE, and of TOO_MANY_CALLS and RATE_EXCEEDED. A caller sees and operates what
   * is of his tenant, and of that what his grant reaches; what all share, and closed
   * partitions, everybody sees who may list.
   * Every one of them carries a google.rpc.ErrorInfo with domain "destinations".
   * </pre>
   */
  public static final class OperationsBlockingV2Stub
      extends io.grpc.stub.AbstractBlockingStub<OperationsBlockingV2Stub> {
    private OperationsBlockingV2Stub(
        io.grpc.Channel channel, io.grpc.CallOptions callOptions) {
      super(channel, callOptions);
    }

    @java.lang.Override
    protected OperationsBlockingV2Stub build(
        io.grpc.Channel channel, io.grpc.CallOptions callOptions) {
      return new OperationsBlockingV2Stub(channel, callOptions);
    }

    /**
     * <pre>
     * Flush closes the open batches of a destination, of a bucket's, or of all, before their
     * windows end, so that their uploads begin now, where S3 takes them. It answers when everything that
     * was acknowledged before the call is sealed: it stands in the journal in which
     * object it goes to S3. It does not wait for the upload. What is left at the
     * caller's deadline is sealed later all the same.
     * </pre>
     */
    public io.github.opendestinations.v1.FlushResponse flush(io.github.opendestinations.v1.FlushRequest request) throws io.grpc.StatusException {
      return io.grpc.stub.ClientCalls.blockingV2UnaryCall(
          getChannel(), getFlushMethod(), getCallOptions(), request);
    }

    /**
     * <pre>
     * ListDestinations says how things stand: first with the endpoint, or that of each region,
     * and the credentials, which destinations share, then with each destination that has
     * undelivered events or is blocked, by bucket and prefix, and at last with those whose
     * bucket has to be confirmed and that something was sent to within the last hour. It is a picture of each
     * partition of the journal at one moment. What a partition holds that is closed
     * because its files are damaged is not known; such a partition is a line of its
     * own, before the destinations.
     * </pre>
     */
    @io.grpc.ExperimentalApi("https://github.com/grpc/grpc-java/issues/10918")
    public io.grpc.stub.BlockingClientCall<?, io.github.opendestinations.v1.ListDestinationsResponse>
        listDestinations(io.github.opendestinations.v1.ListDestinationsRequest request) {
      return io.grpc.stub.ClientCalls.blockingV2ServerStreamingCall(
          getChannel(), getListDestinationsMethod(), getCallOptions(), request);
    }

    /**
     * <pre>
     * Redrive has a blocked destination tried at once, also one that only a person may
     * free, and its dead batches tried again, under their own keys. It answers when
     * that is durable, and does not wait for the upload.
     * </pre>
     */
    public io.github.opendestinations.v1.RedriveResponse redrive(io.github.opendestinations.v1.RedriveRequest request) throws io.grpc.StatusException {
      return io.grpc.stub.ClientCalls.blockingV2UnaryCall(
          getChannel(), getRedriveMethod(), getCallOptions(), request);
    }

    /**
     * <pre>
     * ListDead lists the dead batches: those that are kept and no longer tried by
     * themselves, because S3 has refused them again and again, or for longer than the
     * service's --give-up-after.
     * </pre>
     */
    @io.grpc.ExperimentalApi("https://github.com/grpc/grpc-java/issues/10918")
    public io.grpc.stub.BlockingClientCall<?, io.github.opendestinations.v1.ListDeadResponse>
        listDead(io.github.opendestinations.v1.ListDeadRequest request) {
      return io.grpc.stub.ClientCalls.blockingV2ServerStreamingCall(
          getChannel(), getListDeadMethod(), getCallOptions(), request);
    }

    /**
     * <pre>
     * ExportDead gives the object of a dead batch, in pieces, as it would stand in S3.
     * Who has all of it can tell by the size and the SHA-256 that ListDead says.
     * </pre>
     */
    @io.grpc.ExperimentalApi("https://github.com/grpc/grpc-java/issues/10918")
    public io.grpc.stub.BlockingClientCall<?, io.github.opendestinations.v1.ExportDeadResponse>
        exportDead(io.github.opendestinations.v1.ExportDeadRequest request) {
      return io.grpc.stub.ClientCalls.blockingV2ServerStreamingCall(
          getChannel(), getExportDeadMethod(), getCallOptions(), request);
    }

    /**
     * <pre>
     * DiscardDead destroys the dead batches of one destination, or one of them. It
     * answers when that is durable. Nothing brings them back: ExportDead first.
     * </pre>
     */
    public io.github.opendestinations.v1.DiscardDeadResponse discardDead(io.github.opendestinations.v1.DiscardDeadRequest request) throws io.grpc.StatusException {
      return io.grpc.stub.ClientCalls.blockingV2UnaryCall(
          getChannel(), getDiscardDeadMethod(), getCallOptions(), request);
    }

    /**
     * <pre>
     * CheckDestination finds out what the service can really do at a destination, by doing
     * it now: it asks for the bucket's region, lists multipart uploads, and begins and aborts
     * one under the prefix. It says of each step what came of it, and what has to be granted
     * for it, with the statement. It stores no object (with a KMS key it sends one byte, which
     * it takes back), and nothing need have been sent there; a blocked destination stays
     * blocked until its next try. It takes at most 40 seconds. Checks of one destination at
     * the same time are one; a caller has 10 at once and one a second in the long run.
     * Any role lets a caller ask, for what his grant reaches.
     * </pre>
     */
    public io.github.opendestinations.v1.CheckDestinationResponse checkDestination(io.github.opendestinations.v1.CheckDestinationRequest request) throws io.grpc.StatusException {
      return io.grpc.stub.ClientCalls.blockingV2UnaryCall(
          getChannel(), getCheckDestinationMethod(), getCallOptions(), request);
    }

    /**
     * <pre>
     * ConfirmBucket is how a tenant shows that it can read a bucket, which it has to
     * before events are accepted there if `challenge` is on for it in the grants file.
     * Without `content` the service writes the challenge, an object of one line, under the
     * prefix, unless it is there, and answers its key. With `content`, which is that
     * line, the tenant has shown it: the bucket is confirmed, for every prefix, durably.
     * It may be confirmed before `challenge` is on. Senders and operators may call it.
     * The object stays in the bucket; what reads a prefix passes over names that begin
     * with "_". A bucket that everybody can read proves nothing.
     * </pre>
     */
    public io.github.opendestinations.v1.ConfirmBucketResponse confirmBucket(io.github.opendestinations.v1.ConfirmBucketRequest request) throws io.grpc.StatusException {
      return io.grpc.stub.ClientCalls.blockingV2UnaryCall(
          getChannel(), getConfirmBucketMethod(), getCallOptions(), request);
    }

    /**
     * <pre>
     * GetEgressAddresses says from which addresses the service writes into buckets, so
     * that a bucket's policy can demand it. Everybody who has a grant may ask. It is what
     * the service was told (--egress-ips), and may change: who relies on it asks now and
     * then.
     * </pre>
     */
    public io.github.opendestinations.v1.GetEgressAddressesResponse getEgressAddresses(io.github.opendestinations.v1.GetEgressAddressesRequest request) throws io.grpc.StatusException {
      return io.grpc.stub.ClientCalls.blockingV2UnaryCall(
          getChannel(), getGetEgressAddressesMethod(), getCallOptions(), request);
    }
  }

  /**
   * A stub to allow clients to do limited synchronous rpc calls to service Operations.
   * <pre>
   * Operations is for the people who run the service.
   * What ends a call with an error, beside what gRPC itself reports:
   *     code                 reason (ErrorInfo.reason)  cause
   *     INVALID_ARGUMENT     BUCKET_INVALID             `bucket` breaks the rules of S3Event.bucket, or is missing where there is a prefix or `all_prefixes`, or one destination has to be named
   *     INVALID_ARGUMENT     PREFIX_INVALID             `prefix` breaks the rules of S3Event.prefix, or stands beside `all_prefixes`
   *     INVALID_ARGUMENT     TENANT_INVALID             `tenant` is what no tenant can be called, or missing: the caller sees every tenant, and names a bucket
   *     INVALID_ARGUMENT     ROLE_ARN_INVALID           `role_arn` is neither the ARN of a role or user, nor an access key
   *     RESOURCE_EXHAUSTED   RATE_EXCEEDED              the caller has asked for more checks and challenges than he may, or his tenant has too many checks under way; with RetryInfo
   *     PERMISSION_DENIED    DESTINATION_NOT_GRANTED    no grant of the caller reaches this destination; or all were meant, and his grant reaches some only
   *     NOT_FOUND            BATCH_UNKNOWN              there is no dead batch of that key
   *     DATA_LOSS            BATCH_DAMAGED              the file of the dead batch is missing or damaged
   *     FAILED_PRECONDITION  EVENTS_DIFFER              `events` is not the number of events that would be destroyed
   *     FAILED_PRECONDITION  CHALLENGE_REFUSED          the challenge of ConfirmBucket can't be written: somebody has to change the bucket, its policy, or the credentials
   *     UNAVAILABLE          CHALLENGE_NOT_WRITTEN      the challenge could not be written for a reason that may pass; with RetryInfo
   *     PERMISSION_DENIED    CHALLENGE_CONTENT_WRONG    `content` is not that of the challenge of this tenant, bucket and prefix; answered late
   *     RESOURCE_EXHAUSTED   CONFIRMED_FULL             the tenant, or all of them, have confirmed as many buckets as the service keeps
   *     UNAVAILABLE          CONFIRMED_NOT_KEPT         `content` is right, and could not be kept: the service's log says why; with RetryInfo
   *     UNAVAILABLE          PARTITION_UNAVAILABLE      a part of the journal that the call needs is closed because its files are damaged; what could be done in the others is
   *     UNAVAILABLE          REQUEST_INCOMPLETE         the request did not arrive within 10 s, or not within a second while others waited; with RetryInfo
   *     UNAVAILABLE          SHUTTING_DOWN              the service is stopping; with RetryInfo
   *     INTERNAL             JOURNAL_BROKEN             the journal failed; the service is NOT_SERVING and exits
   * and, where the service authenticates its callers, what the service Destinations says of
   * UNAUTHENTICATED, PERMISSION_DENIED and ISSUER_UNAVAILABLE, and of TOO_MANY_CALLS and RATE_EXCEEDED. A caller sees and operates what
   * is of his tenant, and of that what his grant reaches; what all share, and closed
   * partitions, everybody sees who may list.
   * Every one of them carries a google.rpc.ErrorInfo with domain "destinations".
   * </pre>
   */
  public static final class OperationsBlockingStub
      extends io.grpc.stub.AbstractBlockingStub<OperationsBlockingStub> {
    private OperationsBlockingStub(
        io.grpc.Channel channel, io.grpc.CallOptions callOptions) {
      super(channel, callOptions);
    }

    @java.lang.Override
    protected OperationsBlockingStub build(
        io.grpc.Channel channel, io.grpc.CallOptions callOptions) {
      return new OperationsBlockingStub(channel, callOptions);
    }

    /**
     * <pre>
     * Flush closes the open batches of a destination, of a bucket's, or of all, before their
     * windows end, so that their uploads begin now, where S3 takes them. It answers when everything that
     * was acknowledged before the call is sealed: it stands in the journal in which
     * object it goes to S3. It does not wait for the upload. What is left at the
     * caller's deadline is sealed later all the same.
     * </pre>
     */
    public io.github.opendestinations.v1.FlushResponse flush(io.github.opendestinations.v1.FlushRequest request) {
      return io.grpc.stub.ClientCalls.blockingUnaryCall(
          getChannel(), getFlushMethod(), getCallOptions(), request);
    }

    /**
     * <pre>
     * ListDestinations says how things stand: first with the endpoint, or that of each region,
     * and the credentials, which destinations share, then with each destination that has
     * undelivered events or is blocked, by bucket and prefix, and at last with those whose
     * bucket has to be confirmed and that something was sent to within the last hour. It is a picture of each
     * partition of the journal at one moment. What a partition holds that is closed
     * because its files are damaged is not known; such a partition is a line of its
     * own, before the destinations.
     * </pre>
     */
    public java.util.Iterator<io.github.opendestinations.v1.ListDestinationsResponse> listDestinations(
        io.github.opendestinations.v1.ListDestinationsRequest request) {
      return io.grpc.stub.ClientCalls.blockingServerStreamingCall(
          getChannel(), getListDestinationsMethod(), getCallOptions(), request);
    }

    /**
     * <pre>
     * Redrive has a blocked destination tried at once, also one that only a person may
     * free, and its dead batches tried again, under their own keys. It answers when
     * that is durable, and does not wait for the upload.
     * </pre>
     */
    public io.github.opendestinations.v1.RedriveResponse redrive(io.github.opendestinations.v1.RedriveRequest request) {
      return io.grpc.stub.ClientCalls.blockingUnaryCall(
          getChannel(), getRedriveMethod(), getCallOptions(), request);
    }

    /**
     * <pre>
     * ListDead lists the dead batches: those that are kept and no longer tried by
     * themselves, because S3 has refused them again and again, or for longer than the
     * service's --give-up-after.
     * </pre>
     */
    public java.util.Iterator<io.github.opendestinations.v1.ListDeadResponse> listDead(
        io.github.opendestinations.v1.ListDeadRequest request) {
      return io.grpc.stub.ClientCalls.blockingServerStreamingCall(
          getChannel(), getListDeadMethod(), getCallOptions(), request);
    }

    /**
     * <pre>
     * ExportDead gives the object of a dead batch, in pieces, as it would stand in S3.
     * Who has all of it can tell by the size and the SHA-256 that ListDead says.
     * </pre>
     */
    public java.util.Iterator<io.github.opendestinations.v1.ExportDeadResponse> exportDead(
        io.github.opendestinations.v1.ExportDeadRequest request) {
      return io.grpc.stub.ClientCalls.blockingServerStreamingCall(
          getChannel(), getExportDeadMethod(), getCallOptions(), request);
    }

    /**
     * <pre>
     * DiscardDead destroys the dead batches of one destination, or one of them. It
     * answers when that is durable. Nothing brings them back: ExportDead first.
     * </pre>
     */
    public io.github.opendestinations.v1.DiscardDeadResponse discardDead(io.github.opendestinations.v1.DiscardDeadRequest request) {
      return io.grpc.stub.ClientCalls.blockingUnaryCall(
          getChannel(), getDiscardDeadMethod(), getCallOptions(), request);
    }

    /**
     * <pre>
     * CheckDestination finds out what the service can really do at a destination, by doing
     * it now: it asks for the bucket's region, lists multipart uploads, and begins and aborts
     * one under the prefix. It says of each step what came of it, and what has to be granted
     * for it, with the statement. It stores no object (with a KMS key it sends one byte, which
     * it takes back), and nothing need have been sent there; a blocked destination stays
     * blocked until its next try. It takes at most 40 seconds. Checks of one destination at
     * the same time are one; a caller has 10 at once and one a second in the long run.
     * Any role lets a caller ask, for what his grant reaches.
     * </pre>
     */
    public io.github.opendestinations.v1.CheckDestinationResponse checkDestination(io.github.opendestinations.v1.CheckDestinationRequest request) {
      return io.grpc.stub.ClientCalls.blockingUnaryCall(
          getChannel(), getCheckDestinationMethod(), getCallOptions(), request);
    }

    /**
     * <pre>
     * ConfirmBucket is how a tenant shows that it can read a bucket, which it has to
     * before events are accepted there if `challenge` is on for it in the grants file.
     * Without `content` the service writes the challenge, an object of one line, under the
     * prefix, unless it is there, and answers its key. With `content`, which is that
     * line, the tenant has shown it: the bucket is confirmed, for every prefix, durably.
     * It may be confirmed before `challenge` is on. Senders and operators may call it.
     * The object stays in the bucket; what reads a prefix passes over names that begin
     * with "_". A bucket that everybody can read proves nothing.
     * </pre>
     */
    public io.github.opendestinations.v1.ConfirmBucketResponse confirmBucket(io.github.opendestinations.v1.ConfirmBucketRequest request) {
      return io.grpc.stub.ClientCalls.blockingUnaryCall(
          getChannel(), getConfirmBucketMethod(), getCallOptions(), request);
    }

    /**
     * <pre>
     * GetEgressAddresses says from which addresses the service writes into buckets, so
     * that a bucket's policy can demand it. Everybody who has a grant may ask. It is what
     * the service was told (--egress-ips), and may change: who relies on it asks now and
     * then.
     * </pre>
     */
    public io.github.opendestinations.v1.GetEgressAddressesResponse getEgressAddresses(io.github.opendestinations.v1.GetEgressAddressesRequest request) {
      return io.grpc.stub.ClientCalls.blockingUnaryCall(
          getChannel(), getGetEgressAddressesMethod(), getCallOptions(), request);
    }
  }

  /**
   * A stub to allow clients to do ListenableFuture-style rpc calls to service Operations.
   * <pre>
   * Operations is for the people who run the service.
   * What ends a call with an error, beside what gRPC itself reports:
   *     code                 reason (ErrorInfo.reason)  cause
   *     INVALID_ARGUMENT     BUCKET_INVALID             `bucket` breaks the rules of S3Event.bucket, or is missing where there is a prefix or `all_prefixes`, or one destination has to be named
   *     INVALID_ARGUMENT     PREFIX_INVALID             `prefix` breaks the rules of S3Event.prefix, or stands beside `all_prefixes`
   *     INVALID_ARGUMENT     TENANT_INVALID             `tenant` is what no tenant can be called, or missing: the caller sees every tenant, and names a bucket
   *     INVALID_ARGUMENT     ROLE_ARN_INVALID           `role_arn` is neither the ARN of a role or user, nor an access key
   *     RESOURCE_EXHAUSTED   RATE_EXCEEDED              the caller has asked for more checks and challenges than he may, or his tenant has too many checks under way; with RetryInfo
   *     PERMISSION_DENIED    DESTINATION_NOT_GRANTED    no grant of the caller reaches this destination; or all were meant, and his grant reaches some only
   *     NOT_FOUND            BATCH_UNKNOWN              there is no dead batch of that key
   *     DATA_LOSS            BATCH_DAMAGED              the file of the dead batch is missing or damaged
   *     FAILED_PRECONDITION  EVENTS_DIFFER              `events` is not the number of events that would be destroyed
   *     FAILED_PRECONDITION  CHALLENGE_REFUSED          the challenge of ConfirmBucket can't be written: somebody has to change the bucket, its policy, or the credentials
   *     UNAVAILABLE          CHALLENGE_NOT_WRITTEN      the challenge could not be written for a reason that may pass; with RetryInfo
   *     PERMISSION_DENIED    CHALLENGE_CONTENT_WRONG    `content` is not that of the challenge of this tenant, bucket and prefix; answered late
   *     RESOURCE_EXHAUSTED   CONFIRMED_FULL             the tenant, or all of them, have confirmed as many buckets as the service keeps
   *     UNAVAILABLE          CONFIRMED_NOT_KEPT         `content` is right, and could not be kept: the service's log says why; with RetryInfo
   *     UNAVAILABLE          PARTITION_UNAVAILABLE      a part of the journal that the call needs is closed because its files are damaged; what could be done in the others is
   *     UNAVAILABLE          REQUEST_INCOMPLETE         the request did not arrive within 10 s, or not within a second while others waited; with RetryInfo
   *     UNAVAILABLE          SHUTTING_DOWN              the service is stopping; with RetryInfo
   *     INTERNAL             JOURNAL_BROKEN             the journal failed; the service is NOT_SERVING and exits
   * and, where the service authenticates its callers, what the service Destinations says of
   * UNAUTHENTICATED, PERMISSION_DENIED and ISSUER_UNAVAILABLE, and of TOO_MANY_CALLS and RATE_EXCEEDED. A caller sees and operates what
   * is of his tenant, and of that what his grant reaches; what all share, and closed
   * partitions, everybody sees who may list.
   * Every one of them carries a google.rpc.ErrorInfo with domain "destinations".
   * </pre>
   */
  public static final class OperationsFutureStub
      extends io.grpc.stub.AbstractFutureStub<OperationsFutureStub> {
    private OperationsFutureStub(
        io.grpc.Channel channel, io.grpc.CallOptions callOptions) {
      super(channel, callOptions);
    }

    @java.lang.Override
    protected OperationsFutureStub build(
        io.grpc.Channel channel, io.grpc.CallOptions callOptions) {
      return new OperationsFutureStub(channel, callOptions);
    }

    /**
     * <pre>
     * Flush closes the open batches of a destination, of a bucket's, or of all, before their
     * windows end, so that their uploads begin now, where S3 takes them. It answers when everything that
     * was acknowledged before the call is sealed: it stands in the journal in which
     * object it goes to S3. It does not wait for the upload. What is left at the
     * caller's deadline is sealed later all the same.
     * </pre>
     */
    public com.google.common.util.concurrent.ListenableFuture<io.github.opendestinations.v1.FlushResponse> flush(
        io.github.opendestinations.v1.FlushRequest request) {
      return io.grpc.stub.ClientCalls.futureUnaryCall(
          getChannel().newCall(getFlushMethod(), getCallOptions()), request);
    }

    /**
     * <pre>
     * Redrive has a blocked destination tried at once, also one that only a person may
     * free, and its dead batches tried again, under their own keys. It answers when
     * that is durable, and does not wait for the upload.
     * </pre>
     */
    public com.google.common.util.concurrent.ListenableFuture<io.github.opendestinations.v1.RedriveResponse> redrive(
        io.github.opendestinations.v1.RedriveRequest request) {
      return io.grpc.stub.ClientCalls.futureUnaryCall(
          getChannel().newCall(getRedriveMethod(), getCallOptions()), request);
    }

    /**
     * <pre>
     * DiscardDead destroys the dead batches of one destination, or one of them. It
     * answers when that is durable. Nothing brings them back: ExportDead first.
     * </pre>
     */
    public com.google.common.util.concurrent.ListenableFuture<io.github.opendestinations.v1.DiscardDeadResponse> discardDead(
        io.github.opendestinations.v1.DiscardDeadRequest request) {
      return io.grpc.stub.ClientCalls.futureUnaryCall(
          getChannel().newCall(getDiscardDeadMethod(), getCallOptions()), request);
    }

    /**
     * <pre>
     * CheckDestination finds out what the service can really do at a destination, by doing
     * it now: it asks for the bucket's region, lists multipart uploads, and begins and aborts
     * one under the prefix. It says of each step what came of it, and what has to be granted
     * for it, with the statement. It stores no object (with a KMS key it sends one byte, which
     * it takes back), and nothing need have been sent there; a blocked destination stays
     * blocked until its next try. It takes at most 40 seconds. Checks of one destination at
     * the same time are one; a caller has 10 at once and one a second in the long run.
     * Any role lets a caller ask, for what his grant reaches.
     * </pre>
     */
    public com.google.common.util.concurrent.ListenableFuture<io.github.opendestinations.v1.CheckDestinationResponse> checkDestination(
        io.github.opendestinations.v1.CheckDestinationRequest request) {
      return io.grpc.stub.ClientCalls.futureUnaryCall(
          getChannel().newCall(getCheckDestinationMethod(), getCallOptions()), request);
    }

    /**
     * <pre>
     * ConfirmBucket is how a tenant shows that it can read a bucket, which it has to
     * before events are accepted there if `challenge` is on for it in the grants file.
     * Without `content` the service writes the challenge, an object of one line, under the
     * prefix, unless it is there, and answers its key. With `content`, which is that
     * line, the tenant has shown it: the bucket is confirmed, for every prefix, durably.
     * It may be confirmed before `challenge` is on. Senders and operators may call it.
     * The object stays in the bucket; what reads a prefix passes over names that begin
     * with "_". A bucket that everybody can read proves nothing.
     * </pre>
     */
    public com.google.common.util.concurrent.ListenableFuture<io.github.opendestinations.v1.ConfirmBucketResponse> confirmBucket(
        io.github.opendestinations.v1.ConfirmBucketRequest request) {
      return io.grpc.stub.ClientCalls.futureUnaryCall(
          getChannel().newCall(getConfirmBucketMethod(), getCallOptions()), request);
    }

    /**
     * <pre>
     * GetEgressAddresses says from which addresses the service writes into buckets, so
     * that a bucket's policy can demand it. Everybody who has a grant may ask. It is what
     * the service was told (--egress-ips), and may change: who relies on it asks now and
     * then.
     * </pre>
     */
    public com.google.common.util.concurrent.ListenableFuture<io.github.opendestinations.v1.GetEgressAddressesResponse> getEgressAddresses(
        io.github.opendestinations.v1.GetEgressAddressesRequest request) {
      return io.grpc.stub.ClientCalls.futureUnaryCall(
          getChannel().newCall(getGetEgressAddressesMethod(), getCallOptions()), request);
    }
  }

  private static final int METHODID_FLUSH = 0;
  private static final int METHODID_LIST_DESTINATIONS = 1;
  private static final int METHODID_REDRIVE = 2;
  private static final int METHODID_LIST_DEAD = 3;
  private static final int METHODID_EXPORT_DEAD = 4;
  private static final int METHODID_DISCARD_DEAD = 5;
  private static final int METHODID_CHECK_DESTINATION = 6;
  private static final int METHODID_CONFIRM_BUCKET = 7;
  private static final int METHODID_GET_EGRESS_ADDRESSES = 8;

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
        case METHODID_FLUSH:
          serviceImpl.flush((io.github.opendestinations.v1.FlushRequest) request,
              (io.grpc.stub.StreamObserver<io.github.opendestinations.v1.FlushResponse>) responseObserver);
          break;
        case METHODID_LIST_DESTINATIONS:
          serviceImpl.listDestinations((io.github.opendestinations.v1.ListDestinationsRequest) request,
              (io.grpc.stub.StreamObserver<io.github.opendestinations.v1.ListDestinationsResponse>) responseObserver);
          break;
        case METHODID_REDRIVE:
          serviceImpl.redrive((io.github.opendestinations.v1.RedriveRequest) request,
              (io.grpc.stub.StreamObserver<io.github.opendestinations.v1.RedriveResponse>) responseObserver);
          break;
        case METHODID_LIST_DEAD:
          serviceImpl.listDead((io.github.opendestinations.v1.ListDeadRequest) request,
              (io.grpc.stub.StreamObserver<io.github.opendestinations.v1.ListDeadResponse>) responseObserver);
          break;
        case METHODID_EXPORT_DEAD:
          serviceImpl.exportDead((io.github.opendestinations.v1.ExportDeadRequest) request,
              (io.grpc.stub.StreamObserver<io.github.opendestinations.v1.ExportDeadResponse>) responseObserver);
          break;
        case METHODID_DISCARD_DEAD:
          serviceImpl.discardDead((io.github.opendestinations.v1.DiscardDeadRequest) request,
              (io.grpc.stub.StreamObserver<io.github.opendestinations.v1.DiscardDeadResponse>) responseObserver);
          break;
        case METHODID_CHECK_DESTINATION:
          serviceImpl.checkDestination((io.github.opendestinations.v1.CheckDestinationRequest) request,
              (io.grpc.stub.StreamObserver<io.github.opendestinations.v1.CheckDestinationResponse>) responseObserver);
          break;
        case METHODID_CONFIRM_BUCKET:
          serviceImpl.confirmBucket((io.github.opendestinations.v1.ConfirmBucketRequest) request,
              (io.grpc.stub.StreamObserver<io.github.opendestinations.v1.ConfirmBucketResponse>) responseObserver);
          break;
        case METHODID_GET_EGRESS_ADDRESSES:
          serviceImpl.getEgressAddresses((io.github.opendestinations.v1.GetEgressAddressesRequest) request,
              (io.grpc.stub.StreamObserver<io.github.opendestinations.v1.GetEgressAddressesResponse>) responseObserver);
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
          getFlushMethod(),
          io.grpc.stub.ServerCalls.asyncUnaryCall(
            new MethodHandlers<
              io.github.opendestinations.v1.FlushRequest,
              io.github.opendestinations.v1.FlushResponse>(
                service, METHODID_FLUSH)))
        .addMethod(
          getListDestinationsMethod(),
          io.grpc.stub.ServerCalls.asyncServerStreamingCall(
            new MethodHandlers<
              io.github.opendestinations.v1.ListDestinationsRequest,
              io.github.opendestinations.v1.ListDestinationsResponse>(
                service, METHODID_LIST_DESTINATIONS)))
        .addMethod(
          getRedriveMethod(),
          io.grpc.stub.ServerCalls.asyncUnaryCall(
            new MethodHandlers<
              io.github.opendestinations.v1.RedriveRequest,
              io.github.opendestinations.v1.RedriveResponse>(
                service, METHODID_REDRIVE)))
        .addMethod(
          getListDeadMethod(),
          io.grpc.stub.ServerCalls.asyncServerStreamingCall(
            new MethodHandlers<
              io.github.opendestinations.v1.ListDeadRequest,
              io.github.opendestinations.v1.ListDeadResponse>(
                service, METHODID_LIST_DEAD)))
        .addMethod(
          getExportDeadMethod(),
          io.grpc.stub.ServerCalls.asyncServerStreamingCall(
            new MethodHandlers<
              io.github.opendestinations.v1.ExportDeadRequest,
              io.github.opendestinations.v1.ExportDeadResponse>(
                service, METHODID_EXPORT_DEAD)))
        .addMethod(
          getDiscardDeadMethod(),
          io.grpc.stub.ServerCalls.asyncUnaryCall(
            new MethodHandlers<
              io.github.opendestinations.v1.DiscardDeadRequest,
              io.github.opendestinations.v1.DiscardDeadResponse>(
                service, METHODID_DISCARD_DEAD)))
        .addMethod(
          getCheckDestinationMethod(),
          io.grpc.stub.ServerCalls.asyncUnaryCall(
            new MethodHandlers<
              io.github.opendestinations.v1.CheckDestinationRequest,
              io.github.opendestinations.v1.CheckDestinationResponse>(
                service, METHODID_CHECK_DESTINATION)))
        .addMethod(
          getConfirmBucketMethod(),
          io.grpc.stub.ServerCalls.asyncUnaryCall(
            new MethodHandlers<
              io.github.opendestinations.v1.ConfirmBucketRequest,
              io.github.opendestinations.v1.ConfirmBucketResponse>(
                service, METHODID_CONFIRM_BUCKET)))
        .addMethod(
          getGetEgressAddressesMethod(),
          io.grpc.stub.ServerCalls.asyncUnaryCall(
            new MethodHandlers<
              io.github.opendestinations.v1.GetEgressAddressesRequest,
              io.github.opendestinations.v1.GetEgressAddressesResponse>(
                service, METHODID_GET_EGRESS_ADDRESSES)))
        .build();
  }

  private static abstract class OperationsBaseDescriptorSupplier
      implements io.grpc.protobuf.ProtoFileDescriptorSupplier, io.grpc.protobuf.ProtoServiceDescriptorSupplier {
    OperationsBaseDescriptorSupplier() {}

    @java.lang.Override
    public com.google.protobuf.Descriptors.FileDescriptor getFileDescriptor() {
      return io.github.opendestinations.v1.OperationsProto.getDescriptor();
    }

    @java.lang.Override
    public com.google.protobuf.Descriptors.ServiceDescriptor getServiceDescriptor() {
      return getFileDescriptor().findServiceByName("Operations");
    }
  }

  private static final class OperationsFileDescriptorSupplier
      extends OperationsBaseDescriptorSupplier {
    OperationsFileDescriptorSupplier() {}
  }

  private static final class OperationsMethodDescriptorSupplier
      extends OperationsBaseDescriptorSupplier
      implements io.grpc.protobuf.ProtoMethodDescriptorSupplier {
    private final java.lang.String methodName;

    OperationsMethodDescriptorSupplier(java.lang.String methodName) {
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
      synchronized (OperationsGrpc.class) {
        result = serviceDescriptor;
        if (result == null) {
          serviceDescriptor = result = io.grpc.ServiceDescriptor.newBuilder(SERVICE_NAME)
              .setSchemaDescriptor(new OperationsFileDescriptorSupplier())
              .addMethod(getFlushMethod())
              .addMethod(getListDestinationsMethod())
              .addMethod(getRedriveMethod())
              .addMethod(getListDeadMethod())
              .addMethod(getExportDeadMethod())
              .addMethod(getDiscardDeadMethod())
              .addMethod(getCheckDestinationMethod())
              .addMethod(getConfirmBucketMethod())
              .addMethod(getGetEgressAddressesMethod())
              .build();
        }
      }
    }
    return result;
  }
}
