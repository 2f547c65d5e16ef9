import { msSinceOrLongAgo } from "../../base/time.ts";
import type { JournaledRun } from "../journal/run-rows.ts";
import { begin, isOpen, type NewRun } from "../run.ts";
import type {
  ChangeKey,
  Inclusion,
  RunAnswer,
  RunCalls,
  RunRefusal,
  RunReply,
  TimelinePage,
  TimelineReply,
  WatchCalls,
} from "../run-calls.ts";
import { agentKey, retryKey, SAME_CALL_WITHIN_MS, startOf } from "../starts.ts";
import { heartbeatNews, isLast, toWireEvent } from "../timeline.ts";
import { endOf, externalUrlRefusal, type RunEvent, transition } from "../transition.ts";
import { Part, PartWith } from "./context.ts";
import type { GatedRuns } from "./gates/gated-runs.ts";
import type { Scheduler } from "./gates/scheduler.ts";
import { cancelOrderOf, fingerprintRefusal, isCallers, isSame, KEY_REUSED, NOT_FOUND } from "./replies.ts";
import { cancelRun, eraseRun, erasureOf } from "./run-ends.ts";
import type { Dispatches } from "./sending/dispatches.ts";
import type { Retries } from "./starts/retries.ts";
import type { Schedules } from "./starts/schedules.ts";
import { TOO_MANY_WATCHERS } from "./subscriptions.ts";

interface Parts {
  readonly dispatches: Dispatches;
  readonly gatedRuns: GatedRuns;
  readonly scheduler: Scheduler;
  readonly retries: Retries;
  readonly schedules: Schedules;
}

