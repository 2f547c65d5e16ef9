/**
 * What a token and those below it leave: definitions that they stored last, and runs that wait, because they created or
 * approved them. All of it stays when they are gone, so a revocation and a rotation list it.
 */

import { isWithinLineage } from "../base/ids.ts";
import { APPROVED_RUNS_MAX_LISTED, DEFINITIONS_MAX_LISTED, SUMMARY_MAX_COUNT } from "../base/limits.ts";
import { within } from "../base/time.ts";
import { confirmedDatabase, readD1 } from "../database/read-d1.ts";
import type { Hops } from "../http/request-context.ts";
import { boundDatabases } from "../settings/databases.ts";
import type { Env } from "../settings/env.ts";

/** An action, a webhook endpoint or a schedule. */
interface LeftDefinition {
  readonly envName: string;
  readonly name: string;
}

/** As responses show it. */
export interface LeftDefinitions {
  readonly webhookEndpoints: readonly LeftDefinition[];
  readonly moreWebhookEndpoints: boolean;
  readonly actions: readonly LeftDefinition[];
  readonly moreActions: boolean;
  readonly schedules: readonly LeftDefinition[];
  readonly moreSchedules: boolean;
}

/**
 * The statements that read it, for `toLeftDefinitions`. `lineage`: SQL that selects it, and may use ?1, the project,
 * and ?2, which is `id`.
 */
export function selectLeftDefinitions(db: D1Database, lineage: string, project: string, id: string) {
  const select = (kind: "webhook_endpoint" | "action" | "schedule") =>
    db
      .prepare(
        `SELECT * FROM (
           SELECT substr(scope, length(?1) + 2) AS envName, name
           FROM (${lineage}) CROSS JOIN definitions INDEXED BY definitions_by_lineage
           ON kind = '${kind}' AND ${isWithinLineage("changed_lineage", "lineage")}
             AND scope BETWEEN ?1 || '/' AND ?1 || '/~'
           LIMIT ${DEFINITIONS_MAX_LISTED + 1})
         ORDER BY envName, name`,
      )
      .bind(project, id);
  return [select("webhook_endpoint"), select("action"), select("schedule")] as const;
}

/** `read`: what the statements have read. */
export function toLeftDefinitions(read: readonly (D1Result<unknown> | undefined)[]): LeftDefinitions {
  const [endpoints = [], actions = [], schedules = []] = read.map((one) => (one?.results ?? []) as LeftDefinition[]);
  return {
    webhookEndpoints: endpoints.slice(0, DEFINITIONS_MAX_LISTED),
    moreWebhookEndpoints: endpoints.length > DEFINITIONS_MAX_LISTED,
    actions: actions.slice(0, DEFINITIONS_MAX_LISTED),
    moreActions: actions.length > DEFINITIONS_MAX_LISTED,
    schedules: schedules.slice(0, DEFINITIONS_MAX_LISTED),
    moreSchedules: schedules.length > DEFINITIONS_MAX_LISTED,
  };
}

/** The tokens are revoked already, so a database that hangs must not hold up the response for long. */
const COUNT_MAX_MS = 2000;

/** How many runs of one environment the tokens created. */
interface CreatedRuns {
  readonly scope: string;
  readonly runs: number;
}

/** A run that one of the tokens approved. */
interface ApprovedRun {
  readonly scope: string;
  readonly id: string;
}

/** The runs of one database. */
export interface LeftRuns {
  readonly created: readonly CreatedRuns[];
  readonly approved: readonly ApprovedRun[];
}

const IN_PROJECT = "scope BETWEEN ?1 || '/' AND ?1 || '/~'";

/**
 * SQL: the waiting runs of the project ?1 whose creators are of the lineage that the SQL `lineage` selects, by scope.
 */
const createdBy = (lineage: string) => `
  SELECT scope, count(*) AS runs FROM (
    SELECT scope FROM (${lineage}) CROSS JOIN runs INDEXED BY waiting_runs_by_lineage
    ON status = 'pending' AND ${isWithinLineage("waiting_lineage", "lineage")} AND ${IN_PROJECT}
    LIMIT ${SUMMARY_MAX_COUNT + 1})
  GROUP BY scope`;

/** The same for those that one of that lineage approved. */
const approvedBy = (lineage: string) => `
  SELECT scope, id FROM (${lineage}) CROSS JOIN runs INDEXED BY approved_runs
  ON waiting_approvers IS NOT NULL AND status = 'pending' AND ${IN_PROJECT}
    AND EXISTS (SELECT 1 FROM json_each(waiting_approvers) WHERE ${isWithinLineage("value", "lineage")})
  ORDER BY scope, id LIMIT ${APPROVED_RUNS_MAX_LISTED + 1}`;

/**
 * The two statements about a database, for a batch. `lineage`: SQL that may use ?1, the project, and ?2, which is `id`.
 */
export function selectLeftRuns(db: D1Database, lineage: string, project: string, id: string) {
  return [createdBy(lineage), approvedBy(lineage)].map((sql) => db.prepare(sql).bind(project, id));
}

/** What they read. */
export function toLeftRuns([created, approved]: readonly D1Result[]): LeftRuns {
  return {
    created: (created?.results ?? []) as readonly CreatedRuns[],
    approved: (approved?.results ?? []) as readonly ApprovedRun[],
  };
}

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
  return { waitingRuns: waitingCountOf(found, isWhole), ...approvedListOf(found, isWhole) };
}

function waitingCountOf(found: readonly LeftRuns[], isWhole: boolean): number | { readonly atLeast: number } {
  const runs = sumOf(found.flatMap(({ created }) => created));
  if (runs > SUMMARY_MAX_COUNT) return { atLeast: SUMMARY_MAX_COUNT };
  return isWhole ? runs : { atLeast: runs };
}

/** An environment that moves has its runs in two databases, so each is listed once. */
function approvedListOf(found: readonly LeftRuns[], isWhole: boolean) {
  const runs = new Map(found.flatMap(({ approved }) => approved.map(({ scope, id }) => [id, scope])));
  const listed = [...runs].slice(0, APPROVED_RUNS_MAX_LISTED);
  return {
    approvedRuns: listed.map(([id, scope]) => ({ envName: scope.split("/")[2] ?? "", id })),
    moreApprovedRuns: listed.length < runs.size || !isWhole,
  };
}

/** Of the two databases of an environment that moves, only the greater number counts. */
function sumOf(all: readonly CreatedRuns[]): number {
  const byScope = new Map<string, number>();
  for (const { scope, runs } of all) byScope.set(scope, Math.max(runs, byScope.get(scope) ?? 0));
  return [...byScope.values()].reduce((sum, runs) => sum + runs, 0);
}
