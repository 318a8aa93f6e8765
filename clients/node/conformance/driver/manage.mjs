// What is about a whole client, or its receipts.
import { connect } from "@open-destinations/client";
import { describe, of } from "./describe.mjs";
import { options } from "./options.mjs";

/** How many receipts are asked for. */
const mostAsked = 100;

export function open(command, clients) {
  clients.set(command.client, { client: connect(options(command.options)), kept: [], pending: [] });
}

export async function flush(command, clients) {
  await of(clients, command.client).client.flush(timeout(command));
}

export async function setTarget(command, clients) {
  await of(clients, command.client).client.setTarget(command.target, timeout(command));
}

export function stats(command, clients) {
  const s = of(clients, command.client).client.stats();
  return {
    stats: {
      buffered_events: s.bufferedEvents,
      buffered_bytes: s.bufferedBytes,
      accepted: s.accepted,
      rejected: s.rejected,
      streams: s.streams,
      reconnects: s.reconnects,
      last_error: s.lastError,
    },
  };
}

export async function close(command, clients) {
  const began = performance.now();
  const { events, bytes } = await of(clients, command.client).client.close(timeout(command));
  return { left: { events, bytes }, seconds: (performance.now() - began) / 1000 };
}

export async function status(command, clients) {
  const states = {};
  const errors = {};
  const { kept } = of(clients, command.client);
  for (const answer of await Promise.allSettled(kept.slice(0, mostAsked).map((receipt) => receipt.status()))) {
    answer.status === "fulfilled" ? count(states, answer.value.state) : count(errors, describe(answer.reason).kind);
  }
  return { states, errors };
}

export async function delivered(command, clients) {
  const { kept } = of(clients, command.client);
  const waits = kept.slice(0, mostAsked).map((receipt) => receipt.delivered(timeout(command)));
  const objects = new Map();
  const errors = {};
  let found = 0;
  for (const answer of await Promise.allSettled(waits)) {
    if (answer.status === "rejected") {
      count(errors, describe(answer.reason).kind);
      continue;
    }
    found++;
    for (const { bucket, key } of answer.value.objects) {
      objects.set(`${bucket}/${key}`, { bucket, key });
    }
  }
  return { delivered: found, objects: [...objects.values()], errors };
}

function timeout({ timeout_ms: timeoutMs }) {
  return timeoutMs === undefined ? {} : { timeoutMs };
}

function count(counts, key) {
  counts[key] = (counts[key] ?? 0) + 1;
}
