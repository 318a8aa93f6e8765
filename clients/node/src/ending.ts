import { BinaryReader } from "@bufbuild/protobuf/wire";
import { type Metadata, status as statusCode } from "@grpc/grpc-js";
import { ClientFailedError } from "./errors.js";

/** Why a stream or a call has ended. */
export interface Ending {
  /** The gRPC status code's name. */
  code: string;
  /** `ErrorInfo.reason`; empty if there is none. */
  reason: string;
  message: string;
  /** `RetryInfo.retry_delay`; 0 if there is none. */
  retryMs: number;
}

/** What is to be done when a stream has ended. */
export type Verdict = "again" | "too-large" | "fail";

/** ending reads a status of gRPC and the details that it carries. */
export function ending(status: { code: number; details: string; metadata?: Metadata }): Ending {
  const end = { code: statusCode[status.code] ?? String(status.code), reason: "", message: status.details, retryMs: 0 };
  for (const bytes of status.metadata?.get("grpc-status-details-bin") ?? []) {
    try {
      readStatus(bytes as Buffer, end);
    } catch {
      // Details that can't be read say nothing; the code stands for itself.
    }
  }
  return end;
}

const transient = new Set(["OK", "UNAVAILABLE", "DEADLINE_EXCEEDED", "ABORTED", "UNKNOWN", "CANCELLED", "INTERNAL"]);

/** verdict says what to do after the end of a stream. asksToken: the token is a function, which may give another one. */
export function verdict(end: Ending, asksToken: boolean): Verdict {
  if (end.code === "RESOURCE_EXHAUSTED") {
    if (end.reason === "REQUEST_TOO_LARGE" || (end.reason === "" && /larger than max/i.test(end.message))) {
      return "too-large";
    }
    return ["JOURNAL_FULL", "MEMORY_FULL", "RATE_EXCEEDED", "TOO_MANY_CALLS"].includes(end.reason) ? "again" : "fail";
  }
  if (end.code === "UNAUTHENTICATED") {
    return asksToken ? "again" : "fail";
  }
  return transient.has(end.code) && end.reason !== "MALFORMED_REQUEST" ? "again" : "fail";
}

/** isTransient reports whether a call that has ended so may be made again. */
export function isTransient(end: Ending, asksToken: boolean): boolean {
  return end.code === "RESOURCE_EXHAUSTED" || verdict(end, asksToken) === "again";
}

/** failed is the error of an ending that is final. */
export function failed(end: Ending): ClientFailedError {
  return new ClientFailedError(end.code, end.reason, end.message);
}

/** describe says an ending in a line. */
export function describe(end: Ending): string {
  return `${end.code}${end.reason && ` (${end.reason})`}: ${end.message}`;
}

// google.rpc.Status, ErrorInfo and RetryInfo, as far as they are used here. Their
// fields: github.com/googleapis/googleapis/tree/master/google/rpc.

function readStatus(bytes: Uint8Array, end: Ending): void {
  eachField(bytes, (field, value) => {
    if (field === 3) {
      readDetail(value, end);
    }
  });
}

function readDetail(any: Uint8Array, end: Ending): void {
  let type = "";
  let detail: Uint8Array = new Uint8Array();
  eachField(any, (field, value) => {
    if (field === 1) {
      type = Buffer.from(value).toString();
    } else if (field === 2) {
      detail = value;
    }
  });
  if (type.endsWith("/google.rpc.ErrorInfo")) {
    eachField(detail, (field, value) => {
      if (field === 1) {
        end.reason = Buffer.from(value).toString();
      }
    });
  } else if (type.endsWith("/google.rpc.RetryInfo")) {
    eachField(detail, (field, value) => {
      if (field === 1) {
        end.retryMs = readDuration(value);
      }
    });
  }
}

function readDuration(bytes: Uint8Array): number {
  const reader = new BinaryReader(bytes);
  let ms = 0;
  while (reader.pos < reader.len) {
    const [field, type] = reader.tag();
    if (field === 1) {
      ms += 1000 * Number(reader.int64());
    } else if (field === 2) {
      ms += reader.int32() / 1e6;
    } else {
      reader.skip(type);
    }
  }
  return Math.max(0, ms);
}

/** eachField gives the fields that have a length; others are passed over. */
function eachField(bytes: Uint8Array, give: (field: number, value: Uint8Array) => void): void {
  const reader = new BinaryReader(bytes);
  while (reader.pos < reader.len) {
    const [field, type] = reader.tag();
    if (type === 2) {
      give(field, reader.bytes());
    } else {
      reader.skip(type);
    }
  }
}
