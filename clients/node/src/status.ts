import { type Timestamp, timestampDate } from "@bufbuild/protobuf/wkt";
import {
  type Delivery,
  type DeliveredObject as Message,
  DeliveryState as State,
} from "./gen/destinations/v1/deliveries_pb.js";

/** How far events are; `BLOCKED`: their destination does not work, and they are delivered when it does. */
export type DeliveryState = "PENDING" | "UPLOADING" | "BLOCKED" | "PARTIAL" | "DELIVERED" | "DEAD";

/** An object in S3. */
export interface DeliveredObject {
  /** Its bucket. */
  bucket: string;
  /** Its key. */
  key: string;
  /** Empty if it is not known. */
  etag: string;
  /** Bytes; 0 if not known. */
  size: number;
  /** Events in it. */
  events: number;
}

/** What became of the events of a receipt. */
export interface DeliveryStatus {
  /** How far they are. */
  state: DeliveryState;
  /** The objects that hold them, at most 1,000. They may hold others', too. */
  objects: DeliveredObject[];
  /** Objects that `objects` has no room for. */
  objectsOmitted: number;
  /** AWS's error code of what keeps them from being delivered; empty if nothing does. */
  code: string;
  /** What was said then, for people. */
  message: string;
  /** When they are tried next, if a pause has to pass before. */
  nextTry: Date | undefined;
  /** They are delivered, and the service no longer knows all of the objects. */
  detailsExpired: boolean;
}

/** statusOf reads what the service says of one receipt. */
export function statusOf(delivery: Delivery): DeliveryStatus {
  return {
    state: (State[delivery.state] ?? "PENDING") as DeliveryState,
    objects: delivery.objects.map(object),
    objectsOmitted: Number(delivery.objectsOmitted),
    code: delivery.code,
    message: delivery.message,
    nextTry: date(delivery.nextTry),
    detailsExpired: delivery.detailsExpired,
  };
}

function object(o: Message): DeliveredObject {
  return { bucket: o.bucket, key: o.key, etag: o.etag, size: Number(o.size), events: Number(o.events) };
}

function date(t: Timestamp | undefined): Date | undefined {
  return t === undefined ? undefined : timestampDate(t);
}
