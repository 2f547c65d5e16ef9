/** The service that the soak asks: builds it, starts it, kills it and starts it again on the same files. */

import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { parseEnv } from "node:util";
import { runWrangler } from "../../bench/servers/build.ts";
import { hasEnded } from "../../src/dev/children.ts";
import { freePort, newSecrets } from "../../src/dev/server.ts";
import { ROOT } from "../../src/dev/wrangler.ts";

const BUILT = join(ROOT, ".wrangler", "soak");
const PROCESS = fileURLToPath(new URL("./site-process.ts", import.meta.url));
const READY_WITHIN_MS = 60_000;
const CONTROLLED_WITHIN_MS = 5000;

export interface SiteSetup {
  readonly state: string;
  /** Whether nothing has started on this state before. */
  readonly isNew: boolean;
  readonly built: string;
  readonly secrets: Readonly<Record<string, string>>;
  /** One for each isolate. */
  readonly ports: readonly number[];
}

export interface Site {
  /** Where D1 and the objects keep their files. */
  readonly state: string;
  /** One for each isolate. They stay the same when the service starts again. */
  readonly origins: readonly string[];
  readonly rootToken: string;
  /** How often the service has started. */
  readonly starts: number;
  /** Resolves when the service runs. */
  readonly up: Promise<void>;
  start(): Promise<void>;
  /** `kill -9` for the process and its workerd. */
  kill(): Promise<void>;
  /** Sends a request to a control endpoint of one isolate. False if it was not answered. */
  control(isolate: number, endpoint: "faults" | "evict" | "cron", body: string): Promise<boolean>;
  /** Kills the service and removes all files. */
  remove(): Promise<void>;
}

/** Builds as a deploy does. */
export async function build(): Promise<void> {
  const entry = join(ROOT, "test/soak/worker/index.ts");
  await runWrangler(["deploy", entry, "--dry-run", "--config", join(ROOT, "wrangler.toml"), "--outdir", BUILT]);
}

/** `settingsOf`: the settings of a service whose first isolate has this origin. */
export async function newSite(settingsOf: (origin: string) => Readonly<Record<string, string>>): Promise<Site> {
  const folder = mkdtempSync(join(tmpdir(), "action-runs-soak-"));
  const state = join(folder, "state");
  // A killed process leaves temporary files. Here they are removed with the rest.
  const temporary = join(folder, "tmp");
  for (const path of [state, temporary]) mkdirSync(path);
  const ports = [await freePort(), await freePort()];
  const origins = ports.map((port) => `http://127.0.0.1:${port}`);
  const secrets = { ...(parseEnv(newSecrets()) as Record<string, string>), ...settingsOf(origins[0] ?? "") };
  let child: ChildProcess | null = null;
  let up = Promise.withResolvers<void>();
  let starts = 0;

  async function kill(): Promise<void> {
    up = Promise.withResolvers();
    if (child === null || child.pid === undefined || hasEnded(child)) return;
    const gone = once(child, "exit");
    process.kill(-child.pid, "SIGKILL");
    await gone;
  }

  async function start(): Promise<void> {
    const env = { ...process.env, TMPDIR: temporary };
    // In a process group of its own, so that one signal reaches its workerd as well.
    child = fork(PROCESS, { detached: true, execArgv: ["--no-warnings"], env });
    const started = child;
    const ready = new Promise<void>((resolve, reject) => {
      started.once("exit", () => reject(new Error("the service ended before it was ready")));
      started.once("message", () => resolve());
    });
    const setup: SiteSetup = { state, isNew: starts === 0, built: BUILT, secrets, ports };
    started.send(setup);
    const tooLate = delay(READY_WITHIN_MS, null, { ref: false }).then(() => {
      throw new Error("the service did not become ready");
    });
    await Promise.race([ready, tooLate]);
    starts++;
    up.resolve();
  }

  return {
    state,
    origins,
    rootToken: secrets.ROOT_TOKEN ?? "",
    get starts() {
      return starts;
    },
    get up() {
      return up.promise;
    },
    start,
    kill,
    async control(isolate, endpoint, body) {
      const signal = AbortSignal.timeout(CONTROLLED_WITHIN_MS);
      const url = `${origins[isolate]}/soak/${endpoint}`;
      const sent = fetch(url, { method: "POST", body, signal });
      return sent.then(
        (answer) => answer.ok,
        () => false,
      );
    },
    async remove() {
      await kill();
      rmSync(folder, { recursive: true, force: true, maxRetries: 5 });
    },
  };
}
