import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import { credentials, ServerCredentials, status } from "@grpc/grpc-js";
import { accept, end } from "./answers.js";
import { certificate } from "./certificate.js";
import { connected, event, started } from "./client.js";
import { Service } from "./service.js";

const server = certificate("a server");
const caller = certificate("a client");

async function secured(t: TestContext, clientRoot?: string): Promise<Service> {
  const pair = { cert_chain: Buffer.from(server.cert), private_key: Buffer.from(server.key) };
  const root = clientRoot === undefined ? null : Buffer.from(clientRoot);
  const service = await new Service().start(ServerCredentials.createSsl(root, [pair], root !== null));
  t.after(() => service.stop());
  service.target = service.target.replace("127.0.0.1", "localhost"); // what TLS is to be of: a name, and no address
  return service;
}

test("TLS with own roots, as text and as bytes", async (t) => {
  const service = await secured(t);
  for (const ca of [server.cert, Buffer.from(server.cert), new Uint8Array(Buffer.from(server.cert))]) {
    const client = connected(t, service, { tls: { ca } });
    await client.$send.s3(event("x"));
  }
});

test("TLS to a server with another root fails, and says why", async (t) => {
  const service = await secured(t);
  const client = connected(t, service, { tls: { ca: caller.cert } });
  void client.$send.s3(event("x"));
  do {
    await assert.rejects(client.flush({ timeoutMs: 20 }), { name: "TimeoutError" });
  } while (client.stats().lastError === "");
  assert.match(client.stats().lastError, /certificate/);
  assert.equal(service.received.length, 0);
});

test("mTLS", async (t) => {
  const service = await secured(t, caller.cert);
  const client = connected(t, service, { tls: { ca: server.cert, cert: caller.cert, key: Buffer.from(caller.key) } });
  await client.$send.s3(event("x"));
  const nobody = connected(t, service, { tls: { ca: server.cert } });
  void nobody.$send.s3(event("y"));
  do {
    await assert.rejects(nobody.flush({ timeoutMs: 20 }), { name: "TimeoutError" });
  } while (nobody.stats().lastError === "");
  assert.deepEqual(service.events, ["x"]);
});

test("credentials of grpc-js", async (t) => {
  const service = await secured(t);
  const client = connected(t, service, { credentials: credentials.createSsl(Buffer.from(server.cert)) });
  await client.$send.s3(event("x"));
});

test("a token goes with each stream and call", async (t) => {
  const service = await secured(t);
  const client = connected(t, service, { tls: { ca: server.cert }, token: "t1" });
  const receipt = await client.$send.s3(event("x"));
  await receipt.status().catch(() => {});
  assert.deepEqual(service.metadata[0]?.get("authorization"), ["Bearer t1"]);
  assert.equal(service.asked.length, 1);
});

test("a token that is a function is asked for each stream, and again after UNAUTHENTICATED", async (t) => {
  const service = await started(t, (received, stream, s) => {
    const [token] = s.metadata[received.stream - 1]?.get("authorization") ?? [];
    if (token === "Bearer good") {
      accept(received, stream, s);
    } else {
      end(stream, { code: status.UNAUTHENTICATED, message: "expired" });
    }
  });
  const tokens = ["old", new Error("the vault is away"), "good"];
  const token = async (): Promise<string> => {
    const next = tokens.shift() ?? "good";
    if (next instanceof Error) {
      throw next;
    }
    return next;
  };
  const client = connected(t, service, { token });
  await client.$send.s3(event("x"));
  assert.equal(tokens.length, 0);
  assert.equal(client.stats().reconnects, 2);
});

test("a token that is a string and refused ends the client", async (t) => {
  const service = await started(t, (_received, stream) =>
    end(stream, { code: status.UNAUTHENTICATED, message: "unknown token" }),
  );
  const client = connected(t, service, { token: "bad" });
  await assert.rejects(client.$send.s3(event("x")), { name: "ClientFailedError", code: "UNAUTHENTICATED" });
});

test("a token that no header can say, such as a file's with its line end, is an error that does not show it", async (t) => {
  const service = await started(t);
  const tokens = ["secret\n", "s\u00e9cret", "secret"];
  const client = connected(t, service, { token: () => tokens.shift() ?? "secret", reconnectInitialMs: 20 });
  const sent = client.$send.s3(event("x"));
  await assert.rejects(client.flush({ timeoutMs: 5 }), { name: "TimeoutError" });
  assert.match(client.stats().lastError, /^UNAUTHENTICATED: token: the function gave something else/);
  await sent;
  assert.equal(client.stats().reconnects, 2);
  assert.deepEqual(service.metadata.at(-1)?.get("authorization"), ["Bearer secret"]);
});
