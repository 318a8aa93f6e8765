import { context, createTraceState, ROOT_CONTEXT, trace } from "@opentelemetry/api";
import { AsyncLocalStorageContextManager } from "@opentelemetry/context-async-hooks";
import { describe, of } from "./describe.mjs";

context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable());

/** send sends events one by one and waits for all. */
export async function send({ client: name, events, keep }, clients) {
  const open = of(clients, name);
  const promises = events.map((event) => within(event, () => facade(open.client, event.facade)(given(event))));
  const results = [];
  for (const promise of promises) {
    try {
      const receipt = await promise;
      results.push({ ok: true, bucket: receipt.bucket, prefix: receipt.prefix, token: receipt.token });
      if (keep) {
        open.kept.push(receipt);
      }
    } catch (error) {
      results.push({ ok: false, error: describe(error) });
    }
  }
  return { results };
}

/** facade is the function that a user would have taken out of the client. */
export function facade(client, which) {
  return which === 1 ? client.$.send.s3 : client.$send.s3;
}

/** given is the event as the package is given it. */
function given(event) {
  const all = {};
  for (const field of ["bucket", "prefix", "id"]) {
    if (event[field] !== undefined && event[field] !== null) {
      all[field] = event[field];
    }
  }
  if (event.unserializable) {
    all.payload = { cycle: {} };
    all.payload.cycle = all.payload;
  } else if (typeof event.text === "string") {
    all.payload = event.text;
  } else if (typeof event.base64 === "string") {
    all.payload = Buffer.from(event.base64, "base64");
  } else if ("json" in event) {
    all.payload = event.json;
  }
  return all;
}

/** within makes a call with the event's span context as the current one. */
function within({ traceparent, tracestate }, call) {
  if (!traceparent) {
    return call();
  }
  const [, traceId, spanId, flags] = traceparent.split("-");
  const spanContext = {
    traceId,
    spanId,
    traceFlags: Number.parseInt(flags, 16),
    isRemote: true,
    ...(tracestate && { traceState: createTraceState(tracestate) }),
  };
  return context.with(trace.setSpanContext(ROOT_CONTEXT, spanContext), call);
}
