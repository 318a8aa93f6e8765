/**
 * `$.send.s3({bucket, prefix, payload})` for workflow executors: events into Amazon S3
 * through the Destinations service.
 *
 * @packageDocumentation
 */
import { Client } from "./client.js";
import type { ConnectOptions } from "./options.js";

/**
 * Makes a client of the service at `options.target`. It does not wait for a connection.
 * Throws an `InvalidOptionError` that names the option.
 */
export function connect(options: ConnectOptions): Client {
  return new Client(options);
}

export type { Client, Send, Stats, Timeout } from "./client.js";
export {
  BufferFullError,
  ClientFailedError,
  ClosedError,
  DeadError,
  DestinationsError,
  InvalidOptionError,
  RejectedError,
  SerializationError,
  TimeoutError,
  UnansweredError,
} from "./errors.js";
export type { S3Event } from "./event.js";
export type { ConnectOptions, TlsOptions, WhenFull } from "./options.js";
export type { Left } from "./pipeline.js";
export type { Receipt } from "./receipt.js";
export type { DeliveredObject, DeliveryState, DeliveryStatus } from "./status.js";
