import assert from "node:assert/strict";
import { test } from "node:test";
import { status } from "@grpc/grpc-js";
import { connect, UnansweredError } from "../src/index.js";
import { accept, end, hold } from "./answers.js";
import { connected, event, started } from "./client.js";

test("close waits for the answers, ends the streams, and has nothing left", async (t) => {
  const service = await started(t, (received, stream, s) => {
    setTimeout(() => accept(received, stream, s), 30);
  });
  const client = connected(t, service);
  const sent = client.$send.s3(event("x"));
  const closed = client.close();
  await assert.rejects(client.$send.s3(event("late")), { name: "ClosedError" });
  await assert.rejects(client.ready(), { name: "ClosedError" });
  assert.deepEqual(await closed, { events: 0, bytes: 0 });
  await sent;
  assert.equal(client.close(), closed);
  await service.until(() => service.open === 0);
  await assert.rejects((await sent).status(), { name: "ClosedError" });
});

test("close with a time-out says what is left, whose promises fail as unanswered", async (t) => {
  const service = await started(t, hold);
  const told: Error[] = [];
  const client = connected(t, service, { maxBufferedBytes: 200, onRejected: (error) => told.push(error) });
  const sent = Array.from({ length: 3 }, () => client.$send.s3(event("x".repeat(27))));
  const ready = assert.rejects(client.ready(), { name: "ClosedError" });
  const flushed = assert.rejects(client.flush(), { name: "UnansweredError" });
  const began = performance.now();
  assert.deepEqual(await client.close({ timeoutMs: 50 }), { events: 3, bytes: 300 });
  assert.ok(performance.now() - began >= 49);
  await assert.rejects(sent[0] as Promise<unknown>, { name: "UnansweredError", events: 3, bytes: 300 });
  await assert.rejects(sent[1] as Promise<unknown>, { name: "UnansweredError" });
  await assert.rejects(sent[2] as Promise<unknown>, { name: "UnansweredError" }); // it waited for room
  await Promise.all([ready, flushed]);
  assert.deepEqual(told.map((error) => error.name).sort(), ["UnansweredError", "UnansweredError", "UnansweredError"]);
  assert.equal(client.stats().bufferedBytes, 0);
});

test("close lets what waits for room go, too", async (t) => {
  const service = await started(t, hold);
  const client = connected(t, service, { maxBufferedBytes: 300, batchDelayMs: 60_000 });
  const sent = Array.from({ length: 6 }, (_, n) => client.$send.s3(event(String(n).padEnd(27, "."))));
  const closed = client.close();
  service.behaviour = accept;
  service.reset();
  assert.deepEqual(await closed, { events: 0, bytes: 0 });
  await Promise.all(sent);
  assert.equal(new Set(service.events).size, 6);
});

test("close without a time-out takes closeTimeoutMs", async (t) => {
  const service = await started(t, hold);
  const client = connected(t, service, { closeTimeoutMs: 20 });
  void client.$send.s3(event("x"));
  assert.equal((await client.close()).events, 1);
});

test("a client that has sent nothing is closed at once", async () => {
  const client = connect({ target: "localhost:1" });
  await client.flush();
  assert.deepEqual(await client.close(), { events: 0, bytes: 0 });
});

test("await using: closes it; what is left is an error", async (t) => {
  const service = await started(t);
  const client = connected(t, service, { closeTimeoutMs: 20 });
  await client.$send.s3(event("x"));
  await client[Symbol.asyncDispose]();
  const other = connected(t, await started(t, hold), { closeTimeoutMs: 20 });
  void other.$send.s3(event("x"));
  await assert.rejects(other[Symbol.asyncDispose](), UnansweredError);
  const refused = await started(t, (_received, stream) =>
    end(stream, { code: status.PERMISSION_DENIED, message: "no" }),
  );
  const failing = connected(t, refused);
  await assert.rejects(failing.$send.s3(event("x")), { name: "ClientFailedError" });
  await assert.rejects(failing[Symbol.asyncDispose](), { name: "ClientFailedError", code: "PERMISSION_DENIED" });
});

test("flush waits for what was sent before it, and for nothing else", async (t) => {
  const service = await started(t, (received, stream, s) => {
    if (received.request.sequence === 1n) {
      accept(received, stream, s);
    }
  });
  const client = connected(t, service, { batchDelayMs: 10_000 });
  const first = client.$send.s3(event("1"));
  const flushed = client.flush(); // does not wait for batchDelayMs
  const second = client.$send.s3(event("2"));
  await flushed;
  await first;
  await assert.rejects(client.flush({ timeoutMs: 10 }), { name: "TimeoutError", events: 1 });
  await assert.rejects(client.flush({ timeoutMs: -1 }), { name: "InvalidOptionError" });
  service.behaviour = accept;
  service.reset();
  await client.flush();
  await second;
});
