import assert from "node:assert/strict";
import { test } from "node:test";
import { status } from "@grpc/grpc-js";
import { accept, end, hold } from "./answers.js";
import { connected, event, started } from "./client.js";

const sender = (received: { request: { senderId: Uint8Array } } | undefined) =>
  Buffer.from(received?.request.senderId ?? []).toString("hex");

test("setTarget: the old one answers what it was sent, the new one gets everything else, from another sender", async (t) => {
  const old = await started(t, hold);
  const next = await started(t);
  const client = connected(t, old, { batchDelayMs: 0 });
  const first = client.$send.s3(event("1"));
  await old.until(() => old.received.length === 1);
  const changed = client.setTarget(next.target);
  await new Promise(setImmediate);
  const second = client.$send.s3(event("2"));
  await assert.rejects(client.flush({ timeoutMs: 20 }), { name: "TimeoutError" });
  assert.equal(next.received.length, 0);
  old.behaviour = accept;
  old.reset();
  await Promise.all([changed, first, second]);
  assert.deepEqual(new Set(old.events), new Set(["1"]));
  assert.deepEqual(next.events, ["2"]);
  assert.equal(next.received[0]?.request.sequence, 1n);
  assert.notEqual(sender(old.received[0]), sender(next.received[0]));
  await old.until(() => old.open === 0);
  assert.equal((await first).token, "workflows/ 1");
});

test("setTarget: when the time is over the old one stays, and goes on", async (t) => {
  const old = await started(t, hold);
  const client = connected(t, old, { batchDelayMs: 0 });
  const first = client.$send.s3(event("1"));
  await old.until(() => old.received.length === 1);
  await assert.rejects(client.setTarget("localhost:1", { timeoutMs: 20 }), { name: "TimeoutError", events: 1 });
  const second = client.$send.s3(event("2"));
  old.behaviour = accept;
  old.reset();
  await Promise.all([first, second]);
});

test("setTarget refuses what connect refuses, and a client that is closed", async (t) => {
  const service = await started(t);
  const client = connected(t, service, { token: "secret", insecure: true });
  await assert.rejects(client.setTarget(""), { name: "InvalidOptionError", option: "target" });
  await assert.rejects(client.setTarget("example.com:1"), { name: "InvalidOptionError", option: "token" });
  await client.close();
  await assert.rejects(client.setTarget("localhost:1"), { name: "ClosedError" });
});

test("setTarget and close at the same time both end; a client that has failed goes nowhere", async (t) => {
  const old = await started(t);
  const next = await started(t);
  const client = connected(t, old);
  await client.$send.s3(event("1"));
  const changed = client.setTarget(next.target);
  await new Promise(setImmediate); // the old stream is ending
  assert.deepEqual(await client.close(), { events: 0, bytes: 0 });
  await changed;
  const failing = connected(
    t,
    await started(t, (_received, stream) => end(stream, { code: status.PERMISSION_DENIED, message: "no" })),
  );
  await assert.rejects(failing.$send.s3(event("1")), { name: "ClientFailedError" });
  await assert.rejects(failing.setTarget(next.target), { name: "ClientFailedError" });
});
