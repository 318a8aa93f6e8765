import assert from "node:assert/strict";
import { test } from "node:test";
import { credentials } from "@grpc/grpc-js";
import { type ConnectOptions, connect, InvalidOptionError } from "../src/index.js";
import { settings } from "../src/options.js";
import { isLocal } from "../src/target.js";

test("an option that is unknown, out of range or contradicts another is refused by its name", () => {
  const bad: [Record<string, unknown>, string][] = [
    [{ target: "" }, "target"],
    [{ target: 7 }, "target"],
    [{ colour: 1 }, "colour"],
    [{ maxBufferedBytes: 0 }, "maxBufferedBytes"],
    [{ maxBufferedBytes: "7" }, "maxBufferedBytes"],
    [{ batchBytes: (4 << 20) + 1 }, "batchBytes"],
    [{ batchDelayMs: -1 }, "batchDelayMs"],
    [{ batchDelayMs: Number.NaN }, "batchDelayMs"],
    [{ blockTimeoutMs: 2 ** 31 }, "blockTimeoutMs"],
    [{ maxStreams: 0 }, "maxStreams"],
    [{ maxStreams: 1.5 }, "maxStreams"],
    [{ maxStreams: 65 }, "maxStreams"],
    [{ reconnectInitialMs: 200, reconnectMaxMs: 100 }, "reconnectInitialMs"],
    [{ keepaliveTimeMs: 9999 }, "keepaliveTimeMs"],
    [{ keepaliveTimeoutMs: 0 }, "keepaliveTimeoutMs"],
    [{ closeTimeoutMs: -1 }, "closeTimeoutMs"],
    [{ whenFull: "drop" }, "whenFull"],
    [{ receipts: "yes" }, "receipts"],
    [{ insecure: true, tls: {} }, "insecure"],
    [{ tls: { cert: "x" } }, "tls"],
    [{ tls: { roots: "x" } }, "tls.roots"],
    [{ tls: { ca: 7 } }, "tls.ca"],
    [{ credentials: {} }, "credentials"],
    [{ token: "" }, "token"],
    [{ token: "secret\n" }, "token"],
    [{ token: "secret", credentials: credentials.createInsecure(), target: "example.com:1" }, "token"],
    [{ token: "secret", insecure: true, target: "example.com:1" }, "token"],
    [{ serializer: "json" }, "serializer"],
    [{ onRejected: {} }, "onRejected"],
  ];
  for (const [options, name] of bad) {
    assert.throws(
      () => connect({ target: "localhost:1", ...options } as ConnectOptions),
      (error) => {
        assert.ok(error instanceof InvalidOptionError, String(error));
        assert.equal(error.option, name);
        assert.doesNotMatch(error.message, /secret/);
        return true;
      },
    );
  }
  assert.throws(() => connect(undefined as unknown as ConnectOptions), InvalidOptionError);
  assert.throws(() => connect({} as ConnectOptions), { option: "target" });
});

test("the defaults", () => {
  const { target, tls, credentials, token, serializer, onRejected, ...rest } = settings({ target: "localhost:1" });
  assert.deepEqual([target, tls, credentials, token, serializer, onRejected], ["localhost:1", ...Array(5)]);
  assert.deepEqual(rest, {
    maxBufferedBytes: 67_108_864,
    whenFull: "wait",
    blockTimeoutMs: 30_000,
    batchBytes: 262_144,
    batchDelayMs: 5,
    maxStreams: 4,
    reconnectInitialMs: 100,
    reconnectMaxMs: 10_000,
    keepaliveTimeMs: 30_000,
    keepaliveTimeoutMs: 10_000,
    closeTimeoutMs: 30_000,
    receipts: true,
    insecure: false,
  });
});

test("which targets are this machine", () => {
  const local = [
    "localhost:1",
    "LOCALHOST",
    "127.0.0.1:50051",
    "127.9.8.7",
    "[::1]:50051",
    "::1",
    "dns:localhost:1",
    "dns:///127.0.0.1:1",
    "ipv4:127.0.0.1:1",
    "ipv6:[::1]:1",
    "ipv4:127.0.0.1:1,127.0.0.2:1",
    "unix:/run/x.sock",
    "unix:///run/x.sock",
  ];
  const remote = [
    "example.com:1",
    "10.0.0.1:1",
    "localhost.example.com:1",
    "127.0.0.1.example.com:1",
    "ipv4:127.0.0.1:1,10.0.0.1:1",
    "[::2]:1",
    "dns:///example.com",
    "",
  ];
  for (const target of local) {
    assert.equal(isLocal(target), true, target);
  }
  for (const target of remote) {
    assert.equal(isLocal(target), false, target);
  }
});
