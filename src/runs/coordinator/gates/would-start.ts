/** Which waiting runs would start if others were cancelled. Reads the journal, and writes nothing. */

import { admit, type Line } from "../../admission.ts";
import type { Slot } from "../../gates.ts";

/** `lineAt`: who holds the slots of a group and key, and who waits for one. */
export function wouldStart(
  slots: readonly Slot[],
  cancelled: ReadonlySet<string>,
  lineAt: (slot: Slot) => Line,
): number {
  const stays = ({ id }: { readonly id: string }) => !cancelled.has(id);
  const started = slots.map((slot) => {
    const { holders, waiters, pause } = lineAt(slot);
    const after = admit({ holders: holders.filter(stays), waiters: waiters.filter(stays), pause });
    return after.filter(({ type }) => type === "release" || type === "check").length;
  });
  return started.reduce((sum, runs) => sum + runs, 0);
}
