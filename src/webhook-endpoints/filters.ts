/** What decides which runs an endpoint hears of. Only the matching reads it. */

import type { StoredEndpoint } from "./definition.ts";
import { ENDPOINT_KIND } from "./kind.ts";

/** `actionNames` null: every action. `disabled`: a person's own switch. */
export interface EndpointFilter
  extends Pick<StoredEndpoint, "events" | "includeUnstored" | "onlyOnChange" | "disabled"> {
  readonly actionNames: readonly string[] | null;
  /** All of these. */
  readonly labels: readonly string[];
}

export interface FilteredEndpoint {
  readonly name: string;
  readonly version: number;
  readonly createdVersion: number;
  /** Whether the service has disabled this version. */
  readonly isDisabled: boolean;
  readonly filter: EndpointFilter;
}

const MEMBERS = ["events", "includeUnstored", "onlyOnChange", "disabled", "actionNames", "labels"] as const;

/**
 * All endpoints of the environment by name, those that are disabled as well, because enabling one asks no coordinator.
 * From D1's primary, and never from memory: an end that follows a PUT must find its endpoint. Reads no secret.
 */
export async function selectFilters(db: D1Database, scope: string): Promise<readonly FilteredEndpoint[]> {
  type Row = Pick<FilteredEndpoint, "name" | "version" | "createdVersion"> & {
    readonly isDisabled: number;
    readonly members: string;
  };
  const paths = MEMBERS.map((member) => `'$.${member}'`).join(", ");
  const { results } = await db
    .withSession("first-primary")
    .prepare(
      `SELECT name, version, created_version AS createdVersion,
              coalesce(disabled_version = version, 0) AS isDisabled,
              json_extract(definition, ${paths}) AS members
       FROM definitions WHERE scope = ?1 AND kind = '${ENDPOINT_KIND.name}' ORDER BY name`,
    )
    .bind(scope)
    .all<Row>();
  return results.map(({ isDisabled, members, ...row }) => ({
    ...row,
    isDisabled: isDisabled === 1,
    filter: toFilter(JSON.parse(members) as MemberValues),
  }));
}

/** In the order of MEMBERS. Null for a missing one. */
type MemberValues = readonly [
  StoredEndpoint["events"],
  boolean,
  boolean,
  boolean,
  readonly string[] | null,
  readonly string[] | null,
];

function toFilter([events, includeUnstored, onlyOnChange, disabled, actionNames, labels]: MemberValues) {
  return { events, includeUnstored, onlyOnChange, disabled, actionNames, labels: labels ?? [] };
}
