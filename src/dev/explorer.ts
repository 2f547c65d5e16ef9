/**
 * Fetches the API explorer's build: one file of one pinned package, through npm and its cache. The package is not among
 * the dependencies, because its own dependencies would add 290 MB to every install and the file already holds them.
 */

import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { copyFileSync, mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ROOT } from "./wrangler.ts";

const PACKAGE = "@scalar/api-reference@1.72.1";
const FILE = "package/dist/browser/standalone.js";
/** The file's hash. People type tokens into the explorer, so nothing but this file may be served. */
const SHA256 = "bf091006bdc3af6067af77c2f534812e3e633e94a94e87138069f570f33b762c";
const KEPT = join(ROOT, ".wrangler", "explorer", `${SHA256.slice(0, 16)}.js`);

/** The build's text, or null if the file is missing and the registry can't be reached. */
export function explorerBuild(): string | null {
  return read(KEPT) ?? (fetchBuild() ? read(KEPT) : null);
}

function read(file: string): string | null {
  try {
    const text = readFileSync(file, "utf8");
    return createHash("sha256").update(text).digest("hex") === SHA256 ? text : null;
  } catch {
    return null;
  }
}

/** Returns whether the fetch succeeded. */
function fetchBuild(): boolean {
  const folder = mkdtempSync(join(tmpdir(), "action-runs-explorer-"));
  const run = (program: string, ...args: readonly string[]) =>
    spawnSync(program, args, { cwd: folder, encoding: "utf8", shell: process.platform === "win32" });
  try {
    const packed = run("npm", "pack", PACKAGE, "--silent", "--prefer-offline");
    const tarball = packed.stdout?.trim().split("\n").at(-1) ?? "";
    if (packed.status !== 0 || run("tar", "-xzf", tarball, FILE).status !== 0) return false;
    mkdirSync(join(KEPT, ".."), { recursive: true });
    // Copy beside it and rename, so that nobody reads half a file.
    const temporary = `${KEPT}.${process.pid}`;
    copyFileSync(join(folder, FILE), temporary);
    renameSync(temporary, KEPT);
    return true;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
