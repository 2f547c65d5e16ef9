/** The parts that the measuring of growth consists of, each on places that are closed before and after. */

import { COORDINATORS } from "../../src/runs/run-id.ts";
import type { Clerks } from "./clerks.ts";
import { type Cold, measureCold } from "./cold.ts";
import { type Memory, memoryOf } from "./memory.ts";
import { type Operation, reads, type Site, WRITES } from "./operations.ts";
import { calendarIn, MEASURED_SCOPE, open, type Place } from "./place.ts";
import type { Filled } from "./places.ts";
import { joined, measureAlone, measureCrowded, type Plan, type Series } from "./rounds.ts";
import { openSites } from "./sites.ts";
import { LOOKED_AT, START, type Statement } from "./statements.ts";

export type Progress = (text: string) => void;

const PLAN: Plan = { rounds: 9, crowdedRounds: 6, crowdedEach: 160 };
/** The smallest of a layout has enough for this, and no size has more due at once. */
const DUE = {
  alarm: { most: 100, share: 0.03 },
  retention: { most: 1000, share: 0.4 },
  busy: { most: 100_000, share: 0.4 },
} as const;
/** What is asked of the service before its memory is looked at, so many times. */
const BEFORE_MEMORY = 60;

/** How many runs of a coordinator are due at once, where `place` is the smallest. */
export function dueAtOnce(due: keyof typeof DUE, place: Place): number {
  const { most, share } = DUE[due];
  return Math.min(most, Math.floor((calendarIn(place).runs / COORDINATORS) * share));
}

/** For each operation: what was measured at each place, in their order; with many callers only in one environment. */
export async function measureOperations(
  places: readonly Filled[],
  clerks: Clerks,
  onProgress: Progress,
): Promise<Series[][]> {
  const { sites, stop } = await openSites(places, clerks);
  const inOne = sites.filter(({ standing }) => standing.place.layout === "one");
  const measured: Series[][] = [];
  try {
    for (const group of [reads(Object.keys(sites[0]?.facts.lists ?? {})), WRITES]) {
      for (const operation of group) {
        onProgress(`1 caller: ${operation.name}`);
        measured.push(await measureAlone(operation, sites, PLAN));
      }
      onProgress("many callers");
      measured.push(...(await crowd(group, inOne)));
    }
    return measured;
  } finally {
    await stop();
  }
}

async function crowd(group: readonly Operation[], sites: readonly Site[]): Promise<Series[][]> {
  const crowded = group.filter((operation) => operation.crowded === true);
  const rounds = crowded.map(() => [] as Series[][]);
  for (let round = 0; round < PLAN.crowdedRounds; round++) {
    for (const [i, operation] of crowded.entries()) {
      rounds[i]?.push(await measureCrowded(operation, sites, round, PLAN.crowdedEach));
    }
  }
  return rounds.map((of) => sites.map((_, at) => joined(of.flatMap((series) => series[at] ?? []))));
}

/** How long the coordinators of the largest place take to start. */
export async function measureStarts(largest: Filled): Promise<Cold> {
  const standing = await open(largest);
  return measureCold(standing, largest).finally(() => standing.stop());
}

/**
 * The rows that each statement reads in the runtime's own SQLite, which counts them; null for those that would change
 * something. What a start runs changes nothing.
 */
export async function rowsReadAt(place: Place, statements: readonly Statement[]): Promise<(number | null)[]> {
  const standing = await open(place);
  const rows: (number | null)[] = [];
  try {
    for (const { during, database, sql, bindings } of statements) {
      const isHarmless = during === START || sql.trimStart().startsWith("SELECT");
      if (!isHarmless) rows.push(null);
      else if (database === "D1") rows.push(await rowsReadByD1(standing.db, sql, bindings));
      else rows.push(await standing.rowsRead(MEASURED_SCOPE, LOOKED_AT, sql, bindings));
    }
    return rows;
  } finally {
    await standing.stop();
  }
}

async function rowsReadByD1(db: D1Database, sql: string, bindings: readonly unknown[]): Promise<number> {
  const { meta } = await db
    .prepare(sql)
    .bind(...bindings)
    .all();
  return meta.rows_read;
}

/** Of each place, one at a time, after the same requests. */
export async function measureMemory(places: readonly Filled[], clerks: Clerks): Promise<Memory[]> {
  const memory: Memory[] = [];
  for (const place of places) {
    const { sites, stop } = await openSites([place], clerks, { inspected: true });
    try {
      const [site] = sites;
      if (site === undefined) continue;
      const [create, callback] = WRITES;
      const all = reads(Object.keys(site.facts.lists));
      for (const operation of [...all, create, callback]) {
        for (let n = 0; n < BEFORE_MEMORY; n++) await operation?.ask(site, n, site.call);
      }
      memory.push(await memoryOf(site.standing));
    } finally {
      await stop();
    }
  }
  return memory;
}
