import { Counts, of } from "./describe.mjs";

/** bench sends events as fast as it goes, and waits for every promise. */
export async function bench({ client: name, count, head, tails, destinations }, clients) {
  const { client } = of(clients, name);
  const { s3 } = client.$send;
  const began = performance.now();
  const cpu = process.cpuUsage();
  const counts = new Counts();
  let pending = [];
  for (let n = 0; n < count; n++) {
    await client.ready();
    const { bucket, prefix } = destinations[n % destinations.length];
    pending.push(s3({ bucket, prefix, payload: head + String(n).padStart(10, "0") + tails[n % tails.length] }));
    if (pending.length >= 100_000) {
      await counts.wait(pending.splice(0, 50_000));
    }
  }
  await counts.wait(pending);
  pending = [];
  const used = process.cpuUsage(cpu);
  const seconds = (performance.now() - began) / 1000;
  return { ...counts, seconds, cpu_seconds: (used.user + used.system) / 1e6 };
}
