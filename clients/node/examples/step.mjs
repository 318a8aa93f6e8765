// A workflow step with a loop and a condition.
//
//     node step.mjs localhost:50051
import { connect } from "@open-destinations/client";

/** The step, as its author writes it: it never sees gRPC. */
async function run({ $, event }) {
  for (const order of event.orders) {
    $.send.s3({ bucket: "workflows", prefix: `orders/${order.country}`, payload: order });
    if (order.total >= 1000) {
      // The id lets the step run again: what was sent before is left out.
      $.send.s3({ bucket: "audit", payload: { order: order.id, total: order.total }, id: `large-${order.id}` });
    }
  }
}

const orders = [
  { id: 1, country: "de", total: 120 },
  { id: 2, country: "fr", total: 4200 },
  { id: 3, country: "de", total: 80 },
];

const client = connect({ target: process.argv[2] ?? "localhost:50051" });
try {
  await run({ $: client.$, event: { orders } });
  await client.flush({ timeoutMs: 30_000 }); // the end of the workflow: everything is on stable storage
  const { accepted, rejected } = client.stats();
  console.log(`${accepted} events accepted, ${rejected} rejected`);
} finally {
  await client.close();
}
