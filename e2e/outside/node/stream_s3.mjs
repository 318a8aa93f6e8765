// Sends events on a stream that stays open, and prints the answers as they come.
//
//     node stream_s3.mjs localhost:50051
import { Readable } from "node:stream";
import { connect, deadline } from "./client.mjs";
import { requests } from "./events.mjs";

const client = connect(process.argv[2]);
const numbered = requests("node StreamS3").map((request, i) => ({ ...request, sequence: i + 1, receipts: i === 0 }));
const last = String(numbered.at(-1).sequence);

const call = client.StreamS3(deadline(30));
Readable.from(numbered).pipe(call, { end: false });
for await (const answer of call) {
  console.log(JSON.stringify(answer)); // every request up to answer.sequence is durable
  if (answer.sequence === last) {
    call.end();
  }
}
client.close();
