import { Destinations } from "./destination.js";
import { ClosedError, TimeoutError, UnansweredError } from "./errors.js";
import { outgoing, refused, type S3Event } from "./event.js";
import {
  type ConnectOptions,
  target as checkedTarget,
  checkToken,
  milliseconds,
  type Settings,
  settings,
} from "./options.js";
import { type Left, Pipeline } from "./pipeline.js";
import type { Receipt } from "./receipt.js";
import { Sender } from "./sender.js";

/** Sends events. Its functions may be taken out of it: `const { s3 } = client.$send`. */
export interface Send {
  /**
   * Sends an event to Amazon S3. It returns at once and never throws. The promise is
   * resolved when the event is on stable storage, and rejected with a
   * `DestinationsError`; nobody has to look at it.
   */
  readonly s3: (event: S3Event) => Promise<Receipt>;
}

/** How things stand. */
export interface Stats {
  /** Events without an answer. */
  bufferedEvents: number;
  /** Their bytes: payload, bucket, prefix, id and 64 for each. */
  bufferedBytes: number;
  /** Events that the service has accepted. */
  accepted: number;
  /** Events that the service has rejected. */
  rejected: number;
  /** Streams that are open. */
  streams: number;
  /** How often a stream was opened again. */
  reconnects: number;
  /** Why the last stream has ended; empty when an answer has come since. */
  lastError: string;
}

/** How long to wait. */
export interface Timeout {
  /** In milliseconds. */
  timeoutMs?: number;
}

/**
 * A client of one service. All its facades are one sender. It keeps the process alive
 * until it is closed, and what a process had no answer for when it ends may be lost.
 */
export class Client {
  /** `client.$send.s3({...})`, as in a workflow's code step. */
  readonly $send: Send;
  /** `client.$.send.s3({...})`, as in a component's action. */
  readonly $: { readonly send: Send };
  readonly #settings: Settings;
  readonly #pipeline: Pipeline;
  readonly #destinations = new Destinations();
  readonly #former: Sender[] = []; // whose receipts can still be asked
  #reconnects = 0; // of the former
  #turn: Promise<void> = Promise.resolve(); // of those who set another target
  #closed: Promise<Left> | undefined;

  /** Use `connect`. */
  constructor(options: ConnectOptions) {
    this.#settings = settings(options);
    this.#pipeline = new Pipeline(this.#settings);
    this.$send = Object.freeze({ s3: (event: S3Event) => this.#send(event) });
    this.$ = Object.freeze({ send: Object.freeze({ s3: (event: S3Event) => this.#send(event) }) });
  }

  /**
   * Waits until there is room in the buffer and nobody waits for it. In a loop, await it
   * before each call.
   */
  ready(): Promise<void> {
    return this.#pipeline.ready();
  }

  /**
   * Waits until everything that was sent before it is answered: the end of a workflow.
   * Rejected events do not fail it. Rejects with a `TimeoutError` after `timeoutMs`
   * (default: none), by which nothing is lost.
   */
  async flush(options: Timeout = {}): Promise<void> {
    const timeoutMs = milliseconds(options.timeoutMs);
    const pipeline = this.#pipeline;
    if (pipeline.failure !== undefined) {
      throw pipeline.failure;
    }
    pipeline.cut();
    const { mark } = pipeline;
    await pipeline.waiters.until(
      () => pipeline.isAnswered(mark),
      timeoutMs,
      () => this.#late("flush", timeoutMs),
    );
  }

  /**
   * Takes no more events, waits for the answers to all that were sent before, also those
   * that wait for room, and ends the streams. Resolves to what has no answer after `timeoutMs` (default: the option `closeTimeoutMs`), whose promises are rejected with an
   * `UnansweredError`. A second call waits for the first.
   */
  close(options: Timeout = {}): Promise<Left> {
    this.#closed ??= this.#close(options.timeoutMs);
    return this.#closed;
  }

  /**
   * Goes over to another service: lets the old one answer every request that it was
   * sent, and sends everything else to the new one. Rejects with a `TimeoutError` if
   * that takes longer than `timeoutMs` (default: no limit); the old one stays then.
   */
  setTarget(target: string, options: Timeout = {}): Promise<void> {
    const done = this.#turn.then(() => this.#setTarget(target, options.timeoutMs));
    this.#turn = done.catch(() => {});
    return done;
  }

  /** How things stand. */
  stats(): Stats {
    const { buffer, accepted, rejected, sender } = this.#pipeline;
    return {
      bufferedEvents: buffer.events,
      bufferedBytes: buffer.bytes,
      accepted,
      rejected,
      streams: sender.streams,
      reconnects: this.#reconnects + sender.reconnects,
      lastError: sender.lastError,
    };
  }

  /**
   * `await using client = connect(...)`: closes it; something left is an `UnansweredError`,
   * and of a client that has failed it is why.
   */
  async [Symbol.asyncDispose](): Promise<void> {
    const left = await this.close();
    if (this.#pipeline.failure !== undefined) {
      throw this.#pipeline.failure;
    }
    if (left.events > 0) {
      throw new UnansweredError(left.events, left.bytes);
    }
  }

  #send(event: S3Event): Promise<Receipt> {
    try {
      const sent = outgoing(event, this.#destinations, this.#settings.serializer);
      this.#pipeline.put(sent);
      return sent.promise;
    } catch (error) {
      return refused(error);
    }
  }

  async #close(timeoutMs: number | undefined): Promise<Left> {
    const patience = milliseconds(timeoutMs) ?? this.#settings.closeTimeoutMs;
    const pipeline = this.#pipeline;
    pipeline.lockUp();
    const { mark } = pipeline;
    await pipeline.waiters.until(() => pipeline.isAnswered(mark), patience).catch(() => {}); // it is left, then
    const left = pipeline.abandon();
    await Promise.all([pipeline.sender, ...this.#former].map((sender) => sender.close(false)));
    return left;
  }

  async #setTarget(name: string, timeoutMs: number | undefined): Promise<void> {
    const pipeline = this.#pipeline;
    const target = checkedTarget(name);
    checkToken(this.#settings, target);
    const patience = milliseconds(timeoutMs);
    if (pipeline.failure !== undefined) {
      throw pipeline.failure;
    }
    const gone = () => pipeline.sender.isEmpty || pipeline.closing;
    pipeline.hold(true);
    try {
      await pipeline.waiters.until(gone, patience, () => this.#late("setTarget", patience));
      if (pipeline.closing) {
        throw new ClosedError();
      }
      const former = pipeline.sender;
      pipeline.sender = new Sender(target, this.#settings, pipeline);
      this.#reconnects += former.reconnects;
      this.#former.push(former);
      await former.close(true);
    } finally {
      pipeline.hold(false);
    }
  }

  #late(what: string, timeoutMs: number | undefined): TimeoutError {
    const { events, bytes } = this.#pipeline.left;
    return new TimeoutError(
      `${what}: ${events} events (${bytes} bytes) without an answer after ${timeoutMs} ms`,
      events,
      bytes,
    );
  }
}
