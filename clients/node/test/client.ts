// A service and a client for one test.
import type { TestContext } from "node:test";
import { type Client, type ConnectOptions, connect } from "../src/index.js";
import { type Behaviour, Service } from "./service.js";

/** started is a service that stops with the test. */
export async function started(t: TestContext, behaviour?: Behaviour): Promise<Service> {
  const service = await new Service().start();
  if (behaviour !== undefined) {
    service.behaviour = behaviour;
  }
  t.after(() => service.stop());
  return service;
}

/** connected is a client that is closed with the test. */
export function connected(t: TestContext, service: Service, options: Partial<ConnectOptions> = {}): Client {
  const client = connect({ target: service.target, reconnectInitialMs: 1, ...options });
  t.after(() => client.close({ timeoutMs: 0 }));
  return client;
}

/** event is one for a bucket. */
export function event(payload: unknown, prefix?: string): { bucket: string; prefix?: string; payload: unknown } {
  return prefix === undefined ? { bucket: "workflows", payload } : { bucket: "workflows", prefix, payload };
}
