/** Statements name their columns, because old and new code run side by side, and the scope, so that tenants never meet. */

import { EMPTY_FILLER, FILL_FREED_PAGES } from "../../base/freed-pages.ts";
import { lineageOf } from "../../base/ids.ts";
import { utf8Bytes } from "../../base/limits.ts";
import { isDatabaseFull } from "../../database/d1-errors.ts";
import { boundDatabase, type Databases } from "../../settings/databases.ts";
import { detailsOf, NO_DETAILS, toActionRun } from "../action-run.ts";
import type { Actor, Run } from "../run.ts";
import type { Registration } from "./control-database.ts";

/** The most UTF-8 bytes that one batch binds. D1 accepts 2 MB, and one run alone always fits. */
export const GROUP_MAX_BYTES = 1_000_000;

const UPSERT = `
  INSERT INTO runs (scope, id, version, status, action_name, entity_id, triggered_by, purge_at, bytes, body, details,
                    waiting, concurrency_group, waiting_lineage, waiting_key_id, waiting_approvers, subject)
  SELECT ?2, value ->> 0, value ->> 1, value ->> 2, value ->> 3, value ->> 4, value ->> 5, value ->> 6, value ->> 7,
         value ->> 8, value ->> 9, value ->> 10, value ->> 11, value ->> 12, value ->> 13,
         value ->> 14, value ->> 15
  FROM json_each(?1)
  WHERE value ->> 6 > unixepoch('subsec') * 1000
  ON CONFLICT (scope, id) DO UPDATE SET
    version = excluded.version, status = excluded.status, purge_at = excluded.purge_at, bytes = excluded.bytes,
    body = excluded.body, details = excluded.details, waiting = excluded.waiting,
    waiting_lineage = excluded.waiting_lineage, waiting_key_id = excluded.waiting_key_id,
    waiting_approvers = excluded.waiting_approvers
  WHERE excluded.version > runs.version`;

/** After the upsert, from its rows. A label never lacks its run, because DELETE_LABELS goes with the run's deletion. */
export const WRITE_LABELS = `
  INSERT OR IGNORE INTO run_labels (scope, label, id)
  SELECT runs.scope, labels.value, runs.id
  FROM json_each(?1) AS written
  CROSS JOIN runs INDEXED BY sqlite_autoindex_runs_1 ON runs.scope = ?2 AND runs.id = written.value
  CROSS JOIN json_each(runs.details, '$.labels') AS labels`;

/** Before the runs in their batch, because it reads their rows. */
export const DELETE_LABELS = `
  DELETE FROM run_labels INDEXED BY sqlite_autoindex_run_labels_1 WHERE (scope, label, id) IN (
    SELECT runs.scope, labels.value, runs.id
    FROM json_each(?2) AS deleted
    CROSS JOIN runs INDEXED BY sqlite_autoindex_runs_1 ON runs.scope = ?1 AND runs.id = deleted.value
    CROSS JOIN json_each(runs.details, '$.labels') AS labels)`;
const DELETE = "DELETE FROM runs WHERE scope = ?1 AND id IN (SELECT value FROM json_each(?2))";

/** The runs ?3 of the group ?2. Commits before the rows are deleted: SQLite does not write to a page that it frees. */
const OVERWRITE = `
  UPDATE runs INDEXED BY sqlite_autoindex_runs_1
  SET body = ${filledUp("body", 8)}, details = iif(details IS NULL, NULL, ${filledUp("details", 9)})
  FROM json_each(?2) AS written
  WHERE scope = ?1 AND runs.id = written.value ->> 0 AND runs.id IN (SELECT value FROM json_each(?3))
    AND runs.version < written.value ->> 1`;

function filledUp(column: string, at: number): string {
  const erased = `(written.value ->> ${at})`;
  return `${erased} || printf('%*s', max(octet_length(${column}) - octet_length(${erased}), 0), '')`;
}

const FIND = `
  SELECT id FROM runs INDEXED BY sqlite_autoindex_runs_1 WHERE scope = ?1 AND id > ?2 AND id < ?3 ORDER BY id LIMIT ?4`;

export type RowStore = Pick<D1RowStore, "write" | "find" | "delete">;

export class D1RowStore {
  readonly #env: Databases;
  readonly #database: number;
  readonly #scope: string;
  readonly #registration: Registration;

  constructor(env: Databases, database: number, scope: string, registration: Registration) {
    this.#env = env;
    this.#database = database;
    this.#scope = scope;
    this.#registration = registration;
  }

