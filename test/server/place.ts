/** Servers for the tests: one that a file shares with others, and one that it can kill and start again. */

import { once } from "node:events";
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { inject } from "vitest";
import { newSecrets } from "../../src/dev/prepare.ts";
import { freePort, hasEnded, type Server, startServer } from "../../src/dev/server.ts";

/** Where runs are created, and the operator's token. */
export interface SharedPlace {
  readonly origin: string;
  readonly token: string;
  readonly runs: string;
}

/** A server with its own state, port and secrets, which stay the same when it starts again. */
export interface Place {
  readonly state: string;
  /** The operator's token. */
  readonly token: string;
  readonly runs: string;
  /** What all servers of this place have printed. */
  readonly logged: readonly Buffer[];
  start(): Promise<Server>;
  /** Kills the servers and removes all files. */
  remove(): Promise<void>;
}

/** The server that all files share. `org` is for one file alone, so that it finds only its own runs and tokens. */
export function sharedPlace(org: string): SharedPlace {
  const { origin, token } = inject("sharedServer");
  return { origin, token, runs: `${origin}/${org}/shop/envs/prod/action-runs` };
}

/** `settings`: further lines of the secrets' file. */
export async function newPlace(settings = "", migratedState = inject("migratedState")): Promise<Place> {
  const folder = mkdtempSync(join(tmpdir(), "action-runs-place-"));
  const state = join(folder, "state");
  const secrets = join(folder, "secrets.env");
  writeFileSync(secrets, `${newSecrets()}${settings}`);
  cpSync(migratedState, state, { recursive: true });
  const port = await freePort();
  const servers: Server[] = [];
  const logged: Buffer[] = [];
  return {
    state,
    token: /^ROOT_TOKEN=(.*)$/m.exec(readFileSync(secrets, "utf8"))?.[1] ?? "",
    runs: `http://localhost:${port}/acme/shop/envs/prod/action-runs`,
    logged,
    start: async () => {
      const server = await startServer({
        port,
        args: ["--persist-to", state, "--env-file", secrets],
        // A killed server leaves temporary files. Here they are removed with the rest.
        env: { TMPDIR: folder, WRANGLER_LOG: "log" },
        detached: true,
      });
      servers.push(server);
      for (const stream of [server.child.stdout, server.child.stderr]) {
        stream?.on("data", (chunk: Buffer) => logged.push(chunk));
      }
      return server;
    },
    remove: async () => {
      for (const server of servers) await killAll(server);
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

/** `kill -9` for wrangler and its runtime at once. */
export async function killAll(server: Server): Promise<void> {
  if (hasEnded(server.child) || server.child.pid === undefined) return;
  const closed = once(server.child, "close");
  process.kill(-server.child.pid, "SIGKILL");
  await closed;
}
