/** Opens the peers, each in a process of its own. */

import type { D1Database } from "@cloudflare/workers-types";
import { migrateOpen } from "../../src/dev/miniflare.ts";
import { LIST_LIMIT, NAIVE_CREATE } from "../load/operations.ts";
import { NEW_RUN } from "../load/requests.ts";
import { times } from "./seeds.ts";
import type { PeerName, Server } from "./server.ts";

import { type RunningWorker, startWorker, type WorkerOptions } from "./worker.ts";

/** How workers start. `routed` gets the secrets, because it is the service. */
type Settings = Omit<WorkerOptions, "folder">;

/** The table of D1 whose rows must be there: the limits read runs, and `routed` reads who asks. */
const READ_TABLES = { limits: "runs", routed: "tokens", workflows: null } as const;

/** `folder`: an empty one for the peer's files. `db`: that of the service, from which a peer copies what it reads. */
export async function openPeer(
  name: PeerName,
  folder: string,
  db: D1Database,
  { secrets, ...settings }: Settings,
): Promise<Server> {
  const start = () => startWorker(name, { ...settings, folder, ...(name === "routed" && secrets ? { secrets } : {}) });
  let worker = await start();
  try {
    const table = READ_TABLES[name];
    if (table !== null) await copyTable(table, db, worker);
    if (name === "limits") await makePage(worker.origin);
  } catch (error) {
    await worker.stop();
    throw error;
  }
  return {
    name,
    get origin() {
      return worker.origin;
    },
    get pids() {
      return worker.pids;
    },
    get inspector() {
      return worker.inspector;
    },
    hasEnded: () => worker.hasEnded(),
    ended: () => worker.ended(),
    stop: () => worker.stop(),
    restart: async () => {
      await worker.stop();
      worker = await start();
    },
  };
}

/** D1 binds at most 2 MB. */
const ROWS_AT_ONCE = 400;

/** Two processes can't share a file of D1, so the worker begins with a copy of the service's rows. */
async function copyTable(table: string, from: D1Database, { miniflare }: RunningWorker): Promise<void> {
  const to = (await miniflare.getD1Database("DB")) as unknown as D1Database;
  await migrateOpen(to);
  await copyRows(table, from, to);
}

/** No row may have a blob. In few statements, because each costs Miniflare's proxy several requests. */
async function copyRows(table: string, from: D1Database, to: D1Database): Promise<void> {
  const { results } = await from.prepare(`SELECT * FROM ${table}`).all();
  const columns = Object.keys(results[0] ?? {});
  const values = columns.map((_, i) => `value ->> ${i}`);
  const insert = to.prepare(
    `INSERT INTO ${table} (${columns.join(", ")}) SELECT ${values.join(", ")} FROM json_each(?)`,
  );
  for (let at = 0; at < results.length; at += ROWS_AT_ONCE) {
    const rows = results.slice(at, at + ROWS_AT_ONCE).map((row) => Object.values(row));
    await insert.bind(JSON.stringify(rows)).run();
  }
}

/** Naive creates, so that their environment has a full page from the start. */
async function makePage(origin: string): Promise<void> {
  const init = { method: "POST", body: NEW_RUN };
  await times(LIST_LIMIT, async () => {
    const { status } = await fetch(origin + NAIVE_CREATE, init);
    if (status !== 201) throw new Error(`a naive create returned ${status}`);
  });
}
