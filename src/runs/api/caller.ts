/** Who asks, as the rules of a run see it: the token of the request, and the person for whom it acts. */

import type { Context } from "hono";
import type { AppEnv } from "../../http/app-env.ts";
import type { Actor } from "../actor.ts";

/** The actor of a request that has been authorized. A session acts as its token. */
export function actorOf(c: Context<AppEnv>): Actor {
  const { id: tokenId, name: tokenName, parents } = c.get("principal");
  return { tokenId, tokenName, parents, person: c.get("person") };
}
