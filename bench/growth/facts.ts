/** What a filled place's right answers are, read from its files with plain SQL, and the tokens that open its runs. */

import { DatabaseSync } from "node:sqlite";
import { signCallbackToken } from "../../src/auth/callback-token.ts";
import { keyRing } from "../../src/key-ring.ts";
import { COORDINATORS } from "../../src/runs/run-id.ts";
import { objectFile } from "./files.ts";
import { idOf } from "./fill.ts";
import { LISTED, listsOf, toSearch } from "./lists.ts";
import { calendarIn, MEASURED, MEASURED_SCOPE, type Place, PROJECT } from "./place.ts";

const RUNS_PATH = `/${PROJECT}/envs/${MEASURED}/action-runs`;
const ENDED = 1000;
const OPEN = 200;
/** Coprime to any number of runs that is asked for: it visits all of them, here and there. */
const STRIDE = 7919;

export interface Reading {
  readonly path: string;
  readonly body: string;
}

/** A run that is open, and what reports on it. */
export interface Reportable {
  readonly path: string;
  readonly token: string;
}

export interface Facts {
  readonly lists: Readonly<Record<string, Reading>>;
  /** All different, from everywhere in the environment. */
  readonly ended: readonly Reading[];
  readonly open: readonly Reading[];
}

export function factsOf(place: Place): Facts {
  const db = new DatabaseSync(place.files.d1, { readOnly: true });
  const calendar = calendarIn(place);
  const lists: Record<string, Reading> = {};
  for (const [name, ask] of Object.entries(listsOf(calendar, (i) => idOf(calendar, i)))) {
    const rows = db
      .prepare(`SELECT body FROM runs WHERE scope = ? AND (${ask.where}) ORDER BY id DESC LIMIT ${LISTED}`)
      .all(MEASURED_SCOPE);
    lists[name] = {
      path: `${RUNS_PATH}?${toSearch(ask)}`,
      body: `[${rows.map(({ body }) => String(body)).join(",")}]`,
    };
  }
  const read = db.prepare("SELECT status, body FROM runs WHERE scope = ? AND id = ?");
  const ended: Reading[] = [];
  const open: Reading[] = [];
  for (let k = 0; k < calendar.runs && (ended.length < ENDED || open.length < OPEN); k++) {
    const id = idOf(calendar, (k * STRIDE) % calendar.runs);
    const row = read.get(MEASURED_SCOPE, id);
    if (row === undefined) throw new Error(`D1 has no run ${id}`);
    const isOpen = row.status === "pending" || row.status === "running";
    const [list, most] = isOpen ? [open, OPEN] : [ended, ENDED];
    if (list.length < most) list.push({ path: `${RUNS_PATH}/${id}`, body: String(row.body) });
  }
  db.close();
  return { lists, ended, open };
}

/** Up to `count` open runs of each coordinator, from everywhere in its journal, none of them overdue. */
export async function reportableRuns(place: Place, count: number): Promise<Reportable[][]> {
  const ring = keyRing(place.secrets.CALLBACK_SIGNING_KEYS);
  if (!ring.ok) throw new Error(ring.error);
  const all: Reportable[][] = [];
  for (let n = 0; n < COORDINATORS; n++) {
    const db = new DatabaseSync(objectFile(place, MEASURED_SCOPE, n), { readOnly: true });
    const rows = db
      .prepare("SELECT id, deadline_at FROM runs WHERE completed_at IS NULL AND deadline_at > ? ORDER BY id")
      .all(Date.now()) as { id: string; deadline_at: number }[];
    db.close();
    const step = Math.max(1, rows.length / count);
    const reportable: Reportable[] = [];
    for (let at = 0; at < rows.length && reportable.length < count; at += step) {
      const row = rows[Math.floor(at)];
      if (row === undefined) break;
      const grant = { scope: MEASURED_SCOPE, runId: row.id, expiresAt: row.deadline_at };
      reportable.push({
        path: `${RUNS_PATH}/${row.id}/callback`,
        token: await signCallbackToken(ring.value, grant),
      });
    }
    all.push(reportable);
  }
  return all;
}
