import { detailsOf, type QueuePosition, shownHeartbeat, toActionRun, withTail } from "../action-run.ts";
import { type EventContent, eventOf } from "../endpoint-deliveries.ts";
import type { Journal } from "../journal/journal.ts";
import type { JournaledRun } from "../journal/run-rows.ts";
import { isOpen, queueOf, tokenExpiresAt } from "../run.ts";
import type { CancelOrder, ChangeKey, Inclusion, InputsReply, RunAnswer, RunRefusal, Tail } from "../run-calls.ts";
import type { Tails } from "./subscriptions.ts";

export const NOT_FOUND = { ok: false, reason: "run_not_found" } as const;
export const ERASED = { ok: false, reason: "run_erased" } as const;
export const KEY_REUSED = { ok: false, reason: "key_reused" } as const;

export class Replies {
  readonly #journal: Journal;
  readonly #tails: Tails;

  constructor(journal: Journal, tails: Tails) {
    this.#journal = journal;
    this.#tails = tails;
  }

  /** The platform holds the answer back until all of it is durable. */
  run(run: JournaledRun, { replayed = false, include }: Inclusion & { readonly replayed?: boolean } = {}): RunAnswer {
    return {
      ok: true,
      id: run.id,
      actionRun: toActionRun(run),
      status: run.status,
      deadlineAt: run.deadlineAt,
      ...(run.gates !== null && { tokenExpiresAt: tokenExpiresAt(run) }),
      replayed,
      isOver: !isOpen(run),
      ...(this.#journal.plannedRetries.of(run.id) !== null && { isRetryPlanned: true }),
      purgeAt: run.purgeAt,
      ...(include === "details" && { details: this.#details(run, this.#tails.of(run.id)) }),
      ...(replayed && run.source === "action" && { isTokenHidden: this.#wasDispatched(run.id) }),
    };
  }

  inputs(run: JournaledRun): InputsReply {
    if (run.erasedAt !== null) return ERASED;
    const { actionName, entityId, title, subject, parameters, recommendations, labels } = run;
    const { heartbeatTimeoutMs, timeoutMs } = run;
    const of = { actionName, entityId, title, subject };
    return {
      ok: true,
      isOver: !isOpen(run),
      isRetried: this.#journal.runs.retriesOf(run.id, 1).length > 0,
      source: run.source,
      inputs: { ...of, parameters, recommendations, labels, heartbeatTimeoutMs, timeoutMs },
    };
  }

  event(run: JournaledRun): EventContent | null {
    const event = eventOf(run);
    if (event === null) return null;
    const { id: runId, previousStatus } = run;
    return { runId, ...event, previousStatus, actionRun: toActionRun(run), details: this.#details(run) };
  }

  /** With what only a coordinator knows. `tail`: only for an answer, because nothing else may keep it. */
  #details(run: JournaledRun, tail: Tail | null = null): string {
    const heartbeat = withTail(shownHeartbeat(this.#journal.timeline.lastHeartbeat(run.id)), tail);
    const dispatch = run.failedAttempt === null ? null : this.#journal.dispatches.of(run.id);
    return detailsOf(run, { heartbeat, queuePosition: this.#positionOf(run), dispatch });
  }

  #positionOf(run: JournaledRun): QueuePosition | null {
    if (run.waitingFor !== "concurrency" || run.gates === null) return null;
    const { queues, pauses } = this.#journal;
    const queue = queueOf(run.gates);
    const behind = queues.running(queue).map(({ id }) => id);
    const overtakes = run.throughPause !== null && pauses.inForce(queue.group, Date.now()).length > 0;
    return { position: queues.positionOf(run, overtakes), behind };
  }

  /** A run that ended before its first attempt counts as one without, because its token is worth nothing any more. */
  #wasDispatched(id: string): boolean {
    return this.#journal.dispatches.of(id) !== null || this.#journal.timeline.hasAttempt(id);
  }
}

export function cancelOrderOf(run: JournaledRun, now: number): CancelOrder | null {
  const { cancelReason: reason, cancelRequestedAt: requestedAt, cancelUntil: until } = run;
  if (requestedAt === null || until === null) return null;
  return { reason, requestedAt, until, remainingMs: Math.max(until - now, 0) };
}

/** Why a create is not the one that this key sent before; null if it is. Of an erased run, nobody can know. */
export function fingerprintRefusal(
  change: ChangeKey,
  first: Pick<JournaledRun, "createFingerprint" | "fingerprintKeyId" | "erasedAt">,
): RunRefusal | null {
  if (first.erasedAt !== null) return ERASED;
  if ([change.fingerprint, ...(change.otherFingerprints ?? [])].includes(first.createFingerprint)) return null;
  const { fingerprintKeyId } = first;
  const isKeyGone = fingerprintKeyId !== null && change.keyIds?.includes(fingerprintKeyId) === false;
  return { ok: false, reason: isKeyGone ? "key_unverifiable" : "key_reused" };
}

export function isSame(change: ChangeKey, key: string | null, fingerprint: string | null): boolean {
  return change.key === key && change.fingerprint === fingerprint;
}

/** Otherwise the Worker created the key, or it came with a job's report. */
export function isCallers({ key }: ChangeKey): boolean {
  return key.startsWith("t:");
}