export class RunHandler extends PartWith<Parts> {
  readonly calls: RunCalls = {
    create: async (
      input,
      sentKey,
      newDispatch,
      { preview, isFirstRetry, scheduled, startFailed, ...inclusion } = {},
    ) => {
      const now = Date.now();
      const changeKey = this.#keyOf(sentKey, now);
      const reason = this.#createRefusal(input, changeKey, isFirstRetry === true, now);
      // A repeated create gets its answer even if no run can be created now, and before anything waits or starts for a run
      // with gates. Nearly every other create is new, so its key is looked for only if the insert is refused.
      if (input.gates !== null || reason !== null || scheduled !== undefined) {
        const existing = this.#existing(input, changeKey, inclusion, now);
        if (existing !== null) return existing;
      }
      if (reason !== null) return { ok: false, reason };
      const decide = scheduled && this.parts.schedules.toDecide(scheduled.name, scheduled.at, now);
      if (decide === null) return { ok: false, reason: "time_decided" };
      const alongside = decide && (() => decide(startFailed === undefined ? "started" : "failed", input.id));
      const run = begin(input, now, { isDispatching: newDispatch !== null });
      if (newDispatch !== null && run.gates !== null) {
        const created = this.parts.gatedRuns.create(run, changeKey, newDispatch, { preview, alongside }, now);
        if (typeof created === "string") return { ok: false, reason: created };
        return this.#created(created, inclusion, now);
      }
      const { dispatch, events } =
        newDispatch === null ? { dispatch: null, events: [] } : this.parts.dispatches.begin(run, newDispatch, now);
      const created = this.ledger.create(run, changeKey, { dispatch, events, alongside }, now);
      if (created === null) {
        return this.#existing(input, changeKey, inclusion, now) ?? { ok: false, reason: "id_taken" };
      }
      if (dispatch !== null) this.parts.dispatches.outbox.launch(run.id, dispatch);
      if (startFailed !== undefined)
        return this.context.replies.run(this.#failStart(created, startFailed, now), inclusion);
      return this.#created(created, inclusion, now);
    },

    recall: async (sentKey, { refusedEventOf, ...inclusion } = {}) => {
      const { runs, endedCounts } = this.journal;
      const now = Date.now();
      const changeKey = this.#keyOf(sentKey, now);
      const existing = runs.byCreateKey(changeKey.key);
      if (existing !== null) return this.#recalled(existing, changeKey, inclusion, now);
      if (refusedEventOf !== undefined) {
        endedCounts.countRefusedEvent(refusedEventOf);
        // Metrics ask only a coordinator that D1 lists, and so far there may have been no run.
        if (runs.isEmpty()) this.context.replicas.registration.beside(now);
      }
      return NOT_FOUND;
    },

    read: async (id, inclusion = {}) => {
      const now = Date.now();
      const run = this.ledger.current(id, now);
      if (run === null) return NOT_FOUND;
      if (inclusion.include === "details" && isOpen(run)) this.context.tails.noteRead(id, now);
      return this.context.replies.run(run, inclusion);
    },

    inputs: async (id) => {
      const run = this.ledger.current(id, Date.now());
      if (run === null) return NOT_FOUND;
      const inputs = this.context.replies.inputs(run);
      const planned = this.journal.plannedRetries.of(id);
      return planned === null || !inputs.ok ? inputs : { ...inputs, plannedRetry: { id: planned.retryId } };
    },

    applyEvent: async (id, event, changeKey, { replayOnly = false, mayWrite = false } = {}) => {
      const now = Date.now();
      const stored = this.journal.runs.byId(id);
      if (stored === null) return NOT_FOUND;
      // Before the keys are compared, so that the answer to a repeated request shows an end that has just been noticed.
      const run = replayOnly ? stored : this.ledger.expired(stored, now);
      if (isSame(changeKey, run.changeKey, run.changeFingerprint)) {
        return cancelledAt(event, run, this.context.replies.run(run, { replayed: true }));
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
        if (isReport && run.occupiedUntil !== null) this.parts.scheduler.jobEnded(run, now);
        return { ok: false, reason: next.error };
      }
      const changed = this.ledger.update(run, next.value, event, now, { changeKey });
      return cancelledAt(event, changed, this.context.replies.run(changed));
    },

    cancel: async (id, request, changeKey, { include } = {}) => {
      const cancelled = cancelRun(this.context, id, request, changeKey, Date.now());
      if (!cancelled.ok) return cancelled;
      const { run, replayed, hasGrace, decidedAt } = cancelled;
      const reply = { ...this.context.replies.run(run, { replayed, include }), hasGrace };
      return decidedAt === null ? reply : { ...reply, decidedAt };
    },

    heartbeat: async (id, heartbeat) => {
      const now = Date.now();
      const run = this.ledger.current(id, now);
      if (run === null) return NOT_FOUND;
      const { externalUrl, tail } = heartbeat;
      const event: RunEvent = { type: "heartbeat", externalUrl };
      const next = transition(run, event, now);
      if (!next.ok) return { ok: false, reason: next.error };
      const refusal = externalUrl === undefined ? null : externalUrlRefusal(run, externalUrl);
      const externalUrlRefused = refusal ?? undefined;
      const { tails } = this.context;
      const said = { cancel: cancelOrderOf(run, now), externalUrlRefused, watched: tails.isWatched(id, now) };
      const judged = { ...heartbeat, externalUrlRefused };
      const news = heartbeatNews(this.journal.timeline.lastHeartbeat(id), judged, now);
      const isVersion = next.value.version > run.version;
      const noted = isVersion ? this.ledger.update(run, next.value, event, now, { last: news }) : run;
      if (!isVersion) this.ledger.noteHeartbeat({ ...run, ...next.value }, news);
      if (tail !== undefined) tails.note(id, tail, now);
      return { ...this.context.replies.run(noted), ...said };
    },

    job: async (id) => {
      const run = this.ledger.current(id, Date.now());
      if (run === null) return NOT_FOUND;
      const { reporter, execution, deadlineAt } = run;
      const isAnswered = this.journal.dispatches.of(id) === null;
      return { ok: true, reporter, execution, isAnswered, deadlineAt, refused: endOf(run) };
    },

    noteJob: async (id, { type, execution, attempt }) => {
      const answer = await this.calls.job(id);
      const run = this.journal.runs.byId(id);
      if (!answer.ok || run === null) return answer;
      if (answer.refused !== null) return { ok: false, reason: answer.refused };
      const event = { type, at: Date.now(), data: { execution, ...(attempt !== null && { attempt }) } };
      if (this.journal.timeline.isNews(id, event)) this.ledger.noteEvents(run, [event]);
      return answer;
    },

    erase: (id, by) => eraseRun(this.context, id, by),

    erasure: async (id) => {
      const run = this.journal.runs.byId(id);
      return run === null ? NOT_FOUND : erasureOf(this.context, run);
    },
  };

  /** A run that was written just now, and what it means for automatic retries that have not begun. */
  #created(created: JournaledRun, inclusion: Inclusion, now: number): RunReply {
    if (!this.journal.plannedRetries.isAny) return this.context.replies.run(created, inclusion);
    const start = startOf(created.createKey);
    if (start?.by === "retry") this.parts.retries.made(start.of, created, now);
    else this.parts.retries.replacedBy(created, now);
    // A run that it replaced can have left room for it.
    return this.context.replies.run(this.journal.runs.byId(created.id) ?? created, inclusion);
  }

