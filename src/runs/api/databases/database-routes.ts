/** /databases: the operator sees the databases and what lives where, and repairs one after a restore. */

import { type Context, Hono, type MiddlewareHandler } from "hono";
import { requiresRoot } from "../../../auth/bearer.ts";
import { readD1 } from "../../../database/read-d1.ts";
import type { AppEnv } from "../../../http/app-env.ts";
import { encodeCursor, nextLink } from "../../../http/cursor.ts";
import { ApiError } from "../../../http/errors.ts";
import { validQuery } from "../../../http/validate.ts";
import { DATABASE_MAX } from "../../../settings/databases.ts";
import { baseUrl } from "../../../settings/public-url.ts";
import { environmentsIn } from "../../d1/environments-in.ts";
import { listDatabases } from "./list-databases.ts";
import { databaseListQuery, environmentListQuery, resyncQuery } from "./request-schemas.ts";
import { resyncDatabase } from "./resync-database.ts";

/** Matches more than the numbers. `numberOf` is exact. */
const DATABASE = "/databases/:database{[0-9]{1,2}}" as "/databases/:database";

/** An unknown path is 404 before the query is checked, as everywhere. */
const requiresNumber: MiddlewareHandler<AppEnv> = (c, next) => {
  numberOf(c);
  return next();
};

export const databaseRoutes = new Hono<AppEnv>()
  .get("/databases", requiresRoot(), validQuery(databaseListQuery), async (c) => {
    const { limit, cursor } = c.req.valid("query");
    const all = await listDatabases(c.env, c.get("hops"));
    const rest = all.filter(({ number }) => cursor === undefined || number > cursor);
    const page = rest.slice(0, limit);
    linkNext(c, rest.length > limit ? page.at(-1)?.number : undefined);
    return c.json(page);
  })
  .get(`${DATABASE}/environments`, requiresRoot(), requiresNumber, validQuery(environmentListQuery), async (c) => {
    const { limit, cursor = "" } = c.req.valid("query");
    const { environments, next } = await readD1(c.get("hops"), () =>
      environmentsIn(c.env.DB, numberOf(c), cursor, limit),
    );
    linkNext(c, next ?? undefined);
    return c.json(
      environments.map(({ scope, generation }) => {
        const [o, p, envName] = scope.split("/");
        return { project: `${o}/${p}`, envName, generation };
      }),
    );
  })
  .post(`${DATABASE}/resync`, requiresRoot(), requiresNumber, validQuery(resyncQuery), async (c) => {
    const { cursor = "" } = c.req.valid("query");
    const { next, ...resynced } = await resyncDatabase(c, numberOf(c), cursor);
    return c.json({ ...resynced, next: next === null ? null : encodeCursor(next) }, 202);
  });

function numberOf(c: Context<AppEnv>): number {
  const text = c.req.param("database") ?? "";
  const number = Number(text);
  if (String(number) !== text || number > DATABASE_MAX) throw new ApiError("not_found");
  return number;
}

function linkNext(c: Context<AppEnv>, last: string | number | undefined): void {
  if (last === undefined) return;
  c.header("Link", nextLink(baseUrl(c.env, c.req.url), c.req.url, encodeCursor(last)));
}
