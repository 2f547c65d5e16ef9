/**
 * The process of the peer on PostgreSQL. It starts the cluster and serves HTTP on loopback. It ends with the process
 * that forked it, however that one ends, and takes the cluster and its folder with it.
 */

import { readFileSync, rmSync } from "node:fs";
import { createServer } from "node:http";
import { getRequestListener } from "@hono/node-server";
import postgres from "postgres";
import { NAME, startCluster, stopCluster } from "./cluster.ts";
import { type PrintedRun, type Runs, runsIn } from "./runs.ts";
import { newApp, type Settings } from "./server.ts";

/** What the process is told once. It answers with its port when it serves. */
export interface Start extends Settings {
  /** Where the cluster is, or is made. */
  readonly folder: string;
  /** 0: a free one. */
  readonly port: number;
  /** What a new cluster holds. */
  readonly runs: readonly PrintedRun[];
}

/** More than there are cores, because PostgreSQL writes the commits that wait for the disk together. */
const CONNECTIONS = 16;
/** If a signal ended PostgreSQL and the process that forked this one, the disconnection may come second. */
const DISCONNECTED_WITHIN_MS = 500;
const SCHEMA = new URL("./schema.sql", import.meta.url);

// Signals of a terminal also reach the process that forked this one. When that one ends, this one cleans up.
for (const signal of ["SIGINT", "SIGTERM"]) process.on(signal, () => {});

process.once("message", async (start: Start) => {
  const { folder } = start;
  const starting = startCluster(folder);
  process.once("disconnect", async () => {
    const cluster = await starting.catch(() => null);
    await stopCluster(folder);
    await cluster?.ended;
    rmSync(folder, { recursive: true, force: true });
    process.exit();
  });
  try {
    await serve(start, await starting);
  } catch (error) {
    console.error(error);
    process.exitCode = 1;
    if (process.connected) process.disconnect();
  }
});

async function serve(start: Start, { ended }: Awaited<ReturnType<typeof startCluster>>): Promise<void> {
  const server = createServer(getRequestListener(newApp(await openTable(start), start).fetch));
  // Without the database, this server is as dead as it is. The files stay, so that both can start again.
  ended.then(() => {
    server.close();
    server.closeAllConnections();
    setTimeout(() => process.connected && process.exit(1), DISCONNECTED_WITHIN_MS);
  });
  server.listen(start.port, "127.0.0.1", () => {
    const address = server.address();
    if (address !== null && typeof address === "object") process.send?.(address.port);
  });
}

/** Connects to the table, and makes and fills it in a new cluster. */
async function openTable({ folder, runs }: Start): Promise<Runs> {
  const sql = postgres({ host: folder, username: NAME, database: NAME, max: CONNECTIONS });
  const table = runsIn(sql);
  const [found] = await sql`SELECT to_regclass('runs') AS name`;
  if (found?.name !== null) return table;
  await sql.unsafe(readFileSync(SCHEMA, "utf8"));
  await table.copy(runs);
  // What PostgreSQL does by itself within a minute.
  await sql`VACUUM ANALYZE runs`;
  return table;
}
