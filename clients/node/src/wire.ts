// Protobuf's wire format, as far as a request consists of it. Every event passes
// here: written in place it costs no object and one copy.

/** varintSize is the bytes of a number as a varint. */
export function varintSize(n: number): number {
  if (n < 0x80) {
    return 1;
  }
  if (n < 0x4000) {
    return 2;
  }
  if (n < 0x20_0000) {
    return 3;
  }
  let size = 4;
  for (let rest = n / 0x1000_0000; rest >= 1; rest /= 0x80) {
    size++;
  }
  return size;
}

/** writeVarint writes a number from 0 to 2^53-1 and returns the offset behind it. */
export function writeVarint(to: Uint8Array, offset: number, n: number): number {
  let rest = n;
  while (rest >= 0x80) {
    to[offset++] = (rest % 0x80) | 0x80;
    rest = Math.floor(rest / 0x80);
  }
  to[offset++] = rest;
  return offset;
}

/** fieldSize is the bytes of a field of so many bytes, with its tag (below 16) and length. */
export function fieldSize(length: number): number {
  return 1 + varintSize(length) + length;
}

/** writeText writes a field that is a string of so many bytes of UTF-8. */
export function writeText(to: Buffer, offset: number, tag: number, text: string, length: number): number {
  to[offset++] = tag;
  const at = writeVarint(to, offset, length);
  // A string of as many bytes as characters is ASCII, which the other writer copies faster.
  to.write(text, at, length, length === text.length ? "latin1" : "utf8");
  return at + length;
}

/** writeBytes writes a field that is bytes. */
export function writeBytes(to: Uint8Array, offset: number, tag: number, bytes: Uint8Array): number {
  to[offset++] = tag;
  const at = writeVarint(to, offset, bytes.length);
  to.set(bytes, at);
  return at + bytes.length;
}

/** textField is a field that is a string, on its own. */
export function textField(tag: number, text: string): Buffer {
  const length = Buffer.byteLength(text);
  const field = Buffer.allocUnsafe(fieldSize(length));
  writeText(field, 0, tag, text, length);
  return field;
}
