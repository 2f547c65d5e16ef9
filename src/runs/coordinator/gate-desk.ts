/**
 * What people and programs ask of a coordinator about gates: approvals, releases, pauses, groups, limits, and claims of
 * callers' keys. Each call is one synchronous stretch.
 */

import { DAY_MS } from "../../base/time.ts";
import type { NewDelivery } from "../../webhooks/delivery.ts";
import { type Actor, isSameActor } from "../actor.ts";
import { shownApproval } from "../details.ts";
import type { GateEvent } from "../gate-transition.ts";
import { approveConflict, isSameSlot, rejectConflict, type Slot } from "../gates.ts";
import type { Journal } from "../journal/journal.ts";
import type { JournaledRun } from "../journal/run-rows.ts";
import type {
  ApprovalReply,
  ChangeKey,
  ClaimReply,
  ConcurrencyGroup,
  Decision,
  Inclusion,
  Pause,
  RunRefusal,
  RunReply,
} from "../protocol.ts";
import type { Run } from "../run.ts";
import type { GateKeeper } from "./gate-keeper.ts";
import type { Ledger } from "./ledger.ts";
import { fingerprintRefusal, KEY_REUSED, NOT_FOUND, type Replies } from "./replies.ts";

/** The longest that a run can live without its retention: its start, its wait and its timeout each have 30 days. */
const RUN_LIFE_MAX_MS = 90 * DAY_MS;

/** The same approver decided so before, at this instant. Null: through another token, which decided nothing. */
interface Repeated {
  readonly type: "repeated";
  readonly at: number | null;
}

export class GateDesk {
  readonly #journal: Journal;
  readonly #ledger: Ledger;
  readonly #keeper: GateKeeper;
  readonly #replies: Replies;
  readonly #retentionDays: number;

  constructor(journal: Journal, ledger: Ledger, keeper: GateKeeper, replies: Replies, retentionDays: number) {
    this.#journal = journal;
    this.#ledger = ledger;
    this.#keeper = keeper;
    this.#replies = replies;
    this.#retentionDays = retentionDays;
  }

  /** If the key is claimed for another slot: where its run lives or must be made. Null if the create may go on. */
  claimed(changeKey: ChangeKey, slot: Slot | null, now: number): RunRefusal | null {
    const claim = this.#journal.claims.of(changeKey.key);
    if (claim === null) return null;
    this.#journal.claims.extend(changeKey.key, this.#claimEndsAt(now));
    const refusal = fingerprintRefusal(changeKey, claim);
    if (refusal !== null) return refusal;
    if (slot !== null && isSameSlot(claim, slot)) return null;
    return { ok: false, reason: "claimed", claim: { group: claim.group, key: claim.key } };
  }

  /**
   * Finds the run of the key, or its first claim, or claims the key for this slot. `isFull`: whether the object keeps
   * what room it has, so that the runs it has can end.
   */
  claim(
    changeKey: ChangeKey,
    slot: Slot,
    inclusion: Inclusion,
    { now, isFull }: { readonly now: number; readonly isFull: boolean },
  ): ClaimReply {
    const existing = this.#journal.runs.byCreateKey(changeKey.key);
    if (existing !== null) {
      const refusal = fingerprintRefusal(changeKey, existing);
      if (refusal !== null) return refusal;
      const run = this.#replies.run(this.#ledger.expired(existing, now), { replayed: true, ...inclusion });
      return { ok: true, run, claim: slot };
    }
    const claimed = this.claimed(changeKey, slot, now);
    if (claimed?.claim !== undefined) return { ok: true, run: null, claim: claimed.claim };
    if (claimed !== null) return claimed;
    if (this.#journal.claims.of(changeKey.key) === null) {
      if (isFull) return { ok: false, reason: "storage_full" };
      this.#journal.claims.insert(changeKey, slot, this.#claimEndsAt(now));
    }
    return { ok: true, run: null, claim: slot };
  }

  create(begun: Run, changeKey: ChangeKey, delivery: NewDelivery, preview: string | null, now: number) {
    return this.#keeper.create(begun, changeKey, delivery, preview, now);
  }

