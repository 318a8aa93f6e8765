import { ChannelCredentials } from "@grpc/grpc-js";
import { type DestinationsError, InvalidOptionError } from "./errors.js";
import { isLocal } from "./target.js";

/** What an event meets when there is no room in the buffer; see {@link ConnectOptions.whenFull}. */
export type WhenFull = "wait" | "block" | "error";

/** Certificates in PEM: their text or bytes, not paths. */
export interface TlsOptions {
  /** Roots to trust instead of the system's. */
  ca?: string | Uint8Array;
  /** The client's own certificate chain (mTLS); goes with `key`. */
  cert?: string | Uint8Array;
  /** The private key of `cert`. */
  key?: string | Uint8Array;
}

/** The options of `connect`. One that is unknown or out of range is refused. */
export interface ConnectOptions {
  /**
   * Where the service is, as gRPC names it (`localhost:50051`). It must be one
   * service: another one has another journal, and what is sent again there would be
   * delivered twice.
   */
  target: string;
  /**
   * Bytes that are held without an answer: payload, bucket, prefix, id and 64 for each
   * event. Default 64 MiB. An empty buffer takes one event of any size.
   */
  maxBufferedBytes?: number;
  /**
   * What an event meets that has no room in the buffer. `wait` (default): it waits for
   * room; `block`: it waits for `blockTimeoutMs`, then its promise is rejected with a
   * `BufferFullError`; `error`: it is rejected at once. What waits takes as much as
   * `maxBufferedBytes` again, and what is beyond that is rejected at once.
   */
  whenFull?: WhenFull;
  /** How long an event waits for room with `whenFull: "block"`. Default 30,000 ms. */
  blockTimeoutMs?: number;
  /** Bytes of a request, counted like `maxBufferedBytes`. Default 256 KiB, at most 4 MiB. */
  batchBytes?: number;
  /** How long a request is collected before it goes, full or not. Default 5 ms. */
  batchDelayMs?: number;
  /**
   * Streams under load. Default 4, at most 64. With 1 the lines of a destination are
   * in the order of the calls.
   */
  maxStreams?: number;
  /** First pause before the service is tried again; doubled each time. Default 100 ms. */
  reconnectInitialMs?: number;
  /** Longest pause before the service is tried again. Default 10,000 ms. */
  reconnectMaxMs?: number;
  /** Silence of a connection with open streams after which it is asked. Default 30,000 ms, at least 10,000. */
  keepaliveTimeMs?: number;
  /** How long it has to answer then. Default 10,000 ms. */
  keepaliveTimeoutMs?: number;
  /** How long `close` waits for answers if it is not told. Default 30,000 ms. */
  closeTimeoutMs?: number;
  /** Whether receipts can be asked for deliveries. Default true; false saves some work. */
  receipts?: boolean;
  /** Plaintext to a target that is not this machine. Default false. */
  insecure?: boolean;
  /** TLS with own roots or an own certificate. */
  tls?: TlsOptions;
  /** Channel credentials of `@grpc/grpc-js`, instead of `insecure` and `tls`. */
  credentials?: ChannelCredentials;
  /** A bearer token, or a function that gives one, asked for each stream and call. */
  token?: string | (() => string | Promise<string>);
  /** Serialises a payload that is neither a string nor bytes. Default `JSON.stringify`. */
  serializer?: (payload: unknown) => string | Uint8Array;
  /**
   * Called with the error of each event that failed after its call: rejected, or
   * unanswered at the end. What it throws is ignored.
   */
  onRejected?: (error: DestinationsError) => void;
}

/** Options with their defaults, found valid. */
export type Settings = Required<Omit<ConnectOptions, "tls" | "credentials" | "token" | "onRejected" | "serializer">> &
  Pick<ConnectOptions, "tls" | "credentials" | "token" | "onRejected" | "serializer">;

const MiB = 1 << 20;

/** The longest time that a timer of Node.js can wait. */
const maxTime = 2 ** 31 - 1;

/** Each option that is a number: its default, least and largest value. */
const numbers = {
  maxBufferedBytes: [64 * MiB, 1, Number.MAX_SAFE_INTEGER],
  blockTimeoutMs: [30_000, 0, maxTime],
  batchBytes: [256 << 10, 1, 4 * MiB],
  batchDelayMs: [5, 0, maxTime],
  maxStreams: [4, 1, 64],
  reconnectInitialMs: [100, 1, maxTime],
  reconnectMaxMs: [10_000, 1, maxTime],
  keepaliveTimeMs: [30_000, 10_000, maxTime],
  keepaliveTimeoutMs: [10_000, 1, maxTime],
  closeTimeoutMs: [30_000, 0, maxTime],
} as const;

