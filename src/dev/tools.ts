/**
 * Installs and runs the build tools in `tools/`. They are not among the project's packages, because the type generator
 * needs an older compiler. Each folder with a lock file of its own is installed only by who needs it: `tools/node-red/`
 * by `npm run node-red` for test/products/, and `tools/mcp/` by test/tools/mcp/.
 */

import { spawnSync } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { readIfThere } from "./files.ts";
import { ROOT } from "./wrangler.ts";

const TOOLS = join(ROOT, "tools");
const NODE_RED = join(TOOLS, "node-red");

/** Runs a tool to its end. Throws with its output if it fails. `script`: its path in `tools/node_modules`. */
export function runTool(script: string, ...args: readonly string[]): void {
  installTools();
  run(TOOLS, process.execPath, [join(TOOLS, "node_modules", script), ...args]);
}

export function installTools(): void {
  install(TOOLS);
}

/** The script that starts Node-RED, or null if `npm run node-red` has not installed it. */
export function nodeRed(): string | null {
  return isInstalled(NODE_RED) ? join(NODE_RED, "node_modules", "node-red", "red.js") : null;
}

/** Installs what is missing. Two processes must not install at once: each begins by deleting what is there. */
export function install(folder: string, ...options: readonly string[]): void {
  if (isInstalled(folder)) return;
  // No install scripts: the tools need none, and a hijacked package could run one.
  const quiet = ["--ignore-scripts", "--no-audit", "--no-fund", "--silent", "--prefer-offline"];
  run(folder, "npm", ["ci", ...quiet, ...options]);
  writeFileSync(installedBy(folder), lockOf(folder));
}

function isInstalled(folder: string): boolean {
  return readIfThere(installedBy(folder)) === lockOf(folder);
}

/** A copy of the lock file of the last install. Written last, so that an interrupted install starts again. */
function installedBy(folder: string): string {
  return join(folder, "node_modules", ".installed-by");
}

function lockOf(folder: string): string {
  return readFileSync(join(folder, "package-lock.json"), "utf8");
}

function run(folder: string, program: string, args: readonly string[]): void {
  const ran = spawnSync(program, args, {
    cwd: folder,
    encoding: "utf8",
    // npm is a script on Windows.
    shell: program === "npm" && process.platform === "win32",
  });
  if (ran.status === 0) return;
  const why = ran.error?.message ?? `${ran.stdout}${ran.stderr}`;
  throw new Error(`${program} ${args.join(" ")} failed in ${folder}:\n${why}`);
}

// The optional package is a faster bcrypt, for passwords that no test has.
if (import.meta.main) install(NODE_RED, "--omit=optional");
