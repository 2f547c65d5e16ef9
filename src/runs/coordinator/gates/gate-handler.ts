import { PAUSES_MAX_PER_ENVIRONMENT } from "../../../base/limits.ts";
import { shownDecision } from "../../action-run.ts";
import type { JournaledRun } from "../../journal/run-rows.ts";
import { holding } from "../../pauses.ts";
import { type Actor, approveConflict, isSameActor, isWaiting, queueOf, rejectConflict } from "../../run.ts";
import type { ChangeKey, GateCalls, Inclusion, RunRefusal, RunReply } from "../../run-calls.ts";
import type { GateEvent } from "../../transition.ts";
import { PartWith } from "../context.ts";
import { KEY_REUSED, NOT_FOUND } from "../replies.ts";
import type { ApproverCheck } from "./approver-check.ts";
import type { GatedRuns } from "./gated-runs.ts";
import type { Scheduler } from "./scheduler.ts";

type Judge = (run: JournaledRun, now: number) => GateEvent | ReturnType<typeof repeated> | RunRefusal["reason"];

export class GateHandler extends PartWith<{ gatedRuns: GatedRuns; scheduler: Scheduler; approvers: ApproverCheck }> {
  readonly calls: GateCalls = {
    approve: (id, { by, reason }, changeKey, inclusion = {}) =>
      this.#decide(id, by, changeKey, inclusion, (run, now) => {
        const earlier = run.approvals.find((approval) => isSameActor(approval.by, by));
        if (earlier !== undefined) return repeated(earlier.by, by, earlier.at);
        return approveConflict(run, by) ?? { type: "approved", approval: { by, at: now, reason } };
      }),

    reject: (id, { by, reason }, changeKey, inclusion = {}) =>
      this.#decide(id, by, changeKey, inclusion, (run, now) => {
        const { rejectedBy } = run;
        if (rejectedBy !== null && isSameActor(rejectedBy, by)) {
          return repeated(rejectedBy, by, run.completedAt ?? now);
        }
        return rejectConflict(run, by) ?? { type: "rejected", by, reason };
      }),

    release: (id, by, changeKey, inclusion = {}) =>
      this.#decide(id, null, changeKey, inclusion, ({ waitingFor }) =>
        waitingFor === "time" ? { type: "time_opened", by } : "not_waiting",
      ),

    releaseThroughPause: (id, { by, reason }, changeKey, inclusion = {}) =>
      this.#decide(id, null, changeKey, inclusion, ({ gates, waitingFor, throughPause }, now) => {
        if (gates === null || waitingFor === null) return "not_waiting";
        const inForce = this.journal.pauses.inForce(queueOf(gates).group, now);
        if (inForce.length === 0) return "not_paused";
        if (throughPause !== null && holding(inForce, throughPause.pauses) === null) {
          return repeated(throughPause.by, by, throughPause.at);
        }
        const passed = inForce.map(({ group, from, reason }) => ({ group, from, reason }));
        return { type: "let_through", by, at: now, reason, pauses: passed };
      }),

    approval: (id, asker) =>
      this.parts.approvers.reading(id, () => {
        const run = this.ledger.current(id, Date.now());
        if (run === null) return { ok: false, reason: "run_not_found" };
        const rule = run.gates?.approval ?? null;
        if (rule === null) return { ok: false, reason: "approval_not_found" };
        const { actionName, actionVersion, title, subject } = run;
        // The next decision withdraws those of revoked tokens.
        const revoked = this.parts.approvers.revokedOf(run.approvals);
        const counting = run.approvals.filter((one) => !revoked.includes(one));
        const asDecided = { ...run, approvals: counting };
        const approvals = JSON.stringify(counting.map(shownDecision));
        const conflicts = { approve: approveConflict(asDecided, asker), reject: rejectConflict(asDecided, asker) };
        const request = this.journal.previews.of(id);
        const waitUntil = isWaiting(run) ? (run.gates?.waitUntil ?? null) : null;
        const named = { actionName, actionVersion, title, subject };
        return { ok: true, rule, approvals, conflicts, request, ...named, waitUntil };
      }),

    hasGates: async (id) => {
      const run = this.journal.runs.byId(id);
      return run !== null && run.gates !== null;
    },

    pause: async (put) => {
      const now = Date.now();
      this.parts.scheduler.scheduleAllSoon(now);
      const pause = this.journal.pauses.put(put, PAUSES_MAX_PER_ENVIRONMENT, now);
      // The runs that an older pause held wait for this one now, and must show its reason.
      if (pause !== null) this.parts.scheduler.scheduleAll(now);
      return pause;
    },

    resume: async (group, from = null) => {
      const { pauses } = this.journal;
      const now = Date.now();
      const ending = pauses.ending(group, from, now);
      if (ending.length === 0) return false;
      this.parts.scheduler.scheduleAllSoon(now);
      pauses.erase(ending);
      this.parts.scheduler.scheduleAll(now);
      return true;
    },

    pauses: async () => this.journal.pauses.all(Date.now()),

    groups: async (only, after, limit) => {
      const { queues, pauses } = this.journal;
      return { groups: queues.groups(only, after, limit), pauses: pauses.all(Date.now()) };
    },

    /** Notes nothing if no open run of the action is in the group: the next one brings its limit. */
    setLimit: async (group, actionName, version, limit) => {
      const now = Date.now();
      const { queues } = this.journal;
      if (!queues.isInGroup(group, actionName) || queues.knowsLimit(group, actionName, version, now)) return;
      this.parts.scheduler.scheduleAllSoon(now);
      queues.setLimit(group, actionName, version, limit);
      this.parts.scheduler.scheduleAll(now);
    },
  };

  /** Asks about the run's approvers first. `approver`: asked about as well. A repeated decision gets the same answer. */
  #decide(
    id: string,
    approver: Actor | null,
    changeKey: ChangeKey,
    inclusion: Inclusion,
    judge: Judge,
  ): Promise<RunReply> {
    return this.parts.approvers.before(id, approver, () =>
      this.#decideNow(id, changeKey, inclusion, Date.now(), judge),
    );
  }

  #decideNow(id: string, changeKey: ChangeKey, { include }: Inclusion, now: number, judge: Judge): RunReply {
    const { replies } = this.context;
    const run = this.ledger.current(id, now);
    if (run === null) return NOT_FOUND;
    const accepted = this.journal.accepted.of(id, changeKey.key);
    if (accepted?.fingerprint === changeKey.fingerprint && accepted !== null) {
      return { ...replies.run(run, { replayed: true, include }), decidedAt: accepted.at };
    }
    // The key of another decision or cancel, or of a DELETE.
    if (accepted !== null || run.changeKey === changeKey.key) return KEY_REUSED;
    const judged = judge(run, now);
    if (typeof judged === "string") return { ok: false, reason: judged };
    if (judged.type === "repeated") {
      const reply = replies.run(run, { include });
      return judged.at === null ? reply : { ...reply, decidedAt: judged.at };
    }
    // A key that the Worker created is noted too, because the Worker repeats a call whose answer was lost.
    const changed = this.parts.gatedRuns.change(run, judged, now, { changeKey, isRepeatable: true });
    return { ...replies.run(changed, { include }), decidedAt: now };
  }
}

/** `at`: null if it was by another token, so that no audit entry says that this one did. */
function repeated(first: Actor, by: Actor, at: number) {
  return { type: "repeated", at: first.tokenId === by.tokenId ? at : null } as const;
}
