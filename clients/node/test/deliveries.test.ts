import assert from "node:assert/strict";
import { test } from "node:test";
import { create } from "@bufbuild/protobuf";
import { Metadata, status } from "@grpc/grpc-js";
import {
  DeliveryState,
  type GetDeliveryRequest,
  type GetDeliveryResponse,
  GetDeliveryResponseSchema,
} from "../src/gen/destinations/v1/deliveries_pb.js";
import type { DeadError, Receipt } from "../src/index.js";
import { connected, event, started } from "./client.js";

/** saying answers each token with a state. */
function saying(state: (token: string) => DeliveryState) {
  return ({ tokens }: GetDeliveryRequest): GetDeliveryResponse =>
    create(GetDeliveryResponseSchema, {
      deliveries: tokens.map((token) => ({
        token,
        state: state(token),
        objects: [{ bucket: "workflows", key: `key of ${token}`, etag: "e", size: 7n, events: 3n }],
        code: "AccessDenied",
        message: "for people",
        nextTry: { seconds: 60n, nanos: 0 },
      })),
    });
}

function refusal(code: status, message: string): Error {
  return Object.assign(new Error(message), { code, details: message, metadata: new Metadata() });
}

test("status asks once, and gives what the service says", async (t) => {
  const service = await started(t);
  service.getDelivery = saying(() => DeliveryState.BLOCKED);
  const receipt = await connected(t, service).$send.s3(event("x"));
  assert.deepEqual(await receipt.status(), {
    state: "BLOCKED",
    objects: [{ bucket: "workflows", key: "key of workflows/ 1", etag: "e", size: 7, events: 3 }],
    objectsOmitted: 0,
    code: "AccessDenied",
    message: "for people",
    nextTry: new Date(60_000),
    detailsExpired: false,
  });
  assert.deepEqual(service.asked, [["workflows/ 1"]]);
  await assert.rejects(receipt.delivered({ timeoutMs: 1500 }), {
    name: "TimeoutError",
    message: "not delivered after 1500 ms: the state is BLOCKED (AccessDenied: for people)",
  });
});

test("many who wait share the calls, up to 1,000 tokens in one, until all is delivered", async (t) => {
  const service = await started(t);
  const seen = new Map<string, number>();
  service.getDelivery = saying((token) => {
    seen.set(token, (seen.get(token) ?? 0) + 1);
    return (seen.get(token) as number) > 1 ? DeliveryState.DELIVERED : DeliveryState.PENDING;
  });
  const client = connected(t, service, { batchBytes: 1 << 20 });
  const receipts = await Promise.all(
    Array.from({ length: 4400 }, (_, n) => client.$send.s3(event("x", `p${n % 2200}`))),
  );
  const all = await Promise.all(receipts.map((receipt) => receipt.delivered({ timeoutMs: 20_000 })));
  assert.equal(new Set(all.map(({ objects }) => objects[0]?.key)).size, 2200);
  const calls = service.asked.map((tokens) => tokens.length);
  const round = [1000, 1000, 200].sort(); // side by side, so in any order
  assert.deepEqual([calls.slice(0, 3).sort(), calls.slice(3).sort()], [round, round]);
});

test("dead events are an error that has the last status", async (t) => {
  const service = await started(t);
  service.getDelivery = saying(() => DeliveryState.DEAD);
  const receipt = await connected(t, service).$send.s3(event("x"));
  await assert.rejects(receipt.delivered(), (error: DeadError) => {
    assert.deepEqual([error.name, error.status.state, error.status.code], ["DeadError", "DEAD", "AccessDenied"]);
    return true;
  });
});

test("an unreachable service is asked again until the time is over", async (t) => {
  const service = await started(t);
  service.getDelivery = () => {
    throw refusal(status.UNAVAILABLE, "away");
  };
  const client = connected(t, service);
  const receipt = await client.$send.s3(event("x"));
  await assert.rejects(receipt.status(), { name: "ClientFailedError", code: "UNAVAILABLE" });
  await assert.rejects(receipt.delivered({ timeoutMs: 30 }), /not delivered after 30 ms: the service was not reached/);
  const waiting = receipt.delivered({ timeoutMs: 20_000 });
  await service.until(() => service.asked.length >= 3);
  service.getDelivery = saying(() => DeliveryState.DELIVERED);
  assert.equal((await waiting).state, "DELIVERED");
});

test("a token that is refused fails its own receipt, and no other", async (t) => {
  const service = await started(t);
  const answers = saying(() => DeliveryState.DELIVERED);
  service.getDelivery = (request) => {
    if (request.tokens.some((token) => token.includes("/p3/"))) {
      throw refusal(status.NOT_FOUND, "unknown token");
    }
    return answers(request);
  };
  const client = connected(t, service);
  const receipts = await Promise.all(Array.from({ length: 7 }, (_, n) => client.$send.s3(event("x", `p${n}`))));
  const results = await Promise.allSettled(receipts.map((receipt: Receipt) => receipt.delivered()));
  assert.deepEqual(
    results.map((r) => (r.status === "fulfilled" ? r.value.state : r.reason.code)),
    [...Array(3).fill("DELIVERED"), "NOT_FOUND", ...Array(3).fill("DELIVERED")],
  );
  await client.$send.s3(event("y")); // the client has not failed
});

test("close fails those who wait", async (t) => {
  const service = await started(t);
  service.getDelivery = saying(() => DeliveryState.PENDING);
  const client = connected(t, service);
  const receipt = await client.$send.s3(event("x"));
  const waiting = assert.rejects(receipt.delivered(), { name: "ClosedError" });
  await service.until(() => service.asked.length === 1);
  await client.close();
  await waiting;
  await assert.rejects(receipt.delivered(), { name: "ClosedError" });
});
