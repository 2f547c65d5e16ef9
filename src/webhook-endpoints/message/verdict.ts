/** What the answer to a delivery means for the delivery and for its endpoint. PURE. */

import type { DeliveryResult } from "../../runs/telling.ts";

/**
 * What an attempt means. `unwanted`: the receiver answered 410, and no value of the run chose the URL, so it wants no
 * deliveries any more. Whoever asked for the attempt disables the endpoint, and then says `gone`.
 */
export type SentVerdict = Exclude<DeliveryResult["verdict"], "gone"> | "unwanted";

export interface Judged extends Pick<DeliveryResult, "isAlive"> {
  readonly verdict: SentVerdict;
}

/** The receiver refuses this delivery, and would refuse it again. Others may pass. */
const REFUSED: ReadonlySet<number> = new Set([400, 413, 414, 415, 422]);
/** The receiver has no time now. */
const BUSY: ReadonlySet<number> = new Set([408, 425, 429]);

/**
 * `status`: null if there was no answer. `isSameUrl`: whether the URL has no placeholders. If it has, a 410 can be about
 * one run.
 */
export function judge(status: number | null, isSameUrl: boolean): Judged {
  if (status === null || status >= 500 || BUSY.has(status)) return { verdict: "failed", isAlive: false };
  const isAlive = true;
  if (status >= 200 && status <= 299) return { verdict: "delivered", isAlive };
  if (status === 410) return { verdict: isSameUrl ? "unwanted" : "refused", isAlive };
  return { verdict: REFUSED.has(status) ? "refused" : "failed", isAlive };
}
