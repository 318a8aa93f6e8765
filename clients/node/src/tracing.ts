import { ownRequire } from "./require.js";
import { textField } from "./wire.js";

/** `traceparent` and `tracestate` as fields of an S3Event. */
export type TraceFields = Buffer;

/** What is used of `@opentelemetry/api`. */
interface OpenTelemetry {
  context: { active(): unknown };
  trace: { getSpanContext(context: unknown): SpanContext | undefined };
  isSpanContextValid(context: SpanContext): boolean;
}

interface SpanContext {
  traceId: string;
  spanId: string;
  traceFlags: number;
  traceState?: { serialize(): string };
}

/** The longest tracestate that the service takes. */
const maxTraceState = 512;

const api = load();

// The last context and what it became: a step sends many events in one span.
let last: SpanContext | undefined;
let lastFields: TraceFields | undefined;

function load(): OpenTelemetry | undefined {
  try {
    return ownRequire("@opentelemetry/api") as OpenTelemetry;
  } catch {
    return undefined; // it is not installed, and need not be
  }
}

/** currentTrace is the current span's context; undefined without one, or without OpenTelemetry. */
export function currentTrace(): TraceFields | undefined {
  if (api === undefined) {
    return undefined;
  }
  const context = api.trace.getSpanContext(api.context.active());
  if (context === undefined) {
    return undefined;
  }
  if (context !== last) {
    lastFields = api.isSpanContextValid(context) ? fields(context) : undefined;
    last = context;
  }
  return lastFields;
}

function fields(context: SpanContext): TraceFields {
  const flags = (context.traceFlags & 0xff).toString(16).padStart(2, "0");
  const parent = textField(0x2a, `00-${context.traceId}-${context.spanId}-${flags}`);
  const state = context.traceState?.serialize() ?? "";
  if (state === "" || Buffer.byteLength(state) > maxTraceState) {
    return parent;
  }
  return Buffer.concat([parent, textField(0x32, state)]);
}
