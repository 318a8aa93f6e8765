import { readdirSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { connect } from "@open-destinations/client";
import { Counts } from "./describe.mjs";
import { options } from "./options.mjs";

/** churn opens and closes many clients, and says what is left of them. */
export async function churn({ count, parallel = 8, options: given, destinations, name }) {
  const first = connect(options(given));
  await first.close();
  const before = await atRest(() => true);
  const counts = new Counts();
  let next = 0;
  const workers = Array.from({ length: parallel }, async () => {
    while (next < count) {
      const n = next++;
      await life(
        options(given),
        { ...destinations[n % destinations.length], payload: { c: name, n, pad: "" } },
        counts,
      );
    }
  });
  await Promise.all(workers);
  const after = await atRest((now) => now.fds <= before.fds && now.threads <= before.threads);
  return { ...counts, before, after };
}

/** life is that of one client. */
async function life(given, event, counts) {
  const client = connect(given);
  await counts.wait([client.$send.s3(event)]);
  await client.close();
}

/** atRest is what is open, when it has come to rest: after 5 s at the latest. */
async function atRest(isAtRest) {
  const end = performance.now() + 5000;
  for (;;) {
    await sleep(50);
    globalThis.gc?.();
    const now = {
      fds: readdirSync("/proc/self/fd").length,
      threads: process.getActiveResourcesInfo().length,
      tasks: 0,
    };
    if (isAtRest(now) || performance.now() > end) {
      return now;
    }
  }
}
