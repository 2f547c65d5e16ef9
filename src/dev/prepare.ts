/** What must be there before the service can run on this machine: secrets and a migrated database. */

import { randomBytes } from "node:crypto";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { runWrangler } from "./wrangler.ts";

const SECRET_BYTES = 32;

/** Fresh secrets as `.dev.vars` spells them. */
export function newSecrets(): string {
  const secret = () => randomBytes(SECRET_BYTES).toString("hex");
  return `CALLBACK_SIGNING_KEYS=${secret()}\nROOT_TOKEN=root_${secret()}\n`;
}

/** Makes `.dev.vars`, readable by its owner alone. One that is there is left as it is; says whether it made one. */
export function makeDevVars(folder: string): boolean {
  try {
    writeFileSync(join(folder, ".dev.vars"), newSecrets(), { flag: "wx", mode: 0o600 });
    return true;
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "EEXIST") return false;
    throw error;
  }
}

/** Brings the local database up to date. `persistTo`: where it is, if not in `.wrangler/state`. */
export async function migrateLocally(persistTo?: string): Promise<void> {
  const where = persistTo === undefined ? [] : ["--persist-to", persistTo];
  await runWrangler(["d1", "migrations", "apply", "DB", "--local", ...where]);
}
