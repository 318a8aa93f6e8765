import { destinationKey } from "./destination.js";
import type { Receipt as Message } from "./gen/destinations/v1/destinations_pb.js";

/**
 * The tokens of the answers that a request's receipts can be in. They may come before
 * the answer that reaches the request: in those that reached nothing, and in the one
 * before them that has reached something else.
 */
export class Receipts {
  #now = new Map<string, string>();
  #before: Map<string, string> | undefined;

  /** add takes those of the next answer, which reaches requests or does not. */
  add(receipts: Message[], reaches: boolean): void {
    const now = new Map<string, string>();
    for (const { bucket, prefix, token } of receipts) {
      now.set(destinationKey(bucket, prefix), token);
    }
    this.#before = this.#reached || this.#before === undefined ? this.#now : join(this.#before, this.#now);
    this.#now = now;
    this.#reached = reaches;
  }

  // #reached says whether the answer of #now has reached requests: then #before is done with.
  #reached = true;

  /** token is that of a destination; empty if none has come. */
  token(key: string): string {
    return this.#now.get(key) ?? this.#before?.get(key) ?? "";
  }
}

function join(before: Map<string, string>, now: Map<string, string>): Map<string, string> {
  for (const [key, token] of now) {
    before.set(key, token);
  }
  return before;
}
