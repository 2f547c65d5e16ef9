/**
 * An end that qualifies plans its retry in its own transaction. The Worker creates the retry at once, as a run that
 * waits at its time gate. The row stays while it waits, because a run whose retry never begins has ended for good.
 */
import { within } from "../../../base/time.ts";
import type { JournaledRun } from "../../journal/run-rows.ts";
import type { PlannedRetry } from "../../journal/schedule-rows.ts";
import { creatorOf, isOpen, isTimeUp, isWaiting } from "../../run.ts";
import { type MadeRetry, type RetryToMake, retryKey } from "../../starts.ts";
import type { DueWork } from "../alarm.ts";
import { PartWith } from "../context.ts";
import type { GatedRuns } from "../gates/gated-runs.ts";

const BATCH = 25;
const CALL = { leaseMs: 60_000, retryFirstMs: 1000, retryMaxMs: 30_000 };
/** How long a message about an end waits for the id of the run that follows. */
const NAMED_WITHIN_MS = 2000;

export class Retries extends PartWith<{ gatedRuns: GatedRuns }> implements DueWork {
  readonly #call = this.leasedCall(CALL, "retry_not_made");
  readonly #waiting = new Map<string, PromiseWithResolvers<void>>();
  /** Whether rows may be left of runs that wait no longer: after a failure, and after the instance before. */
  #isUnsure = true;
  /** The last run of the last call, if more follow. So retries that nobody can decide hold up no others. */
  #after = "";

  nextAt(now: number): number {
    const { plannedRetries } = this.journal;
    if (!plannedRetries.isAny) return Number.POSITIVE_INFINITY;
    if (this.#isUnsure) return now;
    return plannedRetries.toMake(1).length > 0 ? this.#call.nextAt(now) : Number.POSITIVE_INFINITY;
  }

  takeBatch(now: number): number {
    const { plannedRetries } = this.journal;
    if (this.#isUnsure) {
      for (const planned of plannedRetries.made()) this.#settle(planned, now);
      this.#isUnsure = false;
    }
    if (!plannedRetries.isAny || this.#call.nextAt(now) > now) return 0;
    const rows = plannedRetries.toMake(BATCH + 1, this.#after);
    const planned = rows.slice(0, BATCH);
    this.#after = rows.length > BATCH ? (planned.at(-1)?.runId ?? "") : "";
    if (planned.length > 0) this.#call.start(now, () => this.#make(planned));
    return 0;
  }

  /** Resolves when the retry of the run has an id or is dropped, or a moment later. Null: there is nothing to wait for. */
  named(runId: string): Promise<void> | null {
    if (this.journal.plannedRetries.of(runId)?.retryId !== null) return null;
    const waiting = this.#waiting.get(runId) ?? Promise.withResolvers<void>();
    this.#waiting.set(runId, waiting);
    return within(NAMED_WITHIN_MS, waiting.promise).catch(() => {
      this.#waiting.delete(runId);
    });
  }

  /** Call this when the retry of the run `of` is written, in the same critical section. */
  made(of: string, retry: JournaledRun, now: number): void {
    const { journal, ledger } = this.context;
    const run = journal.runs.byId(of);
    if (run?.nextRetry != null && journal.plannedRetries.of(of)?.retryId === null) {
      const note = () => journal.plannedRetries.noteMade(of, retry.id);
      ledger.noteRetry(run, { ...run.nextRetry, runId: retry.id }, note, now);
    }
    this.#tell(of);
    this.left(retry, now);
  }

  /** Call this after each change of a run that waited. If it is a retry that has begun, or never will, its row goes. */
  left(run: JournaledRun, now: number): void {
    const planned = isWaiting(run) ? null : this.journal.plannedRetries.ofRetry(run.id);
    if (planned === null) return;
    const wasUnsure = this.#isUnsure;
    this.#isUnsure = true;
    this.#settle(planned, now);
    this.#isUnsure = wasUnsure;
  }

  /** An older version must not come back over a newer one, so a new run replaces the retries that wait. */
  replacedBy(newer: JournaledRun, now: number): void {
    const { journal, ledger } = this.context;
    if (newer.source !== "action") return;
    for (const { runId, retryId } of journal.plannedRetries.like(newer)) {
      if (retryId === newer.id) continue;
      const retry = retryId === null ? null : journal.runs.byId(retryId);
      const { id: by, triggeredBy } = newer;
      if (retry !== null && isTimeUp(retry, now)) ledger.expired(retry, now);
      else if (retry !== null && isWaiting(retry))
        this.parts.gatedRuns.change(retry, { type: "replaced", by, triggeredBy }, now);
      else this.drop(runId, `The newer run ${by} replaced the retry.`, now);
    }
  }

  /** The retry of the run will never begin, so the run has ended for good. Endpoints that wait for that hear of it. */
  drop(runId: string, dropped: string, now: number): void {
    const { journal, ledger } = this.context;
    const erase = () => journal.plannedRetries.erase(runId);
    const run = journal.runs.byId(runId);
    if (run?.nextRetry == null) erase();
    else ledger.noteRetry(run, { ...run.nextRetry, dropped }, erase, now);
    this.#tell(runId);
  }

  #settle({ runId, retryId }: PlannedRetry, now: number): void {
    const { journal } = this.context;
    const retry = retryId === null ? null : journal.runs.byId(retryId);
    if (retry !== null && isWaiting(retry)) return;
    if (retry !== null && (isOpen(retry) || retry.releasedAt !== null || retry.gates === null)) {
      journal.plannedRetries.erase(runId);
    } else this.drop(runId, retry === null ? GONE : endText(retry), now);
  }

  #tell(runId: string): void {
    this.#waiting.get(runId)?.resolve();
    this.#waiting.delete(runId);
  }

  async #make(planned: readonly PlannedRetry[]): Promise<number | null> {
    const { journal, entrypoints } = this.context;
    const toMake = planned.flatMap(({ runId }) => this.#order(runId) ?? []);
    const made = await entrypoints.AutomaticRetries.make(journal.scope, toMake);
    const now = Date.now();
    for (const [i, { runId }] of toMake.entries()) this.#judge(runId, made[i] ?? null, now);
    // Without a pause, what stays would be asked for all the time.
    return toMake.some(({ runId }) => this.journal.plannedRetries.of(runId)?.retryId === null) ? null : 0;
  }

  #order(runId: string): RetryToMake | null {
    const run = this.journal.runs.byId(runId);
    if (run?.nextRetry == null || run.retryRule === null || run.erasedAt !== null) {
      this.drop(runId, GONE, Date.now());
      return null;
    }
    const { actionName, gates, nextRetry, retryRule } = run;
    const { attempt, at } = nextRetry;
    return { runId, actionName, attempt, at, creator: gates?.creator ?? creatorOf(run), origin: retryRule.origin };
  }

  /** What is made was noted by its create, unless the note failed. A call that was given up can have made it meanwhile. */
  #judge(runId: string, made: MadeRetry, now: number): void {
    if (made === null || this.journal.plannedRetries.of(runId)?.retryId !== null) return;
    const retry = this.journal.runs.byCreateKey(retryKey(runId));
    if (retry !== null) this.made(runId, retry, now);
    else if (made.dropped !== null) this.drop(runId, made.dropped, now);
  }
}

const GONE = "The run to repeat is no longer kept.";

function endText({ endCause, error, cancelReason, id }: JournaledRun): string {
  if (endCause === "replaced" && cancelReason !== null) return cancelReason;
  return error ?? `The retry ${id} was cancelled while it waited.`;
}
