import assert from "node:assert/strict";
import { test } from "node:test";
import { fromBinary } from "@bufbuild/protobuf";
import { OpenBatch, Request } from "../src/batch.js";
import { Destinations } from "../src/destination.js";
import { outgoing, type S3Event } from "../src/event.js";
import { StreamS3RequestSchema } from "../src/gen/destinations/v1/destinations_pb.js";
import { varintSize, writeVarint } from "../src/wire.js";

const senderId = Buffer.from("0123456789abcdef");

/** encoded is events as a request, and read by protobuf's own code. */
function decoded(events: S3Event[], sequence = 7, settled = 3) {
  const destinations = new Destinations();
  const batch = new OpenBatch();
  for (const event of events) {
    batch.add(outgoing(event, destinations, undefined));
  }
  return fromBinary(StreamS3RequestSchema, new Request(sequence, batch.cut()).encoded(settled, senderId, true));
}

/** random is a generator of numbers below n from a seed. */
function random(seed: number): (n: number) => number {
  let state = seed;
  return (n) => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return Math.floor((state / 2 ** 32) * n);
  };
}

test("a request says what its events say, whatever they are", () => {
  const seed = Date.now() % 1_000_000;
  const next = random(seed);
  const texts = ["", "x", "straße", "€😀", "y".repeat(127), "z".repeat(128), "ü".repeat(9000), "q".repeat(20_000)];
  for (let round = 0; round < 300; round++) {
    const events = Array.from({ length: 1 + next(20) }, () => ({
      bucket: ["alpha", "beta", "bücket"][next(3)] as string,
      prefix: ["", "p", "p/", undefined, null][next(5)],
      id: [undefined, null, "id-ü", "i".repeat(200)][next(4)],
      payload: next(2) ? `!${texts[next(texts.length)]}` : Buffer.from(`?${texts[next(texts.length)]}`),
    }));
    const request = decoded(events, round + 1, round);
    const got = request.events.map((e) => ({
      bucket: e.bucket || request.bucket,
      prefix: e.prefix ?? (e.bucket ? "" : request.prefix),
      id: e.id,
      payload: Buffer.from(e.payload).toString(),
    }));
    const want = events.map((e) => ({
      bucket: e.bucket,
      prefix: e.prefix ?? "",
      id: e.id ?? "",
      payload: String(e.payload),
    }));
    assert.deepEqual(got, want, `seed ${seed}`);
    assert.deepEqual([request.sequence, request.settled], [BigInt(round + 1), BigInt(round)]);
    assert.deepEqual(Buffer.from(request.senderId), senderId);
  }
});

test("events of the request's destination do not name it", () => {
  const request = decoded([
    { bucket: "a", prefix: "p", payload: 1 },
    { bucket: "a", prefix: "p", payload: 2 },
    { bucket: "a", payload: 3 },
    { bucket: "b", prefix: "p", payload: 4 },
  ]);
  assert.deepEqual([request.bucket, request.prefix], ["a", "p"]);
  assert.deepEqual(
    request.events.map((e) => e.bucket),
    ["", "", "a", "b"],
  );
});

test("varints up to the largest safe number", () => {
  for (const n of [0, 1, 127, 128, 16383, 16384, 2097151, 2097152, 2 ** 28 - 1, 2 ** 28, 2 ** 35, 2 ** 53 - 1]) {
    const bytes = Buffer.alloc(10);
    const length = writeVarint(bytes, 0, n);
    assert.equal(length, varintSize(n), String(n));
    let value = 0n;
    for (let i = length - 1; i >= 0; i--) {
      value = (value << 7n) | BigInt((bytes[i] as number) & 0x7f);
    }
    assert.equal(value, BigInt(n));
  }
});

test("a batch takes no more than the service's largest request, though small events count less", () => {
  const destinations = new Destinations();
  const batch = new OpenBatch();
  const next = () => outgoing({ bucket: "b", id: "i".repeat(128), payload: "x".repeat(2000) }, destinations, undefined);
  while (batch.fits(next(), 8 << 20)) {
    batch.add(next());
  }
  const length = new Request(2 ** 53 - 1, batch.cut()).encoded(2 ** 53 - 2, senderId, true).length;
  assert.ok(length <= 4 << 20 && length > (4 << 20) - 8192, String(length));
});
