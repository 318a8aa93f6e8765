import { BufferFullError } from "./errors.js";
import type { Outgoing } from "./event.js";
import type { Settings } from "./options.js";

/**
 * The bound of what is held without an answer, and the line of those that wait for
 * room. Who comes while others wait, waits behind them.
 */
export class EventBuffer {
  /** What is held, without the line. */
  events = 0;
  bytes = 0;
  #line: Outgoing[] = [];
  #lineBytes = 0;
  #last = 0; // bytes of the last event that came
  #timer: NodeJS.Timeout | undefined;

  /** late takes an event whose time in the line is over. */
  constructor(
    private readonly settings: Settings,
    private readonly late: (event: Outgoing, error: BufferFullError) => void,
  ) {}

  /** hasRoom reports whether an event like the last one would not have to wait now. */
  get hasRoom(): boolean {
    return this.#line.length === 0 && this.#fits(this.#last);
  }

  /** line is what waits for room. */
  get line(): { events: number; bytes: number } {
    return { events: this.#line.length, bytes: this.#lineBytes };
  }

  /** waiting is the event that waits at the head of the line. */
  get waiting(): Outgoing | undefined {
    return this.#line[0];
  }

  /** put takes an event, has it wait, or gives back why it can't. */
  put(event: Outgoing): "taken" | "waits" | BufferFullError {
    this.#last = event.bytes;
    if (this.#line.length === 0 && this.#fits(event.bytes)) {
      this.#take(event);
      return "taken";
    }
    const { whenFull, maxBufferedBytes, blockTimeoutMs } = this.settings;
    const lineIsFull = this.#line.length > 0 && this.#lineBytes + event.bytes > maxBufferedBytes;
    if (whenFull === "error" || lineIsFull) {
      return this.#full();
    }
    if (whenFull === "block") {
      event.deadline = performance.now() + blockTimeoutMs;
    }
    this.#line.push(event);
    this.#lineBytes += event.bytes;
    this.#watchLine();
    return "waits";
  }

  /** release gives room back, without letting anybody in. */
  release(events: number, bytes: number): void {
    this.events -= events;
    this.bytes -= bytes;
  }

  /** admit gives the events of the line that there is room for now, in their order. */
  admit(): Outgoing[] {
    let count = 0;
    for (const event of this.#line) {
      if (!this.#fits(event.bytes)) {
        break;
      }
      this.#take(event);
      this.#lineBytes -= event.bytes;
      count++;
    }
    return this.#line.splice(0, count);
  }

  /** clear takes everybody out of the line. */
  clear(): Outgoing[] {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#lineBytes = 0;
    return this.#line.splice(0);
  }

  // An empty buffer takes one event, whatever its size.
  #fits(bytes: number): boolean {
    return this.events === 0 || this.bytes + bytes <= this.settings.maxBufferedBytes;
  }

  #take(event: Outgoing): void {
    this.events++;
    this.bytes += event.bytes;
  }

  #full(): BufferFullError {
    return new BufferFullError(this.settings.maxBufferedBytes, this.bytes);
  }

  // All wait equally long, so the head of the line is the first whose time is over.
  #watchLine(): void {
    const head = this.#line[0];
    if (this.#timer === undefined && head !== undefined && Number.isFinite(head.deadline)) {
      this.#timer = setTimeout(() => this.#expire(), Math.max(0, head.deadline - performance.now()));
    }
  }

  #expire(): void {
    this.#timer = undefined;
    const now = performance.now();
    const count = this.#line.findIndex((event) => event.deadline > now);
    for (const event of this.#line.splice(0, count < 0 ? this.#line.length : count)) {
      this.#lineBytes -= event.bytes;
      this.late(event, this.#full());
    }
    this.#watchLine();
  }
}
