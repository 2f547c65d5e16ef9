/**
 * Installs and runs the build tools in `tools/`. They are not among the project's packages, because the type generator
 * needs an older compiler. `tools/` has its own lock file, so that every machine runs exactly the same packages.
 */

import { spawnSync } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { ROOT } from "./wrangler.ts";

const TOOLS = join(ROOT, "tools");
const LOCK = join(TOOLS, "package-lock.json");
/** A copy of the lock file of the last install. Written last, so that an interrupted install starts again. */
const INSTALLED = join(TOOLS, "node_modules", ".installed-by");

/** Runs a tool to its end. Throws with its output if it fails. `script`: its path in `tools/node_modules`. */
export function runTool(script: string, ...args: readonly string[]): void {
  installTools();
  run(process.execPath, [join(TOOLS, "node_modules", script), ...args]);
}

/**
 * Installs the packages of the lock file, unless they are installed. After that no tool needs the network. Two
 * processes must not install at once: each begins by deleting what is there.
 */
export function installTools(): void {
  const lock = readFileSync(LOCK, "utf8");
  if (readIfThere(INSTALLED) === lock) return;
  // No install scripts: the tools need none, and a hijacked package could run one.
  run("npm", ["ci", "--ignore-scripts", "--no-audit", "--no-fund", "--silent", "--prefer-offline"]);
  writeFileSync(INSTALLED, lock);
}

function run(program: string, args: readonly string[]): void {
  const ran = spawnSync(program, args, {
    cwd: TOOLS,
    encoding: "utf8",
    // npm is a script on Windows.
    shell: program === "npm" && process.platform === "win32",
  });
  if (ran.status === 0) return;
  const why = ran.error?.message ?? `${ran.stdout}${ran.stderr}`;
  throw new Error(`${program} ${args.join(" ")} failed in tools/:\n${why}`);
}

function readIfThere(file: string): string | null {
  try {
    return readFileSync(file, "utf8");
  } catch {
    return null;
  }
}
