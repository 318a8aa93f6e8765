import { type Batch, OpenBatch, type Request } from "./batch.js";
import { EventBuffer } from "./buffer.js";
import type { Deliveries } from "./deliveries.js";
import type { Destination } from "./destination.js";
import {
  type ClientFailedError,
  ClosedError,
  type DestinationsError,
  RejectedError,
  UnansweredError,
} from "./errors.js";
import type { Outgoing } from "./event.js";
import type { Settings } from "./options.js";
import { Receipt } from "./receipt.js";
import type { Receipts } from "./receipts.js";
import { Sender, type SenderOwner } from "./sender.js";
import { Waiters } from "./waiters.js";

/** What has no answer. */
export interface Left {
  /** Events without an answer. */
  events: number;
  /** Their bytes, as the buffer counts them. */
  bytes: number;
}

/** How much comes before `ready` lets the event loop turn. */
const turnBytes = 128 << 10;

/** What need not be waited for. */
const now = Promise.resolve();

/** The way of an event from its call to its answer: buffer, open batch, request, sender. */
export class Pipeline implements SenderOwner {
  accepted = 0;
  rejected = 0;
  sender: Sender;
  /** Why there will be no more answers, if there won't. */
  failure: ClientFailedError | undefined;
  closing = false;
  readonly buffer: EventBuffer;
  /** Those who wait for answers. */
  readonly waiters = new Waiters();
  /** Those who wait for room. */
  readonly rooms = new Waiters();
  readonly #open = new OpenBatch();
  readonly #cut: Batch[] = []; // without a number yet
  #calls = 0;
  #holding = false;
  #timer: NodeJS.Timeout | undefined;
  #unturned = 0; // bytes that have come since `ready` has last let the event loop turn
  #since = 0; // when the open batch got its first event

  constructor(private readonly settings: Settings) {
    this.sender = new Sender(settings.target, settings, this);
    this.buffer = new EventBuffer(settings, (event, error) => {
      this.#reject(event, error);
      this.waiters.look();
    });
  }

  /** put takes an event; what becomes of it says its promise. */
  put(event: Outgoing): void {
    if (this.failure !== undefined || this.closing) {
      event.fail(this.failure ?? new ClosedError());
      return;
    }
    event.ordinal = ++this.#calls;
    this.#unturned += event.bytes;
    const put = this.buffer.put(event);
    if (put === "taken") {
      this.#collect(event);
      return;
    }
    if (put !== "waits") {
      event.fail(put);
      return;
    }
    if (typeof event.payload !== "string") {
      event.payload = new Uint8Array(event.payload as Uint8Array); // the caller may change it meanwhile
    }
    this.cut(); // somebody waits for what is collected here
  }

  /**
   * ready waits for room, and now and then for a turn of the event loop: who never lets
   * it turn, fills the buffer before the first request has left.
   */
  ready(): Promise<void> {
    const isOpen = this.failure === undefined && !this.closing;
    return isOpen && this.#unturned < turnBytes && this.buffer.hasRoom ? now : this.#becomeReady();
  }

