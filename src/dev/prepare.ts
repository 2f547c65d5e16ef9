/** Prepares this machine for the service: its secrets. */

import { randomBytes } from "node:crypto";
import { chmodSync, mkdirSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";

const SECRET_BYTES = 32;
const OWNER_ONLY = 0o600;

/** New random secrets in the format of `.dev.vars`. */
export function newSecrets(): string {
  const secret = () => randomBytes(SECRET_BYTES).toString("hex");
  return `CALLBACK_SIGNING_KEYS=${secret()}\nROOT_TOKEN=root_${secret()}\n`;
}

/** Creates `.dev.vars` unless it exists. Then only its owner may read it. Returns whether it created the file. */
export function makeDevVars(folder: string): boolean {
  const file = join(folder, ".dev.vars");
  try {
    writeFileSync(file, newSecrets(), { flag: "wx", mode: OWNER_ONLY });
    return true;
  } catch (error) {
    if (!hasCode(error, "EEXIST")) throw error;
  }
  makePrivate(file);
  return false;
}

/** Writes a file that only its owner may read, in a folder that is created if it is missing. */
export function writePrivateFile(file: string, content: string): void {
  mkdirSync(dirname(file), { recursive: true });
  // The mode counts only for a new file.
  rmSync(file, { force: true });
  writeFileSync(file, content, { mode: OWNER_ONLY });
}

function makePrivate(file: string): void {
  try {
    chmodSync(file, OWNER_ONLY);
  } catch (error) {
    // The file belongs to another user, who decides about its mode.
    if (!hasCode(error, "EPERM")) throw error;
  }
}

function hasCode(error: unknown, code: string): boolean {
  return error instanceof Error && "code" in error && error.code === code;
}
