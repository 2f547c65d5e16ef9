/**
 * What the files of this folder share, because each costs seconds: a migrated database to copy, and one running server.
 * A file that kills its server, or gives it other settings, starts its own (place.ts).
 */

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { TestProject } from "vitest/node";
import { migrateLocally } from "../../src/dev/prepare.ts";
import { newPlace } from "./place.ts";

declare module "vitest" {
  export interface ProvidedContext {
    /** A folder with a migrated database in it. */
    migratedState: string;
    sharedServer: { readonly origin: string; readonly token: string };
  }
}

export default async function setup({ provide }: TestProject): Promise<() => Promise<void>> {
  const folder = mkdtempSync(join(tmpdir(), "action-runs-shared-"));
  const migrated = join(folder, "state");
  await migrateLocally(migrated);
  // Webhooks may go to receivers of the tests, which are on this machine.
  const place = await newPlace("ALLOW_INSECURE_WEBHOOKS=true\n", migrated);
  const server = await place.start();
  provide("migratedState", migrated);
  provide("sharedServer", { origin: server.url, token: place.token });
  return async () => {
    await place.remove();
    rmSync(folder, { recursive: true, force: true });
  };
}
