/** Cancels a run, for the caller of a request or for a bulk operation. */

import type { Journal } from "../journal/journal.ts";
import type { JournaledRun } from "../journal/run-rows.ts";
import { isOpen } from "../run.ts";
import type { RunRefusal } from "../run-answer.ts";
import type { ChangeKey } from "../run-calls.ts";
import { type CancelRequest, transition } from "../transition.ts";
import type { Ledger } from "./ledger.ts";
import { isCallers, KEY_REUSED, NOT_FOUND } from "./replies.ts";

/**
 * `hasGrace`: whether the run stayed open, so that its job could stop. `decidedAt`: when the cancel that counts was
 * accepted; null if an earlier one ends the run.
 */
export interface CancelledRun {
  readonly ok: true;
  readonly run: JournaledRun;
  readonly replayed: boolean;
  readonly hasGrace: boolean;
  readonly decidedAt: number | null;
}

/** `alongside`: writes what must be on record if the cancel is, in its transaction. */
export function cancelRun(
  { journal, ledger }: { readonly journal: Journal; readonly ledger: Ledger },
  id: string,
  request: CancelRequest,
  changeKey: ChangeKey,
  now: number,
  alongside: () => void = () => {},
): CancelledRun | RunRefusal {
  const run = ledger.current(id, now);
  if (run === null) return NOT_FOUND;
  const accepted = journal.accepted.of(id, changeKey.key);
  if (accepted?.fingerprint === changeKey.fingerprint) {
    const { hasGrace, at } = accepted;
    const isDecision = at === run.cancelRequestedAt || at === run.completedAt;
    alongside();
    return { ok: true, run, replayed: true, hasGrace, decidedAt: isDecision ? at : null };
  }
  // The key of another cancel, or of a DELETE.
  if (accepted !== null || run.changeKey === changeKey.key) return KEY_REUSED;

  const next = transition(run, request, now);
  if (!next.ok) return { ok: false, reason: next.error };
  const hasGrace = isOpen(next.value);
  if (next.value.version === run.version) {
    // An earlier request ends the run sooner. Only a caller's own key can be sent again.
    journal.transaction(() => {
      if (isCallers(changeKey)) journal.accepted.insert(id, { ...changeKey, hasGrace, at: now });
      alongside();
    });
    return { ok: true, run, replayed: false, hasGrace, decidedAt: null };
  }
  const changed = ledger.update(run, next.value, request, now, { changeKey, alongside });
  return { ok: true, run: changed, replayed: false, hasGrace, decidedAt: now };
}
