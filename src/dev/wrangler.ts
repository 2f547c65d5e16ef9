/**
 * Runs wrangler for the commands of this folder: without an account, without questions, without sending data anywhere.
 */

import type { ChildProcess } from "node:child_process";
import { once } from "node:events";
import { createRequire } from "node:module";
import { fileURLToPath } from "node:url";
import { spawnChild } from "./children.ts";

/** The project's folder. Every command runs there, wherever the user typed it. */
export const ROOT = fileURLToPath(new URL("../../", import.meta.url));

// The `wrangler` command runs this file in another process. We run the file directly, so that it receives our signals
// and stops its runtime before it exits.
export const WRANGLER = createRequire(import.meta.url).resolve("wrangler");

const QUIET_AND_LOCAL = { CI: "true", WRANGLER_HIDE_BANNER: "true", WRANGLER_SEND_METRICS: "false" };

/** Runs wrangler to its end. Throws with its output if it fails. */
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

/** Collects a child's output. */
export function collect(child: ChildProcess): () => string {
  const chunks: Buffer[] = [];
  for (const stream of [child.stdout, child.stderr]) stream?.on("data", (chunk: Buffer) => chunks.push(chunk));
  return () => Buffer.concat(chunks).toString();
}
