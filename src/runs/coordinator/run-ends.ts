/** How people end a run before its job does: they cancel it, or erase its texts, because somebody must be forgotten. */
import { within } from "../../base/time.ts";
import type { JournaledRun } from "../journal/run-rows.ts";
import { type Actor, creatorOf, isOneself, isOpen, nameOf } from "../run.ts";
import type { ChangeKey, ErasureReply, RunRefusal } from "../run-calls.ts";
import { createdAtOf } from "../run-id.ts";
import { type CancelRequest, transition } from "../transition.ts";
import type { Context } from "./context.ts";
import { ownChangeKey, withoutTexts } from "./ledger.ts";
import { isCallers, KEY_REUSED, NOT_FOUND } from "./replies.ts";
import { archivePrefix } from "./retention.ts";

/** `decidedAt`: when the cancel that counts was accepted; null if an earlier one ends the run. */
interface CancelledRun {
  readonly ok: true;
  readonly run: JournaledRun;
  readonly replayed: boolean;
  readonly hasGrace: boolean;
  readonly decidedAt: number | null;
}

export function cancelRun(
  { journal, ledger }: Context,
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

const WAIT_MAX_MS = 2500;
const CHAIN_MAX = 200;

/** `by`: who asks. Nobody erases the evidence of what they did themselves. */
export async function eraseRun(context: Context, id: string, by: Actor): Promise<ErasureReply> {
  const { journal, ledger } = context;
  const now = Date.now();
  const run = ledger.current(id, now);
  if (run === null) return NOT_FOUND;
  if (isOneself(creatorOf(run), by)) return { ok: false, reason: "own_run" };
  if (isOpen(run)) {
    const request = { type: "cancel_requested", by: nameOf(by), reason: null, graceMs: 0 } as const;
    const cancelled = cancelRun(context, id, request, ownChangeKey(), now);
    if (!cancelled.ok) return cancelled;
  }
  dropRetry(context, id, by, now);
  const ended = journal.runs.byId(id);
  if (ended !== null && !ended.erasedAt) {
    await journal.overwriteTexts(ended, withoutTexts(ended, now));
    const overwritten = journal.runs.byId(id);
    if (overwritten !== null && !overwritten.erasedAt) ledger.erase(overwritten, Date.now());
    await journal.durable();
    await journal.fillFreedPages();
  }
  await replicated(context, id);
  const known = journal.runs.byId(id);
  return known === null ? NOT_FOUND : erasureOf(context, known);
}

/** An erased run is not retried. A retry that waits has its texts, and is erased on its own. */
function dropRetry(context: Context, id: string, by: Actor, now: number): void {
  const planned = context.journal.plannedRetries.of(id);
  if (planned === null) return;
  const reason = "The run that it repeats was erased.";
  const request = { type: "cancel_requested", by: nameOf(by), reason, graceMs: 0 } as const;
  if (planned.retryId !== null) cancelRun(context, planned.retryId, request, ownChangeKey(), now);
  else context.ledger.consequences.retries?.drop(id, "The run was erased.", now);
}

async function replicated({ replicas }: Context, id: string): Promise<void> {
  let isOver = false;
  const written = async () => {
    // A database can lack the run for hours, and each batch would go on with this.
    while (!isOver && replicas.mayDiffer(id)) await Promise.race(replicas.live.map(({ writer }) => writer.nextWrite()));
  };
  await within(WAIT_MAX_MS, written()).catch(() => {});
  isOver = true;
}

export function erasureOf(context: Context, run: JournaledRun): ErasureReply {
  const { journal, replicas } = context;
  if (!run.erasedAt) return { ok: false, reason: "erasure_not_found" };
  // A stop request has values of the run until it is sent, and a queue is known by a key that is made of inputs.
  const isHeld = run.occupiedUntil !== null || journal.stopRequests.of(run.id) !== null;
  return {
    ok: true,
    erasedAt: run.erasedAt,
    isComplete: !isHeld && !replicas.mayDiffer(run.id),
    ...chainOf(context, run),
  };
}

function chainOf({ journal, env }: Context, run: JournaledRun) {
  const { runs, archive, scope } = journal;
  const archived: { id: string; prefix: string }[] = [];
  const isArchiving = archive.batch?.ids.includes(run.id) === true;
  if (isArchiving) archived.push({ id: run.id, prefix: archivePrefix(scope, run.completedAt ?? run.createdAt) });
  let first = run;
  for (let i = 0; i < CHAIN_MAX && first.retryOf !== null; i++) {
    const before = runs.byId(first.retryOf);
    if (before === null) {
      const id = first.retryOf;
      if (env.ARCHIVE !== undefined) archived.push({ id, prefix: archivePrefix(scope, createdAtOf(id)) });
      break;
    }
    first = before;
  }
  const chain = [first.retryOf ?? first.id];
  for (let i = 0; i < chain.length && chain.length < CHAIN_MAX; i++) {
    chain.push(...runs.retriesOf(chain[i] ?? "", CHAIN_MAX - chain.length));
  }
  const retries = chain.filter((id) => id !== run.id && runs.byId(id) !== null).sort();
  return { retries, archived };
}
