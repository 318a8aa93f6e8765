// A gRPC server in this process that takes StreamS3 as the service does, and fails as
// it is told.
import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import {
  type handleBidiStreamingCall,
  type handleUnaryCall,
  type Metadata,
  Server,
  ServerCredentials,
  type ServerDuplexStream,
} from "@grpc/grpc-js";
import {
  type GetDeliveryRequest,
  GetDeliveryRequestSchema,
  type GetDeliveryResponse,
  GetDeliveryResponseSchema,
} from "../src/gen/destinations/v1/deliveries_pb.js";
import {
  type StreamS3Request,
  StreamS3RequestSchema,
  type StreamS3Response,
  StreamS3ResponseSchema,
} from "../src/gen/destinations/v1/destinations_pb.js";
import { accept, end } from "./answers.js";

/** A request as it came, and on which of the streams. */
export interface Received {
  stream: number;
  request: StreamS3Request;
  bytes: Buffer;
}

export type Stream = ServerDuplexStream<Received, StreamS3Response>;

/** What a stream does with a request; the default is to accept it at once. */
export type Behaviour = (received: Received, stream: Stream, service: Service) => void;

export class Service {
  readonly received: Received[] = [];
  readonly metadata: Metadata[] = [];
  /** The tokens of each GetDelivery. */
  readonly asked: string[][] = [];
  behaviour: Behaviour = accept;
  getDelivery: (request: GetDeliveryRequest) => GetDeliveryResponse = () => create(GetDeliveryResponseSchema);
  target = "";
  /** How many streams there were. */
  streams = 0;
  readonly #server = new Server({ "grpc.max_receive_message_length": 32 << 20 });
  readonly #open = new Set<Stream>();
  #arrived: (() => void)[] = [];

  async start(credentials = ServerCredentials.createInsecure(), address = "127.0.0.1:0"): Promise<this> {
    this.#server.addService(streamService, { StreamS3: this.#stream });
    this.#server.addService(deliveryService, { GetDelivery: this.#deliveries });
    const port = await new Promise<number>((resolve, reject) =>
      this.#server.bindAsync(address, credentials, (error, bound) => (error ? reject(error) : resolve(bound))),
    );
    this.target = `${address.replace(/:\d+$/, "")}:${port}`;
    return this;
  }

  stop(): void {
    this.#server.forceShutdown();
  }

  /** open is how many streams there are now. */
  get open(): number {
    return this.#open.size;
  }

  /** reset ends every stream that is open. */
  reset(): void {
    for (const stream of this.#open) {
      end(stream, { code: 14, message: "reset" });
    }
  }

  /** until waits until something is so; it is looked at whenever a request or a stream has come or gone. */
  async until(isSo: () => boolean): Promise<void> {
    while (!isSo()) {
      await new Promise<void>((resolve) => this.#arrived.push(resolve));
    }
  }

  /** events is the payloads of everything that has come, sent again or not. */
  get events(): string[] {
    return this.received.flatMap(({ request }) => request.events.map((e) => Buffer.from(e.payload).toString()));
  }

  readonly #stream: handleBidiStreamingCall<Received, StreamS3Response> = (stream) => {
    const number = ++this.streams;
    this.#open.add(stream);
    this.metadata.push(stream.metadata);
    stream.on("data", (received: Received) => {
      if (!this.#open.has(stream)) {
        return; // it has ended: the service reads nothing more of it
      }
      received.stream = number;
      this.received.push(received);
      this.behaviour(received, stream, this);
      this.#tell();
    });
    stream.on("error", () => this.#gone(stream));
    stream.once("end", () => stream.end());
    stream.once("cancelled", () => this.#gone(stream));
    stream.once("close", () => this.#gone(stream));
    this.#tell();
  };

  readonly #deliveries: handleUnaryCall<GetDeliveryRequest, GetDeliveryResponse> = (call, done) => {
    this.asked.push(call.request.tokens);
    try {
      done(null, this.getDelivery(call.request));
    } catch (error) {
      done(error as Error);
    }
    this.#tell();
  };

  #gone(stream: Stream): void {
    this.#open.delete(stream);
    this.#tell();
  }

  #tell(): void {
    for (const resolve of this.#arrived.splice(0)) {
      resolve();
    }
  }
}

const streamService = {
  StreamS3: {
    path: "/destinations.v1.Destinations/StreamS3",
    requestStream: true,
    responseStream: true,
    requestSerialize: (received: Received) => received.bytes,
    requestDeserialize: (bytes: Buffer): Received => ({
      stream: 0,
      request: fromBinary(StreamS3RequestSchema, bytes),
      bytes,
    }),
    responseSerialize: (response: StreamS3Response) => Buffer.from(toBinary(StreamS3ResponseSchema, response)),
    responseDeserialize: (bytes: Buffer) => fromBinary(StreamS3ResponseSchema, bytes),
  },
};

const deliveryService = {
  GetDelivery: {
    path: "/destinations.v1.Deliveries/GetDelivery",
    requestStream: false,
    responseStream: false,
    requestSerialize: (request: GetDeliveryRequest) => Buffer.from(toBinary(GetDeliveryRequestSchema, request)),
    requestDeserialize: (bytes: Buffer) => fromBinary(GetDeliveryRequestSchema, bytes),
    responseSerialize: (response: GetDeliveryResponse) => Buffer.from(toBinary(GetDeliveryResponseSchema, response)),
    responseDeserialize: (bytes: Buffer) => fromBinary(GetDeliveryResponseSchema, bytes),
  },
};
