/** GET …/concurrency-groups: how many runs are running and queued, by group and key. */

import { Hono } from "hono";
import { requires } from "../../../auth/bearer.ts";
import type { AppEnv } from "../../../http/app-env.ts";
import { encodeCursor, nextLink } from "../../../http/cursor.ts";
import { validQuery } from "../../../http/validate.ts";
import { baseUrl } from "../../../settings/public-url.ts";
import type { ConcurrencyGroup } from "../../gate-calls.ts";
import type { ConcurrencyQueue } from "../../gates.ts";
import { ask, environmentOf } from "../run-environment.ts";
import { groupsQuery } from "./request-schemas.ts";

export const groupRoutes = new Hono<AppEnv>().get("/", requires("data:read"), validQuery(groupsQuery), async (c) => {
  const { limit, cursor = null, group: only = null } = c.req.valid("query");
  // One group more than the page has, to know whether there is a next page.
  const groups = await ask(environmentOf(c), (coordinator) =>
    coordinator.gates.groups(only, cursor as ConcurrencyQueue | null, limit + 1),
  );
  const page = groups.slice(0, limit);
  const last = page.at(-1);
  if (groups.length > limit && last !== undefined) {
    const next = encodeCursor(`${last.group}\n${last.key}`);
    c.header("Link", nextLink(baseUrl(c.env, c.req.url), c.req.url, next));
  }
  return c.json(page.map(toWire));
});

function toWire({ group, key, limit, running, queued, pause }: ConcurrencyGroup) {
  return { group, key, limit, holders: running, waiters: queued, paused: pause };
}
