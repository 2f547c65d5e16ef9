/**
 * What the files of this folder share, because each costs seconds: the built service, a migrated database to copy, one
 * running server, and the build tools. A file that kills its server, or gives it other settings, starts
 * its own (installation.ts).
 */

import { mkdtempSync, rmSync } from "node:fs";
import { join } from "node:path";
import type { V4WorkerOptions } from "miniflare";
import type { TestProject } from "vitest/node";
import { unstable_getMiniflareWorkerOptions } from "wrangler";
import { bundle, CONFIGS } from "../../bench/servers/build.ts";
import { makeAssets } from "../../src/dev/assets.ts";
import { migrateClosed } from "../../src/dev/miniflare.ts";
import { installTools } from "../../src/dev/tools.ts";
import { ROOT } from "../../src/dev/wrangler.ts";

import { putMany } from "./console/stories/many.ts";
import { type Beginning, newInstallation } from "./installation.ts";
import { QUICK_FILES } from "./quick-files.ts";

declare module "vitest" {
  export interface ProvidedContext {
    beginning: Beginning;
    sharedServer: { readonly origin: string; readonly token: string };
  }
}

export default async function setup({ provide }: TestProject): Promise<() => Promise<void>> {
  const folder = mkdtempSync(join(QUICK_FILES, "action-runs-shared-"));
  const state = join(folder, "migrated");
  const made = migratedIn(state);
  await makeAssets();
  // Several files use them.
  installTools();
  const beginning = { worker: build(join(folder, "built")), state };
  await made;
  // Webhooks may go to receivers of the tests, which are on this machine. Codes sign in, as with `npm start`.
  const installation = await newInstallation("ALLOW_INSECURE_WEBHOOKS=true\nSIGN_IN_CODES=true\n", beginning);
  // Before the server starts, because only then may others write to its database.
  putMany(installation.state);
  const { url } = await installation.start();
  provide("beginning", beginning);
  provide("sharedServer", { origin: url, token: installation.token });
  return async () => {
    await installation.remove();
    rmSync(folder, { recursive: true, force: true });
  };
}

/**
 * The service with its bindings, built as a deploy does, but in a quarter of the time. test/tools/bench.test.ts asserts
 * that a deploy's build is the same.
 */
function build(folder: string): V4WorkerOptions {
  bundle({ service: join(ROOT, "src/index.ts") }, folder, false);
  const { modulesRules: _, ...worker } = unstable_getMiniflareWorkerOptions(CONFIGS.service).workerOptions;
  const built = { rootPath: folder, modules: true, scriptPath: join(folder, "service.js") };
  // The name is a part of the folder in which the objects' files are.
  return { ...(worker as V4WorkerOptions), ...built, name: "action-runs" };
}

/** Makes a migrated database, where `--persist-to` would have it. */
async function migratedIn(state: string): Promise<void> {
  const { d1Databases } = unstable_getMiniflareWorkerOptions(CONFIGS.service).workerOptions as V4WorkerOptions;
  await migrateClosed(join(state, "v3"), d1Databases ?? {});
}
