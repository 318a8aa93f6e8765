import { setTimeout as sleep } from "node:timers/promises";
import { Counts, of } from "./describe.mjs";
import { facade } from "./send.mjs";

/** loop sends events with numbers. */
export async function loop(command, clients) {
  const open = of(clients, command.client);
  const began = performance.now();
  const { promises, most } = await run(open.client, command);
  const counts = new Counts();
  const kept = (receipts) => command.keep && open.kept.push(...receipts);
  if (command.wait ?? true) {
    kept(await counts.wait(promises));
  } else {
    for (const promise of promises) {
      open.pending.push(watched(promise));
    }
    void Promise.allSettled(promises).then((all) => kept(all.filter((r) => r.value).map((r) => r.value)));
  }
  return { ...counts, seconds: (performance.now() - began) / 1000, max_buffered_bytes: most };
}

/** run makes the calls. */
async function run(client, command) {
  const { count, first = 0, destinations, pad = 0, rate = 0, facades = 1, id_prefix: idPrefix, ready = true } = command;
  const name = command.name ?? command.client;
  const padding = "x".repeat(pad);
  const promises = [];
  let most = 0;
  const began = performance.now();
  for (let i = 0; i < count; i++) {
    const ahead = rate > 0 ? (1000 * i) / rate - (performance.now() - began) : 0;
    if (ahead > 10) {
      await sleep(ahead);
    }
    const n = first + i;
    const event = { ...destinations[n % destinations.length], payload: { c: name, n, pad: padding } };
    if (idPrefix) {
      event.id = `${idPrefix}${n}`;
    }
    if (ready) {
      // A client that takes no more says so by the call's promise.
      await client.ready().catch(() => {});
    }
    promises.push(facade(client, facades === 2 ? n % 2 : 0)(event));
    if (i % 100 === 0) {
      most = Math.max(most, client.stats().bufferedBytes);
    }
  }
  return { promises, most };
}

/** watched says of a promise whether it is settled. */
function watched(promise) {
  const state = { promise, settled: false };
  const settle = () => {
    state.settled = true;
  };
  state.done = promise.then(settle, settle);
  return state;
}

/** results tells what became of the events of loops that did not wait. */
export async function results({ client: name, timeout_ms: timeoutMs = 0 }, clients) {
  const open = of(clients, name);
  const stop = new AbortController();
  const late = sleep(timeoutMs, undefined, { signal: stop.signal }).catch(() => {});
  await Promise.race([Promise.all(open.pending.map(({ done }) => done)), late]);
  stop.abort();
  const counts = new Counts();
  const settled = open.pending.filter((p) => p.settled);
  open.pending = open.pending.filter((p) => !p.settled);
  await counts.wait(settled.map(({ promise }) => promise));
  return { ...counts, pending: open.pending.length };
}
