/**
 * The place that is measured: the built service, the limits and the peer in one workerd, started through Miniflare, on
 * real files. Each has a socket of its own that leads straight into it: no proxy, no router, the same front for all.
 */

import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseEnv } from "node:util";
import { readD1Migrations } from "@cloudflare/vitest-pool-workers";
import { convertV4MiniflareOptions, Log, LogLevel, Miniflare, type V4WorkerOptions } from "miniflare";
import { unstable_getMiniflareWorkerOptions } from "wrangler";
import { newSecrets } from "../src/dev/prepare.ts";
import { ROOT, runWrangler } from "../src/dev/wrangler.ts";

export const WORKERS = ["service", "limits", "peer"] as const;
export type WorkerName = (typeof WORKERS)[number];

const CONFIGS: Readonly<Record<WorkerName, string>> = {
  service: join(ROOT, "wrangler.toml"),
  limits: join(ROOT, "bench/limits/wrangler.toml"),
  peer: join(ROOT, "bench/peer/wrangler.toml"),
};
const BUILT = join(ROOT, ".wrangler", "bench");

export interface Site {
  readonly origins: Readonly<Record<WorkerName, string>>;
  readonly secrets: Secrets;
  /** Where a worker's isolate can be profiled; null unless it was asked for. */
  inspector(worker: WorkerName): URL | null;
  stop(): Promise<void>;
}

/** Builds as a deploy does, for what is measured is what would be deployed. */
export async function build({ readable = false } = {}): Promise<void> {
  for (const name of WORKERS) {
    const args = ["deploy", "--dry-run", "--config", CONFIGS[name], "--outdir", join(BUILT, name)];
    await runWrangler(readable ? [...args, "--no-minify"] : args);
  }
}

interface Secrets extends Record<string, string> {
  readonly CALLBACK_SIGNING_KEYS: string;
  readonly ROOT_TOKEN: string;
}

export interface SiteOptions {
  /** Told every line that the service logs. */
  readonly onLog?: (line: string) => void;
  /** Workers can be profiled. */
  readonly inspected?: boolean;
}

export async function open({ onLog = () => {}, inspected = false }: SiteOptions): Promise<Site> {
  const folder = mkdtempSync(join(tmpdir(), "action-runs-bench-"));
  const secrets = parseEnv(newSecrets()) as Secrets;
  const miniflare = new Miniflare(
    convertV4MiniflareOptions({
      log: new Log(LogLevel.ERROR),
      cf: false,
      telemetry: { enabled: false },
      resourcePersistencePath: folder,
      ...(inspected ? { inspectorPort: 0 } : {}),
      handleStructuredLogs: ({ message }) => onLog(message),
      workers: WORKERS.map((name) => workerOptions(name, secrets)),
    }),
  );
  const stop = async () => {
    await miniflare.dispose();
    rmSync(folder, { recursive: true, force: true });
  };
  try {
    await miniflare.ready;
    await migrate((await miniflare.getD1Database("DB", "service")) as unknown as D1Database);
    const origins = {} as Record<WorkerName, string>;
    for (const name of WORKERS) origins[name] = (await miniflare.unsafeGetDirectURL(name)).origin;
    const inspectors = inspected ? await miniflare.getInspectorURL() : null;
    const inspector = (worker: WorkerName) => inspectors && new URL(`/core:user:${worker}`, inspectors);
    return { origins, secrets, inspector, stop };
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

/** A worker as it was built, with a socket straight into it. */
export function workerOptions(name: WorkerName, secrets: Record<string, string>): V4WorkerOptions {
  // Static files have a router of the platform's in front, which the limits have not; they are not measured.
  const {
    assets: _,
    modulesRules: __,
    ...options
  } = unstable_getMiniflareWorkerOptions(CONFIGS[name]).workerOptions;
  const script = readdirSync(join(BUILT, name)).find((file) => file.endsWith(".js"));
  if (script === undefined) throw new Error(`${name} has not been built`);
  return {
    ...options,
    name,
    rootPath: join(BUILT, name),
    modules: true,
    scriptPath: join(BUILT, name, script),
    bindings: { ...(options.bindings as object), ...(name === "service" ? secrets : {}) },
    unsafeDirectSockets: [{}],
  };
}
