// The package as npm has installed it into an empty folder: .driver, which `make
// driver` makes of the tarball.
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { type TestContext, test } from "node:test";
import { promisify } from "node:util";
import { started } from "./client.js";

const run = promisify(execFile);
const installed = resolve(".driver/node_modules");

/** folder is an empty one that has the package. */
function folder(t: TestContext): string {
  const path = mkdtempSync(join(tmpdir(), "package-"));
  t.after(() => rmSync(path, { recursive: true }));
  symlinkSync(installed, join(path, "node_modules"));
  return path;
}

const body = `
  const client = connect({ target: process.argv[2] });
  const receipt = await client.$send.s3({ bucket: "workflows", payload: "x" });
  await client.close();
  try { await client.$.send.s3({ bucket: "workflows", payload: 1 }); } catch (error) { console.log(receipt.bucket, error instanceof ClosedError); }
`;

for (const [name, program] of [
  ["import.mjs", `import { ClosedError, connect } from "@open-destinations/client";\n${body}`],
  ["require.cjs", `const { ClosedError, connect } = require("@open-destinations/client");\n(async () => {${body}})();`],
] as const) {
  test(`${name}: the package works`, async (t) => {
    const service = await started(t);
    const file = join(folder(t), name);
    writeFileSync(file, program);
    const { stdout, stderr } = await run(process.execPath, [file, service.target]);
    assert.deepEqual([stdout, stderr], ["workflows true\n", ""]);
  });
}

test("the types are right for importers and requirers", async (t) => {
  const path = folder(t);
  const use = `
    const client = connect({ target: "localhost:1", whenFull: "block", onRejected: (error) => void error.message });
    const sent: Promise<Receipt> = client.$.send.s3({ bucket: "b", payload: { any: 1 } });
    sent.then(async (receipt) => (await receipt.delivered({ timeoutMs: 1 })).objects[0]?.key);
    // @ts-expect-error: no such option
    connect({ target: "x", colour: 1 });
    // @ts-expect-error: a bucket is needed
    client.$send.s3({ payload: 1 });
    new RejectedError("c", "f", "r").code satisfies string;
  `;
  const imports = 'import { connect, RejectedError, type Receipt } from "@open-destinations/client";';
  writeFileSync(join(path, "a.mts"), imports + use);
  writeFileSync(join(path, "b.cts"), imports + use);
  const compilerOptions = {
    noEmit: true,
    strict: true,
    module: "nodenext",
    target: "es2022",
    lib: ["es2023", "esnext.disposable"],
    types: ["node"],
    typeRoots: [resolve("node_modules/@types")],
  };
  writeFileSync(join(path, "tsconfig.json"), JSON.stringify({ compilerOptions, include: ["a.mts", "b.cts"] }));
  await run(resolve("node_modules/.bin/tsc"), ["-p", path]).catch((error) => assert.fail(error.stdout));
});

test("it works without OpenTelemetry, which it does not bring", async (t) => {
  const manifest = JSON.parse(readFileSync(join(installed, "@open-destinations/client/package.json"), "utf8"));
  assert.deepEqual(Object.keys(manifest.dependencies), ["@bufbuild/protobuf", "@grpc/grpc-js"]);
  const service = await started(t);
  const path = folder(t);
  writeFileSync(
    join(path, "without.cjs"),
    `const Module = require("node:module");
     const load = Module._load;
     let asked = 0;
     Module._load = (name, ...rest) => {
       if (name === "@opentelemetry/api") { asked++; throw new Error("not installed"); }
       return load(name, ...rest);
     };
     const { ClosedError, connect } = require("@open-destinations/client");
     (async () => {${body}; console.log(asked); })();`,
  );
  const { stdout } = await run(process.execPath, [join(path, "without.cjs"), service.target]);
  assert.equal(stdout, "workflows true\n1\n");
});

test("the lock file names no registry", () => {
  assert.doesNotMatch(readFileSync("package-lock.json", "utf8"), /"resolved"/);
});

test("the tarball has what it should, and nothing else", () => {
  const root = join(installed, "@open-destinations/client");
  for (const file of ["README.md", "LICENSE", "CHANGELOG.md", "lib/esm/index.d.ts", "lib/cjs/index.d.ts"]) {
    assert.ok(existsSync(join(root, file)), file);
  }
  for (const file of ["src", "test", "node_modules", "conformance", "Makefile"]) {
    assert.ok(!existsSync(join(root, file)), file);
  }
  const example = /```js\n([\s\S]*?)```/.exec(readFileSync(join(root, "README.md"), "utf8"))?.[1] ?? "";
  assert.ok(example.includes("connect(") && example.trim().split("\n").length <= 10);
});
