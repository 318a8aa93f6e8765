import assert from "node:assert/strict";
import { test } from "node:test";
import type { RejectedError, S3Event } from "../src/index.js";
import { hold } from "./answers.js";
import { connected, event, started } from "./client.js";

test("payloads: strings and bytes as they are, everything else as JSON, as they were in the call", async (t) => {
  const service = await started(t);
  const client = connected(t, service);
  const { s3 } = client.$send;
  const object = { a: "ü", nested: [1, null, true] };
  const bytes = new Uint8Array([104, 105]);
  const backing = new TextEncoder().encode("__view__");
  const payloads: unknown[] = [
    object,
    "a string",
    bytes,
    Buffer.from("buffer"),
    new DataView(backing.buffer, 2, 4),
    new TextEncoder().encode("array buffer").buffer,
    null,
    0,
    false,
    [],
    new Date(0),
    { toJSON: () => "own" },
  ];
  const sent = Promise.all(payloads.map((payload) => s3(event(payload))));
  object.a = "changed";
  bytes[0] = 0;
  await sent;
  assert.deepEqual(service.events, [
    '{"a":"ü","nested":[1,null,true]}',
    "a string",
    "hi",
    "buffer",
    "view",
    "array buffer",
    "null",
    "0",
    "false",
    "[]",
    '"1970-01-01T00:00:00.000Z"',
    '"own"',
  ]);
});

test("what can't be serialised fails its own call, with the encoder's error as cause", async (t) => {
  const service = await started(t);
  const { s3 } = connected(t, service).$send;
  const cycle: Record<string, unknown> = { secret: 1 };
  cycle.cycle = cycle;
  const throws = {
    toJSON: () => {
      throw new Error("no");
    },
  };
  for (const payload of [1n, { big: 1n }, cycle, throws, () => 1, Symbol("s"), "\ud800"]) {
    await assert.rejects(s3(event(payload)), (error: Error & { field?: string }) => {
      assert.equal(error.name, "SerializationError");
      assert.equal(error.field, "payload");
      assert.doesNotMatch(error.message, /secret/);
      return true;
    });
  }
  await assert.rejects(s3(event(cycle)), (error: Error) => error.cause instanceof TypeError);
  await s3(event("good"));
  assert.deepEqual(service.events, ["good"]);
});

test("fields that are missing, of another type or no Unicode fail the call and name the field", async (t) => {
  const service = await started(t);
  const client = connected(t, service);
  const bad: [unknown, string, string][] = [
    [undefined, "BUCKET_INVALID", "bucket"],
    [null, "BUCKET_INVALID", "bucket"],
    [{ payload: 1 }, "BUCKET_INVALID", "bucket"],
    [{ bucket: "", payload: 1 }, "BUCKET_INVALID", "bucket"],
    [{ bucket: 7, payload: 1 }, "BUCKET_INVALID", "bucket"],
    [{ bucket: "\udc00", payload: 1 }, "BUCKET_INVALID", "bucket"],
    [{ bucket: "b", prefix: 7, payload: 1 }, "PREFIX_INVALID", "prefix"],
    [{ bucket: "b", prefix: "\ud800x", payload: 1 }, "PREFIX_INVALID", "prefix"],
    [{ bucket: "b", id: 7, payload: 1 }, "ID_INVALID", "id"],
    [{ bucket: "b", id: "\ud800", payload: 1 }, "ID_INVALID", "id"],
    [{ bucket: "b" }, "PAYLOAD_EMPTY", "payload"],
    [{ bucket: "b", payload: undefined }, "PAYLOAD_EMPTY", "payload"],
    [{ bucket: "b", payload: "" }, "PAYLOAD_EMPTY", "payload"],
    [{ bucket: "b", payload: Buffer.alloc(0) }, "PAYLOAD_EMPTY", "payload"],
    [{ bucket: "b", payload: Buffer.alloc((16 << 20) + 1) }, "PAYLOAD_TOO_LARGE", "payload"],
  ];
  for (const [given, code, field] of bad) {
    await assert.rejects(client.$send.s3(given as S3Event), (error: RejectedError) => {
      assert.deepEqual([error.name, error.code, error.field], ["RejectedError", code, field]);
      return true;
    });
  }
  assert.equal(client.stats().bufferedEvents, 0);
  assert.equal(client.stats().rejected, 0); // by the service
});

test("an own serializer: strings, bytes, and nothing else", async (t) => {
  const service = await started(t);
  const made: unknown[] = ["text", new Uint8Array([65]), 7];
  const { s3 } = connected(t, service, { serializer: () => made.shift() as string }).$send;
  await s3(event({}));
  await s3(event({}));
  await assert.rejects(s3(event({})), { name: "SerializationError" });
  await s3(event("as it is"));
  assert.deepEqual(service.events, ["text", "A", "as it is"]);
});

test("facades may be taken apart, and are one sender", async (t) => {
  const service = await started(t);
  const client = connected(t, service);
  const { s3 } = client.$send;
  const { send } = client.$;
  const { s3: other } = send;
  await Promise.all([s3(event("1")), other(event("2")), client.$.send.s3(event("3")), client.$send.s3(event("4"))]);
  assert.deepEqual(service.events, ["1", "2", "3", "4"]);
  assert.equal(new Set(service.received.map(({ request }) => String(request.senderId))).size, 1);
});

test("what an event counts: payload, bucket, prefix, id and 64 bytes", async (t) => {
  const service = await started(t, hold);
  const client = connected(t, service);
  void client.$send.s3({ bucket: "bücket", prefix: "pre", id: "ïd", payload: "€" });
  assert.deepEqual([client.stats().bufferedEvents, client.stats().bufferedBytes], [1, 7 + 3 + 3 + 3 + 64]);
});
