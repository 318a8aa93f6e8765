// Sends events in bulk, and prints the one answer that says what became of them.
//
//     node send_s3.mjs localhost:50051
import { Readable } from "node:stream";
import { connect, deadline } from "./client.mjs";
import { requests } from "./events.mjs";

function sendS3(client, requests) {
  return new Promise((resolve, reject) => {
    const call = client.SendS3(deadline(30), (error, answer) => (error ? reject(error) : resolve(answer)));
    Readable.from(requests).pipe(call); // waits when the service does, and closes at the end
  });
}

const client = connect(process.argv[2]);
const answer = await sendS3(client, requests("node SendS3"));
console.log(JSON.stringify(answer));
client.close();
