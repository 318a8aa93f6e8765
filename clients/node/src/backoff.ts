/** Pauses between tries: doubled each time, each between half of it and all of it at random. */
export class Backoff {
  #next: number;

  constructor(
    readonly initialMs: number,
    readonly maxMs: number,
  ) {
    this.#next = initialMs;
  }

  /** pause is how long to wait before the next try, in ms. */
  pause(): number {
    const most = this.#next;
    this.#next = Math.min(this.maxMs, most * 2);
    return most / 2 + (most / 2) * Math.random();
  }

  /** reset begins anew: the service has answered. */
  reset(): void {
    this.#next = this.initialMs;
  }
}
