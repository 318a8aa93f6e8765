import type { DeliveryStatus } from "./status.js";

/** What every error of this package is. None of them ever holds a payload. */
export class DestinationsError extends Error {
  override name = "DestinationsError";
}

/** An option of `connect` is missing, unknown, out of range, or contradicts another one. */
export class InvalidOptionError extends DestinationsError {
  override name = "InvalidOptionError";

  constructor(
    /** The option's name. */
    readonly option: string,
    /** What is wrong with it. Never holds its value if that could be a secret. */
    readonly reason: string,
  ) {
    super(`${option}: ${reason}`);
  }
}

/** One event was not accepted, by the client or by the service. Others are not touched by it. */
export class RejectedError extends DestinationsError {
  override name = "RejectedError";

  constructor(
    /**
     * Why, for programs: a `RejectionCode` of the API without its first words, such as
     * `PAYLOAD_LINE_BREAK`; from the client also `ID_INVALID` and `REQUEST_TOO_LARGE`.
     */
    readonly code: string,
    /** The field of the event that is at fault, such as `payload`; empty if none is. */
    readonly field: string,
    /** Why, for people: names the limit and the value. */
    readonly reason: string,
  ) {
    super(`event rejected: ${code}: ${reason}`);
  }
}

/** The payload can't be serialised: a BigInt, a cycle, a function, a `toJSON` that throws. */
export class SerializationError extends DestinationsError {
  override name = "SerializationError";

  /** The field of the event that is at fault. */
  readonly field = "payload";

  constructor(
    /** Why, for people. */
    readonly reason: string,
    cause?: unknown,
  ) {
    super(`payload can't be serialised: ${reason}`, cause === undefined ? undefined : { cause });
  }
}

/** There is no room in the buffer for the event; it was not sent. */
export class BufferFullError extends DestinationsError {
  override name = "BufferFullError";

  constructor(
    /** `maxBufferedBytes`. */
    readonly limit: number,
    /** Bytes that the buffer holds. */
    readonly bufferedBytes: number,
  ) {
    super(`buffer full: holds ${bufferedBytes} of ${limit} bytes (maxBufferedBytes)`);
  }
}

/** The client is closed, or is being closed; the event was not sent. */
export class ClosedError extends DestinationsError {
  override name = "ClosedError";

  constructor() {
    super("the client is closed");
  }
}

/** The client was closed before the service has answered: the event is accepted, or it is not. */
export class UnansweredError extends DestinationsError {
  override name = "UnansweredError";

  constructor(
    /** Events that had no answer when the client was closed. */
    readonly events: number,
    /** Their bytes, as the buffer counts them. */
    readonly bytes: number,
  ) {
    super(`closed without an answer to ${events} events (${bytes} bytes)`);
  }
}

/** The service refuses for good; or, of a receipt, refuses to say what became of it. */
export class ClientFailedError extends DestinationsError {
  override name = "ClientFailedError";

  constructor(
    /** The gRPC status code, such as `PERMISSION_DENIED`. */
    readonly code: string,
    /** `ErrorInfo.reason` of the status, such as `SENDER_ID_INVALID`; empty if it has none. */
    readonly reason: string,
    /** The status's message. */
    readonly details: string,
  ) {
    super(`the client has failed: ${code}${reason && ` (${reason})`}: ${details}`);
  }
}

/** The time is over. Nothing is lost by it. */
export class TimeoutError extends DestinationsError {
  override name = "TimeoutError";

  constructor(
    /** What was waited for, and what is left. */
    what: string,
    /** Events that still have no answer; of `delivered`, 0. */
    readonly events = 0,
    /** Their bytes, as the buffer counts them. */
    readonly bytes = 0,
  ) {
    super(what);
  }
}

/** The events will not be delivered by themselves: their batch is kept by the service, or was discarded. */
export class DeadError extends DestinationsError {
  override name = "DeadError";

  constructor(
    /** What the service said last. */
    readonly status: DeliveryStatus,
  ) {
    super(`dead: ${status.code}${status.message && `: ${status.message}`}`);
  }
}
