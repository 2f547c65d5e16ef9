/**
 * The site that is measured: the built service, the limits and the peer in one workerd with real files, which Miniflare
 * starts. Each has a socket of its own without a proxy or a router, so all have the same front.
 */

import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseEnv } from "node:util";
import { readD1Migrations } from "@cloudflare/vitest-pool-workers";
import type { D1Database } from "@cloudflare/workers-types";
import { convertV4MiniflareOptions, Log, LogLevel, Miniflare, type V4WorkerOptions } from "miniflare";
import { unstable_getMiniflareWorkerOptions } from "wrangler";
import { newSecrets } from "../src/dev/prepare.ts";
import { ROOT, runWrangler } from "../src/dev/wrangler.ts";
import type { Count } from "./growth/count.ts";

/** `routed`: the service again, behind the platform's router for static assets. */
export const WORKERS = ["service", "routed", "limits", "peer"] as const;
export type WorkerName = (typeof WORKERS)[number];

const CONFIGS: Readonly<Record<WorkerName, string>> = {
  service: join(ROOT, "wrangler.toml"),
  routed: join(ROOT, "wrangler.toml"),
  limits: join(ROOT, "bench/limits/wrangler.toml"),
  peer: join(ROOT, "bench/peer/wrangler.toml"),
};
const BUILT = join(ROOT, ".wrangler", "bench");
/** Where each worker is built. The router is the platform's, so `routed` is the service's own build. */
const BUILDS: Readonly<Record<WorkerName | "counted", string>> = {
  service: join(BUILT, "service"),
  routed: join(BUILT, "service"),
  limits: join(BUILT, "limits"),
  peer: join(BUILT, "peer"),
  // The service again, each of its statements counted.
  counted: join(BUILT, "counted"),
};

export interface Site {
  readonly origins: Readonly<Record<WorkerName, string>>;
  readonly secrets: Secrets;
  readonly db: D1Database;
  /** The counts of a counting service since the last call. */
  counts(): Promise<Count[]>;
  /** Runs the service's cron. */
  cron(): Promise<void>;
  /** The inspector of a worker's isolate, if the site was opened with `inspected`. */
  inspector(worker: WorkerName): URL;
  stop(): Promise<void>;
}

/** Builds what a deploy builds, and the service that counts. */
export async function build({ readable = false }): Promise<void> {
  const minify = readable ? ["--no-minify"] : [];
  const buildOne = (config: string, outdir: string, ...more: readonly string[]) =>
    runWrangler(["deploy", ...more, "--dry-run", "--config", config, "--outdir", outdir]);
  await Promise.all([
    ...(["service", "limits", "peer"] as const).map((name) =>
      buildOne(CONFIGS[name], BUILDS[name], ...minify),
    ),
    buildOne(CONFIGS.service, BUILDS.counted, join(ROOT, "bench/growth/counted.ts")),
  ]);
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
}

export function makeSecrets(): Secrets {
  return parseEnv(newSecrets()) as Secrets;
}

export async function open(options: SiteOptions): Promise<Site> {
  const { onLog = () => {}, inspected = false, counted = false, alone = false, kept } = options;
  const workers = alone ? (["service"] as const) : WORKERS;
  const folder = kept?.folder ?? mkdtempSync(join(tmpdir(), "action-runs-bench-"));
  const secrets = kept?.secrets ?? makeSecrets();
  const miniflare = new Miniflare(
    convertV4MiniflareOptions({
      log: new Log(LogLevel.ERROR),
      cf: false,
      telemetry: { enabled: false },
      resourcePersistencePath: folder,
      ...(inspected ? { inspectorPort: 0 } : {}),
      handleStructuredLogs: ({ message }) => onLog(message),
      workers: workers.map((name) => workerOptions(name, secrets, counted)),
    }),
  );
  const stop = async () => {
    await miniflare.dispose();
    if (kept === undefined) rmSync(folder, { recursive: true, force: true });
  };
  try {
    await miniflare.ready;
    const db = (await miniflare.getD1Database("DB", "service")) as unknown as D1Database;
    if ((await db.prepare("SELECT 1 FROM sqlite_schema WHERE name = 'runs'").first()) === null)
      await migrate(db);
    const origins = {} as Record<WorkerName, string>;
    for (const name of workers) origins[name] = (await miniflare.unsafeGetDirectURL(name)).origin;
    const inspectors = inspected ? await miniflare.getInspectorURL() : undefined;
    const inspector = (worker: WorkerName) => new URL(`/core:user:${worker}`, inspectors);
    const cron = async () => {
      const { outcome } = await (await miniflare.getWorker("service")).scheduled({ cron: "* * * * *" });
      if (outcome !== "ok") throw new Error(`the cron ended as ${outcome}`);
    };
    const counts = async () => (await (await fetch(`${origins.service}/counts`)).json()) as Count[];
    return { origins, secrets, db, counts, cron, inspector, stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

async function migrate(db: D1Database): Promise<void> {
  for (const { queries } of await readD1Migrations(join(ROOT, "migrations"))) {
    await db.batch(queries.map((query) => db.prepare(query)));
  }
}

/** A built worker with a socket of its own. */
function workerOptions(name: WorkerName, secrets: Secrets, counted: boolean): V4WorkerOptions {
  const { workerOptions } = unstable_getMiniflareWorkerOptions(CONFIGS[name]);
  const { assets, modulesRules: _, ...options } = workerOptions as V4WorkerOptions;
  const built = BUILDS[counted && name === "service" ? "counted" : name];
  const script = readdirSync(built).find((file) => file.endsWith(".js"));
  if (script === undefined) throw new Error(`${name} has not been built`);
  return {
    ...options,
    // A Worker with static assets has the platform's router in front. The limits don't have it.
    ...(name === "routed" ? { assets } : {}),
    name,
    rootPath: built,
    modules: true,
    scriptPath: join(built, script),
    bindings: { ...(options.bindings as object), ...(CONFIGS[name] === CONFIGS.service ? secrets : {}) },
    unsafeDirectSockets: [{}],
  };
}