  #failStart(run: JournaledRun, reason: string, now: number): JournaledRun {
    const event = { type: "start_failed", reason } as const;
    const next = transition(run, event, now);
    return next.ok ? this.ledger.update(run, next.value, event, now) : run;
  }

  /** Under the key of the last run of a calling agent if this is the same call, or else under the next one. */
  #keyOf(sent: ChangeKey, now: number): ChangeKey {
    if (sent.agent === undefined) return sent;
    const { caller, client } = sent.agent;
    const last = this.journal.runs.lastOfCaller(caller);
    const isSameCall = last?.createFingerprint === sent.fingerprint && now - last.createdAt < SAME_CALL_WITHIN_MS;
    const start = last && startOf(last.createKey);
    const ordinal = start?.by === "agent" ? start.ordinal + 1 : 1;
    return { ...sent, key: last && isSameCall ? last.createKey : agentKey(caller, ordinal, client) };
  }

  #createRefusal(
    { retryOf }: NewRun,
    { key }: ChangeKey,
    isFirstRetry: boolean,
    now: number,
  ): RunRefusal["reason"] | null {
    if (this.context.storageLimit.isReached(now)) return "storage_full";
    if (this.context.replication.isOverloaded) return "overloaded";
    if (retryOf === null) return null;
    if (this.journal.runs.isErased(retryOf)) return "run_erased";
    // An automatic retry needs its plan, which a newer run may have dropped. Any other would be a second one.
    if ((this.journal.plannedRetries.of(retryOf) !== null) !== (key === retryKey(retryOf))) {
      return key === retryKey(retryOf) ? "retry_dropped" : "retry_planned";
    }
    return isFirstRetry && this.journal.runs.retriesOf(retryOf, 1).length > 0 ? "already_retried" : null;
  }

  #existing({ id }: NewRun, changeKey: ChangeKey, inclusion: Inclusion, now: number): RunReply | null {
    const existing = this.journal.runs.standingInTheWay(changeKey.key, id);
    if (existing === null) return null;
    // A Worker whose call was lost sends it again with the same id. For an agent, another key was next meanwhile.
    const isSame = existing.createKey === changeKey.key || (changeKey.agent !== undefined && existing.id === id);
    return isSame ? this.#recalled(existing, changeKey, inclusion, now) : { ok: false, reason: "id_taken" };
  }

  #recalled(existing: JournaledRun, changeKey: ChangeKey, { include }: Inclusion, now: number): RunReply {
    const refusal = fingerprintRefusal(changeKey, existing);
    if (refusal !== null) return refusal;
    return this.context.replies.run(this.ledger.expired(existing, now), { replayed: true, include });
  }

  #isUsed(changeKey: ChangeKey, run: JournaledRun): boolean {
    if (!isCallers(changeKey)) return false;
    return changeKey.key === run.changeKey || this.journal.accepted.of(run.id, changeKey.key) !== null;
  }
}

/** A DELETE ends the run at once, so its repetition finds the same instant. */
function cancelledAt({ type }: RunEvent, { completedAt }: JournaledRun, reply: RunAnswer): RunAnswer {
  return type === "cancelled" && completedAt !== null ? { ...reply, decidedAt: completedAt } : reply;
}

export class WatchHandler extends Part {
  readonly calls: WatchCalls = {
    events: async (id, page) => this.#timeline(id, page),

    watch: async (id, page, subscriber, maxMs) => {
      const { subscriptions } = this.context;
      const first = this.#timeline(id, page);
      if (!first.ok || first.isOver) return first;
      if (!subscriptions.add(id, subscriber, Date.now(), maxMs, true)) return TOO_MANY_WATCHERS;
      if (first.events.length > 0 || first.tail !== undefined) return first;
      await subscriptions.news(subscriber, maxMs);
      return this.#timeline(id, page);
    },

    waitForEnd: async (id, subscriber, { maxMs, isLast, include }) => {
      const { ledger, replies, subscriptions } = this.context;
      const startedAt = Date.now();
      for (;;) {
        const now = Date.now();
        const leftMs = maxMs - msSinceOrLongAgo(startedAt, now);
        const run = ledger.current(id, now);
        if (run === null) return NOT_FOUND;
        if (!isOpen(run) || leftMs <= 0) {
          if (isLast || !isOpen(run)) subscriptions.leave(subscriber.key);
          return replies.run(run, { include });
        }
        if (!subscriptions.add(id, subscriber, now, maxMs)) return TOO_MANY_WATCHERS;
        // Otherwise two calls of one subscriber would subscribe in turn, and wake each other for ever.
        if (!(await subscriptions.news(subscriber, leftMs))) return replies.run(run);
      }
    },

    changes: (asked) => this.context.changes.page(asked),

    watchChanges: (asked, subscriber, maxMs) => this.context.changes.watch(asked, subscriber, maxMs),

    unwatch: async (subscriberKey) => {
      this.context.subscriptions.leave(subscriberKey);
    },
  };

  #timeline(id: string, { after, limit, withExcerpts = false, tailAt }: TimelinePage): TimelineReply {
    const { ledger, journal, tails } = this.context;
    const run = ledger.current(id, Date.now());
    if (run === null) return NOT_FOUND;
    const page = journal.timeline.after(run, after, limit);
    const newest = journal.timeline.last(run);
    const lastSeq = page.at(-1)?.seq ?? after;
    const isOver = isLast(newest) && lastSeq >= newest.seq;
    const events = page.map((event) => toWireEvent(event, { withExcerpt: withExcerpts }));
    const tail = tailAt === undefined ? null : tails.after(id, tailAt);
    return { ok: true, events, lastSeq, newestSeq: newest.seq, isOver, ...(tail !== null && { tail }) };
  }
}
