import type { ServiceError } from "@grpc/grpc-js";
import { type Ending, ending, failed, isTransient } from "./ending.js";
import { ClientFailedError } from "./errors.js";
import type { GetDeliveryResponse } from "./gen/destinations/v1/deliveries_pb.js";
import { type DeliveryStatus, statusOf } from "./status.js";

/** Calls Deliveries.GetDelivery. */
export interface DeliveryCaller {
  getDelivery(tokens: string[]): Promise<GetDeliveryResponse>;
}

/** What the service says of a token, or why it says nothing. */
export interface Answer {
  status?: DeliveryStatus;
  /** Why there is no status. */
  error?: Error;
  /** It may be asked again. */
  transient?: boolean;
}

/** Tokens in one call. */
const maxTokens = 1000;

/**
 * Asks of many in one: what is asked in one turn of the event loop shares its calls,
 * and a token that is asked for twice is asked once.
 */
export class Asks {
  #waiting = new Map<string, ((answer: Answer) => void)[]>();

  constructor(
    private readonly caller: DeliveryCaller,
    private readonly asksToken: boolean,
  ) {}

  ask(token: string): Promise<Answer> {
    return new Promise((resolve) => {
      if (this.#waiting.size === 0) {
        setImmediate(() => this.#go());
      }
      const others = this.#waiting.get(token);
      if (others === undefined) {
        this.#waiting.set(token, [resolve]);
      } else {
        others.push(resolve);
      }
    });
  }

  #go(): void {
    const asked = this.#waiting;
    this.#waiting = new Map();
    const tokens = [...asked.keys()];
    for (let at = 0; at < tokens.length; at += maxTokens) {
      void this.#call(tokens.slice(at, at + maxTokens), (token, answer) => {
        for (const resolve of asked.get(token) ?? []) {
          resolve(answer);
        }
      });
    }
  }

  async #call(tokens: string[], give: (token: string, answer: Answer) => void): Promise<void> {
    let end: Ending;
    try {
      const { deliveries } = await this.caller.getDelivery(tokens);
      tokens.forEach((token, i) => {
        const delivery = deliveries[i];
        give(token, delivery === undefined ? unanswered : { status: statusOf(delivery) });
      });
      return;
    } catch (error) {
      end = endingOf(error);
    }
    if (tokens.length === 1 || isTransient(end, this.asksToken)) {
      const answer = { error: failed(end), transient: isTransient(end, this.asksToken) };
      for (const token of tokens) {
        give(token, answer);
      }
      return;
    }
    // One token that is refused has the whole call refused: the others are asked without it.
    const half = tokens.length >> 1;
    await Promise.all([this.#call(tokens.slice(0, half), give), this.#call(tokens.slice(half), give)]);
  }
}

const unanswered: Answer = {
  error: new ClientFailedError("INTERNAL", "", "the service has answered fewer receipts than were asked for"),
};

/** endingOf: what is no status of gRPC comes from the function that gives the token. */
function endingOf(error: unknown): Ending {
  const { code, details, metadata, message } = error as Partial<ServiceError>;
  if (code === undefined || metadata === undefined) {
    return { code: "UNAUTHENTICATED", reason: "", message: `token: ${message ?? String(error)}`, retryMs: 0 };
  }
  return ending({ code, details: details ?? "", metadata });
}
