// Sends a request under a number that does not grow, and prints what the error says:
// why, and up to which request everything is durable.
//
//     node sequence_error.mjs localhost:50051
import { Readable } from "node:stream";
import { connect, deadline, explain } from "./client.mjs";

function numbered(from) {
  return [1, 2, 2].map((sequence, n) => ({
    sequence,
    bucket: "workflows",
    events: [{ payload: Buffer.from(`${from} ${n}`) }],
  }));
}

const client = connect(process.argv[2]);

await new Promise((resolve) => {
  const call = client.SendS3(deadline(30), (error) => {
    console.log(JSON.stringify(explain(error)));
    resolve();
  });
  Readable.from(numbered("node SendS3 error")).pipe(call);
});

try {
  const call = client.StreamS3(deadline(30));
  Readable.from(numbered("node StreamS3 error")).pipe(call);
  for await (const answer of call); // answers may come before the error
} catch (error) {
  console.log(JSON.stringify(explain(error)));
}
client.close();
