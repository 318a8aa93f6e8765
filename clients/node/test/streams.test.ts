import assert from "node:assert/strict";
import { test } from "node:test";
import { accept, hold } from "./answers.js";
import { connected, event, started } from "./client.js";
import type { Received, Stream } from "./service.js";

test("at most 1,000 requests are without an answer; more events wait uncut", async (t) => {
  const service = await started(t, hold);
  const client = connected(t, service, { batchBytes: 64, batchDelayMs: 0, maxStreams: 1 });
  const all = Array.from({ length: 1100 }, (_, n) => client.$send.s3(event(`${n}`)));
  await service.until(() => service.received.length >= 1000);
  await assert.rejects(client.flush({ timeoutMs: 50 }), { name: "TimeoutError", events: 1100 });
  assert.equal(service.received.length, 1000);
  service.behaviour = accept;
  service.reset();
  await Promise.all(all);
  const sequences = new Set(service.received.map(({ request }) => request.sequence));
  assert.equal(sequences.size, 1100);
  assert.ok(service.received.every(({ request }) => request.sequence - request.settled <= 65_536n));
});

test("an additional stream that has had nothing to do for 10 s is closed, the first one stays", async (t) => {
  const held: [Received, Stream][] = [];
  const service = await started(t, (received, stream) => held.push([received, stream]));
  const client = connected(t, service, { batchBytes: 1 << 20, maxStreams: 3 });
  const pad = "x".repeat(1 << 20);
  const all = Array.from({ length: 6 }, () => client.$send.s3(event(pad)));
  await service.until(() => held.length === 6);
  assert.equal(client.stats().streams, 3);
  t.mock.timers.enable({ apis: ["setTimeout"] });
  for (const [received, stream] of held) {
    accept(received, stream, service);
  }
  service.behaviour = accept;
  await Promise.all(all);
  t.mock.timers.tick(9_999);
  assert.equal(client.stats().streams, 3);
  t.mock.timers.tick(1);
  await service.until(() => service.open === 1);
  t.mock.timers.reset();
  await client.$send.s3(event("more"));
  assert.equal(client.stats().streams, 1);
  assert.equal(client.stats().reconnects, 0);
});