  /** `erased`: the upsert leaves what never changes, so their rows go first. */
  async write(rows: readonly string[], labelled: readonly string[], erased: readonly string[] = []): Promise<void> {
    const now = Date.now();
    const scope = this.#scope;
    const isControl = this.#database === 0;
    if (!isControl) this.#registration.beside(now);
    const db = await boundDatabase(this.#env, this.#database);
    const group = `[${rows.join(",")}]`;
    const statements = [db.prepare(UPSERT).bind(group, scope)];
    const isOverwritten = erased.length > 0 && (await this.#overwrite(db, erased, group));
    // With labels, because a late batch may have written some since the rows were overwritten.
    if (erased.length > 0) statements.unshift(...deletions(db, scope, erased));
    if (labelled.length > 0) statements.push(db.prepare(WRITE_LABELS).bind(JSON.stringify(labelled), scope));
    const wanted = isControl ? this.#registration.wanted(now) : null;
    if (wanted !== null) {
      const registering = this.#registration.statements(db, wanted, now);
      await db.batch([...registering, ...statements]);
      this.#registration.registered(wanted);
    } else if (statements.length === 1) await statements[0]?.run();
    else await db.batch(statements);
    if (isOverwritten) await db.prepare(FILL_FREED_PAGES).run();
    // Also what a try has left that failed here.
    if (erased.length > 0) await db.prepare(EMPTY_FILLER).run();
  }

  /** Returns whether a row had texts. */
  async #overwrite(db: D1Database, erased: readonly string[], group: string): Promise<boolean> {
    const ids = JSON.stringify(erased);
    const [, overwritten] = await db.batch([
      db.prepare(DELETE_LABELS).bind(this.#scope, ids),
      db.prepare(OVERWRITE).bind(this.#scope, group, ids),
    ]);
    return (overwritten?.meta.changes ?? 0) > 0;
  }

  async find(after: string, before: string, limit: number): Promise<string[]> {
    const db = await boundDatabase(this.#env, this.#database);
    const rows = await db.prepare(FIND).bind(this.#scope, after, before, limit).raw<[id: string]>();
    return rows.map(([id]) => id);
  }

  async delete(ids: readonly string[]): Promise<void> {
    const db = await boundDatabase(this.#env, this.#database);
    await db.batch(deletions(db, this.#scope, ids));
  }
}

function deletions(db: D1Database, scope: string, ids: readonly string[]): D1PreparedStatement[] {
  return [DELETE_LABELS, DELETE].map((sql) => db.prepare(sql).bind(scope, JSON.stringify(ids)));
}

/** One run as a batch carries it: a JSON array of the values that UPSERT unpacks, in its order. */
export function toGroupRow(run: Run & { readonly purgeAt: number; readonly createKey: string }): string {
  const body = toActionRun(run);
  const { id, version, status, actionName, entityId, triggeredBy, purgeAt } = run;
  const columns = [id, version, status, actionName, entityId, triggeredBy, purgeAt];
  const details = detailsOf(run);
  const wire = [utf8Bytes(body), body, details === NO_DETAILS ? null : details];
  return JSON.stringify([...columns, ...wire, ...rareColumns(run)]);
}

const GATE_COLUMNS = 5;

/** SQLite reads null behind the end of an array, so a run without gates and subject sends none of these columns. */
function rareColumns(run: Run): readonly (string | null)[] {
  const gates = gateColumns(run);
  if (run.subject === null) return gates;
  return [...gates, ...Array.from({ length: GATE_COLUMNS - gates.length }, () => null), run.subject];
}

function gateColumns({ gates, waitingFor, approvals }: Run): readonly (string | null)[] {
  if (gates === null) return [];
  const group = gates.concurrency?.group ?? null;
  if (waitingFor === null) return [null, group];
  const columns = [waitingFor, group, lineOf(gates.creator), gates.sealedUnder];
  return approvals.length === 0 ? columns : [...columns, JSON.stringify(approvals.map(({ by }) => lineOf(by)))];
}

function lineOf({ tokenId, parents }: Actor): string {
  return lineageOf(tokenId, parents);
}

export function hasLabels({ labels }: Pick<Run, "labels">): boolean {
  return labels !== "[]";
}

/** Whether D1 refused a statement because of its content. Any other error is an outage. */
export function isRefusedForContent(error: unknown): boolean {
  if (isDatabaseFull(error)) return false;
  return /SQLITE_(CONSTRAINT|TOOBIG|MISMATCH|RANGE)|malformed JSON|too big|cannot store/i.test(String(error));
}
