/**
 * New runs, and what callers' keys have created. A repeated create gets the answer of the first one, wherever the run
 * lives: the coordinator of a key has the run, or a claim that says where the run is.
 */

import { DAY_MS } from "../../base/time.ts";
import type { NewDelivery } from "../../webhooks/delivery.ts";
import type { ClaimReply, GatedCreation } from "../gate-calls.ts";
import { isSameSlot, type Slot, slotOf } from "../gates.ts";
import type { Journal } from "../journal/journal.ts";
import type { JournaledRun } from "../journal/run-rows.ts";
import type { Projection } from "../projection/projection.ts";
import { begin, type NewRun } from "../run.ts";
import type { Inclusion, RunRefusal, RunReply } from "../run-answer.ts";
import type { ChangeKey } from "../run-calls.ts";
import type { Deliveries } from "./deliveries.ts";
import type { GatedRuns } from "./gates/gated-runs.ts";
import type { Ledger } from "./ledger.ts";
import { fingerprintRefusal, NOT_FOUND, type Replies } from "./replies.ts";
import type { StorageLimit } from "./storage-limit.ts";

/** The longest that a run can live without its retention: its start, its wait and its timeout each have 30 days. */
const RUN_LIFE_MAX_MS = 90 * DAY_MS;

/** What a CreateDesk needs of its coordinator. */
interface Parts {
  readonly journal: Journal;
  readonly storageLimit: StorageLimit;
  readonly projection: Projection;
  readonly ledger: Ledger;
  readonly deliveries: Deliveries;
  readonly gatedRuns: GatedRuns;
  readonly replies: Replies;
  readonly retentionDays: number;
}

export class CreateDesk {
  readonly #parts: Parts;

  constructor(parts: Parts) {
    this.#parts = parts;
  }

  create(
    input: NewRun,
    changeKey: ChangeKey,
    newDelivery: NewDelivery | null,
    inclusion: Inclusion,
    now: number,
  ): RunReply {
    const reason = this.#refusal(now);
    // A repeated create still gets its answer.
    if (reason !== null) {
      return (
        this.#existing(input, changeKey, inclusion, now) ??
        this.#claimed(changeKey, null, now) ?? { ok: false, reason }
      );
    }
    const claimed = this.#claimed(changeKey, null, now);
    if (claimed !== null) return claimed;
    const { deliveries, ledger, replies } = this.#parts;
    const run = begin(input, now, { isDelivering: newDelivery !== null });
    const { delivery, events } =
      newDelivery === null ? { delivery: null, events: [] } : deliveries.begin(run, newDelivery, now);
    // A key is looked for only if the insert is refused, because nearly every create is new.
    const created = ledger.create(run, changeKey, { delivery, events }, now);
    if (created === null) {
      return this.#existing(input, changeKey, inclusion, now) ?? { ok: false, reason: "id_taken" };
    }
    if (delivery !== null) deliveries.launch(run.id, delivery);
    return replies.run(created, inclusion);
  }

  createGated(
    input: NewRun,
    changeKey: ChangeKey,
    newDelivery: NewDelivery,
    { preview, ...inclusion }: GatedCreation,
    now: number,
  ): RunReply {
    // Look for the key before anything waits or starts for the run. `ledger.create` looks again, with the insert.
    const known =
      this.#existing(input, changeKey, inclusion, now) ??
      this.#claimed(changeKey, input.gates && slotOf(input.gates), now);
    if (known !== null) return known;
    const reason = this.#refusal(now);
    if (reason !== null) return { ok: false, reason };
    const begun = begin(input, now, { isDelivering: true });
    const created = this.#parts.gatedRuns.create(begun, changeKey, newDelivery, preview, now);
    if (created === "taken") return { ok: false, reason: "id_taken" };
    if (typeof created === "string") return { ok: false, reason: created };
    return this.#parts.replies.run(created, inclusion);
  }

  /** Finds the run of the key, or its first claim, or claims the key for this slot. */
  claim(changeKey: ChangeKey, slot: Slot, inclusion: Inclusion, now: number): ClaimReply {
    const { journal, storageLimit, projection } = this.#parts;
    const existing = journal.runs.byCreateKey(changeKey.key);
    if (existing !== null) {
      const run = this.#recalled(existing, changeKey, inclusion, now);
      return run.ok ? { ok: true, run, claim: slot } : run;
    }
    const claimed = this.#claimed(changeKey, slot, now);
    if (claimed?.claim !== undefined) return { ok: true, run: null, claim: claimed.claim };
    if (claimed !== null) return claimed;
    if (journal.claims.of(changeKey.key) === null) {
      // Keep the room that is left, so that the runs of this coordinator can end.
      if (storageLimit.isReached(now)) return { ok: false, reason: "storage_full" };
      journal.claims.insert(changeKey, slot, this.#claimEndsAt(now));
      projection.arm(now);
    }
    return { ok: true, run: null, claim: slot };
  }

  recall(changeKey: ChangeKey, inclusion: Inclusion, now: number): RunReply {
    const existing = this.#parts.journal.runs.byCreateKey(changeKey.key);
    if (existing !== null) return this.#recalled(existing, changeKey, inclusion, now);
    return this.#claimed(changeKey, null, now) ?? NOT_FOUND;
  }

  /** Why no run can be created now; null if nothing prevents it. */
  #refusal(now: number): "storage_full" | "overloaded" | null {
    if (this.#parts.storageLimit.isReached(now)) return "storage_full";
    return this.#parts.projection.isOverloaded ? "overloaded" : null;
  }

  /** If the key is claimed for another slot: where its run lives or must be made. Null if the create may go on. */
  #claimed(changeKey: ChangeKey, slot: Slot | null, now: number): RunRefusal | null {
    const { claims } = this.#parts.journal;
    const claim = claims.of(changeKey.key);
    if (claim === null) return null;
    const refusal = fingerprintRefusal(changeKey, claim);
    if (refusal !== null) return refusal;
    claims.extend(changeKey.key, this.#claimEndsAt(now));
    if (slot !== null && isSameSlot(claim, slot)) return null;
    return { ok: false, reason: "claimed", claim: { group: claim.group, key: claim.key } };
  }

  /** The answer to a create whose key or id is taken; null if neither is. */
  #existing({ id }: NewRun, changeKey: ChangeKey, inclusion: Inclusion, now: number): RunReply | null {
    const existing = this.#parts.journal.runs.standingInTheWay(changeKey.key, id);
    if (existing === null) return null;
    return existing.createKey === changeKey.key
      ? this.#recalled(existing, changeKey, inclusion, now)
      : { ok: false, reason: "id_taken" };
  }

  #recalled(existing: JournaledRun, changeKey: ChangeKey, { include }: Inclusion, now: number): RunReply {
    const refusal = fingerprintRefusal(changeKey, existing);
    if (refusal !== null) return refusal;
    const { ledger, replies } = this.#parts;
    return replies.run(ledger.expired(existing, now), { replayed: true, include });
  }

  #claimEndsAt(now: number): number {
    return now + RUN_LIFE_MAX_MS + this.#parts.retentionDays * DAY_MS;
  }
}
