/** The journal's table of runs. The only place that maps its columns to the members of a run. */

import type { Run } from "../run.ts";

/** A run with what only its coordinator needs to know. */
export interface JournaledRun extends Run {
  readonly createKey: string;
  readonly createFingerprint: string;
  /** The id of the signing key that made `createFingerprint`; null if it is a plain hash. */
  readonly fingerprintKeyId: string | null;
  readonly changeKey: string | null;
  readonly changeFingerprint: string | null;
  readonly purgeAt: number;
}

/** Written once. Setting them again would rewrite their indexes. */
const FIXED = [
  ...(["id", "actionName", "entityId", "parameters", "recommendations", "triggeredBy", "createdAt"] as const),
  ...(["deadlineAt", "heartbeatTimeoutMs", "createKey", "createFingerprint", "fingerprintKeyId"] as const),
] as const;
const CHANGING = [
  ...([
    "version",
    "status",
    "startedAt",
    "completedAt",
    "purgeAt",
    "changeKey",
    "changeFingerprint",
  ] as const),
  ...(["error", "output", "silentSince", "endCause"] as const),
] as const;
const MEMBERS = [...FIXED, ...CHANGING];
/** A member that the lists above lack makes `#select` fail to type-check. */
type Row = Pick<JournaledRun, (typeof MEMBERS)[number]>;

/** The column of a member: `created_at` for `createdAt`. */
function columnOf(member: string): string {
  return member.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
}

const SELECT = `SELECT ${MEMBERS.map((member) => `${columnOf(member)} AS ${member}`).join(", ")} FROM runs`;
const UPSERT = `
  INSERT INTO runs (${MEMBERS.map(columnOf).join(", ")}, due_at, changed_at, bytes)
  VALUES (${"?, ".repeat(MEMBERS.length)}?, ?, ?)
  ON CONFLICT (id) DO UPDATE SET
    ${CHANGING.map((member) => `${columnOf(member)} = excluded.${columnOf(member)}`).join(", ")},
    due_at = excluded.due_at, due_failures = 0, changed_at = excluded.changed_at, bytes = excluded.bytes`;

export class RunRows {
  readonly #sql: SqlStorage;

  constructor(sql: SqlStorage) {
    this.#sql = sql;
  }

  byId(id: string): JournaledRun | null {
    return this.#select("WHERE id = ?", id)[0] ?? null;
  }

  byIds(ids: readonly string[]): JournaledRun[] {
    return this.#select("WHERE id IN (SELECT value FROM json_each(?))", JSON.stringify(ids));
  }

  byCreateKey(key: string): JournaledRun | null {
    return this.#select("WHERE create_key = ?", key)[0] ?? null;
  }

  /** What prevents a new run: the run that this key created, else a run that has this id. */
  byCreateKeyOrId(key: string, id: string): JournaledRun | null {
    return (
      this.#select(`WHERE create_key = ?1 UNION ALL ${SELECT} WHERE id = ?2 LIMIT 1`, key, id)[0] ?? null
    );
  }

  put(run: JournaledRun, dueAt: number, changedAt: number, bytes: number): void {
    this.#sql.exec(UPSERT, ...MEMBERS.map((member) => run[member]), dueAt, changedAt, bytes);
  }

  isEmpty(): boolean {
    return [...this.#sql.exec("SELECT 1 FROM runs LIMIT 1")].length === 0;
  }

  #select(clauses: string, ...bindings: string[]): JournaledRun[] {
    return [...this.#sql.exec<Row>(`${SELECT} ${clauses}`, ...bindings)];
  }
}
