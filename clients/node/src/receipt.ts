import { DestinationsError } from "./errors.js";
import type { DeliveryStatus } from "./status.js";

/** Who can say what became of a token's events. */
export interface Asker {
  status(token: string): Promise<DeliveryStatus>;
  delivered(token: string, timeoutMs: number | undefined): Promise<DeliveryStatus>;
}

/**
 * Says that events are on stable storage and will be delivered. It stands for the
 * caller's event, and for others to the same destination that were answered with it.
 * It can be asked as long as its client is open.
 */
export class Receipt {
  readonly #asker: Asker;

  /** Made by the client. */
  constructor(
    asker: Asker,
    /** The destination's bucket. */
    readonly bucket: string,
    /** Its prefix as it is used: empty, or ending with "/". */
    readonly prefix: string,
    /** Identifies the events to the service that gave it; empty with `receipts: false`. */
    readonly token: string,
  ) {
    this.#asker = asker;
  }

  /** Asks once what became of the events. */
  async status(): Promise<DeliveryStatus> {
    this.#check();
    return this.#asker.status(this.token);
  }

  /**
   * Waits until the events are in S3, and gives the objects that hold them. Rejects with
   * a `DeadError` when they will not be delivered by themselves, and with a
   * `TimeoutError` after `timeoutMs` (default: none).
   */
  async delivered(options: { timeoutMs?: number } = {}): Promise<DeliveryStatus> {
    this.#check();
    return this.#asker.delivered(this.token, options.timeoutMs);
  }

  #check(): void {
    if (this.token === "") {
      throw new DestinationsError("the receipt has no token: the client was made with receipts: false");
    }
  }
}
