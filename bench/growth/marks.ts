/** Makes runs of a closed place due, as if their time had passed: in its journals and in D1 alike. */

import { DatabaseSync } from "node:sqlite";
import { objectFile } from "./files.ts";
import { MEASURED_SCOPE, type Place } from "./place.ts";

/** Long enough ago that the cron takes an alarm for dropped. */
const OVERDUE_MS = 120_000;

/** Open runs of coordinator `n` whose deadline has passed; their ids, the first due first. */
export function markOverdue(place: Place, n: number, count: number, now: number): string[] {
  const at = (k: number) => now - OVERDUE_MS - count + k;
  return mark(place, n, count, "completed_at IS NULL", {
    journal: "UPDATE runs SET deadline_at = ?1, due_at = ?1 WHERE id = ?2",
    d1: "UPDATE runs SET deadline_at = ?1 WHERE scope = ?3 AND id = ?2",
    at,
  });
}

/** Ended runs of coordinator `n` that may be kept no longer; their ids, the first due first. */
export function markPurgeable(place: Place, n: number, count: number, now: number): string[] {
  const at = (k: number) => now - OVERDUE_MS - count + k;
  return mark(place, n, count, "completed_at IS NOT NULL", {
    journal: "UPDATE runs SET purge_at = ?1, due_at = ?1 WHERE id = ?2",
    d1: "UPDATE runs SET purge_at = ?1 WHERE scope = ?3 AND id = ?2",
    at,
  });
}

interface Marking {
  readonly journal: string;
  readonly d1: string;
  /** When the `k`th is due. */
  at(k: number): number;
}

/** The oldest are first, as they are in life. */
function mark(place: Place, n: number, count: number, which: string, { journal, d1, at }: Marking): string[] {
  const object = new DatabaseSync(objectFile(place, MEASURED_SCOPE, n));
  const rows = object.prepare(`SELECT id FROM runs WHERE ${which} ORDER BY id LIMIT ?`).all(count);
  const ids = rows.map(({ id }) => String(id));
  if (ids.length < count) throw new Error(`coordinator ${n} has only ${ids.length} runs to mark`);
  const inObject = object.prepare(journal);
  inOne(object, () => {
    for (const [k, id] of ids.entries()) inObject.run(at(k), id);
  });
  const database = new DatabaseSync(place.files.d1);
  const inD1 = database.prepare(d1);
  inOne(database, () => {
    for (const [k, id] of ids.entries()) inD1.run(at(k), id, MEASURED_SCOPE);
  });
  return ids;
}

function inOne(db: DatabaseSync, work: () => void): void {
  db.exec("BEGIN");
  work();
  db.exec("COMMIT");
  db.close();
}

export interface Kept {
  readonly runs: number;
  readonly events: number;
  readonly inD1: number;
}

/** How many of these are kept anywhere. */
export function keptOf(place: Place, n: number, ids: readonly string[]): Kept {
  const list = JSON.stringify(ids);
  const count = (file: string, from: string) => {
    const db = new DatabaseSync(file, { readOnly: true });
    const row = db
      .prepare(`SELECT count(*) AS n FROM ${from} IN (SELECT value FROM json_each(?))`)
      .get(list) as { n: number };
    db.close();
    return row.n;
  };
  const object = objectFile(place, MEASURED_SCOPE, n);
  return {
    runs: count(object, "runs WHERE id"),
    events: count(object, "events WHERE run_id"),
    inD1: count(place.files.d1, `runs WHERE scope = '${MEASURED_SCOPE}' AND id`),
  };
}
