// Answers and ends, as the service writes them.
import { create } from "@bufbuild/protobuf";
import { BinaryWriter } from "@bufbuild/protobuf/wire";
import { Metadata } from "@grpc/grpc-js";
import {
  type Rejection,
  type RejectionCode,
  RejectionSchema,
  type StreamS3Request,
  type StreamS3Response,
  StreamS3ResponseSchema,
} from "../src/gen/destinations/v1/destinations_pb.js";
import type { Behaviour, Stream } from "./service.js";

/** What ends a stream. */
export interface End {
  code: number;
  message?: string;
  reason?: string;
  retryMs?: number;
}

/** accept answers a request as the service does: all accepted, a receipt for each destination. */
export const accept: Behaviour = ({ request }, stream) => {
  stream.write(answer(request));
};

/** hold answers nothing. */
export const hold: Behaviour = () => {};

export function answer(request: StreamS3Request): StreamS3Response {
  const places = new Map<string, { bucket: string; prefix: string; token: string }>();
  for (const event of request.events) {
    const bucket = event.bucket || request.bucket;
    const given = event.prefix ?? (event.bucket ? "" : request.prefix);
    const prefix = given === "" || given.endsWith("/") ? given : `${given}/`;
    places.set(`${bucket}/${prefix}`, { bucket, prefix, token: `${bucket}/${prefix} ${request.sequence}` });
  }
  return create(StreamS3ResponseSchema, {
    sequence: request.sequence,
    accepted: BigInt(request.events.length),
    receipts: request.receipts ? [...places.values()] : [],
  });
}

export function rejection(request: StreamS3Request, requestIndex: number, code: RejectionCode, reason = ""): Rejection {
  return create(RejectionSchema, { sequence: request.sequence, requestIndex, code, field: "payload", reason });
}

/** end ends a stream with a status. */
export function end(stream: Stream, { code, message = "", reason, retryMs }: End): void {
  stream.emit(
    "error",
    Object.assign(new Error(message), { code, details: message, metadata: details(code, reason, retryMs) }),
  );
}

/** details has google.rpc.Status with ErrorInfo and RetryInfo. */
export function details(code: number, reason?: string, retryMs?: number): Metadata {
  const metadata = new Metadata();
  const status = new BinaryWriter().uint32(8).int32(code);
  if (reason !== undefined) {
    const info = new BinaryWriter().uint32(10).string(reason).uint32(18).string("destinations").finish();
    status.uint32(26).bytes(any("ErrorInfo", info));
  }
  if (retryMs !== undefined) {
    const delay = new BinaryWriter()
      .uint32(16)
      .int32(retryMs * 1e6)
      .finish();
    status.uint32(26).bytes(any("RetryInfo", new BinaryWriter().uint32(10).bytes(delay).finish()));
  }
  metadata.set("grpc-status-details-bin", Buffer.from(status.finish()));
  return metadata;
}

function any(name: string, value: Uint8Array): Uint8Array {
  const type = `type.googleapis.com/google.rpc.${name}`;
  return new BinaryWriter().uint32(10).string(type).uint32(18).bytes(value).finish();
}
