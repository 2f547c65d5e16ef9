/**
 * What the files of this folder share, because each costs seconds: the built service, a migrated database to copy, one
 * running server, and the build tools. A file that kills its server, or gives it other settings, starts
 * its own (place.ts).
 */

import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import type { V4WorkerOptions } from "miniflare";
import type { TestProject } from "vitest/node";
import { unstable_getMiniflareWorkerOptions } from "wrangler";
import { migrate, newMiniflare } from "../../src/dev/miniflare.ts";
import { installTools } from "../../src/dev/tools.ts";
import { ROOT, runWrangler } from "../../src/dev/wrangler.ts";
import { landMany } from "./console/many.ts";
import { type Beginning, newPlace } from "./place.ts";
import { QUICK_FILES } from "./quick-files.ts";

const CONFIG = join(ROOT, "wrangler.toml");

declare module "vitest" {
  export interface ProvidedContext {
    beginning: Beginning;
    sharedServer: { readonly origin: string; readonly token: string };
  }
}

export default async function setup({ provide }: TestProject): Promise<() => Promise<void>> {
  const folder = mkdtempSync(join(QUICK_FILES, "action-runs-shared-"));
  const state = join(folder, "migrated");
  const made = Promise.all([build(join(folder, "built")), migratedIn(state)]);
  // Several files use them.
  installTools();
  const [worker] = await made;
  const beginning = { worker, state };
  // Webhooks may go to receivers of the tests, which are on this machine. Codes sign in, as with `npm start`.
  const place = await newPlace("ALLOW_INSECURE_WEBHOOKS=true\nSIGN_IN_CODES=true\n", beginning);
  // Before the server starts, because only then may others write to its database.
  landMany(place.state);
  const { url } = await place.start();
  provide("beginning", beginning);
  provide("sharedServer", { origin: url, token: place.token });
  return async () => {
    await place.remove();
    rmSync(folder, { recursive: true, force: true });
  };
}

/** The service with its bindings, built as a deploy does. */
async function build(folder: string): Promise<V4WorkerOptions> {
  await runWrangler(["deploy", "--dry-run", "--config", CONFIG, "--outdir", folder]);
  const { modulesRules: _, ...worker } = unstable_getMiniflareWorkerOptions(CONFIG).workerOptions;
  const script = readdirSync(folder).find((file) => file.endsWith(".js")) ?? "";
  const built = { rootPath: folder, modules: true, scriptPath: join(folder, script) };
  // The name is a part of the folder in which the objects' files are.
  return { ...(worker as V4WorkerOptions), ...built, name: "action-runs" };
}

/** Makes a migrated database, where `--persist-to` would have it. */
async function migratedIn(state: string): Promise<void> {
  const { d1Databases } = unstable_getMiniflareWorkerOptions(CONFIG).workerOptions as V4WorkerOptions;
  const database = { ...(d1Databases && { d1Databases }), modules: true, script: "export default {}" };
  const miniflare = newMiniflare(join(state, "v3"), database);
  await migrate(await miniflare.getD1Database("DB"));
  await miniflare.dispose();
}
