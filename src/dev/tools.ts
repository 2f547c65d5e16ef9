/**
 * Tools that this project is built and checked with, and that are not among its own packages: the generator wants an
 * older compiler than the one that checks this project. `tools/` has a lock file of its own, so that what runs on a
 * developer's machine and in CI is what was reviewed, to the last package.
 */

import { spawnSync } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { ROOT } from "./wrangler.ts";

const TOOLS = join(ROOT, "tools");
const LOCK = join(TOOLS, "package-lock.json");
/** The lock file that the packages were installed by. Written last, so an install that broke off leaves none. */
const INSTALLED = join(TOOLS, "node_modules", ".installed-by");

/** Runs a tool to its end; throws with what it printed if it failed. `script`: its path in `tools/node_modules`. */
export function runTool(script: string, ...args: readonly string[]): void {
  install();
  run(process.execPath, [join(TOOLS, "node_modules", script), ...args]);
}

/** Installs what the lock file says, unless it is there. After that no tool needs the network. */
function install(): void {
  const lock = readFileSync(LOCK, "utf8");
  if (readIfThere(INSTALLED) === lock) return;
  // No install scripts: none of the tools needs one, and a package that was taken over could run one here.
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
