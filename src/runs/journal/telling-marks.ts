/** The cursors that say what the environment's webhook endpoints may not have heard of yet. */

import type { Metadata } from "./marks.ts";

/**
 * Somebody changes the endpoints, or has just changed them. `at`: when that was noted last. `afterSeq`: events behind
 * this number are kept, because an endpoint may be there that must hear of them; null if every such event was fanned
 * out. `reads`: how many of the later reads have been made.
 */
export interface Noted {
  readonly at: number;
  readonly afterSeq: number | null;
  readonly reads: number;
}

export class FanOutCursors {
  readonly #metadata: Metadata;

  constructor(metadata: Metadata) {
    this.#metadata = metadata;
  }

  get noted(): Noted | null {
    const stored = this.#metadata.get("endpoints_noted");
    if (stored === null) return null;
    const [at, reads, afterSeq = ""] = stored.split(":");
    return { at: Number(at), reads: Number(reads), afterSeq: afterSeq === "" ? null : Number(afterSeq) };
  }

  set noted(noted: Noted | null) {
    const value = noted && `${noted.at}:${noted.reads}:${noted.afterSeq ?? ""}`;
    this.#metadata.set("endpoints_noted", value);
  }

  /** Events behind this number may be pending: they have no deliveries yet. Null: none is pending. */
  get pendingAfter(): number | null {
    return this.#numberIn("fan_out_after");
  }

  set pendingAfter(seq: number | null) {
    this.#metadata.set("fan_out_after", seq === null ? null : String(seq));
  }

  /** Runs with an event behind this number must be kept. Infinity: there are none. */
  get keptAfter(): number {
    return Math.min(this.pendingAfter ?? Number.POSITIVE_INFINITY, this.noted?.afterSeq ?? Number.POSITIVE_INFINITY);
  }

  /** The outcomes of runs that ended before this number are unknown, because a walk must note them. Null: no walk. */
  get outcomesBelow(): number | null {
    return this.#numberIn("outcomes_below");
  }

  set outcomesBelow(seq: number | null) {
    this.#metadata.set("outcomes_below", seq === null ? null : String(seq));
  }

  #numberIn(name: "fan_out_after" | "outcomes_below"): number | null {
    const seq = this.#metadata.get(name);
    return seq === null ? null : Number(seq);
  }
}
