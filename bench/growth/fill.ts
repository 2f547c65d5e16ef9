/**
 * Fills D1 and the journals with what the service itself would have written there: its own rules, journal and
 * statements, over Node's SQLite. A run is written when it is made and again when it has ended, with others between.
 */

import { DatabaseSync } from "node:sqlite";
import { changeKey } from "../../src/runs/api/change-key.ts";
import { landGroup, toGroupRow } from "../../src/runs/d1/store.ts";
import { Journal } from "../../src/runs/journal/journal.ts";
import type { JournaledRun } from "../../src/runs/journal/run-rows.ts";
import { purgeAt } from "../../src/runs/run.ts";
import { COORDINATORS } from "../../src/runs/run-id.ts";
import { objectFile } from "./files.ts";
import { toD1, toStorage } from "./node-sqlite.ts";
import { calendarIn, MEASURED_SCOPE, type Place, PROJECT } from "./place.ts";
import { type Calendar, createdAtOf, ENVIRONMENTS, type Step, stepsOf, unsignedId } from "./sample.ts";

export const RETENTION_DAYS = 30;
/** How many runs of one environment are made before the first of them ends. */
const BETWEEN = { one: 500, spread: 1 } as const;
/** A transaction holds about so many. */
const COMMITTED_AT_ONCE = 50_000;

export async function fillD1(place: Place): Promise<void> {
  const db = bulk(place.files.d1);
  const d1 = toD1(db);
  const environments = Array.from({ length: ENVIRONMENTS[place.layout] }, (_, env): Environment => {
    return { scope: `${PROJECT}/env-${env}`, calendar: calendarIn(place, env), later: [] };
  });
  const slots = Math.ceil(place.runs / environments.length / BETWEEN[place.layout]);
  let written = 0;
  db.exec("BEGIN");
  for (let slot = 0; slot <= slots; slot++) {
    for (const environment of environments) {
      for (const steps of stepsIn(environment, slot, slots)) {
        if (steps.length === 0) continue;
        const rows = [];
        for (const step of steps) rows.push(toGroupRow(await toJournaled(step)));
        await landGroup(d1, environment.scope, rows, null, place.now);
        written += steps.length;
      }
    }
    if (written < COMMITTED_AT_ONCE) continue;
    written = 0;
    db.exec("COMMIT; BEGIN");
  }
  db.exec("COMMIT");
  finish(db);
}

interface Environment {
  readonly scope: string;
  readonly calendar: Calendar;
  /** What ends in the slot after this. */
  later: Step[];
}

/** What is made in one of `slots`, and what ends there. After the last, only the latter. */
function stepsIn(environment: Environment, slot: number, slots: number): Step[][] {
  const { calendar, later } = environment;
  const startOf = (slot: number) => Math.min(calendar.runs, Math.floor((slot * calendar.runs) / slots));
  const now: Step[] = [];
  environment.later = [];
  for (let i = startOf(slot); i < startOf(slot + 1); i++) {
    const [made, ended] = stepsOf(calendar, i, idOf(calendar, i));
    if (made !== undefined) now.push(made);
    if (ended !== undefined) environment.later.push(ended);
  }
  return [now, later];
}

/** The journal of one coordinator of the environment that is measured. */
export async function fillJournal(place: Place, n: number): Promise<void> {
  const db = bulk(objectFile(place, MEASURED_SCOPE, n));
  const journal = new Journal(toStorage(db));
  const calendar = calendarIn(place);
  const landed = new Map<string, number>();
  const later: Step[] = [];
  const write = async (step: Step) => {
    const run = await toJournaled(step);
    journal.write(run, null, step.events, step.at, RETENTION_DAYS);
    landed.set(run.id, run.version);
  };
  db.exec("BEGIN");
  let written = 0;
  for (let i = n; i < calendar.runs; i += COORDINATORS) {
    const [made, ended] = stepsOf(calendar, i, idOf(calendar, i));
    if (made !== undefined) await write(made);
    if (ended !== undefined) later.push(ended);
    if (later.length < BETWEEN.one) continue;
    for (const step of later.splice(0)) await write(step);
    journal.confirm(landed);
    written += landed.size;
    landed.clear();
    if (written < COMMITTED_AT_ONCE) continue;
    written = 0;
    db.exec("COMMIT; BEGIN");
  }
  for (const step of later) await write(step);
  journal.confirm(landed);
  db.exec("COMMIT");
  finish(db);
}

export function idOf(calendar: Calendar, i: number): string {
  return unsignedId(createdAtOf(calendar, i), i % COORDINATORS, i);
}

async function toJournaled({ run }: Step): Promise<JournaledRun> {
  const create = await changeKey({ tokenId: "root" }, null, null);
  const change = run.version > 1 ? await changeKey({ tokenId: "root" }, null, null) : null;
  return {
    ...run,
    createKey: create.key,
    createFingerprint: create.fingerprint,
    fingerprintKeyId: null,
    changeKey: change?.key ?? null,
    changeFingerprint: change?.fingerprint ?? null,
    purgeAt: purgeAt(run, RETENTION_DAYS),
  };
}

/** Opened for writing much at once: what is lost in a crash is made again. */
function bulk(file: string): DatabaseSync {
  const db = new DatabaseSync(file);
  db.exec("PRAGMA journal_mode = MEMORY; PRAGMA synchronous = OFF");
  db.exec("PRAGMA cache_size = -400000");
  return db;
}

function finish(db: DatabaseSync): void {
  db.exec("PRAGMA journal_mode = WAL");
  db.close();
}
