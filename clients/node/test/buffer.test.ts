import assert from "node:assert/strict";
import { test } from "node:test";
import { accept, hold } from "./answers.js";
import { connected, event, started } from "./client.js";
import type { Service } from "./service.js";

/** Each event of these tests counts 100 bytes: 64, the bucket and the payload. */
const payload = (n: number) => String(n).padEnd(100 - 64 - "workflows".length, ".");

/** release answers everything that was held. */
function release(service: Service): void {
  service.behaviour = accept;
  service.reset();
}

test("wait: an event that has no room waits in line, in order, and nothing is lost", async (t) => {
  const service = await started(t, hold);
  const client = connected(t, service, { maxBufferedBytes: 300, batchDelayMs: 0, maxStreams: 1 });
  const sent = Array.from({ length: 6 }, (_, n) => client.$send.s3(event(payload(n))));
  assert.deepEqual([client.stats().bufferedEvents, client.stats().bufferedBytes], [3, 300]);
  await assert.rejects(client.flush({ timeoutMs: 20 }), { name: "TimeoutError", events: 6, bytes: 600 });
  release(service);
  await Promise.all(sent);
  await client.flush();
  assert.deepEqual([...new Set(service.events)], [0, 1, 2, 3, 4, 5].map(payload));
  assert.equal(client.stats().bufferedBytes, 0);
});

test("wait: the line takes as much as the buffer; what is beyond it fails at once", async (t) => {
  const service = await started(t, hold);
  const client = connected(t, service, { maxBufferedBytes: 300 });
  const sent = Array.from({ length: 6 }, (_, n) => client.$send.s3(event(payload(n))));
  await assert.rejects(client.$send.s3(event(payload(6))), { name: "BufferFullError", limit: 300, bufferedBytes: 300 });
  release(service);
  await Promise.all(sent);
});

test("wait: bytes that the caller changes while they wait go as they were", async (t) => {
  const service = await started(t, hold);
  const client = connected(t, service, { maxBufferedBytes: 100 });
  const bytes = Buffer.from(payload(1));
  const sent = [client.$send.s3(event(payload(0))), client.$send.s3(event(bytes))];
  bytes.fill(0);
  release(service);
  await Promise.all(sent);
  assert.equal(service.events.at(-1), payload(1));
});

test("block: after blockTimeoutMs the event fails, and those behind it in their time", async (t) => {
  const service = await started(t, hold);
  const client = connected(t, service, { maxBufferedBytes: 100, whenFull: "block", blockTimeoutMs: 60 });
  const first = client.$send.s3(event(payload(0)));
  const began = performance.now();
  await Promise.all([1].map((n) => assert.rejects(client.$send.s3(event(payload(n))), { name: "BufferFullError" })));
  assert.ok(performance.now() - began >= 59);
  const second = client.$send.s3(event(payload(2)));
  release(service);
  await Promise.all([first, second]);
  assert.deepEqual([...new Set(service.events)], [payload(0), payload(2)]);
});

test("error: an event that has no room fails at once, and the next one has room again", async (t) => {
  const service = await started(t, hold);
  const client = connected(t, service, { maxBufferedBytes: 200, whenFull: "error" });
  const sent = [0, 1].map((n) => client.$send.s3(event(payload(n))));
  await assert.rejects(client.$send.s3(event(payload(2))), { name: "BufferFullError" });
  release(service);
  await Promise.all(sent);
  await client.$send.s3(event(payload(3)));
  assert.deepEqual([...new Set(service.events)], [0, 1, 3].map(payload));
});

test("an empty buffer takes one event of any size", async (t) => {
  const service = await started(t);
  const client = connected(t, service, { maxBufferedBytes: 10, whenFull: "error" });
  await client.$send.s3(event("x".repeat(5_000_000)));
  await client.$send.s3(event("y".repeat(5_000)));
  assert.equal(service.received.length, 2);
});

test("ready: a loop that awaits it never has anybody wait in line, and the event loop turns", async (t) => {
  const service = await started(t);
  const client = connected(t, service, { maxBufferedBytes: 64 << 10, batchBytes: 4096, whenFull: "error" });
  let turns = 0;
  const timer = setInterval(() => turns++, 1);
  t.after(() => clearInterval(timer));
  const sent: Promise<unknown>[] = [];
  for (let n = 0; n < 5000; n++) {
    await client.ready();
    sent.push(client.$send.s3(event(payload(n))));
    assert.ok(client.stats().bufferedBytes <= 64 << 10);
  }
  await Promise.all(sent);
  assert.ok(turns > 0);
  assert.equal(service.events.length, 5000);
});

test("a request is cut before the event that would make it larger than batchBytes", async (t) => {
  const service = await started(t);
  const client = connected(t, service, { batchBytes: 350, batchDelayMs: 1000, maxStreams: 1 });
  const sent = Array.from({ length: 7 }, (_, n) => client.$send.s3(event(payload(n))));
  await client.flush();
  await Promise.all(sent);
  assert.deepEqual(
    service.received.map(({ request }) => request.events.length),
    [3, 3, 1],
  );
});
