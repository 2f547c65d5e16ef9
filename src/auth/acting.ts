/**
 * For whom a request acts. A portal has one token for all its users, so it names the user in `On-Behalf-Of`. A person
 * grants nothing: the permissions stay the token's. `authenticate` asks here for every request with an API token or a
 * session, so no route can forget it. A callback has no token of that kind and ignores the header.
 */

import type { HonoRequest } from "hono";
import { ApiError } from "../http/errors.ts";
import type { Principal } from "./permissions.ts";
import { asPerson } from "./person.ts";

declare module "hono" {
  interface ContextVariableMap {
    /** The person for whom the request acts. Null: it acts for nobody in particular. Set with the principal. */
    person: string | null;
  }
}

const HEADER = "On-Behalf-Of";
const READING: ReadonlySet<string> = new Set(["GET", "HEAD", "OPTIONS"]);

/**
 * The person that a request names, or the token's own. A change throws `may_not_act_for_others` and
 * `invalid_on_behalf_of`. A request that only reads is never refused for its header, because reading only tells a person
 * what they may do.
 */
export function personOf(request: HonoRequest, { person, mayActForOthers }: Principal): string | null {
  const named = request.header(HEADER);
  if (named === undefined) return person;
  const wanted = asPerson(named);
  if (READING.has(request.method)) return (mayActForOthers ? wanted : null) ?? person;
  // Also a token with a person of its own, and whatever the header says, so that no token learns it by chance.
  if (!mayActForOthers) throw new ApiError("may_not_act_for_others");
  if (wanted === null) throw new ApiError("invalid_on_behalf_of");
  return wanted;
}
