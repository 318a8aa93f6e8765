import assert from "node:assert/strict";
import { test } from "node:test";
import { create } from "@bufbuild/protobuf";
import { RejectionCode, StreamS3ResponseSchema } from "../src/gen/destinations/v1/destinations_pb.js";
import type { DestinationsError, RejectedError } from "../src/index.js";
import { accept, answer, end, rejection } from "./answers.js";
import { connected, event, started } from "./client.js";

test("a rejected event rejects its own promise, with code, field and reason", async (t) => {
  const service = await started(t, ({ request }, stream) => {
    const response = answer(request);
    const bad = request.events.findIndex((e) => String(Buffer.from(e.payload)) === "bad");
    response.rejections.push(rejection(request, bad, RejectionCode.PAYLOAD_LINE_BREAK, "line break at byte 1"));
    stream.write(response);
  });
  const told: DestinationsError[] = [];
  const client = connected(t, service, {
    onRejected: (error) => {
      told.push(error);
      throw new Error("ignored");
    },
  });
  const sent = ["good", "bad", "better"].map((payload) => client.$send.s3(event(payload)));
  const [good, bad, better] = await Promise.allSettled(sent);
  assert.equal(good?.status, "fulfilled");
  assert.equal(better?.status, "fulfilled");
  const error = (bad as PromiseRejectedResult).reason as RejectedError;
  assert.deepEqual(
    [error.name, error.code, error.field, error.reason],
    ["RejectedError", "PAYLOAD_LINE_BREAK", "payload", "line break at byte 1"],
  );
  assert.deepEqual(told, [error]);
  assert.deepEqual([client.stats().accepted, client.stats().rejected], [2, 1]);
});

test("one answer stands for many requests; receipts and rejections may come before it, in several", async (t) => {
  const requests: Parameters<typeof answer>[0][] = [];
  const service = await started(t, ({ request }, stream) => {
    requests.push(request);
    const [first, second, third] = requests;
    if (first === undefined || second === undefined || third === undefined || requests.length > 3) {
      return;
    }
    // Reaches the first, and has of the others what there was room for.
    stream.write(
      create(StreamS3ResponseSchema, {
        sequence: 1n,
        accepted: 1n,
        rejected: 1n,
        receipts: [...answer(first).receipts, { bucket: "workflows", prefix: "b/", token: "of b" }],
        rejections: [rejection(second, 0, RejectionCode.PAYLOAD_EMPTY)],
      }),
    );
    stream.write(
      create(StreamS3ResponseSchema, {
        sequence: 1n,
        receipts: [{ bucket: "workflows", prefix: "c/", token: "of c" }],
        rejections: [rejection(third, 0, RejectionCode.PREFIX_INVALID)],
      }),
    );
    stream.write(
      create(StreamS3ResponseSchema, {
        sequence: 3n,
        accepted: 3n,
        receipts: [{ bucket: "workflows", prefix: "d/", token: "of d" }],
      }),
    );
  });
  const client = connected(t, service, { batchBytes: 200, batchDelayMs: 0, maxStreams: 1 });
  const sent = ["a", "r", "b", "c", "r", "d"].map((p) => client.$send.s3(event("x".repeat(20), p)));
  const results = await Promise.allSettled(sent);
  assert.deepEqual(
    requests.map((request) => request.events.length),
    [2, 2, 2],
  );
  assert.deepEqual(
    results.map((r) => (r.status === "fulfilled" ? r.value.token : (r.reason as RejectedError).code)),
    [answer(requests[0] as never).receipts[0]?.token, answer(requests[0] as never).receipts[1]?.token].concat(
      "PAYLOAD_EMPTY",
      "of c",
      "PREFIX_INVALID",
      "of d",
    ),
  );
});

test("what was said of a request before its stream broke is said anew", async (t) => {
  const service = await started(t, (received, stream, s) => {
    if (received.stream > 1) {
      accept(received, stream, s);
      return;
    }
    const early = rejection(received.request, 0, RejectionCode.DESTINATION_BLOCKED);
    stream.write(create(StreamS3ResponseSchema, { sequence: 0n, rejections: [early] }));
    setTimeout(() => end(stream, { code: 14, message: "reset" }), 20);
  });
  const client = connected(t, service);
  assert.equal((await client.$send.s3(event("x"))).prefix, "");
  assert.equal(client.stats().rejected, 0);
});

test("receipts: false asks for none, and says so when one is asked", async (t) => {
  const service = await started(t);
  const client = connected(t, service, { receipts: false });
  const receipt = await client.$send.s3(event("x", "p"));
  assert.deepEqual([receipt.bucket, receipt.prefix, receipt.token], ["workflows", "p/", ""]);
  assert.equal(service.received[0]?.request.receipts, false);
  await assert.rejects(receipt.status(), /receipts: false/);
  await assert.rejects(receipt.delivered(), { name: "DestinationsError" });
});
