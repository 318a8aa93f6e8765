// Errors and counts, as the protocol writes them.
import {
  BufferFullError,
  ClientFailedError,
  ClosedError,
  DeadError,
  InvalidOptionError,
  RejectedError,
  SerializationError,
  TimeoutError,
  UnansweredError,
} from "@open-destinations/client";

const kinds = new Map([
  [RejectedError, "rejected"],
  [SerializationError, "serialization"],
  [BufferFullError, "buffer_full"],
  [ClosedError, "closed"],
  [UnansweredError, "unanswered"],
  [ClientFailedError, "client_failed"],
  [TimeoutError, "timeout"],
  [DeadError, "dead"],
  [InvalidOptionError, "invalid_option"],
]);

export function describe(error) {
  const kind = kinds.get(error?.constructor);
  if (kind === undefined) {
    return { kind: "other", code: "", field: "", reason: String(error?.stack ?? error) };
  }
  const { code = "", field = "", message } = error;
  return { kind, code, field, reason: kind === "rejected" ? error.reason : message };
}

/** Counts is what became of events. */
export class Counts {
  accepted = 0;
  failed = 0;
  errors = {};
  first_error = undefined;

  fail(error) {
    const failure = describe(error);
    this.first_error ??= failure;
    this.failed++;
    const key = failure.code ? `${failure.kind}/${failure.code}` : failure.kind;
    this.errors[key] = (this.errors[key] ?? 0) + 1;
  }

  /** Waits for promises of receipts; gives the receipts of those that were accepted. */
  async wait(promises) {
    const receipts = [];
    for (const promise of promises) {
      try {
        receipts.push(await promise);
        this.accepted++;
      } catch (error) {
        this.fail(error);
      }
    }
    return receipts;
  }
}

/** of finds an open client. */
export function of(clients, name) {
  const found = clients.get(name);
  if (found === undefined) {
    throw new Error(`there is no client ${JSON.stringify(name)}`);
  }
  return found;
}