  async #becomeReady(): Promise<void> {
    do {
      if (!this.buffer.hasRoom) {
        this.cut(); // what is collected here has to go first
      }
      await this.rooms.until(() => this.buffer.hasRoom);
      if (this.#unturned >= turnBytes) {
        await new Promise(setImmediate);
        this.#unturned = 0;
      }
      if (this.failure !== undefined || this.closing) {
        throw this.failure ?? new ClosedError();
      }
    } while (!this.buffer.hasRoom);
  }

  /** cut has the open batch go, full or not. */
  cut(): void {
    if (this.#open.events.length > 0) {
      this.#cut.push(this.#open.cut());
      this.#pump();
    }
  }

  /** mark is behind the last event so far; {@link Pipeline.isAnswered} takes it. */
  get mark(): number {
    return this.#calls;
  }

  /** isAnswered reports whether every event up to a mark is. */
  isAnswered(mark: number): boolean {
    return this.#oldest > mark;
  }

  /** left is what has no answer, with those that wait for room. */
  get left(): Left {
    const { events, bytes, line } = this.buffer;
    return { events: events + line.events, bytes: bytes + line.bytes };
  }

  /** hold keeps batches from getting a number; with false it lets them go again. */
  hold(holding: boolean): void {
    this.#holding = holding;
    this.#pump();
  }

  answered(request: Request, receipts: Receipts, deliveries: Deliveries): void {
    const { events, bytes } = request.batch;
    let destination: Destination | undefined;
    let receipt: Receipt | undefined;
    for (let i = 0; i < events.length; i++) {
      const event = events[i] as Outgoing;
      const rejection = request.rejections?.get(i);
      if (rejection !== undefined) {
        this.#reject(event, rejection);
        continue;
      }
      if (receipt === undefined || event.destination !== destination) {
        destination = event.destination;
        receipt = new Receipt(
          deliveries,
          destination.bucket,
          destination.completedPrefix,
          receipts.token(destination.key),
        );
      }
      event.accept(receipt);
    }
    const rejected = request.rejections?.size ?? 0;
    this.rejected += rejected;
    this.accepted += events.length - rejected;
    this.buffer.release(events.length, bytes);
    this.#advance();
  }

  tooLarge(request: Request, reason: string): void {
    const { bytes } = request.batch;
    const events = request.empty();
    for (const event of events) {
      this.#reject(event, new RejectedError("REQUEST_TOO_LARGE", "payload", reason));
    }
    this.rejected += events.length;
    this.buffer.release(events.length, bytes);
    this.#advance();
  }

  fail(error: ClientFailedError): void {
    if (this.failure === undefined) {
      this.failure = error;
      this.#failAll(error);
      void this.sender.close(true);
    }
  }

  streamsChanged(): void {
    this.#pump();
  }

  /** lockUp takes no more; what was sent before goes on, also what waits for room. */
  lockUp(): void {
    this.closing = true;
    this.rooms.fail(new ClosedError());
    this.hold(false);
    this.cut();
  }

  /** abandon fails everything that has no answer, and says how much that was. */
  abandon(): Left {
    const left = this.left;
    clearTimeout(this.#timer);
    if (left.events > 0) {
      this.#failAll(new UnansweredError(left.events, left.bytes));
    }
    return left;
  }

  #collect(event: Outgoing): void {
    const { batchBytes } = this.settings;
    if (!this.#open.fits(event, batchBytes)) {
      this.cut();
    }
    if (this.#open.events.length === 0) {
      this.#since = performance.now();
      this.#wake();
    }
    this.#open.add(event);
    if (this.#open.bytes >= batchBytes) {
      this.cut();
    }
  }

  // One timer for all batches: it is left running when a batch is full before its time.
  #wake(): void {
    const left = this.#since + this.settings.batchDelayMs - performance.now();
    this.#timer ??= setTimeout(() => this.#due(), Math.max(0, left));
  }

  #due(): void {
    this.#timer = undefined;
    if (this.#open.events.length === 0) {
      return;
    }
    // Timers run up to a millisecond early.
    if (performance.now() - this.#since >= this.settings.batchDelayMs - 1) {
      this.cut();
    } else {
      this.#wake();
    }
  }

  #pump(): void {
    while (this.#cut.length > 0 && !this.#holding && this.failure === undefined && this.sender.isReady()) {
      this.sender.take(this.#cut.shift() as Batch);
    }
  }

  // #advance goes on when an answer has made room.
  #advance(): void {
    this.#pump();
    if (this.buffer.waiting !== undefined) {
      for (const event of this.buffer.admit()) {
        this.#collect(event);
      }
      if (this.buffer.waiting !== undefined || this.closing) {
        this.cut();
      }
    }
    this.waiters.look();
    this.rooms.look();
  }

  get #oldest(): number {
    const first = this.sender.oldest ?? this.#cut[0]?.events[0] ?? this.#open.events[0] ?? this.buffer.waiting;
    return first?.ordinal ?? Number.POSITIVE_INFINITY;
  }

  #failAll(error: DestinationsError): void {
    const requests = [...this.sender.abandon(), ...this.#cut.splice(0)];
    if (this.#open.events.length > 0) {
      requests.push(this.#open.cut());
    }
    for (const batch of requests) {
      this.buffer.release(batch.events.length, batch.bytes);
      for (const event of batch.events) {
        this.#reject(event, error);
      }
    }
    for (const event of this.buffer.clear()) {
      this.#reject(event, error);
    }
    this.waiters.fail(error);
    this.rooms.fail(error);
  }

  #reject(event: Outgoing, error: DestinationsError): void {
    event.fail(error);
    if (this.settings.onRejected !== undefined) {
      void told(this.settings.onRejected, error);
    }
  }
}

/** told calls onRejected; what it throws, at once or later, is ignored. */
async function told(onRejected: (error: DestinationsError) => unknown, error: DestinationsError): Promise<void> {
  try {
    await onRejected(error);
  } catch {
    // as promised
  }
}
