/**
 * The process of the peer on PostgreSQL. It starts the cluster and serves HTTP on loopback. It ends with the process
 * that forked it, however that one ends, and takes the cluster and its folder with it.
 */

import { readFileSync, rmSync } from "node:fs";
import { createAdaptorServer } from "@hono/node-server";
import postgres from "postgres";
import { NAME, startCluster, stopCluster } from "./cluster.ts";
import { runsIn } from "./runs.ts";
import { newApp, type Settings } from "./server.ts";

/** What the process is told once. It answers with its port when it serves. */
export interface Start extends Settings {
  /** Where the cluster is, or is made. */
  readonly folder: string;
  /** 0: a free one. */
  readonly port: number;
}

/** More than there are cores, because PostgreSQL writes the commits that wait for the disk together. */
const CONNECTIONS = 16;
const SCHEMA = new URL("./schema.sql", import.meta.url);

// Signals of a terminal also reach the process that forked this one. When that one ends, this one cleans up.
for (const signal of ["SIGINT", "SIGTERM"]) process.on(signal, () => {});

process.once("message", async ({ folder, port, ...settings }: Start) => {
  const starting = startCluster(folder);
  process.once("disconnect", async () => {
    await starting.catch(() => {});
    await stopCluster(folder);
    rmSync(folder, { recursive: true, force: true });
    process.exit();
  });
  await starting;
  const login = { host: folder, username: NAME, database: NAME };
  const sql = postgres({ ...login, max: CONNECTIONS, onnotice: () => {} });
  await sql.unsafe(readFileSync(SCHEMA, "utf8"));
  const server = createAdaptorServer({ fetch: newApp(runsIn(sql), settings).fetch });
  server.listen(port, "127.0.0.1", () => {
    const address = server.address();
    if (address !== null && typeof address === "object") process.send?.(address.port);
  });
});
