/** The concurrency groups that the actions of an environment name, also those in which no run is. */
import { namesInstead } from "../base/near-names.ts";
import { within } from "../base/time.ts";
import { readD1 } from "../database/read-d1.ts";
import type { Environment } from "../http/request-context.ts";
import { ACTION_KIND } from "./kind.ts";

/** How long a list of groups and a pause wait for D1, without which both do their work. */
const READ_MAX_MS = 1000;

type Where = Omit<Environment, "waitUntil">;

/** `limit`: the least of the actions that name the group. */
export interface NamedGroup {
  readonly group: string;
  readonly limit: number;
}

/** A sentence about a group that no action names. Null if one does, or if D1 does not answer in time. */
export async function unnamedWarning(where: Where, group: string): Promise<string | null> {
  const found = await namedGroups(where, null, "", ACTION_KIND.maxPerEnvironment).catch(() => null);
  const names = found?.map((one) => one.group) ?? [group];
  if (names.includes(group)) return null;
  const instead = { having: "The actions have the groups", none: "No action has a group.", maxCharacters: 63 };
  return `No action of this environment has the concurrency group ${group}. ${namesInstead(group, names, instead)}`;
}

/** The column `filter` has the group, so no definition is read. An environment has a bounded number of actions. */
const SELECT = `
  SELECT filter ->> '$.group' AS "group", min(filter ->> '$.limit') AS "limit" FROM definitions
  WHERE scope = ?1 AND kind = '${ACTION_KIND.name}' AND filter IS NOT NULL
    AND (?2 IS NULL OR filter ->> '$.group' = ?2) AND filter ->> '$.group' > ?3
  GROUP BY 1 ORDER BY 1 LIMIT ?4`;

/** The first groups behind `after`, in order. `only`: this one; null for all. Throws if D1 does not answer in time. */
export async function namedGroups(
  { env, hops, scope }: Where,
  only: string | null,
  after: string,
  max: number,
): Promise<readonly NamedGroup[]> {
  const select = env.DB.prepare(SELECT).bind(scope, only, after, max);
  const reading = readD1(hops, () => select.all<NamedGroup>());
  return (await within(READ_MAX_MS, reading)).results;
}
