/**
 * Builds what is measured. wrangler builds the service, as for a deploy. Its bundler builds the rest at once with
 * wrangler's own settings, because wrangler would take seconds for each: the same source gives the same text.
 */

import { once } from "node:events";
import { join } from "node:path";
import { AS_WRANGLER, esbuild } from "../../src/dev/bundle.ts";
import { spawnChild } from "../../src/dev/children.ts";
import { collect, ROOT, WRANGLER } from "../../src/dev/wrangler.ts";

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

const QUIET_AND_LOCAL = { CI: "true", WRANGLER_HIDE_BANNER: "true", WRANGLER_SEND_METRICS: "false" };

/** Runs wrangler to its end, without an account, questions and telemetry. Throws with its output if it fails. */
export async function runWrangler(args: readonly string[]): Promise<void> {
  const child = spawnChild(process.execPath, ["--no-warnings", WRANGLER, ...args], {
    cwd: ROOT,
    stdio: ["ignore", "pipe", "pipe"],
    env: { ...process.env, ...QUIET_AND_LOCAL },
  });
  const printed = collect(child);
  const [code] = await once(child, "close");
  if (code !== 0) throw new Error(`wrangler ${args.join(" ")} failed:\n${printed()}`);
}

/** Builds each entry to `<name>.js` in `outdir`. Throws if the source has an error, which esbuild prints. */
export function bundle(entries: Readonly<Record<string, string>>, outdir: string, readable: boolean): void {
  esbuild.buildSync({ ...AS_WRANGLER, entryPoints: entries, outdir, minify: !readable });
}
