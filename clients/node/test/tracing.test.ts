import assert from "node:assert/strict";
import { test } from "node:test";
import { context, createTraceState, ROOT_CONTEXT, type SpanContext, trace } from "@opentelemetry/api";
import { AsyncLocalStorageContextManager } from "@opentelemetry/context-async-hooks";
import { connected, event, started } from "./client.js";

context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable());

const span: SpanContext = {
  traceId: "0af7651916cd43dd8448eb211c80319c",
  spanId: "b7ad6b7169203331",
  traceFlags: 1,
};

const within = <T>(current: SpanContext, call: () => T): T =>
  context.with(trace.setSpanContext(ROOT_CONTEXT, current), call);

test("the current span's context goes with each event, as it was in the call", async (t) => {
  const service = await started(t);
  const { s3 } = connected(t, service).$send;
  const traceState = createTraceState("vendor=value,other=1");
  const tooLong = createTraceState("a=1");
  tooLong.serialize = () => "x".repeat(513);
  await Promise.all([
    s3(event("none")),
    within(span, () => s3(event("one"))),
    within(span, () => s3(event("again"))),
    within({ ...span, spanId: "00f067aa0ba902b7", traceFlags: 0, traceState }, () => s3(event("state"))),
    within({ ...span, traceState: tooLong }, () => s3(event("too long"))),
    within({ ...span, traceId: "0".repeat(32) }, () => s3(event("invalid"))),
    s3(event("none again")),
  ]);
  const parent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
  assert.deepEqual(
    service.received.flatMap(({ request }) =>
      request.events.map((e) => [Buffer.from(e.payload).toString(), e.traceparent, e.tracestate]),
    ),
    [
      ["none", "", ""],
      ["one", parent, ""],
      ["again", parent, ""],
      ["state", "00-0af7651916cd43dd8448eb211c80319c-00f067aa0ba902b7-00", "vendor=value,other=1"],
      ["too long", parent, ""],
      ["invalid", "", ""],
      ["none again", "", ""],
    ],
  );
});
