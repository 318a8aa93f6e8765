package io.github.opendestinations;

import com.google.protobuf.Any;
import com.google.protobuf.ByteString;
import com.google.protobuf.Duration;
import com.google.rpc.Code;
import com.google.rpc.ErrorInfo;
import com.google.rpc.RetryInfo;
import io.github.opendestinations.v1.DestinationsGrpc;
import io.github.opendestinations.v1.Rejection;
import io.github.opendestinations.v1.RejectionCode;
import io.github.opendestinations.v1.S3Event;
import io.github.opendestinations.v1.StreamS3Request;
import io.github.opendestinations.v1.StreamS3Response;
import io.grpc.BindableService;
import io.grpc.Grpc;
import io.grpc.InsecureServerCredentials;
import io.grpc.Server;
import io.grpc.Status;
import io.grpc.protobuf.StatusProto;
import io.grpc.stub.ServerCallStreamObserver;
import io.grpc.stub.StreamObserver;
import java.io.IOException;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Function;

/**
 * A service on a port of this machine that keeps the rules of the API, fails a test that breaks
 * them, and has faults. An event whose payload begins with "reject" is rejected.
 */
final class FakeService extends DestinationsGrpc.DestinationsImplBase implements AutoCloseable {
  /** What becomes of a request. */
  enum Fault {
    NONE,
    /** It is durable, and its answer is lost with the stream. */
    CUT_AFTER,
    /** It is lost with the stream. */
    CUT_BEFORE,
    /** The stream ends with the status of {@link FakeService#end}. */
    END
  }

  private final Server server;

  // Guarded by this.
  private final Map<String, StreamS3Request> first =
      new HashMap<>(); // by sender and number, as first seen
  private final Map<String, Long> settledBy = new HashMap<>();
  private final Map<String, List<S3Event>> taken = new LinkedHashMap<>(); // by sender and number
  private final List<String> violations = new ArrayList<>();
  private final List<Runnable> held = new ArrayList<>();
  private boolean holding;
  private int streams;
  private int openStreams;
  private Function<StreamS3Request, Fault> faults = r -> Fault.NONE;
  private Throwable end;

  FakeService(BindableService... others) throws IOException {
    var builder =
        Grpc.newServerBuilderForPort(0, InsecureServerCredentials.create()).addService(this);
    for (BindableService other : others) {
      builder.addService(other);
    }
    server = builder.maxInboundMessageSize(8 << 20).build().start();
  }

  String target() {
    return "127.0.0.1:" + server.getPort();
  }

  synchronized void faults(Function<StreamS3Request, Fault> faults) {
    this.faults = faults;
  }

  synchronized void end(Throwable end) {
    this.end = end;
  }

  /** Answers nothing until release. */
  synchronized void hold() {
    holding = true;
  }

  synchronized void release() {
    holding = false;
    held.forEach(Runnable::run);
    held.clear();
  }

  synchronized int streams() {
    return streams;
  }

  synchronized int openStreams() {
    return openStreams;
  }

  synchronized int senders() {
    return settledBy.size();
  }

  synchronized List<String> violations() {
    return List.copyOf(violations);
  }

  /** Requests as they were first seen. */
  synchronized List<StreamS3Request> requests() {
    return List.copyOf(first.values());
  }

  /** Payloads of what was accepted, each time that it was. */
  synchronized List<String> payloads() {
    return taken.values().stream()
        .flatMap(List::stream)
        .map(e -> e.getPayload().toStringUtf8())
        .toList();
  }

  static Throwable status(Code code, String reason, String message) {
    return status(code, reason, message, java.time.Duration.ZERO);
  }

  static Throwable status(Code code, String reason, String message, java.time.Duration retry) {
    var status = com.google.rpc.Status.newBuilder().setCode(code.getNumber()).setMessage(message);
    status.addDetails(
        Any.pack(ErrorInfo.newBuilder().setDomain("destinations").setReason(reason).build()));
    if (!retry.isZero()) {
      Duration delay = Duration.newBuilder().setNanos((int) retry.toNanos()).build();
      status.addDetails(Any.pack(RetryInfo.newBuilder().setRetryDelay(delay).build()));
    }
    return StatusProto.toStatusRuntimeException(status.build());
  }

  @Override
  public StreamObserver<StreamS3Request> streamS3(StreamObserver<StreamS3Response> answers) {
    synchronized (this) {
      streams++;
      openStreams++;
      return new Stream((ServerCallStreamObserver<StreamS3Response>) answers);
    }
  }

  @Override
  public void close() {
    server.shutdownNow();
  }

