import { createRequire } from "node:module";

/** This package's own `require`. The CommonJS build has another file in this one's place. */
export const ownRequire: (name: string) => unknown = createRequire(import.meta.url);
