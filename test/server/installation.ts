/**
 * Servers for the tests: one that a file shares with others, and one that it can kill and start again. All run the
 * service as a deploy builds it.
 */

import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { cpSync, mkdtempSync, rmSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseEnv } from "node:util";
import type { V4WorkerOptions } from "miniflare";
import { inject } from "vitest";
import { hasEnded } from "../../src/dev/children.ts";
import { freePort, newSecrets } from "../../src/dev/server.ts";

import type { InstallationSetup } from "./installation-process.ts";
import { QUICK_FILES } from "./quick-files.ts";

const PROCESS = fileURLToPath(new URL("installation-process.ts", import.meta.url));

/** Where runs are created, and the operator's token. */
export interface SharedServer {
  readonly origin: string;
  readonly token: string;
  readonly runs: string;
}

/** What each installation begins with. */
export interface Beginning {
  /** The built service with its bindings. */
  readonly worker: V4WorkerOptions;
  /** A folder with a migrated database in it. */
  readonly state: string;
}

/** A process group that runs the service. */
export interface Server {
  readonly url: string;
  readonly child: ChildProcess;
}

/** A server with its own state, port and secrets, which stay the same when it starts again. */
export interface Installation {
  readonly state: string;
  /** The operator's token. */
  readonly token: string;
  readonly runs: string;
  /** What all servers of this installation have printed. */
  readonly logged: readonly Buffer[];
  start(): Promise<Server>;
  /** Kills the servers and removes all files. */
  remove(): Promise<void>;
}

/** The server that all files share. `org` is for one file alone, so that it finds only its own runs and tokens. */
export function sharedServer(org: string): SharedServer {
  const { origin, token } = inject("sharedServer");
  return { origin, token, runs: `${origin}/${org}/shop/envs/prod/action-runs` };
}

/** `settings`: further variables, as lines of `.dev.vars`. A function gets the origin of the server. */
export async function newInstallation(
  settings: string | ((origin: string) => string) = "",
  { worker, state: migrated }: Beginning = inject("beginning"),
): Promise<Installation> {
  const folder = mkdtempSync(join(QUICK_FILES, "action-runs-installation-"));
  const state = join(folder, "state");
  cpSync(migrated, state, { recursive: true });
  const port = await freePort();
  const url = `http://localhost:${port}`;
  const lines = typeof settings === "string" ? settings : settings(url);
  const variables = parseEnv(`${newSecrets()}${lines}`) as Record<string, string>;
  const setup: InstallationSetup = {
    worker: { ...worker, bindings: { ...worker.bindings, ...variables } },
    state,
    port,
  };
  // A killed server leaves temporary files. Here they are removed with the rest.
  const env = { ...process.env, TMPDIR: folder };
  const servers: Server[] = [];
  const logged: Buffer[] = [];
  return {
    state,
    token: variables.ROOT_TOKEN ?? "",
    runs: `${url}/acme/shop/envs/prod/action-runs`,
    logged,
    start: async () => {
      const child = fork(PROCESS, { detached: true, silent: true, execArgv: ["--no-warnings"], env });
      servers.push({ url, child });
      for (const stream of [child.stdout, child.stderr]) {
        stream?.on("data", (chunk: Buffer) => logged.push(chunk));
      }
      child.send(setup);
      const ended = once(child, "close").then(() => {
        throw new Error(`The server ended before it was ready:\n${Buffer.concat(logged)}`);
      });
      await Promise.race([once(child, "message"), ended]);
      return { url, child };
    },
    remove: async () => {
      for (const server of servers) await killAll(server);
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

/** `kill -9` for a server and its runtime at once. */
export async function killAll({ child }: Server): Promise<void> {
  if (hasEnded(child) || child.pid === undefined) return;
  const closed = once(child, "close");
  process.kill(-child.pid, "SIGKILL");
  await closed;
}
