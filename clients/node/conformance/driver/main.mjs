// Does what the conformance runner tells it with the Node.js client: the protocol
// stands in clients/conformance/README.md.
import { once } from "node:events";
import { createInterface } from "node:readline";
import { bench } from "./bench.mjs";
import { churn } from "./churn.mjs";
import { describe } from "./describe.mjs";
import { loop, results } from "./loop.mjs";
import { close, delivered, flush, open, setTarget, stats, status } from "./manage.mjs";
import { send } from "./send.mjs";

const ops = { open, send, loop, results, flush, stats, set_target: setTarget, close, status, delivered, churn, bench };

// What nobody has asked for ends the driver: unhandled rejections do so by themselves.
process.on("warning", (warning) => {
  // Node.js has one of its own for TLS to an address instead of a name.
  if (warning.name !== "DeprecationWarning") {
    console.error(warning);
    process.exit(3);
  }
});

const clients = new Map();
await write({ ready: true, language: "node", api: "", capabilities: [] });
for await (const line of createInterface({ input: process.stdin })) {
  const command = JSON.parse(line);
  await write({ id: command.id, ...(await run(command)) });
}
// Clients that are still open would keep the process alive.
await Promise.all([...clients.values()].map(({ client }) => client.close({ timeoutMs: 0 })));

async function run(command) {
  const op = ops[command.op];
  if (op === undefined) {
    return { ok: false, error: { kind: "unknown_op", code: "", field: "", reason: `unknown op: ${command.op}` } };
  }
  try {
    return { ok: true, ...(await op(command, clients)) };
  } catch (error) {
    return { ok: false, error: describe(error) };
  }
}

async function write(answer) {
  if (!process.stdout.write(`${JSON.stringify(answer)}\n`)) {
    await once(process.stdout, "drain");
  }
}
