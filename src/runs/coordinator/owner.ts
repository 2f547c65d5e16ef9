/**
 * Which coordinator an object is. The platform gives an object its name only where its first contact since a start was
 * by name: one that was woken by id has none for as long as it lives. The journal keeps the name for such a wake.
 *
 * An object that took a wrong name would land its runs where nobody looks for them. An object's id is a hash of its name,
 * so no name is believed that does not give the object's own id.
 */

import type { Env } from "../../env.ts";
import { nameInJournal } from "../journal/journal.ts";
import { type Owner, readCoordinatorName } from "../run-id.ts";

/** Null for an object that can't know which coordinator it is. Writes nothing. */
export function ownerOf(ctx: DurableObjectState, env: Pick<Env, "COORDINATORS">): Owner | null {
  const name = ctx.id.name ?? nameInJournal(ctx.storage.sql);
  const parts = name === null ? null : readCoordinatorName(name);
  if (name === null || parts === null || !env.COORDINATORS.idFromName(name).equals(ctx.id)) return null;
  return { name, ...parts };
}
