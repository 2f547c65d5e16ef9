/** Files that the commands of this folder read, replace at once, and keep from other users. */

import { chmodSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { ROOT } from "./wrangler.ts";

export const OWNER_ONLY = 0o600;
export const OWNER_ENTERS = 0o700;

export function readIfThere(file: string): string | null {
  try {
    return readFileSync(file, "utf8");
  } catch {
    return null;
  }
}

/** Replaces a file at once, so nobody reads half of it, and only if it differs: a running server watches it. */
export function replaceFile(file: string, content: string): void {
  if (readIfThere(file) === content) return;
  const temporary = join(ROOT, ".wrangler", `replaces-${process.pid}`);
  for (const path of [file, temporary]) mkdirSync(dirname(path), { recursive: true });
  writeFileSync(temporary, content);
  renameSync(temporary, file);
}

/** Writes a file that only its owner may read, in a folder that is created if it is missing. */
export function writePrivateFile(file: string, content: string): void {
  mkdirSync(dirname(file), { recursive: true });
  // The mode counts only for a new file.
  rmSync(file, { force: true });
  writeFileSync(file, content, { mode: OWNER_ONLY });
}

export function makePrivate(path: string, mode: number): void {
  try {
    chmodSync(path, mode);
  } catch (error) {
    // It belongs to another user, who decides about its mode.
    if (!hasCode(error, "EPERM")) throw error;
  }
}

export function hasCode(error: unknown, code: string): boolean {
  return error instanceof Error && "code" in error && error.code === code;
}
