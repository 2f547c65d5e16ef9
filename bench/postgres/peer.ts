/** The bench's side of the peer on PostgreSQL: starts its process, starts it again if it has died, and stops it. */

import { type ChildProcess, fork } from "node:child_process";
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { stopCluster } from "./cluster.ts";
import type { Start } from "./start.ts";

const START = fileURLToPath(new URL("./start.ts", import.meta.url));

export interface PostgresPeer {
  readonly name: "postgres";
  /** The same after a restart. */
  readonly origin: string;
  /** The token of the API, also the same. */
  readonly token: string;
  /** The root of the process tree. PostgreSQL's processes are below the server's. */
  readonly pids: readonly number[];
  /** Starts the server and PostgreSQL again, whether or not they still run. All runs are still there. */
  restart(): Promise<void>;
  /** Ends both, and removes the files. */
  stop(): Promise<void>;
}

export async function openPostgresPeer(): Promise<PostgresPeer> {
  const folder = mkdtempSync(join(tmpdir(), "action-runs-postgres-"));
  const [apiToken, signingKey] = [randomBytes(32).toString("hex"), randomBytes(32).toString("hex")];
  let child: ChildProcess | null = null;
  let port = 0;
  const start = async () => {
    child = fork(START, { execArgv: ["--no-warnings"] });
    child.send({ folder, port, apiToken, signingKey } satisfies Start);
    const gone = once(child, "exit").then(() => {
      throw new Error("The peer on PostgreSQL ended before it was ready.");
    });
    [port] = (await Promise.race([once(child, "message"), gone])) as [number];
  };
  /** Leaves the files. */
  const end = async () => {
    if (child?.exitCode === null && child.signalCode === null) {
      child.kill("SIGKILL");
      await once(child, "exit");
    }
    await stopCluster(folder);
  };
  const stop = async () => {
    await end();
    rmSync(folder, { recursive: true, force: true });
  };
  try {
    await start();
  } catch (error) {
    await stop();
    throw error;
  }
  return {
    name: "postgres",
    origin: `http://127.0.0.1:${port}`,
    token: apiToken,
    get pids() {
      return child?.pid === undefined ? [] : [child.pid];
    },
    restart: async () => {
      await end();
      await start();
    },
    stop,
  };
}
