/** GET /whoami tells the holder of a token or a session what it is. GET /places tells which environments it opens. */

import { Hono } from "hono";
import { readD1 } from "../database/read-d1.ts";
import type { AppEnv } from "../http/app-env.ts";
import { encodeCursor, nextLink } from "../http/cursor.ts";
import { validQuery } from "../http/validate.ts";
import { baseUrl } from "../settings/public-url.ts";
import { requiresAnybody } from "./bearer.ts";
import { selectEnvironments } from "./places.ts";
import { environmentListQuery } from "./request-schemas.ts";
import { describePrincipal } from "./whoami.ts";

export const whoamiRoutes = new Hono<AppEnv>()
  .get("/whoami", requiresAnybody(), (c) => c.json(describePrincipal(c.get("principal"))))
  .get("/places", requiresAnybody(), validQuery(environmentListQuery), async (c) => {
    const principal = c.get("principal");
    const { limit, cursor = "" } = c.req.valid("query");
    const read = () => selectEnvironments(c.env.DB, principal, cursor, limit + 1);
    const { results } = await readD1(c.get("hops"), read);
    const page = results.slice(0, limit);
    const last = page.at(-1);
    if (results.length > limit && last !== undefined) {
      c.header("Link", nextLink(baseUrl(c.env, c.req.url), c.req.url, encodeCursor(last.scope)));
    }
    return c.json(page.map(toWire));
  });

function toWire({ scope }: { readonly scope: string }) {
  const [o = "", p = "", envName = ""] = scope.split("/");
  return { project: `${o}/${p}`, envName };
}
