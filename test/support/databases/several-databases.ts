/** Several databases and stand-ins for the coordinator, for tests of what the Worker reads from where. */

import { env } from "cloudflare:workers";
import { lineageOf } from "../../../src/base/ids.ts";
import type { Home } from "../../../src/runs/home.ts";
import type { Lacking } from "../../../src/runs/protocol.ts";

import type { Env } from "../../../src/settings/env.ts";
import { envWith } from "../bindings.ts";
import { faulty } from "../faults.ts";
import { scopeOfPath } from "../requests.ts";
import { idAt, onTheWire } from "../rows.ts";

const MONTH_MS = 30 * 86_400_000;

/** The calls that it answers, by subject. */
type Stub = Readonly<Record<string, Readonly<Record<string, (...asked: never[]) => unknown>>>>;

/** All four databases with faults, and this stand-in in place of the coordinator. */
export function reading(coordinator: Stub, bindings: Partial<Env> = {}): Env {
  const getByName = () => ({
    call: async (subject: string, name: string, args: readonly never[]) => coordinator[subject]?.[name]?.(...args),
  });
  const more = Object.fromEntries(
    [env.DB_1, env.DB_2, env.DB_3].map((db, i) => [`DB_${i + 1}`, db && faulty(db, i + 1)]),
  );
  const COORDINATORS = { getByName } as unknown as DurableObjectNamespace;
  return envWith({ DB: faulty(env.DB, 0), ...more, COORDINATORS, ...bindings });
}

/** What a coordinator says whose runs are all replicated to `home`. */
export function lackingNothing(home: Home | null, more: Partial<Lacking> = {}): Lacking {
  return { ok: true, home, isStale: false, ids: [], runs: [], completeTo: null, ...more };
}

/** A coordinator that answers each call by an error, as one that can't be reached. */
const THROWS = new Proxy(
  {},
  {
    get: () => () => {
      throw new Error("out of reach");
    },
  },
);
export const OUT_OF_REACH: Stub = new Proxy({}, { get: () => THROWS });

/** What the control database says of where an environment lives, whatever it said before. */
export async function writeHome(path: string, { database, generation }: Home): Promise<void> {
  await env.DB.prepare("INSERT OR REPLACE INTO environments (scope, database, generation) VALUES (?, ?, ?)")
    .bind(scopeOfPath(path), database, generation)
    .run();
}

export interface Planted {
  readonly id?: string;
  readonly status?: "pending" | "failed";
  /** The token that created the run, which waits for an approval. */
  readonly waitingCreator?: string;
}

/** Writes a run into a database, and returns its id. */
export async function plantRun(
  db: D1Database,
  path: string,
  { id = idAt(Date.now()), status = "pending", waitingCreator }: Planted = {},
): Promise<string> {
  const body = JSON.stringify(onTheWire({ id, status }));
  const [waiting, creator] = waitingCreator === undefined ? [null, null] : ["approval", lineageOf(waitingCreator, [])];
  await db
    .prepare(
      `INSERT INTO runs (scope, id, version, status, action_name, triggered_by, purge_at, bytes, body, waiting,
                         waiting_lineage)
       VALUES (?, ?, 1, ?, 'deploy', 'root', ?, ?, ?, ?, ?)`,
    )
    .bind(scopeOfPath(path), id, status, Date.now() + MONTH_MS, body.length, body, waiting, creator)
    .run();
  return id;
}
