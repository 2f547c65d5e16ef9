/** GET /whoami: what a token or a session is. GET /places: which environments it opens. */
import { Hono } from "hono";
import * as z from "zod/mini";
import { rfc3339 } from "../base/time.ts";
import { readD1 } from "../database/read-d1.ts";
import type { Described } from "../http/operation.ts";
import { environmentPageQuery, firstPage } from "../http/paging.ts";
import type { AppEnv } from "../http/request-context.ts";
import { validQuery } from "../http/validate.ts";
import { requiresAnybody } from "./authentication.ts";
import { isOperator, type Principal, permissionsOf } from "./principal.ts";
import { currentToken, placeList } from "./responses.ts";

export const whoamiRoutes = new Hono<AppEnv>();

const DESCRIBE_TOKEN: Described = DESCRIBE && {
  operationId: "describeToken",
  summary: "Describe your token",
  description: "Returns the name, the role and the scope of the API token in the request.",
  responses: { 200: { description: "The token of the request", json: currentToken } },
};
whoamiRoutes.get("/whoami", requiresAnybody(DESCRIBE_TOKEN), (c) => c.json(describePrincipal(c.get("principal"))));

const LIST_PLACES: Described = DESCRIBE && {
  operationId: "listPlaces",
  summary: "List what your token opens",
  description:
    "Returns the environments that your token opens and that have runs, actions or webhook endpoints, by name.",
  responses: { 200: { description: "Environments", json: placeList, headers: ["Link"] } },
};
whoamiRoutes.get(
  "/places",
  requiresAnybody(LIST_PLACES),
  validQuery(z.strictObject(environmentPageQuery)),
  async (c) => {
    const principal = c.get("principal");
    const { limit, cursor = "" } = c.req.valid("query");
    const read = () => selectEnvironments(c.env.DB, principal, cursor, limit + 1);
    const { results } = await readD1(c.get("hops"), read);
    const places = firstPage(c, results, limit, ({ scope }) => scope).map(({ scope }) => scope.split("/"));
    return c.json(places.map(([o, p, envName]) => ({ project: `${o}/${p}`, envName })));
  },
);

export function describePrincipal(principal: Principal) {
  const { id, name, role, project, envName, expiresAt, tokenExpiresAt, sessionId = null } = principal;
  const { person, mayApprove, mayActForOthers, issuer } = principal;
  return {
    id: isOperator(principal) ? null : id,
    name,
    role,
    permissions: permissionsOf(principal),
    project,
    envName,
    person,
    mayApprove,
    mayActForOthers,
    issuer,
    expiresAt: rfc3339(expiresAt),
    tokenExpiresAt: rfc3339(tokenExpiresAt),
    sessionId,
  };
}

/** Greater than every character of a name and of a scope. */
const AFTER_ALL = "~";

/**
 * The scopes after `cursor` that have runs, actions or webhook endpoints, in order. Environments are not registered. It
 * seeks the next scope in each index, so the cost does not depend on how much an environment has.
 */
export function selectEnvironments(
  db: D1Database,
  { project, envName }: Pick<Principal, "project" | "envName">,
  cursor: string,
  limit: number,
): Promise<D1Result<{ readonly scope: string }>> {
  const [first, last] = rangeOf(project, envName);
  const next = (from: string, comparison: ">" | ">=") => `(
    SELECT min(scope) FROM (
      SELECT min(scope) AS scope FROM coordinators WHERE scope ${comparison} ${from} AND scope <= ?3
      UNION ALL
      SELECT min(scope) FROM definitions WHERE scope ${comparison} ${from} AND scope <= ?3))`;
  return db
    .prepare(
      `WITH RECURSIVE found (scope) AS (
         SELECT CASE WHEN ?1 < ?2 THEN ${next("?2", ">=")} ELSE ${next("?1", ">")} END
         UNION ALL
         SELECT ${next("found.scope", ">")} FROM found WHERE found.scope IS NOT NULL LIMIT ?4
       )
       SELECT scope FROM found WHERE scope IS NOT NULL`,
    )
    .bind(cursor, first, last, limit)
    .all<{ scope: string }>();
}

/** The least and the greatest scope that the token can open. */
function rangeOf(project: string | null, envName: string | null): readonly [string, string] {
  if (project === null) return ["", AFTER_ALL];
  if (envName === null) return [`${project}/`, `${project}/${AFTER_ALL}`];
  return [`${project}/${envName}`, `${project}/${envName}`];
}
