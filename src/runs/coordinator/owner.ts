/**
 * Which coordinator an object is. The platform tells an instance its name only if its first call was by name. An instance
 * that was woken by id has no name for as long as it lives, so the journal keeps the name.
 *
 * An object with a wrong name would land its runs in another environment. An object's id is a hash of its name, so a name is
 * believed only if it gives the object's own id.
 */

import type { Env } from "../../env.ts";
import { nameInJournal } from "../journal/marks.ts";
import { type Owner, readCoordinatorName } from "../run-id.ts";

/** Null if the object can't know which coordinator it is. Writes nothing. */
export function ownerOf(ctx: DurableObjectState, env: Pick<Env, "COORDINATORS">): Owner | null {
  const name = ctx.id.name ?? nameInJournal(ctx.storage.sql);
  const owner = name === null ? null : readCoordinatorName(name);
  return owner !== null && env.COORDINATORS.idFromName(owner.name).equals(ctx.id) ? owner : null;
}
