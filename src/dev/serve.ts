/**
 * Serves the service on this machine: builds it, runs it, and does both again when its source changes.
 *
 * The port leads straight to the service. `wrangler dev` would put two Workers of its own in front, which answer below
 * `/cdn-cgi/`, also to a header `MF-Original-URL` on any path, and let anybody run SQL on D1 and in the objects, and
 * run the cron. It would also open an inspector and a debug port to every user of the machine, and write down the URL
 * of each outgoing request.
 */

import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { watch } from "node:fs";
import { basename, join } from "node:path";
import type { V4MiniflareOptions, V4WorkerOptions } from "miniflare";
import { AS_WRANGLER, esbuild } from "./bundle.ts";
import { atEnd, runToEnd, spawnChild } from "./children.ts";
import { newMiniflare, quietOptions } from "./miniflare.ts";
import { privateState, type ServerFlags, serverFlags } from "./server.ts";
import { loadWrangler, ROOT } from "./wrangler.ts";

const SOURCE = join(ROOT, "src");
/** The objects' folder has this name, as with wrangler. */
const SERVICE = "action-runs";
/** As wrangler.toml has it. */
const CRON = "* * * * *";
const CRON_EVERY_MS = 60_000;
const QUIET_FOR_MS = 200;

/** Behind Miniflare's own port, which any user can find. Only the holder of this process's key runs the cron there. */
const CLOCK = {
  name: "clock",
  key: randomBytes(32).toString("hex"),
  script: `export default {
    async fetch(request, env) {
      if (request.headers.get("Cron-Key") !== env.KEY) return new Response(null, { status: 404 });
      const { outcome } = await env.SERVICE.scheduled({ cron: ${JSON.stringify(CRON)} });
      return new Response(outcome);
    },
  };`,
};

async function main(): Promise<number> {
  const flags = serverFlags(process.argv.slice(2));
  const folder = privateState(flags.persistTo);
  const miniflare = newMiniflare(folder, await built(flags));
  atEnd(() => miniflare.dispose());
  await miniflare.ready;
  console.log(`Ready on http://${flags.ip}:${flags.port}`);
  onChange(async () => {
    await miniflare.setOptions(quietOptions(folder, await built(flags)));
    console.log("Reloaded.");
  });
  const runCron = async () =>
    (await miniflare.dispatchFetch("http://localhost", { headers: { "Cron-Key": CLOCK.key } })).text();
  setInterval(() => void runCron().catch(endWithRuntime), CRON_EVERY_MS);
  // Until a signal ends it.
  return new Promise(() => {});
}

/** Miniflare restarts a dead runtime. If it can't, nothing answers, so this process ends and a supervisor notices. */
function endWithRuntime(error: unknown): void {
  if (!(error instanceof Error) || !("code" in error) || error.code !== "ERR_RUNTIME_FAILURE") return;
  throw new Error("The runtime has ended and can't be started again, so this server ends. Start it again.");
}

/** Makes the assets and the Worker of the current source. Throws if the source has an error, which esbuild prints. */
async function built(flags: ServerFlags): Promise<V4MiniflareOptions> {
  await makeAssets();
  const wrangler = await loadWrangler();
  const config = wrangler.unstable_readConfig({ config: flags.config });
  const read = wrangler.unstable_getMiniflareWorkerOptions(config);
  const { modulesRules: _, ...worker } = read.workerOptions as V4WorkerOptions;
  // Its own bindings have the secrets of .dev.vars, also if a flag names another file.
  const variables = wrangler.unstable_getVarsForDev(config.userConfigPath, flags.envFiles, config.vars, undefined);
  const service: V4WorkerOptions = {
    ...worker,
    name: SERVICE,
    modules: [{ type: "ESModule", path: "index.js", contents: await script(read.main) }],
    bindings: {
      ...Object.fromEntries(Object.entries(variables).map(([name, { value }]) => [name, value])),
      ...flags.variables,
    },
    unsafeDirectSockets: [{ host: flags.ip, port: flags.port }],
  };
  const clock: V4WorkerOptions = {
    name: CLOCK.name,
    modules: true,
    script: CLOCK.script,
    compatibilityFlags: ["service_binding_extra_handlers"],
    serviceBindings: { SERVICE },
    bindings: { KEY: CLOCK.key },
  };
  return {
    ...(flags.inspectorPort !== undefined && { inspectorPort: flags.inspectorPort }),
    unsafeHandleRuntimeRestart: () => console.error("The runtime ended unexpectedly, and has started again."),
    handleStructuredLogs: ({ level, message }) =>
      (level === "error" || level === "warn" ? console.error : console.log)(message),
    // The first one gets what comes to Miniflare's own port.
    workers: [clock, service],
  };
}

/** In a process of its own, because this one keeps the modules that it has loaded. */
async function makeAssets(): Promise<void> {
  const child = spawnChild(process.execPath, ["--no-warnings", join(ROOT, "src/dev/assets.ts")], { stdio: "inherit" });
  const [code] = await once(child, "exit");
  if (code !== 0) throw new Error("The assets could not be made.");
}

async function script(main = join(SOURCE, "index.ts")): Promise<string> {
  const { outputFiles } = await esbuild.build({ ...AS_WRANGLER, entryPoints: [main], write: false });
  return outputFiles[0]?.text ?? "";
}

/** Calls `act` after each change of the source, one call at a time. What it throws is printed. */
function onChange(act: () => Promise<void>): void {
  let acting = Promise.resolve();
  let quiet: NodeJS.Timeout | undefined;
  const changed = () => {
    clearTimeout(quiet);
    quiet = setTimeout(() => {
      acting = acting.then(act).catch((error: Error) => console.error(error.message));
    }, QUIET_FOR_MS);
  };
  const watcher = watch(SOURCE, { recursive: true }, changed);
  watcher.on("error", ({ message }) => console.error(`Restart after a change of ${basename(SOURCE)}/. ${message}`));
}

runToEnd(main);
