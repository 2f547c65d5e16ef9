/**
 * Whose coordinator an object is. The platform tells an instance its name only if its first call was by name. An
 * instance that was woken by id never learns it, so the journal keeps the name. With a wrong name, the object would
 * replicate its runs to another environment. So it believes a name only if the name's hash is the object's own id.
 */

import type { Env } from "../../settings/env.ts";
import { nameInJournal } from "../journal/marks.ts";
import { isScope } from "../run-id.ts";

/** Null if the object can't know it. Writes nothing. */
export function scopeOfObject(ctx: DurableObjectState, env: Pick<Env, "COORDINATORS">): string | null {
  const name = ctx.id.name ?? nameInJournal(ctx.storage.sql);
  return name !== null && isScope(name) && env.COORDINATORS.idFromName(name).equals(ctx.id) ? name : null;
}
