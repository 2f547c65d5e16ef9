/** What a token and those below it stored last. It stays when they are gone, so a revocation and a rotation list it. */

import { DEFINITIONS_MAX_LISTED } from "../base/limits.ts";
import { isWithinLineage } from "../base/lineage.ts";

/** An action or a webhook endpoint. */
interface LeftDefinition {
  readonly envName: string;
  readonly name: string;
}

/** As responses show it. */
export interface LeftBehind {
  readonly webhookEndpoints: readonly LeftDefinition[];
  readonly moreWebhookEndpoints: boolean;
  readonly actions: readonly LeftDefinition[];
  readonly moreActions: boolean;
}

/**
 * The statements that read it, for `leftBehind`. `lineage`: SQL that selects it, and may use ?1, the project, and ?2,
 * which is `id`.
 */
export function selectLeft(db: D1Database, lineage: string, project: string, id: string) {
  const select = (kind: "webhook_endpoint" | "action") =>
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
  return [select("webhook_endpoint"), select("action")] as const;
}

/** `read`: what the two statements have read. */
export function leftBehind(read: readonly (D1Result<unknown> | undefined)[]): LeftBehind {
  const [endpoints = [], actions = []] = read.map((one) => (one?.results ?? []) as LeftDefinition[]);
  return {
    webhookEndpoints: endpoints.slice(0, DEFINITIONS_MAX_LISTED),
    moreWebhookEndpoints: endpoints.length > DEFINITIONS_MAX_LISTED,
    actions: actions.slice(0, DEFINITIONS_MAX_LISTED),
    moreActions: actions.length > DEFINITIONS_MAX_LISTED,
  };
}
