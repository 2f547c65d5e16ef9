/** Prepares this machine for the service: secrets and a migrated database. */

import { randomBytes } from "node:crypto";
import { chmodSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { runWrangler } from "./wrangler.ts";

const SECRET_BYTES = 32;
const OWNER_ONLY = 0o600;

/** New random secrets in the format of `.dev.vars`. */
export function newSecrets(): string {
  const secret = () => randomBytes(SECRET_BYTES).toString("hex");
  return `CALLBACK_SIGNING_KEYS=${secret()}\nROOT_TOKEN=root_${secret()}\n`;
}

/** Creates `.dev.vars` unless it exists. Returns whether it created the file. */
export function makeDevVars(folder: string): boolean {
  return makePrivateFile(join(folder, ".dev.vars"), newSecrets());
}

/**
 * Creates a file that only its owner may read. An existing file keeps its content. Returns whether it created the file.
 */
export function makePrivateFile(file: string, content: string): boolean {
  try {
    writeFileSync(file, content, { flag: "wx", mode: OWNER_ONLY });
    return true;
  } catch (error) {
    if (!hasCode(error, "EEXIST")) throw error;
  }
  try {
    chmodSync(file, OWNER_ONLY);
  } catch (error) {
    // The file belongs to another user, who decides about its mode.
    if (!hasCode(error, "EPERM")) throw error;
  }
  return false;
}

function hasCode(error: unknown, code: string): boolean {
  return error instanceof Error && "code" in error && error.code === code;
}

/** Applies all migrations to the local database. `persistTo`: its folder, if not `.wrangler/state`. */
export async function migrateLocally(persistTo?: string): Promise<void> {
  const where = persistTo === undefined ? [] : ["--persist-to", persistTo];
  await runWrangler(["d1", "migrations", "apply", "DB", "--local", ...where]);
}
