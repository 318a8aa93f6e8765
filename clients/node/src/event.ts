import { types } from "node:util";
import { type Destination, type Destinations, kind, wellFormed } from "./destination.js";
import { RejectedError, SerializationError } from "./errors.js";
import type { Receipt } from "./receipt.js";
import { currentTrace, type TraceFields } from "./tracing.js";

/** An event: a line of an object in S3. */
export interface S3Event {
  /** The bucket. Required. */
  bucket: string;
  /** What the object's key begins with; it is completed with "/". Default: none. */
  prefix?: string | null | undefined;
  /**
   * The line. A string (as UTF-8) or bytes go as they are; anything else is
   * serialised as JSON, in the call.
   */
  payload: unknown;
  /**
   * The caller's own name of the event, unique in its destination: when a step runs
   * again, an event of the same id is left out. At most 128 bytes.
   */
  id?: string | null | undefined;
}

/** What is held for each event beside its bytes. */
const overhead = 64;

/** The largest payload that a client takes. The service's own limit is lower (1 MiB by default). */
const maxPayload = 16 << 20;

// What the executor of the promise that is being made was given: one function for all
// promises instead of one for each.
let resolveNext: (receipt: Receipt) => void;
let rejectNext: (error: Error) => void;
const take = (resolve: (receipt: Receipt) => void, reject: (error: Error) => void): void => {
  resolveNext = resolve;
  rejectNext = reject;
};

const ignore = (): void => {};

/** An event on its way, with the promise that its caller holds. */
export class Outgoing {
  readonly promise: Promise<Receipt>;
  /** Gives the caller his receipt. */
  readonly accept: (receipt: Receipt) => void;
  readonly #reject: (error: Error) => void;
  /** What it counts in the buffer. */
  readonly bytes: number;
  /** Its place among the calls of the client. */
  ordinal = 0;
  /** When it stops waiting for room, on the clock of `performance.now()`. */
  deadline = Number.POSITIVE_INFINITY;

  constructor(
    readonly destination: Destination,
    readonly id: string,
    readonly idBytes: number,
    /** Undefined as soon as it stands in a request. */
    public payload: string | Uint8Array | undefined,
    readonly payloadBytes: number,
    readonly trace: TraceFields | undefined,
  ) {
    this.bytes = overhead + payloadBytes + destination.bytes + idBytes;
    this.promise = new Promise(take);
    this.accept = resolveNext;
    this.#reject = rejectNext;
  }

  /** fail rejects the promise; it is no unhandled rejection if nobody looks at it. */
  fail(error: Error): void {
    this.promise.catch(ignore);
    this.#reject(error);
  }
}

/** refused is the promise of an event that can't be sent. */
export function refused(error: unknown): Promise<never> {
  const promise = Promise.reject(error);
  promise.catch(ignore);
  return promise;
}

/** outgoing checks and serialises an event; it throws what is wrong with it. */
export function outgoing(
  event: S3Event,
  destinations: Destinations,
  serializer: ((payload: unknown) => string | Uint8Array) | undefined,
): Outgoing {
  if (typeof event !== "object" || event === null) {
    throw new RejectedError("BUCKET_INVALID", "bucket", `an event must be an object with a bucket, is ${kind(event)}`);
  }
  const destination = destinations.of(event.bucket, event.prefix);
  const id = checkedId(event.id);
  const payload = serialized(event.payload, serializer);
  const length = typeof payload === "string" ? Buffer.byteLength(payload) : payload.length;
  if (length === 0) {
    throw new RejectedError("PAYLOAD_EMPTY", "payload", "payload has no bytes");
  }
  if (length > maxPayload) {
    throw new RejectedError("PAYLOAD_TOO_LARGE", "payload", `payload has ${length} bytes, more than ${maxPayload}`);
  }
  return new Outgoing(destination, id, id === "" ? 0 : Buffer.byteLength(id), payload, length, currentTrace());
}

function checkedId(id: unknown): string {
  if (id === undefined || id === null) {
    return "";
  }
  if (typeof id !== "string") {
    throw new RejectedError("ID_INVALID", "id", `id must be a string, is ${kind(id)}`);
  }
  if (!wellFormed(id)) {
    throw new RejectedError("ID_INVALID", "id", "id is not valid Unicode");
  }
  return id;
}

function serialized(
  payload: unknown,
  serializer: ((payload: unknown) => string | Uint8Array) | undefined,
): string | Uint8Array {
  if (typeof payload === "string") {
    return asText(payload);
  }
  if (ArrayBuffer.isView(payload)) {
    return new Uint8Array(payload.buffer, payload.byteOffset, payload.byteLength);
  }
  if (types.isAnyArrayBuffer(payload)) {
    return new Uint8Array(payload);
  }
  if (payload === undefined) {
    throw new RejectedError("PAYLOAD_EMPTY", "payload", "payload is missing");
  }
  return serializer === undefined ? asJson(payload) : byCaller(payload, serializer);
}

function asText(payload: string): string {
  if (!wellFormed(payload)) {
    throw new SerializationError("the string is not valid Unicode (a lone surrogate)");
  }
  return payload;
}

function asJson(payload: unknown): string {
  let json: string | undefined;
  try {
    json = JSON.stringify(payload);
  } catch (error) {
    // The encoder's own words on a cycle name keys of the payload: they are the cause, not the message.
    throw new SerializationError(
      typeof payload === "bigint"
        ? "JSON has no BigInt"
        : "JSON.stringify refuses it (a cycle, a BigInt, or a toJSON that throws)",
      error,
    );
  }
  if (json === undefined) {
    throw new SerializationError(`JSON has nothing for a value of type ${typeof payload}`);
  }
  return json;
}

function byCaller(payload: unknown, serializer: (payload: unknown) => string | Uint8Array): string | Uint8Array {
  let made: unknown;
  try {
    made = serializer(payload);
  } catch (error) {
    throw new SerializationError("the serializer refuses it", error);
  }
  if (typeof made === "string") {
    return asText(made);
  }
  if (made instanceof Uint8Array) {
    return made;
  }
  throw new SerializationError(`the serializer gave neither a string nor bytes, but a value ${kind(made)}`);
}
