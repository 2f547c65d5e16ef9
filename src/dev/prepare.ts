/** What must be there before the service can run on this machine: secrets and a migrated database. */

import { randomBytes } from "node:crypto";
import { chmodSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { runWrangler } from "./wrangler.ts";

const SECRET_BYTES = 32;
const OWNER_ONLY = 0o600;

/** Fresh secrets as `.dev.vars` spells them. */
export function newSecrets(): string {
  const secret = () => randomBytes(SECRET_BYTES).toString("hex");
  return `CALLBACK_SIGNING_KEYS=${secret()}\nROOT_TOKEN=root_${secret()}\n`;
}

/** Makes `.dev.vars`. The content of one that is there is left as it is; says whether it made one. */
export function makeDevVars(folder: string): boolean {
  return makePrivateFile(join(folder, ".dev.vars"), newSecrets());
}

/** Makes a file that its owner alone may read. One that is there keeps its content; says whether it made one. */
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
    // Somebody else's file: whether to close it is theirs to decide.
    if (!hasCode(error, "EPERM")) throw error;
  }
  return false;
}

function hasCode(error: unknown, code: string): boolean {
  return error instanceof Error && "code" in error && error.code === code;
}

/** Brings the local database up to date. `persistTo`: where it is, if not in `.wrangler/state`. */
export async function migrateLocally(persistTo?: string): Promise<void> {
  const where = persistTo === undefined ? [] : ["--persist-to", persistTo];
  await runWrangler(["d1", "migrations", "apply", "DB", "--local", ...where]);
}
