import assert from "node:assert/strict";
import { test } from "node:test";
import { status } from "@grpc/grpc-js";
import { accept, end, hold } from "./answers.js";
import { connected, event, started } from "./client.js";
import { type Behaviour, type Received, Service } from "./service.js";

/** cut is what must not change of a request when it is sent again. */
function cut({ request }: Received): string {
  const { settled: _, ...rest } = request;
  return JSON.stringify(rest, (_key, value) =>
    typeof value === "bigint"
      ? String(value)
      : value instanceof Uint8Array
        ? Buffer.from(value).toString("hex")
        : value,
  );
}

test("what has no answer is sent again exactly as it was, by the same sender", async (t) => {
  let seen = 0;
  // Every third request resets the stream, before or after its answer.
  const flaky: Behaviour = (received, stream, s) => {
    seen++;
    if (seen % 6 === 3) {
      end(stream, { code: status.UNAVAILABLE, message: "reset" });
      return;
    }
    accept(received, stream, s);
    if (seen % 6 === 0) {
      end(stream, { code: status.UNAVAILABLE, message: "reset behind the answer" });
    }
  };
  const service = await started(t, flaky);
  const client = connected(t, service, { batchDelayMs: 0, batchBytes: 500, maxStreams: 1 });
  const promises = Array.from({ length: 200 }, (_, i) => client.$send.s3(event({ i }, `p${i % 3}`)));
  const receipts = await Promise.all(promises);
  assert.equal(receipts[7]?.prefix, "p1/");

  const first = new Map<bigint, string>();
  for (const received of service.received) {
    const before = first.get(received.request.sequence);
    assert.equal(cut(received), before ?? cut(received));
    first.set(received.request.sequence, cut(received));
  }
  assert.deepEqual(
    [...first.keys()],
    Array.from({ length: first.size }, (_, i) => BigInt(i + 1)),
  );
  assert.equal(new Set(service.received.map(({ request }) => Buffer.from(request.senderId).toString("hex"))).size, 1);
  assert.equal(service.received[0]?.request.senderId.length, 16);
  assert.ok(service.streams > 3, `${service.streams} streams`);
  assert.ok(client.stats().reconnects > 3);
  assert.equal(client.stats().accepted, 200);
});

test("settled never shrinks in a stream, is below sequence, and says what is answered", async (t) => {
  const service = await started(t);
  const client = connected(t, service, { batchDelayMs: 0, maxStreams: 3 });
  for (let i = 0; i < 40; i++) {
    await client.$send.s3(event({ i }));
  }
  const ahead = service.received.map(({ request }) => request.sequence - request.settled);
  assert.deepEqual(ahead, Array(40).fill(1n)); // each call waited for the one before
});

test("a stream whose age is over is followed by another one after the service's delay", async (t) => {
  const service = await started(t, (received, stream, s) => {
    if (received.stream === 1 && received.request.sequence === 2n) {
      end(stream, { code: status.UNAVAILABLE, reason: "STREAM_AGE", message: "old", retryMs: 30 });
      return;
    }
    accept(received, stream, s);
  });
  const client = connected(t, service, { batchDelayMs: 0 });
  await client.$send.s3(event("1"));
  const began = performance.now();
  await client.$send.s3(event("2"));
  assert.ok(performance.now() - began >= 29);
  assert.deepEqual(service.events, ["1", "2", "2"]);
  assert.equal(client.stats().reconnects, 1);
  assert.equal(client.stats().lastError, "");
});

test("a service that is away is no error: events wait, and stats say why", async (t) => {
  const service = await started(t);
  service.stop();
  const client = connected(t, service, { reconnectMaxMs: 20 });
  const sent = client.$send.s3(event("later"));
  do {
    await assert.rejects(client.flush({ timeoutMs: 20 }), { name: "TimeoutError", events: 1 });
  } while (client.stats().lastError === "");
  assert.match(client.stats().lastError, /^UNAVAILABLE: /);
  const back = await new Service().start(undefined, service.target);
  t.after(() => back.stop());
  assert.equal((await sent).bucket, "workflows");
});

test("several streams under load, each with growing numbers, through resets", async (t) => {
  const service = await started(t, hold);
  const client = connected(t, service, { batchBytes: 1 << 20, batchDelayMs: 0, maxStreams: 3 });
  const pad = "x".repeat(300_000);
  const all = Array.from({ length: 60 }, (_, n) => client.$send.s3(event({ n, pad }, `p${n % 2}`)));
  await service.until(() => new Set(service.received.map((r) => r.stream)).size === 3);
  assert.equal(client.stats().streams, 3);
  service.behaviour = (received, stream, s) => {
    accept(received, stream, s);
    if (received.request.sequence % 5n === 0n && received.stream < 9) {
      end(stream, { code: status.UNAVAILABLE, message: "reset" });
    }
  };
  service.reset();
  await Promise.all(all);
  const last = new Map<number, Received["request"]>();
  for (const { stream, request } of service.received) {
    const before = last.get(stream);
    assert.ok(request.sequence > (before?.sequence ?? 0n), `stream ${stream}: ${request.sequence}`);
    assert.ok(request.settled < request.sequence && request.settled >= (before?.settled ?? 0n));
    last.set(stream, request);
  }
  assert.equal(client.stats().accepted, 60);
});
