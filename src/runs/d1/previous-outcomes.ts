/**
 * The outcome before a run's: that of the succeeded or failed run with the greatest id below it, of the same action and
 * entity. Runs of stored actions are compared with such runs, and others with others, because a caller can give a run
 * any name.
 */

import type { PreviousStatus, RunToTell } from "../telling.ts";

/** How many runs of the action, or of the entity, are looked at. */
const LOOKED_AT_MAX = 5000;

const PREVIOUS = `
  SELECT asked.value ->> 'id' AS id, (
    SELECT status FROM (
      SELECT status, action_name, entity_id, details FROM runs
      WHERE scope = ?1 AND id < asked.value ->> 'id' AND %
      ORDER BY id DESC LIMIT ${LOOKED_AT_MAX})
    WHERE status IN ('succeeded', 'failed')
      AND action_name = asked.value ->> 'actionName' AND entity_id IS asked.value ->> 'entityId'
      AND coalesce(details ->> '$.source' = 'action', 0) = asked.value ->> 'isStored'
    LIMIT 1) AS status
  FROM json_each(?2) AS asked`;
const OF_ENTITY = PREVIOUS.replace("%", "entity_id = asked.value ->> 'entityId'");
const OF_ACTION = PREVIOUS.replace("%", "action_name = asked.value ->> 'actionName'");

/** By run id. A run without a known outcome before it is missing. From D1's primary. */
export async function previousOutcomes(
  db: D1Database,
  scope: string,
  runs: readonly RunToTell[],
): Promise<ReadonlyMap<string, PreviousStatus>> {
  const session = db.withSession("first-primary");
  const asked = (those: readonly RunToTell[]) =>
    JSON.stringify(
      those.map(({ id, actionName, entityId, source }) => ({
        ...{ id, actionName, entityId },
        isStored: source === "action" ? 1 : 0,
      })),
    );
  const ofEntity = runs.filter(({ entityId }) => entityId !== null);
  const ofAction = runs.filter(({ entityId }) => entityId === null);
  const statements = [
    ...(ofEntity.length > 0 ? [session.prepare(OF_ENTITY).bind(scope, asked(ofEntity))] : []),
    ...(ofAction.length > 0 ? [session.prepare(OF_ACTION).bind(scope, asked(ofAction))] : []),
  ];
  const results = await session.batch<{ id: string; status: PreviousStatus }>(statements);
  return new Map(results.flatMap(({ results: rows }) => rows.map(({ id, status }) => [id, status])));
}
