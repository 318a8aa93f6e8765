// Certificates for one test: self-signed, made in memory, of this machine.
import { generateKeyPairSync, type KeyObject, sign } from "node:crypto";

export interface Certificate {
  cert: string;
  key: string;
}

/** certificate makes one that is its own root, for localhost and 127.0.0.1. */
export function certificate(name: string): Certificate {
  const { publicKey, privateKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
  const signed = toBeSigned(name, publicKey);
  const signature = sign("sha256", signed, privateKey);
  const der = seq(signed, ecdsaWithSha256, tlv(0x03, Buffer.from([0]), signature));
  const lines = der.toString("base64").match(/.{1,64}/g) ?? [];
  return {
    cert: `-----BEGIN CERTIFICATE-----\n${lines.join("\n")}\n-----END CERTIFICATE-----\n`,
    key: privateKey.export({ type: "pkcs8", format: "pem" }).toString(),
  };
}

// X.509 version 3 (RFC 5280, section 4.1) in DER.
function toBeSigned(name: string, publicKey: KeyObject): Buffer {
  const subject = seq(tlv(0x31, seq(oid("550403"), tlv(0x0c, Buffer.from(name)))));
  const dnsName = tlv(0x82, Buffer.from("localhost"));
  const ipAddress = tlv(0x87, Buffer.from([127, 0, 0, 1]));
  const extensions = seq(
    seq(oid("551d11"), tlv(0x04, seq(dnsName, ipAddress))), // subjectAltName
    seq(oid("551d13"), tlv(0x04, seq(tlv(0x01, Buffer.from([0xff]))))), // basicConstraints: a CA
  );
  return seq(
    tlv(0xa0, tlv(0x02, Buffer.from([2]))),
    tlv(0x02, Buffer.from([1])),
    ecdsaWithSha256,
    subject,
    seq(time(-3_600_000), time(3_600_000)),
    subject,
    publicKey.export({ type: "spki", format: "der" }),
    tlv(0xa3, extensions),
  );
}

const ecdsaWithSha256 = seq(oid("2a8648ce3d040302"));

function time(fromNow: number): Buffer {
  const text = new Date(Date.now() + fromNow).toISOString().replace(/[-:T]/g, "").slice(0, 14);
  return tlv(0x18, Buffer.from(`${text}Z`));
}

function oid(hex: string): Buffer {
  return tlv(0x06, Buffer.from(hex, "hex"));
}

function seq(...parts: Buffer[]): Buffer {
  return tlv(0x30, ...parts);
}

function tlv(tag: number, ...parts: Buffer[]): Buffer {
  const value = Buffer.concat(parts);
  const { length } = value;
  const head =
    length < 0x80 ? [tag, length] : length < 0x100 ? [tag, 0x81, length] : [tag, 0x82, length >> 8, length & 0xff];
  return Buffer.concat([Buffer.from(head), value]);
}
