/** How the commands of this folder run wrangler: without an account, without a question, sending nothing anywhere. */

import { type ChildProcess, type SpawnOptions, spawn } from "node:child_process";
import { once } from "node:events";
import { createRequire } from "node:module";
import { fileURLToPath } from "node:url";

/** The project's folder, where every command runs, wherever it was typed. */
export const ROOT = fileURLToPath(new URL("../../", import.meta.url));

// The file that the `wrangler` command runs in a process of its own. Run directly, it gets our signals itself, and
// has taken its runtime down by the time it is gone.
const WRANGLER = createRequire(import.meta.url).resolve("wrangler");

const QUIET_AND_LOCAL = {
  CI: "true",
  WRANGLER_HIDE_BANNER: "true",
  WRANGLER_SEND_METRICS: "false",
  CLOUDFLARE_CF_FETCH_ENABLED: "false",
};

export function spawnWrangler(args: readonly string[], options: SpawnOptions): ChildProcess {
  return spawn(process.execPath, ["--no-warnings", WRANGLER, ...args], {
    cwd: ROOT,
    ...options,
    env: { ...process.env, ...options.env, ...QUIET_AND_LOCAL },
  });
}

/** Runs wrangler to its end. What it printed is shown only where it failed. */
export async function runWrangler(args: readonly string[]): Promise<void> {
  const child = spawnWrangler(args, { stdio: ["ignore", "pipe", "pipe"] });
  const printed = collect(child);
  const [code] = await once(child, "close");
  if (code !== 0) throw new Error(`wrangler ${args.join(" ")} failed:\n${printed()}`);
}

/** Gathers what a child prints. */
export function collect(child: ChildProcess): () => string {
  const chunks: Buffer[] = [];
  for (const stream of [child.stdout, child.stderr])
    stream?.on("data", (chunk: Buffer) => chunks.push(chunk));
  return () => Buffer.concat(chunks).toString();
}

const PARENT_CHECK_MS = 500;

/** Calls `stop` for each way in which a person or a machine asks this process to end. */
export function onStopSignal(stop: (signal: NodeJS.Signals) => void): void {
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.on(signal, () => stop(signal));
  // A SIGTERM sent to npm ends the shell between npm and us, and never gets here.
  if (process.env.npm_lifecycle_event === undefined) return;
  const parent = process.ppid;
  const check = setInterval(() => {
    if (process.ppid === parent) return;
    clearInterval(check);
    stop("SIGTERM");
  }, PARENT_CHECK_MS);
  check.unref();
}
