import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import { type ChannelCredentials, Client, type ClientDuplexStream, credentials, Metadata } from "@grpc/grpc-js";
import {
  GetDeliveryRequestSchema,
  type GetDeliveryResponse,
  GetDeliveryResponseSchema,
} from "./gen/destinations/v1/deliveries_pb.js";
import { type StreamS3Response, StreamS3ResponseSchema } from "./gen/destinations/v1/destinations_pb.js";
import { isToken, type Settings } from "./options.js";
import { isLocal } from "./target.js";

/** A StreamS3 call: messages are encoded by whoever writes them. */
export type Call = ClientDuplexStream<() => Buffer, StreamS3Response>;

/** How long the service has to answer a unary call. */
const unaryMs = 10_000;

/** The channel to one target. It connects when it is first used. */
export class Connection {
  readonly #client: Client;
  readonly #token: Settings["token"];

  constructor(target: string, settings: Settings) {
    this.#token = settings.token;
    this.#client = new Client(target, channelCredentials(target, settings), {
      "grpc.keepalive_time_ms": settings.keepaliveTimeMs,
      "grpc.keepalive_timeout_ms": settings.keepaliveTimeoutMs,
      "grpc.initial_reconnect_backoff_ms": settings.reconnectInitialMs,
      "grpc.max_reconnect_backoff_ms": Math.max(settings.reconnectMaxMs, settings.reconnectInitialMs),
      "grpc.enable_retries": 0,
      "grpc.max_send_message_length": -1,
      "grpc.max_receive_message_length": 16 << 20,
    });
  }

  /** streamS3 opens a stream; it fails if the token can't be had. */
  async streamS3(): Promise<Call> {
    const metadata = await this.#metadata();
    return this.#client.makeBidiStreamRequest<() => Buffer, StreamS3Response>(
      "/destinations.v1.Destinations/StreamS3",
      (encode) => encode(),
      (bytes) => fromBinary(StreamS3ResponseSchema, bytes),
      metadata,
    );
  }

  /** getDelivery asks what became of the events of receipts; it fails with gRPC's ServiceError. */
  async getDelivery(tokens: string[]): Promise<GetDeliveryResponse> {
    const metadata = await this.#metadata();
    return new Promise((resolve, reject) => {
      this.#client.makeUnaryRequest(
        "/destinations.v1.Deliveries/GetDelivery",
        (request: string[]) =>
          Buffer.from(toBinary(GetDeliveryRequestSchema, create(GetDeliveryRequestSchema, { tokens: request }))),
        (bytes) => fromBinary(GetDeliveryResponseSchema, bytes),
        tokens,
        metadata,
        { deadline: Date.now() + unaryMs },
        (error, response) => (error ? reject(error) : resolve(response as GetDeliveryResponse)),
      );
    });
  }

  close(): void {
    this.#client.close();
  }

  async #metadata(): Promise<Metadata> {
    const metadata = new Metadata();
    const token = typeof this.#token === "function" ? await this.#token() : this.#token;
    if (token === undefined) {
      return metadata;
    }
    if (!isToken(token)) {
      // gRPC's own refusal would show it.
      throw new Error("the function gave something else than visible ASCII characters");
    }
    metadata.set("authorization", `Bearer ${token}`);
    return metadata;
  }
}

/** channelCredentials: plaintext to this machine or where it is asked for, TLS otherwise. */
function channelCredentials(target: string, settings: Settings): ChannelCredentials {
  const { tls } = settings;
  if (settings.credentials !== undefined) {
    return settings.credentials;
  }
  if (tls !== undefined) {
    return credentials.createSsl(pem(tls.ca), pem(tls.key), pem(tls.cert));
  }
  return settings.insecure || isLocal(target) ? credentials.createInsecure() : credentials.createSsl();
}

function pem(text: string | Uint8Array | undefined): Buffer | null {
  return text === undefined ? null : Buffer.from(text as string);
}
