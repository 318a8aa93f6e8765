import type { Destination } from "./destination.js";
import type { RejectedError } from "./errors.js";
import type { Outgoing } from "./event.js";
import { fieldSize, varintSize, writeBytes, writeText, writeVarint } from "./wire.js";

/** The service's limit of an encoded request, less what its own fields may take. */
const maxEncoded = (4 << 20) - (2 << 10);

/** What a scratch begins with, and from which on it is not kept. */
const smallScratch = 4 << 10;
const largeScratch = 1 << 20;

/** The events of one request, encoded, without a number. */
export interface Batch {
  events: Outgoing[];
  /** What they count in the buffer. */
  bytes: number;
  /** The request's fields but its sequence, settled, sender_id and receipts. */
  body: Buffer;
}

/**
 * The batch that is open: each event is encoded when it comes. The room that it is
 * encoded in is used again for the next one; what is cut has a copy of exactly its size.
 */
export class OpenBatch {
  #scratch = Buffer.alloc(0);
  #length = 0;
  #first: Destination | undefined;
  events: Outgoing[] = [];
  bytes = 0;

  /** fits reports whether an event may be added: always, if there is none. */
  fits(event: Outgoing, limit: number): boolean {
    if (this.events.length === 0) {
      return true;
    }
    return this.bytes + event.bytes <= limit && this.#length + this.#size(event) <= maxEncoded;
  }

  /** add encodes an event behind the others. */
  add(event: Outgoing): void {
    this.#first ??= event.destination;
    this.#reserve(this.#size(event));
    this.#length = this.#write(event);
    event.payload = undefined;
    this.events.push(event);
    this.bytes += event.bytes;
  }

  /** cut takes the events out. */
  cut(): Batch {
    const destination = (this.#first as Destination).inRequest;
    const body = Buffer.allocUnsafeSlow(this.#length + destination.length);
    body.set(this.#scratch.subarray(0, this.#length));
    body.set(destination, this.#length);
    const batch = { events: this.events, bytes: this.bytes, body };
    if (this.#scratch.length > largeScratch) {
      this.#scratch = Buffer.alloc(0);
    }
    this.#length = 0;
    this.#first = undefined;
    this.events = [];
    this.bytes = 0;
    return batch;
  }

  #size(event: Outgoing): number {
    return fieldSize(this.#fields(event));
  }

  // #fields is the bytes of an S3Event. Its destination is left out where it is the request's.
  #fields(event: Outgoing): number {
    const named = event.destination === this.#first || this.#first === undefined;
    let size = fieldSize(event.payloadBytes) + (named ? 0 : event.destination.inEvent.length);
    if (event.idBytes > 0) {
      size += fieldSize(event.idBytes);
    }
    return event.trace === undefined ? size : size + event.trace.length;
  }

  #write(event: Outgoing): number {
    const to = this.#scratch;
    let at = this.#length;
    to[at++] = 0x0a; // events
    at = writeVarint(to, at, this.#fields(event));
    if (event.idBytes > 0) {
      at = writeText(to, at, 0x0a, event.id, event.idBytes);
    }
    if (event.destination !== this.#first) {
      to.set(event.destination.inEvent, at);
      at += event.destination.inEvent.length;
    }
    if (typeof event.payload === "string") {
      at = writeText(to, at, 0x22, event.payload, event.payloadBytes);
    } else {
      at = writeBytes(to, at, 0x22, event.payload as Uint8Array);
    }
    if (event.trace !== undefined) {
      to.set(event.trace, at);
      at += event.trace.length;
    }
    return at;
  }

  #reserve(bytes: number): void {
    const needed = this.#length + bytes;
    if (needed <= this.#scratch.length) {
      return;
    }
    const larger = Buffer.allocUnsafeSlow(Math.max(smallScratch, 2 * this.#scratch.length, needed));
    larger.set(this.#scratch.subarray(0, this.#length));
    this.#scratch = larger;
  }
}

/** A request that is cut: what is sent, as often as it takes, exactly as it is. */
export class Request {
  /** Rejections that have come before the request's last answer, by the event's place. */
  rejections: Map<number, RejectedError> | undefined;

  constructor(
    readonly sequence: number,
    readonly batch: Batch,
  ) {}

  /**
   * encoded is the request as it goes over a stream. `settled` is the present one, and
   * is no part of what must not change.
   */
  encoded(settled: number, senderId: Uint8Array, receipts: boolean): Buffer {
    const { body } = this.batch;
    const length = 1 + varintSize(this.sequence) + 1 + varintSize(settled) + fieldSize(senderId.length) + 2;
    const whole = Buffer.allocUnsafeSlow(body.length + length);
    whole.set(body);
    let at = body.length;
    whole[at++] = 0x20;
    at = writeVarint(whole, at, this.sequence);
    whole[at++] = 0x28;
    at = writeVarint(whole, at, settled);
    at = writeBytes(whole, at, 0x32, senderId);
    whole[at++] = 0x38;
    whole[at] = receipts ? 1 : 0;
    return whole;
  }

  /** empty takes the events out of a request that the service does not take as it is. */
  empty(): Outgoing[] {
    const { events } = this.batch;
    this.batch.events = [];
    this.batch.bytes = 0;
    this.batch.body = Buffer.alloc(0);
    return events;
  }
}
