package conformance;

import com.fasterxml.jackson.databind.node.ObjectNode;
import io.github.opendestinations.BufferFullException;
import io.github.opendestinations.ClientFailedException;
import io.github.opendestinations.ClosedException;
import io.github.opendestinations.DeadException;
import io.github.opendestinations.RejectedException;
import io.github.opendestinations.SerializationException;
import io.github.opendestinations.TimeoutException;
import io.github.opendestinations.UnansweredException;
import java.util.concurrent.CompletionException;
import java.util.concurrent.ExecutionException;

/** Exceptions in the runner's words. */
final class Errors {
  private Errors() {}

  /** A command that is not known. */
  static final class UnknownOp extends Exception {
    private static final long serialVersionUID = 1;

    UnknownOp(String op) {
      super(op);
    }
  }

  static Throwable unwrap(Throwable e) {
    return (e instanceof CompletionException || e instanceof ExecutionException)
            && e.getCause() != null
        ? e.getCause()
        : e;
  }

  static ObjectNode describe(Throwable wrapped) {
    Throwable e = unwrap(wrapped);
    String code = "";
    String field = "";
    String reason = e.getMessage() == null ? e.toString() : e.getMessage();
    if (e instanceof RejectedException r) {
      code = r.code();
      field = r.field();
      reason = r.reason();
    } else if (e instanceof SerializationException s) {
      field = s.field();
      reason = s.reason();
    } else if (e instanceof ClientFailedException f) {
      code = f.code();
      reason = f.reason().isEmpty() ? f.getMessage() : f.reason();
    }
    return Driver.JSON
        .createObjectNode()
        .put("kind", kind(e))
        .put("code", code)
        .put("field", field)
        .put("reason", reason);
  }

  /** The key of an error in counts. */
  static String key(Throwable wrapped) {
    ObjectNode error = describe(wrapped);
    String code = error.get("code").asText();
    return error.get("kind").asText() + (code.isEmpty() ? "" : "/" + code);
  }

  static String kind(Throwable e) {
    if (e instanceof RejectedException) {
      return "rejected";
    } else if (e instanceof SerializationException) {
      return "serialization";
    } else if (e instanceof BufferFullException) {
      return "buffer_full";
    } else if (e instanceof ClosedException) {
      return "closed";
    } else if (e instanceof UnansweredException) {
      return "unanswered";
    } else if (e instanceof ClientFailedException) {
      return "client_failed";
    } else if (e instanceof TimeoutException) {
      return "timeout";
    } else if (e instanceof DeadException) {
      return "dead";
    } else if (e instanceof IllegalArgumentException) {
      return "invalid_option";
    }
    return e instanceof UnknownOp ? "unknown_op" : "other";
  }
}
