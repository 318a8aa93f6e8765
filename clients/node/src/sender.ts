import { randomBytes } from "node:crypto";
import { Backoff } from "./backoff.js";
import { type Batch, Request } from "./batch.js";
import { type Call, Connection } from "./connection.js";
import { Deliveries } from "./deliveries.js";
import { describe, type Ending, failed, type Verdict, verdict } from "./ending.js";
import type { ClientFailedError } from "./errors.js";
import type { Outgoing } from "./event.js";
import type { Settings } from "./options.js";
import type { Receipts } from "./receipts.js";
import { Stream, type StreamOwner } from "./stream.js";

/** Requests without an answer. */
const maxUnanswered = 1000;

/** How far `sequence` may be above `settled`: the service's limit. */
const maxAhead = 65_536;

/** Bytes without an answer that each open stream has before another one is opened. */
const busyBytes = 1 << 20;

/** How long an additional stream may have nothing to do. */
const idleMs = 10_000;

/** Whom a sender tells. */
export interface SenderOwner {
  /** answered takes a request whose last answer has come. */
  answered(request: Request, receipts: Receipts, deliveries: Deliveries): void;
  /** tooLarge empties a request that the service does not take as it is. */
  tooLarge(request: Request, reason: string): void;
  /** fail ends the client. */
  fail(error: ClientFailedError): void;
  /** streamsChanged is told when a stream is open, or is so no more. */
  streamsChanged(): void;
}

/**
 * What numbers the requests to one target: its `sender_id` is of this object alone. A
 * request is the sender's from its number to its answer.
 */
export class Sender implements StreamOwner {
  readonly deliveries: Deliveries;
  /** Why the last stream has ended; empty when an answer has come since. */
  lastError = "";
  reconnects = 0;
  readonly #id = randomBytes(16);
  readonly #connection: Connection;
  readonly #asksToken: boolean;
  readonly #unanswered = new Map<number, Request>(); // by number, in their order
  readonly #streams: Stream[] = [];
  readonly #idle = new Map<Stream, NodeJS.Timeout>();
  #sequence = 0;
  #ended = false;

  constructor(
    target: string,
    private readonly settings: Settings,
    private readonly owner: SenderOwner,
  ) {
    this.#asksToken = typeof settings.token === "function";
    this.#connection = new Connection(target, settings);
    this.deliveries = new Deliveries(this.#connection, this.#asksToken);
  }

  /** streams is how many are open. */
  get streams(): number {
    return this.#streams.filter((stream) => stream.isOpen).length;
  }

  /** oldest is the first event that has a number and no answer. */
  get oldest(): Outgoing | undefined {
    for (const { batch } of this.#unanswered.values()) {
      if (batch.events.length > 0) {
        return batch.events[0];
      }
    }
    return undefined;
  }

  /** isEmpty reports whether every request is answered. */
  get isEmpty(): boolean {
    return this.#unanswered.size === 0;
  }

  /**
   * isReady reports whether another request may have a number now. Where that needs a
   * stream that is not open yet, it has it opened, and tells the owner then.
   */
  isReady(): boolean {
    if (this.#unanswered.size >= maxUnanswered || this.#sequence + 1 - this.#settled > maxAhead) {
      return false;
    }
    const open = this.#streams.filter((stream) => stream.isOpen);
    const another = open.every((stream) => stream.bytes >= busyBytes) && this.#openAnother();
    // A token may be long in coming; without one the other stream is open in no time.
    return open.length > 0 && (!another || this.#asksToken);
  }

  // #settled is up to which number every request is answered, over all streams.
  get #settled(): number {
    for (const first of this.#unanswered.keys()) {
      return first - 1;
    }
    return this.#sequence;
  }

  /** take gives a batch its number and sends it until it is answered. */
  take(batch: Batch): void {
    const request = new Request(++this.#sequence, batch);
    this.#unanswered.set(request.sequence, request);
    const stream = this.#pick();
    clearTimeout(this.#idle.get(stream));
    this.#idle.delete(stream);
    stream.send(request);
  }

  /** abandon gives back everything that has no answer, and forgets it. */
  abandon(): Batch[] {
    const batches = [...this.#unanswered.values()].map((request) => request.batch);
    this.#unanswered.clear();
    return batches;
  }

  /** close ends the streams and, unless receipts are still to be asked, the connection. */
  async close(keepDeliveries: boolean): Promise<void> {
    this.#ended = true;
    for (const timer of this.#idle.values()) {
      clearTimeout(timer);
    }
    await Promise.all(this.#streams.map((stream) => stream.close()));
    if (!keepDeliveries) {
      this.deliveries.close();
      this.#connection.close();
    }
  }

  changed(): void {
    this.owner.streamsChanged();
  }

  call(): Promise<Call> {
    return this.#connection.streamS3();
  }

  encoded(request: Request): Buffer {
    return request.encoded(Math.min(this.#settled, request.sequence - 1), this.#id, this.settings.receipts);
  }

  answered(request: Request, receipts: Receipts): void {
    this.lastError = "";
    this.#unanswered.delete(request.sequence);
    this.owner.answered(request, receipts, this.deliveries);
  }

  idle(stream: Stream): void {
    if (stream === this.#streams[0] || this.#idle.has(stream) || this.#ended) {
      return;
    }
    const timer = setTimeout(() => this.#retire(stream), idleMs);
    this.#idle.set(stream, timer.unref());
  }

  ended(end: Ending): Verdict {
    if (this.#ended) {
      return "fail";
    }
    this.lastError = describe(end);
    const what = verdict(end, this.#asksToken);
    if (what === "fail") {
      this.owner.fail(failed(end));
    } else {
      this.reconnects++;
    }
    return what;
  }

  tooLarge(request: Request, reason: string): void {
    this.owner.tooLarge(request, reason);
  }

  fail(error: ClientFailedError): void {
    this.owner.fail(error);
  }

  // #openAnother reports whether one is being opened.
  #openAnother(): boolean {
    let next = this.#streams.find((stream) => !stream.isOpen);
    if (next === undefined) {
      if (this.#streams.length >= this.settings.maxStreams) {
        return false;
      }
      next = new Stream(this, new Backoff(this.settings.reconnectInitialMs, this.settings.reconnectMaxMs));
      this.#streams.push(next);
    }
    next.open();
    return next.isOpening;
  }

  // #pick is the open stream with the fewest bytes.
  #pick(): Stream {
    const open = this.#streams.filter((stream) => stream.isOpen);
    return open.reduce((least, stream) => (stream.bytes < least.bytes ? stream : least));
  }

  #retire(stream: Stream): void {
    this.#idle.delete(stream);
    this.#streams.splice(this.#streams.indexOf(stream), 1);
    void stream.close();
  }
}
