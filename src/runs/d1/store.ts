/**
 * What a coordinator does to its rows in D1: the guarded bulk upsert, and what a rebuild and retention remove. Every
 * statement names its columns, because old and new code run side by side, and the scope, so that no tenant meets another.
 */

import { isDatabaseFull } from "../../http/d1-errors.ts";
import { utf8Bytes } from "../../http/limits.ts";
import { toActionRun } from "../action-run.ts";
import type { Run } from "../run.ts";
import type { Owner } from "../run-id.ts";
import { Registration } from "./registration.ts";

/** The UTF-8 bytes that one flight binds. D1 takes 2 MB, and one run alone always fits. */
export const GROUP_MAX_BYTES = 1_000_000;
/** How many rows of an environment one look at D1 walks. */
const MAX_LOOKED_AT = 5000;

const UPSERT = `
  INSERT INTO runs (scope, id, version, status, action_name, entity_id, triggered_by, purge_at, bytes, body)
  SELECT ?2, value ->> 0, value ->> 1, value ->> 2, value ->> 3, value ->> 4, value ->> 5, value ->> 6, value ->> 7,
         value ->> 8
  FROM json_each(?1)
  WHERE value ->> 6 > unixepoch('subsec') * 1000
  ON CONFLICT (scope, id) DO UPDATE SET
    version = excluded.version, status = excluded.status, purge_at = excluded.purge_at, bytes = excluded.bytes,
    body = excluded.body
  WHERE excluded.version > runs.version`;

const LOOKED_AT = `
  SELECT id FROM runs INDEXED BY sqlite_autoindex_runs_1 WHERE scope = ?1 AND id > ?2 AND id < ?3 ORDER BY id`;

// The rows of an environment's coordinators are mixed. Three hex digits of an id are its coordinator's number.
const FIND = `
  SELECT id, 0 AS is_stop FROM (${LOOKED_AT} LIMIT ${MAX_LOOKED_AT}) WHERE substr(id, 16, 3) = ?4
  UNION ALL SELECT id, 1 FROM (${LOOKED_AT} LIMIT 1 OFFSET ${MAX_LOOKED_AT - 1})`;

export interface FoundRows {
  /** Ids of this coordinator's rows, in order. */
  readonly ids: readonly string[];
  /** The last id that was looked at, whichever coordinator owns it; null if there are no more. */
  readonly stop: string | null;
}

/** One coordinator's rows in D1. */
export interface RowStore {
  /** Lands a group of rows made by `toGroupRow`. Returns D1's bookmark. */
  land(rows: readonly string[]): Promise<string | null>;
  /** Ids after `after` and before `before`, among the first 5000 that the environment has there. */
  find(after: string, before: string): Promise<FoundRows>;
  delete(ids: readonly string[]): Promise<void>;
  /** The next landing tells the sweep again that this coordinator exists. */
  registerAgain(): void;
}

export class D1RowStore implements RowStore {
  readonly #db: D1Database;
  readonly #owner: Pick<Owner, "scope" | "n">;
  readonly #registration: Registration;

  /** `nextDueAt`: when a run of this coordinator is due next; Infinity if nothing will be due. */
  constructor(db: D1Database, owner: Pick<Owner, "scope" | "n">, nextDueAt: (now: number) => number) {
    this.#db = db;
    this.#owner = owner;
    this.#registration = new Registration(owner, nextDueAt);
  }

  async land(rows: readonly string[]): Promise<string | null> {
    const now = Date.now();
    const session = this.#db.withSession("first-primary");
    const upsert = session.prepare(UPSERT).bind(`[${rows.join(",")}]`, this.#owner.scope);
    const dueAt = this.#registration.wanted(now);
    if (dueAt === null) {
      await upsert.run();
    } else {
      await session.batch([this.#registration.statement(session, dueAt, now), upsert]);
      this.#registration.registered(dueAt);
    }
    return session.getBookmark();
  }

  async find(after: string, before: string): Promise<FoundRows> {
    const { scope, n } = this.#owner;
    const rows = await this.#db
      .prepare(FIND)
      .bind(scope, after, before, n.toString(16).padStart(3, "0"))
      .raw<[id: string, isStop: number]>();
    return {
      ids: rows.flatMap(([id, isStop]) => (isStop === 0 ? [id] : [])).sort(),
      stop: rows.find(([, isStop]) => isStop === 1)?.[0] ?? null,
    };
  }

  async delete(ids: readonly string[]): Promise<void> {
    await this.#db
      .prepare("DELETE FROM runs WHERE scope = ? AND id IN (SELECT value FROM json_each(?))")
      .bind(this.#owner.scope, JSON.stringify(ids))
      .run();
  }

  registerAgain(): void {
    this.#registration.forget();
  }
}

/** One run as a flight carries it: a JSON array of the values that UPSERT unpacks, in its order. */
export function toGroupRow(run: Run & { readonly purgeAt: number }): string {
  const body = toActionRun(run);
  const { id, version, status, actionName, entityId, triggeredBy, purgeAt } = run;
  const columns = [id, version, status, actionName, entityId, triggeredBy, purgeAt];
  return JSON.stringify([...columns, utf8Bytes(body), body]);
}

/** Whether D1 refused a statement because of its content, so that a smaller one may pass. Anything else is an outage. */
export function isRefusedForContent(error: unknown): boolean {
  if (isDatabaseFull(error)) return false;
  return /SQLITE_(CONSTRAINT|TOOBIG|MISMATCH|RANGE)|malformed JSON|too big|cannot store/i.test(String(error));
}
