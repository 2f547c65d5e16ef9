/**
 * The API explorer's build: one file of one pinned package. Fetched alone, through npm and its cache, for the package's
 * dependencies, which that file holds already, would add 290 MB to every install.
 */

import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { copyFileSync, mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ROOT } from "./wrangler.ts";

const PACKAGE = "@scalar/api-reference@1.72.1";
const FILE = "package/dist/browser/standalone.js";
/** Of the file: what is served to people who type tokens into it is this and nothing else. */
const SHA256 = "bf091006bdc3af6067af77c2f534812e3e633e94a94e87138069f570f33b762c";
const KEPT = join(ROOT, ".wrangler", "explorer", `${SHA256.slice(0, 16)}.js`);

/** The build's text, or null where it is not here and the registry can't be reached. */
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

/** Whether it is there now. */
function fetchBuild(): boolean {
  const folder = mkdtempSync(join(tmpdir(), "action-runs-explorer-"));
  const run = (program: string, ...args: readonly string[]) =>
    spawnSync(program, args, { cwd: folder, encoding: "utf8", shell: process.platform === "win32" });
  try {
    const packed = run("npm", "pack", PACKAGE, "--silent", "--prefer-offline");
    const tarball = packed.stdout?.trim().split("\n").at(-1) ?? "";
    if (packed.status !== 0 || run("tar", "-xzf", tarball, FILE).status !== 0) return false;
    mkdirSync(join(KEPT, ".."), { recursive: true });
    // Into its own file system first, so that nobody finds half a file.
    const temporary = `${KEPT}.${process.pid}`;
    copyFileSync(join(folder, FILE), temporary);
    renameSync(temporary, KEPT);
    return true;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
