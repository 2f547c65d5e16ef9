/** A server that can be killed and started again on the same state, port and secrets. */

import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { migrateLocally, newSecrets } from "../../src/dev/prepare.ts";
import { freePort, hasEnded, type Server, startServer } from "../../src/dev/server.ts";

export interface Place {
  readonly state: string;
  /** The operator's. */
  readonly token: string;
  readonly runs: string;
  /** What every server here has printed. */
  readonly logged: readonly Buffer[];
  start(): Promise<Server>;
  /** Kills what was started, and removes all. */
  remove(): Promise<void>;
}

/** `settings`: further lines of the secrets' file. */
export async function newPlace(settings = ""): Promise<Place> {
  const folder = mkdtempSync(join(tmpdir(), "action-runs-place-"));
  const state = join(folder, "state");
  const secrets = join(folder, "secrets.env");
  writeFileSync(secrets, `${newSecrets()}${settings}`);
  await migrateLocally(state);
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
        // What a killed server leaves in the folder for temporary files goes with the rest.
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

/** `kill -9`, wrangler and its runtime at once. */
export async function killAll(server: Server): Promise<void> {
  if (hasEnded(server.child) || server.child.pid === undefined) return;
  const closed = once(server.child, "close");
  process.kill(-server.child.pid, "SIGKILL");
  await closed;
}
