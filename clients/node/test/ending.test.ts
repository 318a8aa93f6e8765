import assert from "node:assert/strict";
import { test } from "node:test";
import { create } from "@bufbuild/protobuf";
import { Metadata, status } from "@grpc/grpc-js";
import { ending, verdict } from "../src/ending.js";
import { RejectionCode, StreamS3ResponseSchema } from "../src/gen/destinations/v1/destinations_pb.js";
import { accept, answer, details, end, rejection } from "./answers.js";
import { connected, event, started } from "./client.js";
import type { Behaviour } from "./service.js";

test("what to do after each status", () => {
  const table: [keyof typeof status, string, string, string][] = [
    ["UNAVAILABLE", "STREAM_AGE", "", "again"],
    ["UNAVAILABLE", "SHUTTING_DOWN", "", "again"],
    ["UNAVAILABLE", "", "", "again"],
    ["RESOURCE_EXHAUSTED", "JOURNAL_FULL", "", "again"],
    ["RESOURCE_EXHAUSTED", "RATE_EXCEEDED", "", "again"],
    ["RESOURCE_EXHAUSTED", "MEMORY_FULL", "", "again"],
    ["RESOURCE_EXHAUSTED", "TOO_MANY_CALLS", "", "again"],
    ["RESOURCE_EXHAUSTED", "REQUEST_TOO_LARGE", "", "too-large"],
    ["RESOURCE_EXHAUSTED", "", "grpc: received message larger than max (9 vs. 8)", "too-large"],
    ["RESOURCE_EXHAUSTED", "RATE_EXCEEDED", "", "again"],
    ["RESOURCE_EXHAUSTED", "", "too many calls", "fail"],
    ["DEADLINE_EXCEEDED", "", "", "again"],
    ["ABORTED", "", "", "again"],
    ["UNKNOWN", "", "", "again"],
    ["CANCELLED", "", "", "again"],
    ["INTERNAL", "JOURNAL_BROKEN", "", "again"],
    ["INTERNAL", "", "", "again"],
    ["INTERNAL", "MALFORMED_REQUEST", "", "fail"],
    ["OK", "", "", "again"],
    ["INVALID_ARGUMENT", "SENDER_ID_INVALID", "", "fail"],
    ["PERMISSION_DENIED", "", "", "fail"],
    ["UNAUTHENTICATED", "", "", "fail"],
    ["UNIMPLEMENTED", "", "", "fail"],
    ["NOT_FOUND", "", "", "fail"],
  ];
  for (const [name, reason, message, want] of table) {
    const read = ending({ code: status[name], details: message, metadata: details(status[name], reason || undefined) });
    assert.deepEqual([read.code, read.reason, verdict(read, false)], [name, reason, want], `${name} ${reason}`);
  }
  const unauthenticated = ending({ code: status.UNAUTHENTICATED, details: "" });
  assert.equal(verdict(unauthenticated, true), "again");
});

test("details that can't be read are passed over", () => {
  const metadata = new Metadata();
  metadata.set("grpc-status-details-bin", Buffer.from([0x1a, 0xff, 0xff]));
  assert.equal(ending({ code: 14, details: "x", metadata }).reason, "");
  assert.equal(ending({ code: 14, details: "x", metadata: details(14, "A", 250) }).retryMs, 250);
});

test("a final status fails what waits and what comes, with code, reason and message", async (t) => {
  const refuse: Behaviour = (_received, stream) =>
    end(stream, { code: status.INVALID_ARGUMENT, reason: "SENDER_ID_INVALID", message: "no" });
  const service = await started(t, refuse);
  const told: Error[] = [];
  const client = connected(t, service, { onRejected: (error) => told.push(error) });
  const failure = { name: "ClientFailedError", code: "INVALID_ARGUMENT", reason: "SENDER_ID_INVALID", details: "no" };
  const sent = client.$send.s3(event("x"));
  const flushed = client.flush();
  await assert.rejects(sent, failure);
  await assert.rejects(flushed, failure);
  await assert.rejects(client.$send.s3(event("later")), failure);
  await assert.rejects(client.flush(), failure);
  await assert.rejects(client.ready(), failure);
  assert.equal(told.length, 1);
  assert.deepEqual(await client.close(), { events: 0, bytes: 0 });
});

test("a request that is too large is given up with its events, and the others go on", async (t) => {
  const service = await started(t, (received, stream, s) => {
    if (received.bytes.length > 2000) {
      end(stream, { code: status.RESOURCE_EXHAUSTED, reason: "REQUEST_TOO_LARGE", message: "at most 2000" });
      return;
    }
    accept(received, stream, s);
  });
  const client = connected(t, service, { batchBytes: 500, batchDelayMs: 0, maxStreams: 1 });
  const sent = ["a", "b".repeat(3000), "c"].map((payload) => client.$send.s3(event(payload)));
  const flushed = client.flush();
  await assert.rejects(sent[1] as Promise<unknown>, {
    name: "RejectedError",
    code: "REQUEST_TOO_LARGE",
    field: "payload",
    reason: "at most 2000",
  });
  await Promise.all([sent[0], sent[2]]);
  await flushed;
  const empty = service.received.filter(({ request }) => request.events.length === 0);
  assert.deepEqual(
    empty.map(({ request }) => request.sequence),
    [2n],
  );
  assert.deepEqual(client.stats().bufferedBytes, 0);
  assert.equal(client.stats().rejected, 1);
});

test("an answer that breaks the API fails the client", async (t) => {
  const broken: Behaviour[] = [
    ({ request }, stream) => stream.write(create(StreamS3ResponseSchema, { sequence: request.sequence + 1n })),
    ({ request }, stream) => {
      const response = answer(request);
      response.rejections.push(rejection(request, 1, RejectionCode.PAYLOAD_EMPTY));
      stream.write(response);
    },
    ({ request }, stream) => {
      stream.write(answer(request));
      stream.write(create(StreamS3ResponseSchema, { sequence: 0n }));
    },
  ];
  for (const behaviour of broken) {
    const service = await started(t, behaviour);
    const client = connected(t, service);
    await client.$send.s3(event("x")).catch(() => {});
    while (!(await client.flush().catch((error) => /breaks the API/.test(error.message)))) {
      await new Promise(setImmediate);
    }
  }
});
