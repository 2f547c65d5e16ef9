/**
 * What happens when runs are due: an alarm ends those past their deadline, and removes those that may be kept no
 * longer. Each coordinator of a place has its share of them, so that there is a round for each.
 */

import { setTimeout as delay } from "node:timers/promises";
import { COORDINATORS } from "../../src/runs/run-id.ts";
import { startCaller } from "./caller.ts";
import type { Clerks } from "./clerks.ts";
import type { Reportable } from "./facts.ts";
import { keptOf, markOverdue, markPurgeable } from "./marks.ts";
import { reportOn } from "./operations.ts";
import { dueAtOnce } from "./phases.ts";
import { MEASURED_SCOPE, nameOf, open, type Place, type Standing } from "./place.ts";
import { quiet } from "./quiet.ts";
import { type Series, turned } from "./rounds.ts";

const LOOK_EVERY_MS = 4;
const WITHIN_MS = 60_000;

export type Due = "alarm" | "retention";

interface Waiting {
  readonly place: Place;
  readonly standing: Standing;
  /** Of each coordinator: the runs that are due, and one whose report rings its alarm. */
  readonly due: readonly (readonly string[])[];
  readonly bells: readonly (readonly Reportable[])[];
}

/**
 * How long from the report that rings the alarm until the last due run is seen to be done, at each place. No place of
 * a layout has more due than its smallest can have.
 */
export async function measureDue(due: Due, places: readonly Place[], clerks: Clerks): Promise<Series[]> {
  const all: Waiting[] = [];
  const rounds = places.map(() => [] as number[]);
  try {
    for (const place of places) {
      const alike = places.filter(({ layout }) => layout === place.layout);
      const smallest = alike.reduce((least, one) => (one.runs < least.runs ? one : least));
      all.push(await prepare(due, place, dueAtOnce(due, smallest), clerks));
    }
    for (let n = 0; n < COORDINATORS; n++) {
      for (const at of turned(all.length, n)) {
        const waiting = all[at];
        if (waiting !== undefined) rounds[at]?.push(await ring(due, waiting, n));
      }
    }
    await quiet(all.map(({ standing }) => standing));
  } finally {
    for (const { standing } of all) await standing.stop();
  }
  if (due === "retention") for (const waiting of all) expectGone(waiting);
  return all.map(({ place: { layout }, due: ids }, i) => {
    const operation = `${due}, ${ids[0]?.length} due runs`;
    return { operation, layout, callers: 1, latenciesMs: rounds[i] ?? [], rounds: rounds[i] ?? [] };
  });
}

async function prepare(due: Due, place: Place, count: number, clerks: Clerks): Promise<Waiting> {
  const now = Date.now();
  const mark = due === "alarm" ? markOverdue : markPurgeable;
  const ids = Array.from({ length: COORDINATORS }, (_, n) => mark(place, n, count, now));
  const bells = await clerks.reportable(place, 1);
  return { place, standing: await open(place), due: ids, bells };
}

async function ring(due: Due, { standing, due: ids, bells }: Waiting, n: number): Promise<number> {
  const caller = startCaller(standing);
  const [bell, last] = [bells[n]?.[0], ids[n]?.at(-1)];
  if (bell === undefined || last === undefined) throw new Error(`coordinator ${n} has nothing to ring for`);
  const look = standing.db
    .prepare("SELECT status FROM runs WHERE scope = ? AND id = ?")
    .bind(MEASURED_SCOPE, last);
  const startedAt = performance.now();
  await reportOn(bell, caller.call);
  for (;;) {
    const row = await look.first<{ status: string }>();
    if (due === "alarm" ? row?.status === "failed" : row === null) break;
    if (performance.now() - startedAt > WITHIN_MS) throw new Error(`${due}: run ${last} is still due`);
    await delay(LOOK_EVERY_MS);
  }
  const tookMs = performance.now() - startedAt;
  await caller.close();
  if (due === "alarm") await expectTimedOut(standing, ids[n] ?? []);
  return tookMs;
}

async function expectTimedOut({ db }: Standing, ids: readonly string[]): Promise<void> {
  const row = await db
    .prepare(
      `SELECT count(*) AS n FROM runs WHERE scope = ? AND id IN (SELECT value FROM json_each(?))
       AND status = 'failed' AND body LIKE '%"error":"[timeout] %'`,
    )
    .bind(MEASURED_SCOPE, JSON.stringify(ids))
    .first<{ n: number }>();
  if (row?.n !== ids.length) throw new Error(`${row?.n} of ${ids.length} overdue runs have timed out`);
}

function expectGone({ place, due }: Waiting): void {
  due.forEach((ids, n) => {
    const { runs, events, inD1 } = keptOf(place, n, ids);
    if (runs + events + inD1 > 0) {
      throw new Error(`${nameOf(place)}: purged, but ${runs} runs, ${events} events, ${inD1} in D1 are kept`);
    }
  });
}
