/** The endpoints of an environment, with what decides which runs they hear of. Only the matching reads them. */

import type { EndpointFilter } from "./endpoint-filter.ts";
import { ENDPOINT_KIND } from "./kind.ts";

export interface FilteredEndpoint {
  readonly name: string;
  readonly version: number;
  readonly createdVersion: number;
  /** Whether the service has disabled this version. */
  readonly isDisabled: boolean;
  readonly filter: EndpointFilter;
}

/**
 * All endpoints of the environment by name, those that are disabled as well, because enabling one asks no coordinator.
 * From D1's primary, and never from memory: an end that follows a PUT must find its endpoint. Reads no secret.
 */
export async function selectFilters(db: D1Database, scope: string): Promise<readonly FilteredEndpoint[]> {
  type Row = Pick<FilteredEndpoint, "name" | "version" | "createdVersion"> & {
    readonly isDisabled: number;
    readonly filter: string;
  };
  const { results } = await db
    .withSession("first-primary")
    .prepare(
      `SELECT name, version, created_version AS createdVersion,
              coalesce(disabled_version = version, 0) AS isDisabled, filter
       FROM definitions WHERE scope = ?1 AND kind = '${ENDPOINT_KIND.name}' ORDER BY name`,
    )
    .bind(scope)
    .all<Row>();
  return results.map(({ isDisabled, filter, ...row }) => ({
    ...row,
    isDisabled: isDisabled === 1,
    filter: JSON.parse(filter) as EndpointFilter,
  }));
}
