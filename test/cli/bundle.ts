/**
 * The command line as the tests start it: in one file with its packages, because half of a start is loading them file by
 * file. test/cli/in-process.ts and the first minute run the source.
 */

import { renameSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { ROOT, WRANGLER } from "../../src/dev/wrangler.ts";

const { buildSync } = createRequire(WRANGLER)("esbuild") as typeof import("esbuild");

/** As deep as the source, which reads package.json two folders up. */
export const MAIN = join(ROOT, ".wrangler", "cli", "main.js");

export function bundleCommandLine(): void {
  const outfile = `${MAIN}.${process.pid}`;
  buildSync({
    absWorkingDir: ROOT,
    entryPoints: ["src/cli/main.ts"],
    outfile,
    bundle: true,
    // Loaded only behind a proxy.
    external: ["undici"],
    platform: "node",
    format: "esm",
    target: "es2024",
    // commander is CommonJS.
    banner: {
      js: 'import { createRequire as requireFor } from "node:module"; const require = requireFor(import.meta.url);',
    },
  });
  // At once, so that no other run of the tests reads half of it.
  renameSync(outfile, MAIN);
}
