/** The webhook endpoints of an environment, with what decides which runs they hear of. Only its coordinator reads them. */

import { endpointKey, type ReadEndpoint } from "../telling.ts";

/**
 * All endpoints of the environment, also those that are disabled. From D1's primary, so that a read which began after a
 * change was written shows the change. Reads no secret.
 */
export async function selectEndpoints(db: D1Database, scope: string): Promise<readonly ReadEndpoint[]> {
  interface Row extends Record<string, unknown> {
    readonly name: string;
    readonly version: number;
    readonly createdVersion: number;
    readonly isDisabled: number;
    readonly filter: string;
  }
  const { results } = await db
    .withSession("first-primary")
    .prepare(
      `SELECT name, version, created_version AS createdVersion,
              coalesce(disabled_version = version, 0) AS isDisabled, filter
       FROM definitions WHERE scope = ?1 AND kind = 'webhook_endpoint' ORDER BY name`,
    )
    .bind(scope)
    .all<Row>();
  return results.map(({ name, createdVersion, version, isDisabled, filter }) => ({
    endpoint: endpointKey({ name, createdVersion }),
    version,
    isDisabled: isDisabled === 1,
    filter,
  }));
}
