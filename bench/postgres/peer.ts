/** The peer on PostgreSQL, as the bench sees it: it can end, be started again with its runs, and be stopped. */

import { type ChildProcess, fork } from "node:child_process";
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { rmSync } from "node:fs";
import { fileURLToPath } from "node:url";
import type { Missing, Seeded, Server } from "../server.ts";
import { programs, stopCluster } from "./cluster.ts";
import type { Start } from "./start.ts";

const START = fileURLToPath(new URL("./start.ts", import.meta.url));
const MISSING =
  "PostgreSQL is not installed, so there are no rows for it. Install Debian's package postgresql to measure it too.";
/** The peer has the same API token as the service, and answers reads of the seeds with the same bytes. */
export async function openPostgres(folder: string, { db, seeds }: Seeded): Promise<Server | Missing> {
  if (programs() === null) return { missing: MISSING };
  const { list, openRuns } = seeds;
  const listed = scopeOf(list.path);
  const { results } = await db.prepare("SELECT body FROM runs WHERE scope = ?").bind(listed).all<{ body: string }>();
  const runs = [
    ...results.map(({ body }) => ({ scope: listed, body })),
    ...openRuns.map(({ path, body }) => ({ scope: scopeOf(path), body })),
  ];
  return openServer({ folder, runs, apiToken: seeds.token, signingKey: randomBytes(32).toString("hex") });
}

/** The scope `{o}/{p}/{envName}` of a path. */
function scopeOf(path: string): string {
  const [, o, p, , env] = path.split("/");
  return `${o}/${p}/${env}`;
}

/** Throws if PostgreSQL does not start. */
export async function openServer(settings: Omit<Start, "port">): Promise<Server> {
  const { folder } = settings;
  let port = 0;
  let child: ChildProcess;
  let ended: Promise<void>;
  let hasEnded = false;
  let isStopping = false;

  async function start(): Promise<void> {
    hasEnded = false;
    child = fork(START, { execArgv: ["--no-warnings"] });
    ended = new Promise((resolve) => {
      child.once("exit", () => {
        hasEnded = !isStopping;
        if (hasEnded) resolve();
      });
    });
    child.send({ ...settings, port } satisfies Start);
    const gone = ended.then(() => {
      throw new Error("The peer on PostgreSQL ended before it was ready.");
    });
    [port] = (await Promise.race([once(child, "message"), gone])) as [number];
  }

  async function stop(): Promise<void> {
    isStopping = true;
    if (child.exitCode === null && child.signalCode === null) {
      child.disconnect();
      await once(child, "exit");
    }
    // If the server was killed, PostgreSQL still runs.
    await stopCluster(folder);
    rmSync(folder, { recursive: true, force: true });
  }

  try {
    await start();
  } catch (error) {
    await stop();
    throw error;
  }
  return {
    name: "postgres",
    get origin() {
      return `http://127.0.0.1:${port}`;
    },
    // PostgreSQL's processes are below the server's.
    get pids() {
      return child.pid === undefined ? [] : [child.pid];
    },
    hasEnded: () => hasEnded,
    ended: () => ended,
    async restart() {
      await stopCluster(folder);
      await start();
    },
    stop,
  };
}
