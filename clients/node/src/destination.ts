import { RejectedError } from "./errors.js";
import { textField } from "./wire.js";

/** Where events go: made once for all the events of a bucket and prefix. */
export class Destination {
  /** As the service writes it in receipts: empty, or ending with "/". */
  readonly completedPrefix: string;
  /** Identifies it among receipts. */
  readonly key: string;
  /** Bytes of bucket and prefix as they were given. */
  readonly bytes: number;
  /** `bucket` and `prefix` as fields of an S3Event. */
  readonly inEvent: Buffer;
  /** `bucket` and `prefix` as fields of a request. */
  readonly inRequest: Buffer;

  constructor(
    readonly bucket: string,
    prefix: string,
  ) {
    this.completedPrefix = prefix === "" || prefix.endsWith("/") ? prefix : `${prefix}/`;
    this.key = destinationKey(bucket, this.completedPrefix);
    this.bytes = Buffer.byteLength(bucket) + Buffer.byteLength(prefix);
    const inEvent = [textField(0x12, bucket)];
    const inRequest = [textField(0x12, bucket)];
    if (prefix !== "") {
      inEvent.push(textField(0x1a, prefix));
      inRequest.push(textField(0x1a, prefix));
    }
    this.inEvent = Buffer.concat(inEvent);
    this.inRequest = Buffer.concat(inRequest);
  }
}

/** destinationKey identifies a destination by its bucket and completed prefix. */
export function destinationKey(bucket: string, completedPrefix: string): string {
  return `${bucket}\n${completedPrefix}`;
}

/** How many destinations are remembered; then all are forgotten and made anew. */
const maxRemembered = 10_000;

/** The destinations of one client. */
export class Destinations {
  readonly #byBucket = new Map<string, Map<string, Destination>>();
  #count = 0;

  /** of is the destination of an event's fields; throws a {@link RejectedError}. */
  of(bucket: unknown, prefix: unknown): Destination {
    const known = this.#byBucket.get(bucket as string)?.get((prefix ?? "") as string);
    return known ?? this.#remember(checkedBucket(bucket), checkedPrefix(prefix));
  }

  #remember(bucket: string, prefix: string): Destination {
    if (this.#count >= maxRemembered) {
      this.#byBucket.clear();
      this.#count = 0;
    }
    let prefixes = this.#byBucket.get(bucket);
    if (prefixes === undefined) {
      prefixes = new Map();
      this.#byBucket.set(bucket, prefixes);
    }
    const destination = new Destination(bucket, prefix);
    prefixes.set(prefix, destination);
    this.#count++;
    return destination;
  }
}

function checkedBucket(bucket: unknown): string {
  if (typeof bucket !== "string" || bucket === "") {
    throw new RejectedError(
      "BUCKET_INVALID",
      "bucket",
      `bucket must be a string that is not empty, is ${kind(bucket)}`,
    );
  }
  if (!wellFormed(bucket)) {
    throw new RejectedError("BUCKET_INVALID", "bucket", "bucket is not valid Unicode");
  }
  return bucket;
}

function checkedPrefix(prefix: unknown): string {
  if (prefix === undefined || prefix === null) {
    return "";
  }
  if (typeof prefix !== "string") {
    throw new RejectedError("PREFIX_INVALID", "prefix", `prefix must be a string, is ${kind(prefix)}`);
  }
  if (!wellFormed(prefix)) {
    throw new RejectedError("PREFIX_INVALID", "prefix", "prefix is not valid Unicode");
  }
  return prefix;
}

/** kind says of a value what it is, never the value. */
export function kind(value: unknown): string {
  if (value === "") {
    return "empty";
  }
  return value === null ? "null" : typeof value === "undefined" ? "missing" : `of type ${typeof value}`;
}

/** wellFormed reports whether a string has no lone surrogates, so that UTF-8 can say it. */
export function wellFormed(text: string): boolean {
  return text.isWellFormed();
}
