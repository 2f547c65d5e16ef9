/** How many runs of revoked tokens still wait at a gate. Environments can live in several databases, so each is asked. */

import { SUMMARY_MAX_COUNT } from "../base/limits.ts";
import { isWithinLineage } from "../base/lineage.ts";
import { within } from "../base/time.ts";
import { databaseThatSays } from "../database/numbered-database.ts";
import { readD1 } from "../database/read-d1.ts";
import type { Hops } from "../http/app-env.ts";
import { boundDatabases } from "../settings/databases.ts";
import type { Env } from "../settings/env.ts";

/** The tokens are revoked already, so a database that hangs must not hold up the response for long. */
const COUNT_MAX_MS = 2000;

/** Of one environment. */
export interface WaitingRuns {
  readonly scope: string;
  readonly runs: number;
}

/** SQL: the waiting runs of the project ?1 whose creators are of the lineage that the SQL `lineage` selects, by scope. */
export function waitingRunsOf(lineage: string): string {
  return `
    SELECT scope, count(*) AS runs FROM (
      SELECT scope FROM (${lineage}) CROSS JOIN runs INDEXED BY waiting_runs_by_lineage
      ON status = 'pending' AND ${isWithinLineage("waiting_lineage", "lineage")} AND scope BETWEEN ?1 || '/' AND ?1 || '/~'
      LIMIT ${SUMMARY_MAX_COUNT + 1})
    GROUP BY scope`;
}

const OF_LINEAGE = waitingRunsOf("SELECT ?2 AS lineage");

/**
 * `inControl`: those in the control database. The result is "at least" if there are many, or if a database does not
 * answer. Never throws.
 */
export async function countWaitingRuns(
  env: Env,
  hops: Hops,
  project: string,
  lineage: string,
  inControl: readonly WaitingRuns[],
): Promise<number | { readonly atLeast: number }> {
  const count = async (number: number): Promise<readonly WaitingRuns[]> => {
    const db = await databaseThatSays(env, hops, number);
    if (db === null) throw new Error(`the binding DB_${number} has another database`);
    const counting = db.prepare(OF_LINEAGE).bind(project, lineage);
    return (await readD1(hops, () => counting.all<WaitingRuns>())).results;
  };
  const others = boundDatabases(env).filter((number) => number !== 0);
  const counted = await Promise.allSettled(others.map((number) => within(COUNT_MAX_MS, count(number))));
  const found = counted.flatMap((one) => (one.status === "fulfilled" ? one.value : []));
  const runs = sumOf([...inControl, ...found]);
  if (runs > SUMMARY_MAX_COUNT) return { atLeast: SUMMARY_MAX_COUNT };
  return counted.every(({ status }) => status === "fulfilled") ? runs : { atLeast: runs };
}

/** An environment that moves has its runs in two databases, so of these two only the greater number counts. */
function sumOf(all: readonly WaitingRuns[]): number {
  const byScope = new Map<string, number>();
  for (const { scope, runs } of all) byScope.set(scope, Math.max(runs, byScope.get(scope) ?? 0));
  return [...byScope.values()].reduce((sum, runs) => sum + runs, 0);
}
