/**
 * What the files of this folder share, because each costs seconds: a migrated database to copy, one running server, and
 * one Chromium. A file that kills its server, or gives it other settings, starts its own (place.ts).
 */

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { chromium } from "playwright-core";
import type { TestProject } from "vitest/node";
import { CHROMIUM } from "../../src/dev/chromium.ts";
import { migrateLocally } from "../../src/dev/prepare.ts";
import { newPlace } from "./place.ts";
import { HANGS_AFTER_MS } from "./until.ts";

declare module "vitest" {
  export interface ProvidedContext {
    /** A folder with a migrated database in it. */
    migratedState: string;
    sharedServer: { readonly origin: string; readonly token: string };
    /** Where files connect to Chromium; null if this machine has none. */
    sharedChromium: string | null;
  }
}

export default async function setup({ provide }: TestProject): Promise<() => Promise<void>> {
  const folder = mkdtempSync(join(tmpdir(), "action-runs-shared-"));
  const migrated = join(folder, "state");
  await migrateLocally(migrated);
  // Webhooks may go to receivers of the tests, which are on this machine.
  const place = await newPlace("ALLOW_INSECURE_WEBHOOKS=true\n", migrated);
  const [server, browser] = await Promise.all([place.start(), launchChromium()]);
  provide("migratedState", migrated);
  provide("sharedServer", { origin: server.url, token: place.token });
  provide("sharedChromium", browser?.wsEndpoint() ?? null);
  return async () => {
    await browser?.close();
    await place.remove();
    rmSync(folder, { recursive: true, force: true });
  };
}

async function launchChromium() {
  if (CHROMIUM === undefined) return null;
  return chromium.launchServer({
    executablePath: CHROMIUM,
    // A request to another host fails, and so does the test.
    args: ["--host-resolver-rules=MAP * ~NOTFOUND , EXCLUDE localhost"],
    timeout: HANGS_AFTER_MS,
  });
}
