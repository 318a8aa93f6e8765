// What every Node.js client of Destinations needs: a client made from the
// project's .proto file, and what stands in an error's details.
import { fileURLToPath } from "node:url";
import grpc from "@grpc/grpc-js";
import protoLoader from "@grpc/proto-loader";
import protobuf from "protobufjs";

const protos = fileURLToPath(new URL("../../../proto", import.meta.url));

const definition = protoLoader.loadSync("destinations/v1/destinations.proto", {
  includeDirs: [protos],
  keepCase: true, // request_index, not requestIndex
  longs: String, // a uint64 does not fit into a number
  enums: String,
  defaults: true,
});
const { destinations } = grpc.loadPackageDefinition(definition);

export function connect(target) {
  return new destinations.v1.Destinations(target, grpc.credentials.createInsecure());
}

// deadline is an option of every call.
export function deadline(seconds) {
  return { deadline: Date.now() + 1000 * seconds };
}

// google.rpc.Status and google.rpc.ErrorInfo, as far as they are used here.
const rpc = protobuf.parse(
  `syntax = "proto3";
  message Any { string type_url = 1; bytes value = 2; }
  message Status { repeated Any details = 3; }
  message ErrorInfo { string reason = 1; map<string, string> metadata = 3; }`,
  { keepCase: true },
).root;

// explain says of an error of @grpc/grpc-js what a program decides by.
export function explain(error) {
  const said = { code: grpc.status[error.code] };
  for (const bytes of error.metadata?.get("grpc-status-details-bin") ?? []) {
    for (const any of rpc.lookupType("Status").decode(bytes).details) {
      if (any.type_url.endsWith("/google.rpc.ErrorInfo")) {
        const info = rpc.lookupType("ErrorInfo").decode(any.value);
        said.reason = info.reason;
        said.durable_sequence = info.metadata.durable_sequence;
      }
    }
  }
  return said;
}
