/** What callers and jobs ask of a run: to read it, to report on it, to say that it is alive, and to stop it. */

import type { Journal } from "../journal/journal.ts";
import type { JournaledRun } from "../journal/run-rows.ts";
import { isOpen } from "../run.ts";
import type { Inclusion, RunAnswer, RunReply } from "../run-answer.ts";
import type { ChangeKey, EventOptions, Heartbeat, InputsReply, RetryNote } from "../run-calls.ts";
import { heartbeatNews } from "../timeline.ts";
import { type CancelRequest, externalUrlRefusal, type RunEvent, transition } from "../transition.ts";
import type { Ledger } from "./ledger.ts";
import { cancelOrderOf, isSame, KEY_REUSED, NOT_FOUND, type Replies } from "./replies.ts";

export class RunDesk {
  readonly #journal: Journal;
  readonly #ledger: Ledger;
  readonly #replies: Replies;
  readonly #jobEnded: (run: JournaledRun, now: number) => void;

  /** `jobEnded`: called when the job of an ended run reports that it is over. */
  constructor(
    journal: Journal,
    ledger: Ledger,
    replies: Replies,
    jobEnded: (run: JournaledRun, now: number) => void,
  ) {
    this.#jobEnded = jobEnded;
    this.#journal = journal;
    this.#ledger = ledger;
    this.#replies = replies;
  }

  read(id: string, inclusion: Inclusion, now: number): RunReply {
    const run = this.#ledger.current(id, now);
    return run === null ? NOT_FOUND : this.#replies.run(run, inclusion);
  }

  /** Notes that the run is retried, in the same stretch. So of two changes only one finds a run that nobody has retried. */
  inputs(id: string, { key, isFirst }: RetryNote, now: number): InputsReply {
    const run = this.#ledger.current(id, now);
    if (run === null) return NOT_FOUND;
    const inputs = this.#replies.inputs(run);
    if (!inputs.isOver || inputs.source === "trigger") return inputs;
    const { retries } = this.#journal;
    // This change may have been the first, and its answer was lost.
    if (retries.has(id, key)) return inputs;
    if (isFirst && retries.hasAny(id)) return { ok: false, reason: "already_retried" };
    retries.insert(id, key);
    return { ...inputs, isNoted: true };
  }

  applyEvent(
    id: string,
    event: RunEvent,
    changeKey: ChangeKey,
    { replayOnly = false, mayWrite = false }: EventOptions,
    now: number,
  ): RunReply {
    const stored = this.#journal.runs.byId(id);
    if (stored === null) return NOT_FOUND;
    // Apply the deadline before comparing keys, so that the answer to a repeated request shows an end that has just
    // been noticed.
    const run = replayOnly ? stored : this.#ledger.expired(stored, now);
    if (isSame(changeKey, run.changeKey, run.changeFingerprint)) {
      return cancelledAt(event, run, this.#replies.run(run, { replayed: true }));
    }
    if (replayOnly) return NOT_FOUND;
    if (this.#isUsed(changeKey, run)) return KEY_REUSED;
    // Without this, a token that can only read could empty a queue.
    if (event.type === "cancelled" && run.gates !== null && !mayWrite) {
      return { ok: false, reason: "write_required" };
    }
    const next = transition(run, event, now);
    if (!next.ok) {
      const isReport = event.type === "succeeded" || event.type === "failed";
      if (isReport && run.slotUntil !== null) this.#jobEnded(run, now);
      return this.#replies.refusal(run, next.error);
    }
    const changed = this.#ledger.update(run, next.value, event, now, { changeKey });
    return cancelledAt(event, changed, this.#replies.run(changed));
  }

  cancel(
    id: string,
    request: CancelRequest,
    changeKey: ChangeKey,
    { include }: Inclusion,
    now: number,
  ): RunReply {
    const run = this.#ledger.current(id, now);
    if (run === null) return NOT_FOUND;
    const accepted = this.#journal.accepted.of(id, changeKey.key);
    if (accepted?.fingerprint === changeKey.fingerprint) {
      const { hasGrace, at } = accepted;
      const isDecision = at === run.cancelRequestedAt || at === run.completedAt;
      const reply = { ...this.#replies.run(run, { replayed: true, include }), hasGrace };
      return isDecision ? { ...reply, decidedAt: at } : reply;
    }
    // The key of another cancel, or of a DELETE.
    if (accepted !== null || run.changeKey === changeKey.key) return KEY_REUSED;

    const next = transition(run, request, now);
    if (!next.ok) return this.#replies.refusal(run, next.error);
    const hasGrace = isOpen(next.value);
    if (next.value.version === run.version) {
      // An earlier request ends the run sooner. Only a caller's own key can be sent again.
      if (isCallers(changeKey)) this.#journal.accepted.insert(id, { ...changeKey, hasGrace, at: now });
      return { ...this.#replies.run(run, { include }), hasGrace };
    }
    const changed = this.#ledger.update(run, next.value, request, now, { changeKey });
    return { ...this.#replies.run(changed, { include }), hasGrace, decidedAt: now };
  }

  heartbeat(id: string, heartbeat: Heartbeat, now: number): RunReply {
    const run = this.#ledger.current(id, now);
    if (run === null) return NOT_FOUND;
    const { externalUrl } = heartbeat;
    const event: RunEvent = { type: "heartbeat", externalUrl };
    const next = transition(run, event, now);
    if (!next.ok) return this.#replies.refusal(run, next.error);
    const refusal = externalUrl === undefined ? null : externalUrlRefusal(run, externalUrl);
    const externalUrlRefused = refusal ?? undefined;
    const said = { cancel: cancelOrderOf(run, now), externalUrlRefused };
    const judged = { ...heartbeat, externalUrlRefused };
    const news = heartbeatNews(this.#journal.timeline.lastHeartbeat(id), judged, now);
    if (next.value.version > run.version) {
      const changed = this.#ledger.update(run, next.value, event, now, { last: news });
      return { ...this.#replies.run(changed), ...said };
    }
    this.#ledger.noteHeartbeat({ ...run, ...next.value }, news);
    return { ...this.#replies.run(run), ...said };
  }

  /**
   * Whether another request came with this caller's key, for example one of another person. A report of a job has no
   * caller's key.
   */
  #isUsed(changeKey: ChangeKey, run: JournaledRun): boolean {
    if (!isCallers(changeKey)) return false;
    return changeKey.key === run.changeKey || this.#journal.accepted.of(run.id, changeKey.key) !== null;
  }
}

/** A DELETE ends the run at once, so its repetition finds the same instant. */
function cancelledAt({ type }: RunEvent, { completedAt }: JournaledRun, reply: RunAnswer): RunAnswer {
  return type === "cancelled" && completedAt !== null ? { ...reply, decidedAt: completedAt } : reply;
}

/** Whether a caller chose the key. Otherwise the Worker minted it, or it came with a job's report. */
function isCallers({ key }: ChangeKey): boolean {
  return key.startsWith("t:");
}
