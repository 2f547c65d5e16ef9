/**
 * The site that is measured: the built service, the limits and the peer in one workerd with real files, which Miniflare
 * starts. Each has a socket of its own without a proxy or a router, so all have the same front.
 */

import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { parseEnv } from "node:util";
import type { D1Database } from "@cloudflare/workers-types";
import type { V4WorkerOptions } from "miniflare";
import { unstable_getMiniflareWorkerOptions } from "wrangler";
import { migrate, newMiniflare } from "../src/dev/miniflare.ts";
import { newSecrets } from "../src/dev/prepare.ts";
import { CONFIGS, SCRIPTS } from "./build.ts";
import type { Count } from "./growth/count.ts";
import type { ServerName } from "./names.ts";

export const WORKERS = ["service", "routed", "limits", "workflows"] as const;
type WorkerName = (typeof WORKERS)[number];

/** As in development, because the receiver of the bench is on this machine. */
const ON_LOOPBACK = { ALLOW_INSECURE_WEBHOOKS: "true" };

export interface Site {
  readonly origins: Readonly<Record<ServerName, string>>;
  readonly secrets: Secrets;
  readonly db: D1Database;
  /** All of them, by number. The first is `db`. */
  readonly databases: readonly D1Database[];
  /** The counts of a counting service since the last call. */
  counts(): Promise<Count[]>;
  /** Runs the service's cron. */
  cron(): Promise<void>;
  /** The inspector of a worker's isolate, if the site was opened with `inspected`. */
  inspector(worker: ServerName): URL;
  stop(): Promise<void>;
}

export interface Secrets extends Record<string, string> {
  readonly CALLBACK_SIGNING_KEYS: string;
  readonly ROOT_TOKEN: string;
}

export interface SiteOptions {
  /** Called with each line that the service logs. */
  readonly onLog?: (line: string) => void;
  /** Whether workers can be profiled. */
  readonly inspected?: boolean;
  /** The folder and secrets of an earlier site, which stay after this one. Without it, nothing outlives the site. */
  readonly kept?: { readonly folder: string; readonly secrets: Secrets } | undefined;
  readonly counted?: boolean;
  /** Only the service, which opens in half the time. The other workers have no origin then. */
  readonly alone?: boolean;
  /** How many D1 databases the service has, at most four. Without it, one. */
  readonly databases?: number;
}

const BINDINGS = ["DB", "DB_1", "DB_2", "DB_3"];

export function makeSecrets(): Secrets {
  return parseEnv(newSecrets()) as Secrets;
}

export async function open(options: SiteOptions): Promise<Site> {
  const { onLog = () => {}, inspected = false, counted = false, alone = false, kept } = options;
  const bindings = BINDINGS.slice(0, options.databases ?? 1);
  const workers = alone ? (["service"] as const) : WORKERS;
  const folder = kept?.folder ?? mkdtempSync(join(tmpdir(), "action-runs-bench-"));
  const secrets = kept?.secrets ?? makeSecrets();
  const miniflare = newMiniflare(folder, {
    ...(inspected ? { inspectorPort: 0 } : {}),
    handleStructuredLogs: ({ message }) => onLog(message),
    workers: workers.map((name) => workerOptions(name, secrets, counted, bindings)),
  });
  const stop = async () => {
    await miniflare.dispose();
    if (kept === undefined) rmSync(folder, { recursive: true, force: true });
  };
  try {
    await miniflare.ready;
    const databases: D1Database[] = [];
    for (const [number, binding] of bindings.entries()) {
      const db = (await miniflare.getD1Database(binding, "service")) as unknown as D1Database;
      if ((await db.prepare("SELECT 1 FROM sqlite_schema WHERE name = 'runs'").first()) === null)
        await migrate(db, { binding, number });
      databases.push(db);
    }
    const [db] = databases;
    if (db === undefined) throw new Error("the service has no database");
    const origins = {} as Record<ServerName, string>;
    for (const name of workers) origins[name] = (await miniflare.unsafeGetDirectURL(name)).origin;
    const inspectors = inspected ? await miniflare.getInspectorURL() : undefined;
    const inspector = (worker: ServerName) => new URL(`/core:user:${worker}`, inspectors);
    const cron = async () => {
      const { outcome } = await (await miniflare.getWorker("service")).scheduled({ cron: "* * * * *" });
      if (outcome !== "ok") throw new Error(`the cron ended as ${outcome}`);
    };
    const counts = async () => (await (await fetch(`${origins.service}/counts`)).json()) as Count[];
    return { origins, secrets, db, databases, counts, cron, inspector, stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

/** A built worker with a socket of its own. */
function workerOptions(
  name: WorkerName,
  secrets: Secrets,
  counted: boolean,
  databases: readonly string[],
): V4WorkerOptions {
  // The router is the platform's, so `routed` is the service's own build.
  const build = name === "routed" ? "service" : name;
  const { workerOptions } = unstable_getMiniflareWorkerOptions(CONFIGS[build]);
  const { assets, modulesRules: _, ...options } = workerOptions as V4WorkerOptions;
  const scriptPath = SCRIPTS[counted && name === "service" ? "counted" : build];
  if (!existsSync(scriptPath)) throw new Error(`${name} has not been built. Run the bench without --built.`);
  return {
    ...options,
    // A Worker with static assets has the platform's router in front. The limits don't have it.
    ...(name === "routed" ? { assets } : {}),
    name,
    rootPath: dirname(scriptPath),
    modules: true,
    scriptPath,
    bindings: {
      ...(options.bindings as object),
      ...(build === "service" ? { ...secrets, ...ON_LOOPBACK } : {}),
    },
    // The other workers have databases of their own.
    ...(build === "service" && databases.length > 1 ? { d1Databases: [...databases] } : {}),
    unsafeDirectSockets: [{}],
  };
}