const flags = { receipts: true, insecure: false } as const;
const others = ["target", "whenFull", "tls", "credentials", "token", "serializer", "onRejected"];
const known = new Set([...Object.keys(numbers), ...Object.keys(flags), ...others]);

/** settings completes options with their defaults, or throws an {@link InvalidOptionError}. */
export function settings(options: ConnectOptions): Settings {
  if (typeof options !== "object" || options === null) {
    throw new InvalidOptionError("options", "must be an object with a target");
  }
  for (const name of Object.keys(options)) {
    check(known.has(name), name, "is not an option");
  }
  const all = {
    target: target(options.target),
    whenFull: options.whenFull ?? "wait",
    tls: options.tls,
    credentials: options.credentials,
    token: options.token,
    serializer: options.serializer,
    onRejected: options.onRejected,
    ...numbersOf(options),
    ...flagsOf(options),
  } as Settings;
  check(["wait", "block", "error"].includes(all.whenFull), "whenFull", 'must be "wait", "block" or "error"');
  check(all.reconnectInitialMs <= all.reconnectMaxMs, "reconnectInitialMs", "must not be above reconnectMaxMs");
  checkFunctions(all);
  checkSecurity(all);
  return all;
}

/** target checks the name of a service. */
export function target(name: unknown): string {
  check(typeof name === "string" && name !== "", "target", "must be the service's address, such as localhost:50051");
  return name as string;
}

/** milliseconds checks a time-out that a method is given; undefined is none. */
export function milliseconds(value: unknown): number | undefined {
  if (value === undefined) {
    return undefined;
  }
  check(
    typeof value === "number" && value >= 0 && value <= maxTime,
    "timeoutMs",
    `must be a number from 0 to ${maxTime}`,
  );
  return value as number;
}

function numbersOf(options: ConnectOptions): Record<string, number> {
  const all: Record<string, number> = {};
  for (const [name, [byDefault, least, most]] of Object.entries(numbers)) {
    const value = options[name as keyof typeof numbers] ?? byDefault;
    check(
      Number.isSafeInteger(value) && value >= least && value <= most,
      name,
      `must be a whole number from ${least} to ${most}, is ${typeof value === "number" ? value : typeof value}`,
    );
    all[name] = value;
  }
  return all;
}

function flagsOf(options: ConnectOptions): Record<string, boolean> {
  const all: Record<string, boolean> = {};
  for (const [name, byDefault] of Object.entries(flags)) {
    const value = options[name as keyof typeof flags] ?? byDefault;
    check(typeof value === "boolean", name, "must be true or false");
    all[name] = value;
  }
  return all;
}

function checkFunctions(all: Settings): void {
  for (const name of ["serializer", "onRejected"] as const) {
    check(all[name] === undefined || typeof all[name] === "function", name, "must be a function");
  }
  check(
    all.token === undefined || typeof all.token === "function" || isToken(all.token),
    "token",
    "must be a string of visible ASCII characters that is not empty, or a function",
  );
}

/** isToken reports whether a header can say a token: one from a file may have a line end. */
export function isToken(token: unknown): token is string {
  return typeof token === "string" && /^[\x21-\x7e]+$/.test(token);
}

function checkSecurity(all: Settings): void {
  const { tls, credentials } = all;
  check(
    credentials === undefined || credentials instanceof ChannelCredentials,
    "credentials",
    "must be ChannelCredentials",
  );
  check(!(all.insecure && tls), "insecure", "contradicts tls");
  check(!(credentials && (all.insecure || tls)), "credentials", "contradicts insecure and tls");
  if (tls !== undefined) {
    check(typeof tls === "object" && tls !== null, "tls", "must be an object");
    for (const [name, value] of Object.entries(tls)) {
      check(["ca", "cert", "key"].includes(name), `tls.${name}`, "is not an option");
      check(
        value === undefined || typeof value === "string" || value instanceof Uint8Array,
        `tls.${name}`,
        "must be PEM, as a string or bytes",
      );
    }
    check((tls.cert === undefined) === (tls.key === undefined), "tls", "cert and key go together");
  }
  checkToken(all, all.target);
}

/** checkToken refuses to send a token in plaintext to another machine. */
export function checkToken(all: Settings, target: string): void {
  const plaintext = (all.insecure || all.credentials instanceof Insecure) && !isLocal(target);
  check(!(all.token !== undefined && plaintext), "token", "is refused with plaintext to another machine (insecure)");
}

/** What plaintext credentials are of. */
const Insecure = ChannelCredentials.createInsecure().constructor as typeof ChannelCredentials;

function check(ok: boolean, option: string, reason: string): void {
  if (!ok) {
    throw new InvalidOptionError(option, reason);
  }
}