  approve(
    id: string,
    { by, reason }: Decision,
    changeKey: ChangeKey,
    inclusion: Inclusion,
    now: number,
  ): RunReply {
    return this.#decide(id, changeKey, inclusion, now, (run) => {
      const earlier = run.approvals.find((approval) => isSameActor(approval.by, by));
      if (earlier !== undefined) return repeated(earlier.by, by, earlier.at);
      return approveConflict(run, by) ?? { type: "approved", approval: { by, at: now, reason } };
    });
  }

  reject(
    id: string,
    { by, reason }: Decision,
    changeKey: ChangeKey,
    inclusion: Inclusion,
    now: number,
  ): RunReply {
    return this.#decide(id, changeKey, inclusion, now, (run) => {
      const { rejectedBy } = run;
      if (rejectedBy !== null && isSameActor(rejectedBy, by)) {
        return repeated(rejectedBy, by, run.completedAt ?? now);
      }
      return rejectConflict(run, by) ?? { type: "rejected", by, reason };
    });
  }

  release(id: string, by: Decision["by"], changeKey: ChangeKey, inclusion: Inclusion, now: number): RunReply {
    return this.#decide(id, changeKey, inclusion, now, ({ waitingFor }) =>
      waitingFor === "time" ? { type: "time_opened", by } : "not_waiting",
    );
  }

  /** `asker`: about whose decisions the answer speaks. */
  approval(id: string, asker: Actor, now: number): ApprovalReply {
    const run = this.#ledger.current(id, now);
    if (run === null) return { ok: false, reason: "run_not_found" };
    const rule = run.gates?.approval ?? null;
    if (rule === null) return { ok: false, reason: "approval_not_found" };
    const { actionName, actionVersion } = run;
    const approvals = JSON.stringify(run.approvals.map(shownApproval));
    const conflicts = { approve: approveConflict(run, asker), reject: rejectConflict(run, asker) };
    const request = this.#journal.previews.of(id);
    return { ok: true, rule, approvals, conflicts, request, actionName, actionVersion };
  }

  pause(pause: Pause, now: number): boolean {
    return this.#journal.pauses.put(pause, now);
  }

  resume(group: string, now: number): boolean {
    const wasPaused = this.#journal.pauses.erase(group);
    if (wasPaused) this.#keeper.admitEverywhere(now);
    return wasPaused;
  }

  pauses(now: number): readonly Pause[] {
    return this.#journal.pauses.all(now);
  }

  groups(only: string | null, after: Slot | null, limit: number, now: number): readonly ConcurrencyGroup[] {
    const { slots, pauses } = this.#journal;
    return slots
      .groups(only, after, limit)
      .map((group) => ({ ...group, pause: pauses.of(group.group, now)?.reason ?? null }));
  }

  /** Notes nothing if no open run of the action is in the group: the next one brings its limit. */
  setLimit(group: string, actionName: string, version: number, limit: number, now: number): void {
    const { slots } = this.#journal;
    if (!slots.isInGroup(group, actionName)) return;
    if (slots.setLimit(group, actionName, version, limit)) this.#keeper.admitEverywhere(now);
  }

  /** A repeated decision gets the same answer. `judge` says what the decision does, or why it is refused. */
  #decide(
    id: string,
    changeKey: ChangeKey,
    { include }: Inclusion,
    now: number,
    judge: (run: JournaledRun) => GateEvent | Repeated | Exclude<RunRefusal["reason"], "claimed">,
  ): RunReply {
    const run = this.#ledger.current(id, now);
    if (run === null) return NOT_FOUND;
    const accepted = this.#journal.accepted.of(id, changeKey.key);
    if (accepted?.fingerprint === changeKey.fingerprint && accepted !== null) {
      return { ...this.#replies.run(run, { replayed: true, include }), decidedAt: accepted.at };
    }
    // The key of another decision or cancel, or of a DELETE.
    if (accepted !== null || run.changeKey === changeKey.key) return KEY_REUSED;
    const judged = judge(run);
    // This refusal is about the caller and not about the run, so it needs no bookmark.
    if (judged === "own_run") return { ok: false, reason: judged };
    if (typeof judged === "string") return this.#replies.refusal(run, judged);
    if (judged.type === "repeated") {
      const reply = this.#replies.run(run, { include });
      return judged.at === null ? reply : { ...reply, decidedAt: judged.at };
    }
    // Also with a minted key, because the Worker repeats a call whose answer was lost.
    const changed = this.#keeper.change(run, judged, now, { changeKey, isRepeatable: true });
    return { ...this.#replies.run(changed, { include }), decidedAt: now };
  }

  #claimEndsAt(now: number): number {
    return now + RUN_LIFE_MAX_MS + this.#retentionDays * DAY_MS;
  }
}

function repeated(first: Actor, by: Actor, at: number): Repeated {
  return { type: "repeated", at: first.tokenId === by.tokenId ? at : null };
}
