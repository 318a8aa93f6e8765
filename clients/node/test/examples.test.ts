// Each example, with the installed package, against a service in this process.
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { test } from "node:test";
import { promisify } from "node:util";
import { create } from "@bufbuild/protobuf";
import { DeliveryState, GetDeliveryResponseSchema } from "../src/gen/destinations/v1/deliveries_pb.js";
import { started } from "./client.js";

const run = promisify(execFile);

const example = (name: string, ...args: string[]) =>
  run(process.execPath, [name, ...args], { cwd: ".driver/examples" });

test("step: a loop and a condition", async (t) => {
  const service = await started(t);
  const { stdout } = await example("step.mjs", service.target);
  assert.equal(stdout, "4 events accepted, 0 rejected\n");
  assert.equal(service.events.length, 4);
  assert.equal(service.events[2], '{"order":2,"total":4200}');
});

test("bulk: every line of the file, in order", async (t) => {
  const service = await started(t);
  const { stdout } = await example("bulk.mjs", service.target, "events.ndjson");
  assert.equal(stdout, "40 events accepted, 0 rejected\n");
  assert.deepEqual(
    service.events.map((line) => JSON.parse(line).n),
    Array.from({ length: 40 }, (_, i) => i + 1),
  );
});

test("trace: in the span's trace, and until it is delivered", async (t) => {
  const service = await started(t);
  service.getDelivery = ({ tokens }) =>
    create(GetDeliveryResponseSchema, {
      deliveries: tokens.map((token) => ({
        token,
        state: DeliveryState.DELIVERED,
        objects: [{ bucket: "workflows", key: "traced/x.gz" }],
      })),
    });
  const { stdout } = await example("trace.mjs", service.target);
  assert.equal(stdout, "s3://workflows/traced/x.gz\n");
  const parents = service.received.flatMap(({ request }) => request.events.map((e) => e.traceparent));
  assert.equal(parents.length, 3);
  assert.equal(new Set(parents).size, 1);
  assert.match(parents[0] as string, /^00-[0-9a-f]{32}-[0-9a-f]{16}-01$/);
});
