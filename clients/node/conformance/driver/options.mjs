// Options, from the protocol's names to the package's.
import { readFileSync } from "node:fs";

const names = {
  target: "target",
  max_buffered_bytes: "maxBufferedBytes",
  when_full: "whenFull",
  block_timeout_ms: "blockTimeoutMs",
  batch_bytes: "batchBytes",
  batch_delay_ms: "batchDelayMs",
  max_streams: "maxStreams",
  reconnect_initial_ms: "reconnectInitialMs",
  reconnect_max_ms: "reconnectMaxMs",
  keepalive_time_ms: "keepaliveTimeMs",
  keepalive_timeout_ms: "keepaliveTimeoutMs",
  close_timeout_ms: "closeTimeoutMs",
  receipts: "receipts",
  insecure: "insecure",
  token: "token",
};

const files = { tls_ca: "ca", tls_cert: "cert", tls_key: "key" };

export function options(given) {
  const all = {};
  for (const [name, value] of Object.entries(given ?? {})) {
    if (name in files) {
      all.tls = { ...all.tls, [files[name]]: readFileSync(value) };
    } else if (name === "token_function") {
      all.token = () => value;
    } else {
      all[names[name] ?? name] = value;
    }
  }
  return all;
}
