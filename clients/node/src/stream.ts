import type { Backoff } from "./backoff.js";
import type { Request } from "./batch.js";
import type { Call } from "./connection.js";
import { type Ending, ending, type Verdict } from "./ending.js";
import { ClientFailedError, RejectedError } from "./errors.js";
import { type Rejection, RejectionCode, type StreamS3Response } from "./gen/destinations/v1/destinations_pb.js";
import { Receipts } from "./receipts.js";

/** Whose a stream is. */
export interface StreamOwner {
  /** call opens a call; it fails if the token can't be had. */
  call(): Promise<Call>;
  /** changed is told when the stream is open, is so no more, or may be opened again. */
  changed(): void;
  /** encoded is a request as it is sent now. */
  encoded(request: Request): Buffer;
  /** answered takes a request whose last answer has come. */
  answered(request: Request, receipts: Receipts): void;
  /** idle is told when a stream has nothing unanswered any more. */
  idle(stream: Stream): void;
  /** ended is told why a stream has ended, and says what to do. */
  ended(end: Ending): Verdict;
  /** tooLarge empties a request that the service does not take as it is. */
  tooLarge(request: Request, reason: string): void;
  /** fail ends the client. */
  fail(error: ClientFailedError): void;
}

/** How long a stream that is closed has for its end. */
const endPatience = 1000;

/** One StreamS3 stream at a time, opened again when it ends, and what it has no answers for. */
export class Stream {
  /** In the order of their numbers, which grow. */
  readonly #unanswered: Request[] = [];
  /** Of the requests without an answer, as the buffer counts them. */
  bytes = 0;
  #call: Call | undefined;
  #opening = false;
  #pause: NodeJS.Timeout | undefined;
  #closed = false;
  #closing: Promise<void> | undefined;
  #ended: (() => void) | undefined;
  #receipts = new Receipts();
  /** The last numbers that were answered and written on this call. */
  #answeredTo = 0;
  #writtenTo = 0;

  constructor(
    private readonly owner: StreamOwner,
    private readonly backoff: Backoff,
  ) {}

  get isOpen(): boolean {
    return this.#call !== undefined;
  }

  /** isOpening reports whether it will be open or have failed soon. */
  get isOpening(): boolean {
    return this.#opening;
  }

  get isIdle(): boolean {
    return this.#unanswered.length === 0;
  }

  /** send takes a request, whose number is greater than the one before. */
  send(request: Request): void {
    this.#unanswered.push(request);
    this.bytes += request.batch.bytes;
    if (this.#call !== undefined) {
      this.#write(this.#call, request);
    }
  }

  /** open opens the stream, unless it is or waits for its time. */
  open(): void {
    if (this.isOpen || this.#opening || this.#pause !== undefined || this.#closed) {
      return;
    }
    this.#opening = true;
    this.owner.call().then(
      (call) => this.#opened(call),
      (error: Error) => this.#tokenFailed(error),
    );
  }

  /** close ends the stream: in order if everything is answered, otherwise at once. */
  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    this.#closed = true;
    clearTimeout(this.#pause);
    const call = this.#call;
    if (call === undefined) {
      return;
    }
    if (this.isIdle) {
      call.end();
    } else {
      call.cancel();
    }
    let patience: NodeJS.Timeout | undefined;
    await new Promise<void>((resolve) => {
      this.#ended = resolve;
      patience = setTimeout(() => call.cancel(), endPatience);
    });
    clearTimeout(patience);
  }

  #opened(call: Call): void {
    this.#opening = false;
    call.on("error", () => {}); // said by "status", too
    if (this.#closed) {
      call.cancel();
      return;
    }
    this.#call = call;
    this.#answeredTo = 0;
    call.on("data", (answer: StreamS3Response) => {
      if (this.#call === call && !this.#closed) {
        this.#answer(answer);
      }
    });
    call.on("status", (status) => this.#end(ending(status)));
    for (const request of this.#unanswered) {
      this.#write(call, request);
    }
    this.owner.changed();
  }

  #tokenFailed(error: Error): void {
    this.#opening = false;
    this.#end({ code: "UNAUTHENTICATED", reason: "", message: `token: ${error.message}`, retryMs: 0 });
  }

  #write(call: Call, request: Request): void {
    this.#writtenTo = request.sequence;
    // Encoded when its turn comes, so that it says what is settled then. What gRPC has
    // no room for waits in the call, which holds no copy of it until then.
    call.write(() => this.owner.encoded(request));
  }

  #answer(answer: StreamS3Response): void {
    const to = Number(answer.sequence);
    if (to < this.#answeredTo || to > this.#writtenTo) {
      this.#broken(`sequence ${to} answered, after ${this.#answeredTo} and with ${this.#writtenTo} sent`);
      return;
    }
    if (!answer.rejections.every((rejection) => this.#note(rejection))) {
      this.#broken("an event rejected that was not sent");
      return;
    }
    this.backoff.reset();
    this.#receipts.add(answer.receipts, to > this.#answeredTo);
    this.#answeredTo = to;
    while ((this.#unanswered[0]?.sequence ?? Number.POSITIVE_INFINITY) <= to) {
      const request = this.#unanswered.shift() as Request;
      this.bytes -= request.batch.bytes;
      this.owner.answered(request, this.#receipts);
    }
    if (this.isIdle) {
      this.owner.idle(this);
    }
  }

  /** note keeps a rejection with its request, and reports whether there is such an event. */
  #note({ sequence, requestIndex, code, field, reason }: Rejection): boolean {
    const number = Number(sequence);
    const request = this.#unanswered.find((r) => r.sequence === number);
    if (request === undefined || requestIndex >= request.batch.events.length) {
      return false;
    }
    request.rejections ??= new Map();
    request.rejections.set(requestIndex, new RejectedError(RejectionCode[code] ?? `CODE_${code}`, field, reason));
    return true;
  }

  #broken(what: string): void {
    this.owner.fail(new ClientFailedError("INTERNAL", "", `the service breaks the API: ${what}`));
  }

  #end(end: Ending): void {
    this.#call = undefined;
    this.#receipts = new Receipts();
    for (const request of this.#unanswered) {
      request.rejections = undefined; // the next answer says them again
    }
    this.#ended?.();
    if (this.#closed) {
      return;
    }
    const verdict = this.owner.ended(end);
    if (verdict === "fail" || this.#closed) {
      return;
    }
    this.#pause = setTimeout(() => this.#resume(), end.retryMs + this.backoff.pause());
    if (verdict === "too-large") {
      this.#giveUpLargest(end.message);
    }
    this.owner.changed();
  }

  #resume(): void {
    this.#pause = undefined;
    if (this.isIdle) {
      this.owner.changed();
    } else {
      this.open();
    }
  }

  #giveUpLargest(reason: string): void {
    let largest = this.#unanswered[0];
    for (const request of this.#unanswered) {
      if (request.batch.body.length > (largest as Request).batch.body.length) {
        largest = request;
      }
    }
    if (largest !== undefined) {
      const before = largest.batch.bytes;
      this.owner.tooLarge(largest, reason);
      this.bytes -= before - largest.batch.bytes;
    }
  }
}
