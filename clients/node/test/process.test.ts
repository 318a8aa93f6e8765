// What a client does to the process that it is in.
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { readdirSync } from "node:fs";
import { test } from "node:test";
import { promisify } from "node:util";
import { Worker } from "node:worker_threads";
import { connect } from "../src/index.js";
import { hold } from "./answers.js";
import { event, started } from "./client.js";

const run = promisify(execFile);
const library = new URL("../src/index.js", import.meta.url).href;

/** program is a process that has a client `c` of a target. */
const program = (target: string, body: string): Promise<{ stdout: string }> =>
  run(process.execPath, [
    "--input-type=module",
    "--trace-warnings",
    "-e",
    `import { connect } from ${JSON.stringify(library)};
     const c = connect({ target: ${JSON.stringify(target)}, reconnectInitialMs: 1 });
     ${body}`,
  ]);

test("a rejected promise that nobody looks at is no unhandled rejection", async (t) => {
  const service = await started(t, hold);
  const { stdout } = await program(
    service.target,
    `const { s3 } = c.$send;
     s3({ bucket: "b", payload: 1n });
     s3({});
     s3({ bucket: "b", payload: "no answer" });
     await c.close({ timeoutMs: 50 });
     s3({ bucket: "b", payload: "closed" });
     await new Promise((resolve) => setTimeout(resolve, 20));
     console.log("here");`,
  );
  assert.equal(stdout, "here\n");
});

test("a client that is closed, or has sent nothing, does not keep the process alive", async (t) => {
  const service = await started(t);
  await program(service.target, `await c.$send.s3({ bucket: "b", payload: 1 }); await c.close();`);
  await program(service.target, "");
});

test("process.exit leaves unanswered what had no answer", async (t) => {
  const service = await started(t);
  await program(service.target, `c.$send.s3({ bucket: "b", payload: "lost" }); process.exit(0);`);
  assert.deepEqual(service.events, []);
  await program(service.target, `c.$send.s3({ bucket: "b", payload: "kept" }); await c.flush(); process.exit(0);`);
  assert.deepEqual(service.events, ["kept"]);
});

test("a worker has a client of its own", async (t) => {
  const service = await started(t);
  const code = `
    const { workerData } = require("node:worker_threads");
    import(workerData.library).then(async ({ connect }) => {
      const client = connect({ target: workerData.target });
      await client.$send.s3({ bucket: "b", payload: "from a worker" });
      await client.close();
    });`;
  const worker = new Worker(code, { eval: true, workerData: { library, target: service.target } });
  assert.equal(await new Promise((resolve) => worker.once("exit", resolve)), 0);
  assert.deepEqual(service.events, ["from a worker"]);
});

test("1,000 clients opened and closed leave nothing behind", async (t) => {
  const service = await started(t);
  const life = async (): Promise<void> => {
    const client = connect({ target: service.target });
    await client.$send.s3(event("x"));
    await client.close();
  };
  const used = () => ({ files: readdirSync("/proc/self/fd").length, active: process.getActiveResourcesInfo().length });
  await life();
  const before = await atRest(used, () => service.open === 0);
  for (let n = 0; n < 1000; n += 20) {
    await Promise.all(Array.from({ length: 20 }, life));
  }
  const after = await atRest(used, (now) => now.files <= before.files && now.active <= before.active);
  assert.ok(after.files <= before.files && after.active <= before.active, JSON.stringify({ before, after }));
  assert.equal(service.received.length, 1001);
  assert.equal(service.open, 0);
});

/** atRest is what is used when it is so, or has not become so in a hundred turns of 20 ms. */
async function atRest<T>(used: () => T, isSo: (now: T) => boolean): Promise<T> {
  for (let turn = 0; turn < 100 && !isSo(used()); turn++) {
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  return used();
}
