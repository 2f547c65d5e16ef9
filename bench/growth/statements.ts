/**
 * Every statement that the service runs, with its plan and its time, over the files of a closed place. The service's
 * own code runs them, each time in a transaction that is rolled back.
 */

import { DatabaseSync, type SQLInputValue } from "node:sqlite";
import { setTimeout as delay } from "node:timers/promises";
import * as store from "../../src/runs/d1/store.ts";
import { Journal } from "../../src/runs/journal/journal.ts";
import { coordinatorName } from "../../src/runs/run-id.ts";
import { quantile } from "../result.ts";
import { deeds } from "./deeds.ts";
import { objectFile } from "./files.ts";
import { idOf, RETENTION_DAYS } from "./fill.ts";
import { LISTED, listsOf } from "./lists.ts";
import { type Observe, toD1, toStorage } from "./node-sqlite.ts";
import { calendarIn, MEASURED_SCOPE, type Place } from "./place.ts";
import { loadService, type Service } from "./service.ts";

export interface Statement {
  /** What was being done. */
  readonly during: string;
  readonly database: "object" | "D1";
  readonly sql: string;
  readonly bindings: readonly SQLInputValue[];
  readonly plan: readonly string[];
  /** The median of its runs. */
  readonly ms: number;
}

/** What starting a coordinator is called here. */
export const START = "start";
/** The coordinator that is looked at. */
export const LOOKED_AT = 1;
const TIMES = 7;
const RESYNCED = 1000;
/** For flights and purges, which nobody waits for. */
const SETTLE_MS = 15;
const MINUTE_MS = 60_000;

export async function statementsOf(place: Place): Promise<Statement[]> {
  const object = new DatabaseSync(objectFile(place, MEASURED_SCOPE, LOOKED_AT));
  const database = new DatabaseSync(place.files.d1);
  const { begin, observe, statements } = notebook();
  const storage = toStorage(object, observe("object", object));
  const d1 = toD1(database, observe("D1", database));
  const service = await loadService(RETENTION_DAYS);

  async function rolledBack(work: () => unknown): Promise<void> {
    for (const db of [object, database]) db.exec("BEGIN");
    await work();
    await delay(SETTLE_MS);
    for (const db of [object, database]) db.exec("ROLLBACK");
  }
  const pick = (where: string) =>
    String(object.prepare(`SELECT id FROM runs WHERE ${where} LIMIT 1`).get()?.id);
  const openId = pick("completed_at IS NULL AND status = 'pending'");
  const endedId = pick("completed_at IS NOT NULL");
  for (const deed of deeds(LOOKED_AT, place.runs, openId, endedId)) {
    for (let time = 0; time < TIMES; time++) {
      await rolledBack(async () => {
        if (deed.prepare !== undefined) object.exec(deed.prepare);
        begin(START);
        const coordinator = service.start(coordinatorName(MEASURED_SCOPE, LOOKED_AT), storage, d1);
        begin(deed.during);
        await deed.act(coordinator);
      });
    }
  }
  for (let time = 0; time < TIMES; time++) {
    await rolledBack(() => {
      begin(START);
      const journal = new Journal(storage);
      begin("resync");
      journal.countAfter("");
      journal.unland("", "g", RESYNCED);
    });
    await rolledBack(() => onD1(place, service, d1, begin));
  }
  for (const db of [object, database]) db.close();
  return statements();
}

/** What the Worker itself asks D1. */
async function onD1(
  place: Place,
  service: Service,
  d1: D1Database,
  begin: (during: string) => void,
): Promise<void> {
  const calendar = calendarIn(place);
  const idAt = (i: number) => idOf(calendar, i);
  const now = Date.now();
  begin("get");
  await service.get(d1, MEASURED_SCOPE, idAt(0));
  for (const [name, { query }] of Object.entries(listsOf(calendar, idAt))) {
    begin(name);
    await service.list(d1, MEASURED_SCOPE, { ...query, limit: String(LISTED) });
  }
  begin("cron");
  await store.dropUnkept(d1, now);
  await store.findOverdue(d1, now - MINUTE_MS, 200);
  await store.longestUnseen(d1, now - 10 * MINUTE_MS, now + MINUTE_MS, 20);
  await store.markSeen(d1, [{ scope: MEASURED_SCOPE, n: LOOKED_AT, seen_at: now }], [], now);
  begin("resync");
  await store.findRows(d1, { scope: MEASURED_SCOPE, n: LOOKED_AT }, "", "g");
}

interface Notebook {
  /** What is being done from here on. */
  begin(during: string): void;
  observe(name: Statement["database"], db: DatabaseSync): Observe;
  statements(): Statement[];
}

function notebook(): Notebook {
  const noted = new Map<string, Omit<Statement, "ms"> & { readonly times: number[] }>();
  let during = "";
  return {
    begin: (next) => {
      during = next;
    },
    observe: (database, db) => (sql, bindings) => {
      const key = `${during}\n${database}\n${sql}`;
      const statement = noted.get(key) ?? {
        during,
        database,
        sql,
        bindings,
        plan: planOf(db, sql, bindings),
        times: [],
      };
      noted.set(key, statement);
      const startedAt = performance.now();
      return () => statement.times.push(performance.now() - startedAt);
    },
    statements: () =>
      [...noted.values()].map(({ times, ...rest }) => ({ ...rest, ms: quantile(times, 0.5) })),
  };
}

function planOf(db: DatabaseSync, sql: string, bindings: readonly SQLInputValue[]): string[] {
  const rows = db.prepare(`EXPLAIN QUERY PLAN ${sql}`).all(...bindings);
  return rows.map(({ detail }) => String(detail));
}
