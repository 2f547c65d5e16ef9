/**
 * The process that the soak kills: the built service in workerd, twice. The second Worker has its own isolate and its
 * own socket, and shares the first one's objects and databases. Everything is kept in files, which the next process finds.
 */

import { readdirSync } from "node:fs";
import { join } from "node:path";
import type { V4WorkerOptions } from "miniflare";
import { unstable_getMiniflareWorkerOptions } from "wrangler";
import { migrateOpen, newMiniflare } from "../../src/dev/miniflare.ts";
import { ROOT } from "../../src/dev/wrangler.ts";

import type { SiteSetup } from "./site.ts";

const CLASS_NAME = "RunCoordinator";
const FIRST = "first";
const DATABASES = ["DB", "DB_1", "DB_2", "DB_3"];

process.on("disconnect", () => process.exit());
process.on("message", (setup: SiteSetup) => start(setup));

async function start(setup: SiteSetup): Promise<void> {
  const miniflare = newMiniflare(setup.state, {
    handleStructuredLogs: () => {},
    workers: setup.ports.map((port, n) => workerOptions(setup, port, n === 0)),
  });
  await miniflare.ready;
  // Only once: Miniflare asks for a database with the thread blocked that also reads the log. After a kill, the service
  // writes so much at once that it would wait for this thread, and this thread for the service.
  if (setup.isNew) {
    for (const [number, binding] of DATABASES.entries())
      await migrateOpen(await miniflare.getD1Database(binding, FIRST), { binding, number });
  }
  process.send?.("ready");
}

function workerOptions(setup: SiteSetup, port: number, isFirst: boolean): V4WorkerOptions {
  const {
    assets: _,
    modulesRules: __,
    ...options
  } = unstable_getMiniflareWorkerOptions(join(ROOT, "wrangler.toml")).workerOptions;
  const script = readdirSync(setup.built).find((file) => file.endsWith(".js"));
  if (script === undefined) throw new Error("the service was not built");
  return {
    ...options,
    name: isFirst ? FIRST : "second",
    rootPath: setup.built,
    modules: true,
    scriptPath: join(setup.built, script),
    // The receiver of the soak's webhook endpoints is on loopback.
    bindings: {
      ...(options.bindings as object),
      ...setup.secrets,
      ALLOW_INSECURE_WEBHOOKS: "true",
      NEW_ENVIRONMENTS: "0,1,2,3",
    },
    d1Databases: DATABASES,
    durableObjects: {
      COORDINATORS: { className: CLASS_NAME, useSQLite: true, ...(isFirst ? {} : { scriptName: FIRST }) },
    },
    unsafeDirectSockets: [{ port }],
  };
}
