// Loads an NDJSON file, as fast as the service takes it and with bounded memory.
//
//     node bulk.mjs localhost:50051 events.ndjson
import { createReadStream } from "node:fs";
import { createInterface } from "node:readline";
import { connect } from "@open-destinations/client";

const [target = "localhost:50051", file = "events.ndjson"] = process.argv.slice(2);

const client = connect({
  target,
  maxStreams: 1, // the lines keep their order
  onRejected: (error) => console.error(error.message),
});
const { s3 } = client.$send;

for await (const line of createInterface({ input: createReadStream(file) })) {
  if (line !== "") {
    await client.ready(); // backpressure: the file is read no faster than it is sent
    s3({ bucket: "workflows", prefix: "bulk", payload: line });
  }
}
await client.flush();

const { accepted, rejected } = client.stats();
console.log(`${accepted} events accepted, ${rejected} rejected`);
const left = await client.close();
process.exitCode = rejected > 0 || left.events > 0 ? 1 : 0;
