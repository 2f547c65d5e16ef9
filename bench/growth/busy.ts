/**
 * Callbacks to a coordinator that is removing a hundred thousand runs. One caller sends the next when it has its
 * answer, so that whatever stands still shows in the answer that waited for it.
 */

import { setTimeout as delay } from "node:timers/promises";
import { quantile } from "../result.ts";
import { startCaller } from "./caller.ts";
import type { Clerks } from "./clerks.ts";
import type { Reportable } from "./facts.ts";
import { keptOf, markPurgeable } from "./marks.ts";
import { reportOn } from "./operations.ts";
import { MEASURED_SCOPE, open, type Place, type Standing } from "./place.ts";
import { quiet } from "./quiet.ts";

const PURGING = 3;
const OTHER = 2;
const QUIET_CALLBACKS = 2000;
/** More than are sent while the runs are removed, where there are so many. */
const REPORTABLE = 8000;
const LOOK_EVERY_MS = 50;
const WITHIN_MS = 180_000;
const WARM_UPS = 50;
/** For the journal, which comes after D1. */
const SETTLE_MS = 500;

export interface Latency {
  readonly callbacks: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly maxMs: number;
}

export interface Busy {
  readonly purged: number;
  readonly tookMs: number;
  readonly perSecond: number;
  /** Before, at another coordinator that holds as many runs. */
  readonly before: Latency;
  readonly during: Latency;
  /** Afterwards, at the same one. */
  readonly after: Latency;
  /** The worst that waited, in ms. */
  readonly slowestMs: readonly number[];
}

export async function measureBusy(place: Place, count: number, clerks: Clerks): Promise<Busy> {
  const reportable = await clerks.reportable(place, REPORTABLE);
  const ids = markPurgeable(place, PURGING, count, Date.now());
  const standing = await open(place);
  let busy: Busy;
  try {
    busy = await purge(standing, ids, reportable[OTHER] ?? [], reportable[PURGING] ?? []);
    await quiet([standing]);
  } finally {
    await standing.stop();
  }
  const { runs, events, inD1 } = keptOf(place, PURGING, ids);
  if (runs + events + inD1 > 0) throw new Error(`kept: ${runs} runs, ${events} events, ${inD1} in D1`);
  return busy;
}

async function purge(
  standing: Standing,
  ids: readonly string[],
  others: Reportable[],
  theirs: Reportable[],
): Promise<Busy> {
  const { call, close } = startCaller(standing);
  const report = async (list: Reportable[]) => {
    const run = list.pop();
    if (run === undefined) throw new Error("there is no run left to report on");
    return reportOn(run, call);
  };
  const times = async (n: number, list: Reportable[]) => {
    const latenciesMs: number[] = [];
    for (let k = 0; k < n && list.length > 0; k++) latenciesMs.push(await report(list));
    return latenciesMs;
  };
  await times(WARM_UPS, others);
  const before = await times(QUIET_CALLBACKS, others);

  // The first report rings the alarm.
  const startedAt = performance.now();
  let tookMs: number | null = null;
  const watched = whenGone(standing.db, ids.at(-1) ?? "").then(() => {
    tookMs = performance.now() - startedAt;
  });
  const keep = Math.min(QUIET_CALLBACKS, theirs.length / 2);
  const during: number[] = [];
  while (tookMs === null && theirs.length > keep) during.push(await report(theirs));
  await watched;
  await delay(SETTLE_MS);
  const after = await times(QUIET_CALLBACKS, theirs);
  await close();
  return {
    purged: ids.length,
    tookMs: tookMs ?? Number.NaN,
    perSecond: (ids.length / (tookMs ?? Number.NaN)) * 1000,
    before: latency(before),
    during: latency(during),
    after: latency(after),
    slowestMs: during.toSorted((a, b) => b - a).slice(0, 10),
  };
}

async function whenGone(db: D1Database, id: string): Promise<void> {
  const look = db.prepare("SELECT id FROM runs WHERE scope = ? AND id = ?").bind(MEASURED_SCOPE, id);
  const startedAt = performance.now();
  while ((await look.first()) !== null) {
    if (performance.now() - startedAt > WITHIN_MS) throw new Error(`run ${id} is still kept`);
    await delay(LOOK_EVERY_MS);
  }
}

function latency(latenciesMs: readonly number[]): Latency {
  return {
    callbacks: latenciesMs.length,
    p50Ms: quantile(latenciesMs, 0.5),
    p99Ms: quantile(latenciesMs, 0.99),
    maxMs: Math.max(...latenciesMs),
  };
}
