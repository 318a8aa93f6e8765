// The requests that the examples send.

// text is a payload that people can read.
function text(from, n) {
  return Buffer.from(JSON.stringify({ from, n, text: "Grüße, 日本語, 😀" }));
}

// binary is a payload with every byte but the line breaks.
function binary(from) {
  const bytes = [...Array(256).keys()].filter((b) => b !== 10 && b !== 13);
  return Buffer.concat([Buffer.from(from), Buffer.from(bytes)]);
}

export function requests(from) {
  return [
    {
      bucket: "workflows",
      prefix: "node",
      events: [
        { payload: text(from, 0) }, // goes where its request says
        { payload: binary(from), prefix: "node/binary" },
        { payload: text(from, 2), prefix: "" }, // "" is a prefix too: none
      ],
    },
    {
      events: [
        { payload: text(from, 3), bucket: "audit" },
        { payload: Buffer.from("two\nlines"), bucket: "audit" }, // is rejected
        { payload: text(from, 5), bucket: "audit", prefix: "node" },
      ],
    },
    { bucket: "workflows", prefix: "node/", events: [{ payload: text(from, 6) }] },
  ];
}
