/** Builds Workers with wrangler's bundler and wrangler's own settings, in a fraction of its time. */

import { createRequire } from "node:module";
import type { BuildOptions } from "esbuild";
import { ROOT, WRANGLER } from "./wrangler.ts";

export const esbuild = createRequire(WRANGLER)("esbuild") as typeof import("esbuild");

/** The same source gives the same text as `wrangler deploy`. test/tools/bench.test.ts compares both. */
export const AS_WRANGLER = {
  absWorkingDir: ROOT,
  bundle: true,
  keepNames: false,
  format: "esm",
  target: "es2024",
  conditions: ["workerd", "worker", "browser"],
  define: { DESCRIBE: "false", "navigator.userAgent": '"Cloudflare-Workers"' },
  external: ["cloudflare:*", "node:*"],
} satisfies BuildOptions;