  /** One stream. What it does it does under the service's lock. */
  private final class Stream implements StreamObserver<StreamS3Request> {
    private final ServerCallStreamObserver<StreamS3Response> answers;
    private String sender = "";
    private long last;
    private boolean over;

    Stream(ServerCallStreamObserver<StreamS3Response> answers) {
      this.answers = answers;
      answers.setOnCancelHandler(this::ended);
    }

    private void ended() {
      synchronized (FakeService.this) {
        openStreams -= over ? 0 : 1;
        over = true;
      }
    }

    private void end(Throwable why) {
      ended();
      answers.onError(why);
    }

    @Override
    public void onNext(StreamS3Request request) {
      synchronized (FakeService.this) {
        if (over) {
          return;
        }
        check(request);
        switch (faults.apply(request)) {
          case NONE -> {
            StreamS3Response answer = take(request);
            answer(answer);
          }
          case CUT_AFTER -> {
            take(request);
            end(Status.UNAVAILABLE.withDescription("cut").asRuntimeException());
          }
          case CUT_BEFORE ->
              end(Status.INTERNAL.withDescription("RST_STREAM").asRuntimeException());
          case END -> end(end);
          default -> throw new AssertionError();
        }
      }
    }

    private void answer(StreamS3Response answer) {
      Runnable send =
          () -> {
            if (!over) {
              answers.onNext(answer);
            }
          };
      if (holding) {
        held.add(send);
      } else {
        send.run();
      }
    }

    /** Holds the client to the API. */
    private void check(StreamS3Request r) {
      if (!r.getSenderId().isEmpty()) {
        sender = r.getSenderId().toStringUtf8();
      }
      if (last == 0 && (r.getSenderId().size() != 16 || !r.getReceipts())) {
        violations.add("a stream begins with " + r.getSenderId().size() + " bytes of sender_id");
      }
      if (Long.compareUnsigned(r.getSequence(), last) <= 0) {
        violations.add("sequence " + r.getSequence() + " behind " + last);
      }
      long before = settledBy.getOrDefault(sender, 0L);
      if (last == 0 && r.getSequence() <= before || r.getSettled() >= r.getSequence()) {
        violations.add(
            "sequence "
                + r.getSequence()
                + ", settled "
                + r.getSettled()
                + ", had settled "
                + before);
      }
      settledBy.merge(sender, r.getSettled(), Math::max);
      last = r.getSequence();
      StreamS3Request plain = r.toBuilder().clearSettled().clearSenderId().clearReceipts().build();
      StreamS3Request known = first.putIfAbsent(sender + r.getSequence(), plain);
      if (known != null && !known.equals(plain) && plain.getEventsCount() > 0) {
        violations.add("request " + r.getSequence() + " was sent again as another one");
      }
    }

    private StreamS3Response take(StreamS3Request r) {
      StreamS3Response.Builder answer = StreamS3Response.newBuilder().setSequence(r.getSequence());
      List<S3Event> accepted = new ArrayList<>();
      Map<String, io.github.opendestinations.v1.Receipt> receipts = new LinkedHashMap<>();
      for (int i = 0; i < r.getEventsCount(); i++) {
        S3Event e = r.getEvents(i);
        if (e.getPayload().startsWith(ByteString.copyFromUtf8("reject"))) {
          answer.addRejections(rejection(r.getSequence(), i));
          continue;
        }
        accepted.add(e);
        String bucket = e.getBucket().isEmpty() ? r.getBucket() : e.getBucket();
        String prefix = e.getBucket().isEmpty() && !e.hasPrefix() ? r.getPrefix() : e.getPrefix();
        String whole = prefix.isEmpty() || prefix.endsWith("/") ? prefix : prefix + "/";
        receipts.put(
            bucket + "/" + whole,
            io.github.opendestinations.v1.Receipt.newBuilder()
                .setBucket(bucket)
                .setPrefix(whole)
                .setToken("token-" + bucket + "/" + whole)
                .build());
      }
      taken.putIfAbsent(sender + r.getSequence(), accepted);
      return answer.addAllReceipts(receipts.values()).build();
    }

    private static Rejection rejection(long sequence, int index) {
      return Rejection.newBuilder()
          .setSequence(sequence)
          .setRequestIndex(index)
          .setCode(RejectionCode.REJECTION_CODE_PAYLOAD_LINE_BREAK)
          .setField("payload")
          .setReason("line break at byte 7")
          .build();
    }

    @Override
    public void onError(Throwable t) {
      ended();
    }

    @Override
    public void onCompleted() {
      synchronized (FakeService.this) {
        if (!over) {
          ended();
          answers.onCompleted();
        }
      }
    }
  }
}
