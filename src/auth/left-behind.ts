/**
 * What a token and those below it leave: definitions that they stored last, and runs that wait, because they created or
 * approved them. All of it stays when they are gone, so a revocation and a rotation list it.
 */

import { isWithinLineage } from "../base/ids.ts";
import { LEFT_BEHIND_MAX_LISTED, SUMMARY_MAX_COUNT } from "../base/limits.ts";
import { within } from "../base/time.ts";
import { confirmedDatabase, readD1 } from "../database/read-d1.ts";
import type { Hops } from "../http/request-context.ts";
import { boundDatabases } from "../settings/databases.ts";
import type { Env } from "../settings/env.ts";

const IN_PROJECT = "scope BETWEEN ?1 || '/' AND ?1 || '/~'";
const KINDS = ["webhook_endpoint", "action", "schedule"] as const;

/** A statement for each kind. `lineage`: SQL that selects it, and may use ?1, the project, and ?2, which is `id`. */
export function selectLeftDefinitions(db: D1Database, lineage: string, project: string, id: string) {
  return KINDS.map((kind) =>
    db
      .prepare(
        `SELECT * FROM (
           SELECT substr(scope, length(?1) + 2) AS envName, name
           FROM (${lineage}) CROSS JOIN definitions INDEXED BY definitions_by_lineage
           ON kind = '${kind}' AND ${isWithinLineage("changed_lineage", "lineage")} AND ${IN_PROJECT}
           LIMIT ${LEFT_BEHIND_MAX_LISTED + 1})
         ORDER BY envName, name`,
      )
      .bind(project, id),
  );
}

/** As responses show what these statements have read. */
export function toLeftDefinitions(read: readonly D1Result[]) {
  const [endpoints = [], actions = [], schedules = []] = read.map(({ results }) => results);
  return {
    webhookEndpoints: endpoints.slice(0, LEFT_BEHIND_MAX_LISTED),
    moreWebhookEndpoints: endpoints.length > LEFT_BEHIND_MAX_LISTED,
    actions: actions.slice(0, LEFT_BEHIND_MAX_LISTED),
    moreActions: actions.length > LEFT_BEHIND_MAX_LISTED,
    schedules: schedules.slice(0, LEFT_BEHIND_MAX_LISTED),
    moreSchedules: schedules.length > LEFT_BEHIND_MAX_LISTED,
  };
}

/** The waiting runs of one database. */
export interface LeftRuns {
  /** How many the tokens created, by scope. */
  readonly created: readonly { readonly scope: string; readonly runs: number }[];
  /** Those that one of the tokens approved. */
  readonly approved: readonly { readonly scope: string; readonly id: string }[];
}

/** The two statements about a database, for `toLeftRuns`. `lineage`: as above. */
export function selectLeftRuns(db: D1Database, lineage: string, project: string, id: string) {
  const created = `
    SELECT scope, count(*) AS runs FROM (
      SELECT scope FROM (${lineage}) CROSS JOIN runs INDEXED BY waiting_runs_by_lineage
      ON status = 'pending' AND ${isWithinLineage("waiting_lineage", "lineage")} AND ${IN_PROJECT}
      LIMIT ${SUMMARY_MAX_COUNT + 1})
    GROUP BY scope`;
  const approved = `
    SELECT scope, id FROM (${lineage}) CROSS JOIN runs INDEXED BY approved_runs
    ON waiting_approvers IS NOT NULL AND status = 'pending' AND ${IN_PROJECT}
      AND EXISTS (SELECT 1 FROM json_each(waiting_approvers) WHERE ${isWithinLineage("value", "lineage")})
    ORDER BY scope, id LIMIT ${LEFT_BEHIND_MAX_LISTED + 1}`;
  return [created, approved].map((sql) => db.prepare(sql).bind(project, id));
}

export function toLeftRuns([created, approved]: readonly D1Result[]): LeftRuns {
  return { created: created?.results ?? [], approved: approved?.results ?? [] } as unknown as LeftRuns;
}

/** The tokens are revoked already, so a database that hangs must not hold up the response for long. */
const COUNT_MAX_MS = 2000;

/**
 * `inControl`: those in the control database. The count is "at least", and there are more runs than listed, if there
 * are many, or if a database does not answer. Never throws.
 */
export async function describeLeftRuns(env: Env, hops: Hops, project: string, lineage: string, inControl: LeftRuns) {
  const look = async (number: number): Promise<LeftRuns> => {
    const db = await confirmedDatabase(env, hops, number);
    if (db === null) throw new Error(`the binding DB_${number} has another database`);
    const statements = selectLeftRuns(db, "SELECT ?2 AS lineage", project, lineage);
    return toLeftRuns(await readD1(hops, () => db.batch(statements)));
  };
  const others = boundDatabases(env).filter((number) => number !== 0);
  const looked = await Promise.allSettled(others.map((number) => within(COUNT_MAX_MS, look(number))));
  const found = [inControl, ...looked.flatMap((one) => (one.status === "fulfilled" ? one.value : []))];
  const isWhole = looked.every(({ status }) => status === "fulfilled");
  // An environment that moves has its runs in two databases: only the greater number counts, and each is listed once.
  const byScope = new Map<string, number>();
  for (const { scope, runs } of found.flatMap(({ created }) => created)) {
    byScope.set(scope, Math.max(runs, byScope.get(scope) ?? 0));
  }
  const created = [...byScope.values()].reduce((sum, runs) => sum + runs, 0);
  const approved = new Map(found.flatMap((one) => one.approved.map(({ scope, id }) => [id, scope])));
  const listed = [...approved].slice(0, LEFT_BEHIND_MAX_LISTED);
  return {
    waitingRuns: isWhole && created <= SUMMARY_MAX_COUNT ? created : { atLeast: Math.min(created, SUMMARY_MAX_COUNT) },
    approvedRuns: listed.map(([id, scope]) => ({ envName: scope.split("/")[2] ?? "", id })),
    moreApprovedRuns: listed.length < approved.size || !isWhole,
  };
}
