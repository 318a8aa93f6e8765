// Compiles src/ twice: into lib/esm and lib/cjs. The second build is of a copy whose
// package.json says that it is CommonJS, and in which require.ts is another file.
import { execFileSync } from "node:child_process";
import { cpSync, mkdirSync, rmSync, writeFileSync } from "node:fs";

const commonjs = `/** This package's own \`require\`. */
export const ownRequire: (name: string) => unknown = require;
`;

rmSync("lib", { recursive: true, force: true });
tsc("tsconfig.json", "--outDir", "lib/esm");

rmSync("build/cjs", { recursive: true, force: true });
mkdirSync("build/cjs", { recursive: true });
cpSync("src", "build/cjs/src", { recursive: true });
writeFileSync("build/cjs/src/require.ts", commonjs);
writeFileSync("build/cjs/package.json", '{ "type": "commonjs" }\n');
writeFileSync("build/cjs/tsconfig.json", '{ "extends": "../../tsconfig.json", "include": ["src"] }\n');
tsc("build/cjs/tsconfig.json", "--rootDir", "build/cjs/src", "--outDir", "lib/cjs");
writeFileSync("lib/cjs/package.json", '{ "type": "commonjs" }\n');

function tsc(project, ...args) {
  execFileSync("node_modules/.bin/tsc", ["-p", project, ...args], { stdio: "inherit" });
}
