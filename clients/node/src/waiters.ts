import { TimeoutError } from "./errors.js";

/** One who waits for a condition. */
interface Waiter {
  isTrue(): boolean;
  resolve(): void;
  reject(error: Error): void;
  timer: NodeJS.Timeout | undefined;
}

/** Those who wait until something is true, with a time-out or without. */
export class Waiters {
  readonly #waiting = new Set<Waiter>();

  get size(): number {
    return this.#waiting.size;
  }

  /** until resolves when the condition is true; late makes the error when the time is over. */
  async until(isTrue: () => boolean, timeoutMs?: number, late?: () => TimeoutError): Promise<void> {
    if (isTrue()) {
      return;
    }
    await new Promise<void>((resolve, reject) => {
      const waiter: Waiter = { isTrue, resolve, reject, timer: undefined };
      this.#waiting.add(waiter);
      if (timeoutMs !== undefined) {
        waiter.timer = setTimeout(() => {
          this.#waiting.delete(waiter);
          reject(late?.() ?? new TimeoutError(`the time is over: ${timeoutMs} ms`));
        }, timeoutMs);
      }
    });
  }

  /** look lets those go whose condition has become true. */
  look(): void {
    for (const waiter of this.#waiting) {
      if (waiter.isTrue()) {
        this.#leave(waiter);
        waiter.resolve();
      }
    }
  }

  /** fail fails everybody. */
  fail(error: Error): void {
    for (const waiter of this.#waiting) {
      this.#leave(waiter);
      waiter.reject(error);
    }
  }

  #leave(waiter: Waiter): void {
    clearTimeout(waiter.timer);
    this.#waiting.delete(waiter);
  }
}
