// An executor that traces its steps and waits until their events are in S3.
//
//     node trace.mjs localhost:50051

import { connect } from "@open-destinations/client";
import { trace } from "@opentelemetry/api";
import { NodeTracerProvider } from "@opentelemetry/sdk-trace-node";

new NodeTracerProvider().register(); // a real one has an exporter
const tracer = trace.getTracer("executor");

const client = connect({ target: process.argv[2] ?? "localhost:50051" });

/** execute runs a step in a span: what it sends belongs to its trace. */
function execute(name, step) {
  return tracer.startActiveSpan(name, async (span) => {
    try {
      return await step({ $: client.$ });
    } finally {
      span.end();
    }
  });
}

try {
  const receipts = await execute("invoice", ({ $ }) =>
    Promise.all([1, 2, 3].map((n) => $.send.s3({ bucket: "workflows", prefix: "traced", payload: { invoice: n } }))),
  );
  const deliveries = await Promise.all(receipts.map((receipt) => receipt.delivered({ timeoutMs: 120_000 })));
  const keys = new Set(deliveries.flatMap(({ objects }) => objects.map(({ bucket, key }) => `s3://${bucket}/${key}`)));
  for (const key of keys) {
    console.log(key);
  }
} finally {
  await client.close();
}
