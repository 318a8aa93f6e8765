import { type Answer, Asks, type DeliveryCaller } from "./asks.js";
import { ClosedError, DeadError, TimeoutError } from "./errors.js";
import { milliseconds } from "./options.js";
import type { Asker } from "./receipt.js";
import type { DeliveryStatus } from "./status.js";

/** Pauses between asks, in ms. */
const firstPause = 500;
const maxPause = 10_000;
const growth = 1.5;

/** Asks fall on a grid of so many ms, so that those who wait share calls. */
const grid = 250;

/** One who waits for delivery. */
interface Waiter {
  resolve(status: DeliveryStatus): void;
  reject(error: Error): void;
  timer: NodeJS.Timeout | undefined;
}

/** A token that is asked for until its events are delivered. */
interface Watch {
  token: string;
  waiters: Set<Waiter>;
  pause: number;
  last: DeliveryStatus | undefined;
}

/** Answers what became of receipts' events, for all the receipts that one target gave. */
export class Deliveries implements Asker {
  readonly #asks: Asks;
  readonly #watches = new Map<string, Watch>();
  readonly #timers = new Map<number, { timer: NodeJS.Timeout; watches: Watch[] }>();
  #closed = false;

  constructor(caller: DeliveryCaller, asksToken: boolean) {
    this.#asks = new Asks(caller, asksToken);
  }

  async status(token: string): Promise<DeliveryStatus> {
    this.#checkOpen();
    const answer = await this.#asks.ask(token);
    this.#checkOpen();
    if (answer.status === undefined) {
      throw answer.error;
    }
    return answer.status;
  }

  async delivered(token: string, timeoutMs: number | undefined): Promise<DeliveryStatus> {
    this.#checkOpen();
    const patience = milliseconds(timeoutMs);
    return new Promise((resolve, reject) => {
      const watch = this.#watch(token);
      const waiter: Waiter = { resolve, reject, timer: undefined };
      watch.waiters.add(waiter);
      if (patience !== undefined) {
        waiter.timer = setTimeout(() => this.#giveUp(watch, waiter, patience), patience);
      }
    });
  }

  /** close fails everybody who waits. */
  close(): void {
    this.#closed = true;
    for (const { timer } of this.#timers.values()) {
      clearTimeout(timer);
    }
    this.#timers.clear();
    for (const watch of this.#watches.values()) {
      this.#end(watch, (waiter) => waiter.reject(new ClosedError()));
    }
  }

  #checkOpen(): void {
    if (this.#closed) {
      throw new ClosedError();
    }
  }

  #watch(token: string): Watch {
    let watch = this.#watches.get(token);
    if (watch === undefined) {
      watch = { token, waiters: new Set(), pause: firstPause, last: undefined };
      this.#watches.set(token, watch);
      void this.#look(watch);
    }
    return watch;
  }

  async #look(watch: Watch): Promise<void> {
    const answer = await this.#asks.ask(watch.token);
    if (watch.waiters.size > 0) {
      this.#judge(watch, answer);
    }
  }

  #judge(watch: Watch, { status, error, transient }: Answer): void {
    watch.last = status ?? watch.last;
    if (status?.state === "DELIVERED") {
      this.#end(watch, (waiter) => waiter.resolve(status));
    } else if (status?.state === "DEAD") {
      this.#end(watch, (waiter) => waiter.reject(new DeadError(status)));
    } else if (error !== undefined && !transient) {
      this.#end(watch, (waiter) => waiter.reject(error));
    } else {
      this.#lookLater(watch);
    }
  }

  #lookLater(watch: Watch): void {
    const now = performance.now();
    const slot = Math.ceil((now + watch.pause) / grid);
    watch.pause = Math.min(maxPause, watch.pause * growth);
    const waiting = this.#timers.get(slot);
    if (waiting !== undefined) {
      waiting.watches.push(watch);
      return;
    }
    const watches = [watch];
    const timer = setTimeout(
      () => {
        this.#timers.delete(slot);
        for (const due of watches) {
          if (due.waiters.size > 0) {
            void this.#look(due);
          }
        }
      },
      slot * grid - now,
    );
    this.#timers.set(slot, { timer, watches });
  }

  #giveUp(watch: Watch, waiter: Waiter, patience: number): void {
    watch.waiters.delete(waiter);
    if (watch.waiters.size === 0) {
      this.#watches.delete(watch.token);
    }
    waiter.reject(new TimeoutError(`not delivered after ${patience} ms: ${said(watch.last)}`));
  }

  #end(watch: Watch, tell: (waiter: Waiter) => void): void {
    this.#watches.delete(watch.token);
    for (const waiter of watch.waiters) {
      clearTimeout(waiter.timer);
      tell(waiter);
    }
    watch.waiters.clear();
  }
}

/** said is what the service has said last, and why. */
function said(status: DeliveryStatus | undefined): string {
  if (status === undefined) {
    return "the service was not reached";
  }
  const { state, code, message } = status;
  return `the state is ${state}${code && ` (${code}${message && `: ${message}`})`}`;
}
