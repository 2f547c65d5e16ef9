/** A built worker in a workerd of its own, with a socket without a proxy or a router, so all have the same front. */

import { existsSync } from "node:fs";
import { dirname } from "node:path";
import type { V4MiniflareOptions, V4WorkerOptions } from "miniflare";
import { unstable_getMiniflareWorkerOptions } from "wrangler";
import { CONFIGS, SCRIPTS } from "./build.ts";
import { type Runtime, startRuntime } from "./runtime.ts";
import type { ServerName } from "./server.ts";

/** As in development, because the receiver of the bench is on this machine. */
const ON_LOOPBACK = { ALLOW_INSECURE_WEBHOOKS: "true" };

export interface WorkerOptions {
  readonly folder: string;
  /** What the service needs. The limits and the peer have no secrets. */
  readonly secrets?: Readonly<Record<string, string>>;
  /** Whether the service counts its statements. */
  readonly counted?: boolean;
  /** The bindings of D1, if there are several. */
  readonly databases?: readonly string[];
  /** Called with each line that the worker logs. */
  readonly onLog?: ((line: string) => void) | undefined;
  /** Whether the worker can be profiled. */
  readonly inspected?: boolean;
}

export interface RunningWorker extends Runtime {
  readonly origin: string;
  /** The inspector of the worker's isolate, if it was started with `inspected`. */
  readonly inspector: URL | null;
}

export async function startWorker(name: ServerName, options: WorkerOptions): Promise<RunningWorker> {
  const { folder, onLog = () => {}, inspected = false } = options;
  const shared: Partial<V4MiniflareOptions> = {
    ...(inspected ? { inspectorPort: 0 } : {}),
    handleStructuredLogs: ({ message }) => onLog(message),
  };
  const runtime = await startRuntime(folder, { ...shared, workers: [built(name, options)] });
  try {
    const { origin } = await runtime.miniflare.unsafeGetDirectURL(name);
    const inspectors = inspected ? await runtime.miniflare.getInspectorURL() : null;
    const inspector = inspectors === null ? null : new URL(`/core:user:${name}`, inspectors);
    return { ...runtime, origin, inspector };
  } catch (error) {
    await runtime.stop();
    throw error;
  }
}

function built(name: ServerName, { secrets, counted, databases = [] }: WorkerOptions): V4WorkerOptions {
  // The router is the platform's, so `routed` is the service's own build.
  const build = name === "routed" ? "service" : name;
  const { workerOptions } = unstable_getMiniflareWorkerOptions(CONFIGS[build]);
  const { assets, modulesRules: _, ...options } = workerOptions as V4WorkerOptions;
  const scriptPath = SCRIPTS[counted ? "counted" : build];
  if (!existsSync(scriptPath)) throw new Error(`${name} has not been built. Run the bench without --built.`);
  return {
    ...options,
    // A Worker with static assets has the platform's router in front. The limits don't have it.
    ...(name === "routed" ? { assets } : {}),
    name,
    rootPath: dirname(scriptPath),
    modules: true,
    scriptPath,
    bindings: { ...(options.bindings as object), ...(secrets && { ...secrets, ...ON_LOOPBACK }) },
    ...(databases.length > 1 ? { d1Databases: [...databases] } : {}),
    unsafeDirectSockets: [{}],
  };
}
