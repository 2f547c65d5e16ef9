/**
 * Builds what is measured. wrangler builds the service, as for a deploy. Its bundler builds the rest at once with
 * wrangler's own settings, because wrangler would take seconds for each: the same source gives the same text.
 */

import { join } from "node:path";
import { AS_WRANGLER, esbuild } from "../../src/dev/bundle.ts";
import { ROOT, runWrangler } from "../../src/dev/wrangler.ts";

export const CONFIGS = {
  service: join(ROOT, "wrangler.toml"),
  limits: join(ROOT, "bench/limits/wrangler.toml"),
  workflows: join(ROOT, "bench/peer/wrangler.toml"),
} as const;

const BUILT = join(ROOT, ".wrangler", "bench");
/** The script of each build. `counted`: the service again, each of its statements counted. */
export const SCRIPTS = {
  service: join(BUILT, "service", "index.js"),
  limits: join(BUILT, "limits.js"),
  workflows: join(BUILT, "workflows.js"),
  counted: join(BUILT, "counted.js"),
} as const;

const ENTRIES = {
  limits: join(ROOT, "bench/limits/index.ts"),
  workflows: join(ROOT, "bench/peer/index.ts"),
  counted: join(ROOT, "bench/growth/counted.ts"),
} as const;

export async function build({ readable = false }): Promise<void> {
  bundle(ENTRIES, BUILT, readable);
  const minify = readable ? ["--no-minify"] : [];
  const options = ["--dry-run", "--config", CONFIGS.service, "--outdir", join(BUILT, "service")];
  await runWrangler(["deploy", ...minify, ...options]);
}

/** Builds each entry to `<name>.js` in `outdir`. Throws if the source has an error, which esbuild prints. */
export function bundle(entries: Readonly<Record<string, string>>, outdir: string, readable: boolean): void {
  esbuild.buildSync({ ...AS_WRANGLER, entryPoints: entries, outdir, minify: !readable });
}
