/** Prepares this machine for the service: its secrets, and the folder of its databases. */

import { randomBytes } from "node:crypto";
import { chmodSync, mkdirSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { ROOT } from "./wrangler.ts";

const SECRET_BYTES = 32;
const OWNER_ONLY = 0o600;
const OWNER_ENTERS = 0o700;

/** Where the databases and the objects are kept, unless a command names another folder. It is also wrangler's. */
export const STATE = ".wrangler/state";

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
  makePrivate(file, OWNER_ONLY);
  return false;
}

/**
 * The folder of the databases and the objects below `persistTo`, which is created if it is missing. Only its owner may
 * enter it.
 */
export function privateState(persistTo = STATE): string {
  const state = resolve(ROOT, persistTo);
  // The folder in which wrangler has its current format.
  const folder = join(state, "v3");
  mkdirSync(folder, { recursive: true, mode: OWNER_ENTERS });
  // A folder that somebody chose may have other things in it.
  if (state === resolve(ROOT, STATE)) makePrivate(state, OWNER_ENTERS);
  makePrivate(folder, OWNER_ENTERS);
  // `wrangler dev` keeps the URL of each outgoing request there, and URLs of chats are secrets.
  rmSync(join(folder, "observability"), { recursive: true, force: true });
  return folder;
}

/** Writes a file that only its owner may read, in a folder that is created if it is missing. */
export function writePrivateFile(file: string, content: string): void {
  mkdirSync(dirname(file), { recursive: true });
  // The mode counts only for a new file.
  rmSync(file, { force: true });
  writeFileSync(file, content, { mode: OWNER_ONLY });
}

function makePrivate(path: string, mode: number): void {
  try {
    chmodSync(path, mode);
  } catch (error) {
    // It belongs to another user, who decides about its mode.
    if (!hasCode(error, "EPERM")) throw error;
  }
}

function hasCode(error: unknown, code: string): boolean {
  return error instanceof Error && "code" in error && error.code === code;
}
