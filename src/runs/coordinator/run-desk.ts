/** What callers and jobs ask of runs: to create, read and repeat one, to report on it, and to stop it. */

import type { NewDispatch } from "../../webhooks/delivery.ts";
import type { Journal } from "../journal/journal.ts";
import type { JournaledRun } from "../journal/run-rows.ts";
import type { Replication } from "../projection/projection.ts";
import { begin, type NewRun } from "../run.ts";
import type { Inclusion, RunAnswer, RunRefusal, RunReply } from "../run-answer.ts";
import type { ChangeKey, EventOptions, Heartbeat, InputsReply, RunCalls, RunCreation } from "../run-calls.ts";
import { heartbeatNews } from "../timeline.ts";
import { type CancelRequest, externalUrlRefusal, type RunEvent, transition } from "../transition.ts";
import { cancelRun } from "./cancel-run.ts";
import type { Dispatches } from "./deliveries.ts";
import type { Scheduler } from "./gates/admitter.ts";
import type { GatedRuns } from "./gates/gated-runs.ts";
import type { Ledger } from "./ledger.ts";
import {
  cancelOrderOf,
  fingerprintRefusal,
  isCallers,
  isSame,
  KEY_REUSED,
  NOT_FOUND,
  type Replies,
} from "./replies.ts";
import type { StorageLimit } from "./storage-limit.ts";

/** What a RunHandler needs of its coordinator. */
interface Parts {
  readonly journal: Journal;
  readonly storageLimit: StorageLimit;
  readonly replication: Replication;
  readonly ledger: Ledger;
  readonly dispatches: Dispatches;
  readonly gatedRuns: GatedRuns;
  readonly scheduler: Scheduler;
  readonly replies: Replies;
}

export class RunHandler implements RunCalls {
  readonly #parts: Parts;
  readonly #journal: Journal;
  readonly #ledger: Ledger;
  readonly #replies: Replies;

  constructor(parts: Parts) {
    this.#parts = parts;
    this.#journal = parts.journal;
    this.#ledger = parts.ledger;
    this.#replies = parts.replies;
  }

  async create(
    input: NewRun,
    changeKey: ChangeKey,
    newDispatch: NewDispatch | null,
    { preview, isFirstRetry, ...inclusion }: RunCreation = {},
  ): Promise<RunReply> {
    const now = Date.now();
    const reason = this.#createRefusal(input, isFirstRetry === true, now);
    // A repeated create gets its answer even if no run can be created now, and before anything waits or starts for a run
    // with gates. Nearly every other create is new, so its key is looked for only if the insert is refused.
    if (input.gates !== null || reason !== null) {
      const existing = this.#existing(input, changeKey, inclusion, now);
      if (existing !== null) return existing;
    }
    if (reason !== null) return { ok: false, reason };
    const run = begin(input, now, { isDispatching: newDispatch !== null });
    const { dispatches, gatedRuns } = this.#parts;
    if (newDispatch !== null && run.gates !== null) {
      const created = gatedRuns.create(run, changeKey, newDispatch, preview ?? null, now);
      if (typeof created === "string") return { ok: false, reason: created };
      return this.#replies.run(created, inclusion);
    }
    const { dispatch, events } =
      newDispatch === null ? { dispatch: null, events: [] } : dispatches.begin(run, newDispatch, now);
    const created = this.#ledger.create(run, changeKey, { dispatch, events }, now);
    if (created === null) {
      return this.#existing(input, changeKey, inclusion, now) ?? { ok: false, reason: "id_taken" };
    }
    if (dispatch !== null) dispatches.launch(run.id, dispatch);
    return this.#replies.run(created, inclusion);
  }

  async recall(changeKey: ChangeKey, inclusion: Inclusion = {}): Promise<RunReply> {
    const existing = this.#journal.runs.byCreateKey(changeKey.key);
    return existing === null ? NOT_FOUND : this.#recalled(existing, changeKey, inclusion, Date.now());
  }

  async read(id: string, inclusion: Inclusion = {}): Promise<RunReply> {
    const run = this.#ledger.current(id, Date.now());
    return run === null ? NOT_FOUND : this.#replies.run(run, inclusion);
  }

  async inputs(id: string): Promise<InputsReply> {
    const run = this.#ledger.current(id, Date.now());
    return run === null ? NOT_FOUND : this.#replies.inputs(run);
  }

  async applyEvent(
    id: string,
    event: RunEvent,
    changeKey: ChangeKey,
    { replayOnly = false, mayWrite = false }: EventOptions = {},
  ): Promise<RunReply> {
    const now = Date.now();
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
      if (isReport && run.occupiedUntil !== null) this.#parts.scheduler.jobEnded(run, now);
      return { ok: false, reason: next.error };
    }
    const changed = this.#ledger.update(run, next.value, event, now, { changeKey });
    return cancelledAt(event, changed, this.#replies.run(changed));
  }

  async cancel(
    id: string,
    request: CancelRequest,
    changeKey: ChangeKey,
    { include }: Inclusion = {},
  ): Promise<RunReply> {
    const cancelled = cancelRun(this.#parts, id, request, changeKey, Date.now());
    if (!cancelled.ok) return cancelled;
    const { run, replayed, hasGrace, decidedAt } = cancelled;
    const reply = { ...this.#replies.run(run, { replayed, include }), hasGrace };
    return decidedAt === null ? reply : { ...reply, decidedAt };
  }

  async heartbeat(id: string, heartbeat: Heartbeat): Promise<RunReply> {
    const now = Date.now();
    const run = this.#ledger.current(id, now);
    if (run === null) return NOT_FOUND;
    const { externalUrl } = heartbeat;
    const event: RunEvent = { type: "heartbeat", externalUrl };
    const next = transition(run, event, now);
    if (!next.ok) return { ok: false, reason: next.error };
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

  /** Why the run can't be created now; null if nothing prevents it. */
  #createRefusal({ retryOf }: NewRun, isFirstRetry: boolean, now: number): RunRefusal["reason"] | null {
    if (this.#parts.storageLimit.isReached(now)) return "storage_full";
    if (this.#parts.replication.isOverloaded) return "overloaded";
    const isTooLate = isFirstRetry && retryOf !== null && this.#journal.runs.isRetried(retryOf);
    return isTooLate ? "already_retried" : null;
  }

  /** The answer to a create whose key or id is taken; null if neither is. */
  #existing({ id }: NewRun, changeKey: ChangeKey, inclusion: Inclusion, now: number): RunReply | null {
    const existing = this.#journal.runs.standingInTheWay(changeKey.key, id);
    if (existing === null) return null;
    return existing.createKey === changeKey.key
      ? this.#recalled(existing, changeKey, inclusion, now)
      : { ok: false, reason: "id_taken" };
  }

  #recalled(existing: JournaledRun, changeKey: ChangeKey, { include }: Inclusion, now: number): RunReply {
    const refusal = fingerprintRefusal(changeKey, existing);
    if (refusal !== null) return refusal;
    return this.#replies.run(this.#ledger.expired(existing, now), { replayed: true, include });
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
