/**
 * Makes sites with many runs. The service makes a few hundred runs of every kind over HTTP, once for all sites. SQL
 * copies them in each site's files of D1 and of the coordinators, each copy further back in time. A copy differs from
 * its original only in its id, its keys and its instants, so this file knows nothing else about a run.
 */

import { cpSync, mkdirSync, readdirSync, statSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { withReceiver } from "../load/receiving.ts";
import { replicatedUpTo } from "../servers/replicated.ts";

import { asker, chooseDatabase, times } from "../servers/seeds.ts";
import { makeSecrets, open, type Secrets, type Site } from "../servers/site.ts";
import { allNotified, cancelInBulk, endGated, gateOf, putFeatures, type Receivers } from "./features.ts";

export const SCOPE = "bench/growth/measured";
export const RUNS_PATH = "/bench/growth/envs/measured/action-runs";
/** With several databases, each has an environment. The one that is asked is in the last. */
const OTHERS = ["other-0", "other-1", "other-2"] as const;
/** Filters with values that many runs have. */
export const COMMON = {
  actionName: "deploy",
  entityId: "0b7a4f0e-6c1d-4a55-9d3c-2f1f6d0c9e11",
  triggeredBy: "ci",
} as const;

const CANCELLED_IN_BULK = "action-6";
/** Shorter than the retention and the longest timeout, 30 days, so that no copy is due by itself. */
const SPAN_MS = 25 * 86_400_000;
const LONGEST_TIMEOUT_MINUTES = 43_200;
/** The run that is created when everything else has happened. */
export const LAST = { actionName: COMMON.actionName, timeout: LONGEST_TIMEOUT_MINUTES };
/** Every integer from this one on is an instant in ms. */
const FIRST_INSTANT = 1_000_000_000_000;
const FOLDERS = { D1: "d1/miniflare-D1DatabaseObject", object: "do/service-RunCoordinator" } as const;

export interface StoredSite {
  readonly runs: number;
  /** How many D1 databases have them, in equal parts: 1 to 4. */
  readonly databases: number;
  readonly folder: string;
  readonly secrets: Secrets;
  /** An API token of a member. */
  readonly token: string;
}

/** Makes the site that all others are copies of. The service creates these `runs`; other sizes are multiples of them. */
export async function makeOriginals(parent: string, runs: number, databases: number): Promise<StoredSite> {
  const kept = { folder: join(parent, "originals"), secrets: makeSecrets() };
  mkdirSync(kept.folder);
  const site = await open({ kept, databases });
  const make = withReceiver((jobs) => withReceiver((deliveries) => createRuns(site, runs, { jobs, deliveries })));
  const token = await make.finally(() => site.stop());
  return { runs, databases, token, ...kept };
}

/** `smallest`: the runs of the smallest site. */
export function makeCopy(parent: string, originals: StoredSite, runs: number, smallest: number): StoredSite {
  const folder = join(parent, String(runs));
  cpSync(originals.folder, folder, { recursive: true });
  for (const file of [...filesOf(folder, "D1"), ...filesOf(folder, "object")])
    copyRuns(file, runs / originals.runs - 1, smallest / originals.runs - 1);
  return { ...originals, folder, runs };
}

/** The file of the database whose runs are asked for. */
export function measuredFile({ folder, databases }: StoredSite): string {
  const isMeasured = (file: string) =>
    valueIn(file, "SELECT number AS value FROM database_number") === String(databases - 1);
  return filesOf(folder, "D1").find(isMeasured) ?? "";
}

/** The files of D1 or of the coordinators, in no order. Open them only while the site is closed. */
export function filesOf(folder: string, store: keyof typeof FOLDERS): string[] {
  const path = join(folder, FOLDERS[store]);
  const files = readdirSync(path).filter((file) => /^[0-9a-f]{64}\.sqlite$/.test(file));
  return files.map((file) => join(path, file));
}

/** Bytes for each run that the larger of two sites has more than the smaller. */
export function bytesOfARun(store: keyof typeof FOLDERS, smaller: StoredSite, larger: StoredSite): number {
  const bytes = ({ folder }: StoredSite) => filesOf(folder, store).reduce((sum, file) => sum + statSync(file).size, 0);
  return (bytes(larger) - bytes(smaller)) / (larger.runs - smaller.runs);
}

/**
 * Makes the oldest `count` ended runs of each environment due for the purge, in its journal and in D1. Returns their
 * ids. `scope`: only of this environment.
 */
export function makePurgeable(folder: string, count: number, scope?: string): string[] {
  const at = Date.now() - 60_000;
  const update = (file: string, sql: string, ...values: (string | number)[]) => {
    const db = new DatabaseSync(file);
    const rows = db.prepare(`UPDATE runs SET ${sql} RETURNING id`).all(at, ...values);
    db.close();
    return rows.map(({ id }) => String(id));
  };
  const oldest = "SELECT id FROM runs WHERE completed_at IS NOT NULL ORDER BY id LIMIT ?2";
  const isChosen = (file: string) =>
    scope === undefined || valueIn(file, "SELECT value FROM metadata WHERE name = 'name'") === scope;
  const ids = filesOf(folder, "object")
    .filter(isChosen)
    .flatMap((file) => update(file, `purge_at = ?1, due_at = ?1 WHERE id IN (${oldest})`, count));
  const these = "SELECT value FROM json_each(?2)";
  for (const d1 of filesOf(folder, "D1")) update(d1, `purge_at = ?1 WHERE id IN (${these})`, JSON.stringify(ids));
  return ids;
}

function valueIn(file: string, select: string): string {
  const db = new DatabaseSync(file, { readOnly: true });
  const row = db.prepare(select).get();
  db.close();
  return String(row?.value);
}

async function createRuns(site: Site, runs: number, receivers: Receivers): Promise<string> {
  const ask = asker(site);
  const post = async (path: string, token: string, body: object) => JSON.parse(await ask("POST", path, token, body));
  const createToken = async (name: string): Promise<string> =>
    (await post("/bench/growth/tokens", site.secrets.ROOT_TOKEN, { name, role: "member" })).token;
  const [ci, other] = [await createToken(COMMON.triggeredBy), await createToken("portal")];
  const { length: databases } = site.databases;
  const paths = [...OTHERS.slice(0, databases - 1).map((env) => RUNS_PATH.replace("measured", env)), RUNS_PATH];
  const environments = paths.map((path) => path.replace("/action-runs", ""));
  for (const [number, path] of databases === 1 ? [] : environments.entries()) await chooseDatabase(site, number, path);
  await putFeatures(site, environments, receivers);
  const gated: Record<"approved" | "grouped", string[]> = { approved: [], grouped: [] };
  const failedIds: string[] = [];
  await times(runs - paths.length, async (n) => {
    const path = paths[n % databases] ?? RUNS_PATH;
    // Each environment gets every kind.
    const i = Math.floor(n / databases);
    const gate = gateOf(i);
    if (gate !== null) {
      const { action, queue, isOver } = gate;
      const parameters = { queue: `queue-${queue}`, version: `1.${i % 90}.2` };
      const { id } = await post(path.replace(/action-runs$/, `actions/${action}/runs`), ci, { parameters });
      if (isOver) gated[action].push(`${path}/${id}`);
      return;
    }
    // The moduli have no common divisor, so every mixture of kinds occurs.
    const run = await post(path, i % 3 === 0 ? other : ci, {
      actionName: i % 7 < 6 ? COMMON.actionName : `action-${i % 7}`,
      entityId: i % 11 < 2 ? COMMON.entityId : i % 11 < 8 ? crypto.randomUUID() : null,
      parameters: { service: `checkout-${i}`, version: `1.${i % 90}.2`, region: "eu-central" },
      timeout: LONGEST_TIMEOUT_MINUTES,
    });
    const output = { url: `https://ci.example.com/jobs/${i}`, tests: `${i} passed` };
    const failed = { status: "failed", error: `step ${i} exited with code 1`, output };
    const report = (what: string, body: object) => post(`${path}/${run.id}/${what}`, run.callback.token, body);
    const kind = i % 25;
    if (kind === 1) await report("heartbeat", {});
    if (kind >= 2) await report("callback", kind < 7 ? failed : { status: "succeeded", output });
    if (kind >= 2 && kind < 7) failedIds.push(run.id);
  });
  await endGated(site, receivers, gated.approved, gated.grouped);
  await allNotified(receivers, failedIds);
  await cancelInBulk(site, environments, CANCELLED_IN_BULK);
  for (const path of paths) {
    const { id } = await post(path, ci, LAST);
    await replicatedUpTo(site, id);
  }
  return ci;
}

interface Copying {
  readonly by: string;
  readonly where?: string;
  /** Columns that are not as in the original, besides ids, keys and instants. */
  readonly values?: Readonly<Record<string, string>>;
}

/** What is copied, in D1 and in the journals, in which order. */
const COPIED: Readonly<Record<string, Copying>> = {
  // A queue of a copy has as many running and queued runs as the original's.
  runs: { by: "id", values: { concurrency_key: "iif(concurrency_key = '', '', concurrency_key || '-' || copy)" } },
  events: { by: "run_id" },
  // Requests of runs that wait: what approvers see, and what is sent.
  previews: { by: "run_id" },
  dispatches: { by: "run_id", where: "next_at IS NULL AND lease_until IS NULL" },
  // A delivery that is under way would be sent, and one that has expired would be deleted.
  deliveries: { by: "run_id", where: "state <> 'waiting'", values: { expires_at: "expires_at", due_at: "due_at" } },
  // An operation is over some seconds after its last run has ended.
  bulk_operations: { by: "id", values: { is_over: "1" } },
  bulk_items: { by: "bulk_id" },
  audit: { by: "id", where: "bulk IS NOT NULL" },
};
/**
 * The rows of runs that wait at a gate or are in a queue, by a column that a journal or D1 has for it. A coordinator
 * that wakes walks them. They are as many at each site, because people and receivers bound what waits, not the history.
 */
const WAITS = {
  concurrency_state: "concurrency_state IS NOT NULL",
  waiting: "status = 'pending' AND (waiting IS NOT NULL OR concurrency_group IS NOT NULL)",
  start_on: "1",
  request: "1",
} as const;

/** The oldest copies first, so that rows lie in the order of their ids. `waiting`: copies of runs that wait. */
function copyRuns(file: string, copies: number, waiting: number): void {
  const db = new DatabaseSync(file);
  // After a crash the bench starts again, so writes need not be durable.
  db.exec("PRAGMA journal_mode = MEMORY; PRAGMA synchronous = OFF; PRAGMA cache_size = -400000; BEGIN");
  const stepMs = Math.floor(SPAN_MS / copies);
  db.function("copied", (text, copy) => copied(String(text), Number(copy) * stepMs));
  const columnsOf = db.prepare("SELECT name FROM pragma_table_info(?)");
  for (const [table, { by, where = "1", values: fixed = {} }] of Object.entries(COPIED)) {
    const columns = columnsOf.all(table).map(({ name }) => String(name));
    // D1 has no events, and a coordinator has no audit.
    if (columns.length === 0) continue;
    // The copies are in D1 too, so nothing is left to replicate.
    if (columns.includes("change_seq"))
      db.exec(`INSERT INTO metadata
        SELECT 'replica:0', json_object('role', 'primary', 'generation', 0, 'walkedTo', NULL, 'move', NULL)
        WHERE NOT EXISTS (SELECT 1 FROM metadata WHERE name LIKE 'replica:%');
        UPDATE metadata SET value = json_set(value, '$.replicatedSeq', (SELECT max(change_seq) FROM runs))
        WHERE name LIKE 'replica:%'`);
    const values = columns.map((name) => {
      if (["id", "run_id", "bulk_id", "create_key", "body", "bulk"].includes(name)) return `copied(${name}, copy)`;
      // The journal's key has the instant of the id above 15 random bits.
      if (name === "run_key") return `run_key - (copy * ${stepMs} << 15)`;
      const value = fixed[name];
      if (value !== undefined) return value;
      const isInstant = `typeof(${name}) = 'integer' AND ${name} > ${FIRST_INSTANT}`;
      return `iif(${isInstant}, ${name} - copy * ${stepMs}, ${name})`;
    });
    const [, waits = "0"] = Object.entries(WAITS).find(([column]) => columns.includes(column)) ?? [];
    db.exec(`CREATE TEMP TABLE originals AS SELECT * FROM ${table} WHERE ${where} ORDER BY ${by}`);
    db.prepare(
      `INSERT INTO ${table} (${columns.join(", ")})
       WITH RECURSIVE copies (copy) AS (SELECT ? UNION ALL SELECT copy - 1 FROM copies WHERE copy > 1)
       SELECT ${values.join(", ")} FROM copies CROSS JOIN originals WHERE copy <= ? OR NOT (${waits})`,
    ).run(copies, waiting);
    db.exec("DROP TABLE originals");
  }
  db.exec("COMMIT; PRAGMA journal_mode = WAL");
  db.close();
}

/**
 * Moves the first id or key in `text` and all instants back in time. Ids and keys begin with their instant, in 48 bits.
 */
function copied(text: string, ms: number): string {
  return text
    .replace(/([0-9a-f]{8})-([0-9a-f]{4})(?=-[78])/, (_, high: string, low: string) => {
      const time = (Number.parseInt(high + low, 16) - ms).toString(16).padStart(12, "0");
      return `${time.slice(0, 8)}-${time.slice(8)}`;
    })
    .replaceAll(/\d{4}-\d\d-\d\dT[\d:.]+Z/g, (instant) => new Date(Date.parse(instant) - ms).toISOString());
}
