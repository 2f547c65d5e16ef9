/**
 * What a run waits for, in words. Every text from the service passes through `plain`. PURE, apart from the machine's time
 * zone: people plan by their own clock, so a start has their time with its offset.
 */

import type { ActionRunDetails } from "../client/index.ts";
import { durationText } from "./durations.ts";
import { groupText, text, words } from "./event-text.ts";
import { shortId } from "./telling.ts";

type Waiting = NonNullable<ActionRunDetails["waiting"]>;
type Gated = Pick<ActionRunDetails, "waiting" | "approval">;

/** How many runs ahead a line names. */
const NAMED_AHEAD = 2;

/** One line without a full stop; empty if the run does not wait. `now` in ms. */
export function waitsForText({ waiting, approval }: Gated, now: number): string {
  if (!waiting) return "";
  switch (waiting.for) {
    case "time":
      return `${startText(waiting, now)}${lacksApprovals(approval) ? ", if it is approved" : ""}`;
    case "approval":
      return `waits for approval${countText(approval)}`;
    case "concurrency":
      return queueText(waiting);
    case "pause":
      return words("paused", waiting.reason === null ? "" : `· ${text(waiting.reason)}`);
    default:
      // A newer service may know more gates.
      return `waits for ${text(waiting.for)}`;
  }
}

/**
 * Why the receiver did not take the webhook, without a full stop; empty if no attempt has failed. In a list, the next
 * attempt can have come since.
 */
export function failingText({ delivery }: Pick<ActionRunDetails, "delivery">, now: number): string {
  if (!delivery) return "";
  const leftMs = Date.parse(delivery.nextAttemptAt ?? "") - now;
  const next = leftMs > 0 ? `tried again in ${leftText(leftMs)}` : "being tried again";
  return `${text(delivery.reason).replace(/\.$/, "")}, ${next}`;
}

function startText({ notBefore }: Waiting, now: number): string {
  if (notBefore === null) return "waits for its time";
  const leftMs = Date.parse(notBefore) - now;
  return `starts ${localText(notBefore)}${leftMs > 0 ? `, in ${leftText(leftMs)}` : ""}`;
}

/** Whole seconds, because the line changes each second. */
function leftText(ms: number): string {
  return ms < 60_000 ? `${Math.ceil(ms / 1000)}s` : durationText(ms);
}

function queueText(waiting: Waiting): string {
  const { position, behind = [] } = waiting;
  const nth = position ? `, ${ordinal(position)}` : "";
  const more = behind.length - NAMED_AHEAD;
  const ahead = behind.slice(0, NAMED_AHEAD).map(shortId).join(", ");
  const those = ahead === "" ? "" : `, behind ${ahead}${more > 0 ? ` and ${more} more` : ""}`;
  const what = waiting.group === null ? "its turn" : `a slot of ${groupText(waiting)}`;
  return `waits for ${what}${nth}${those}`;
}

function lacksApprovals(approval: Gated["approval"]): boolean {
  return approval ? approval.approvals.length < approval.required : false;
}

function countText(approval: Gated["approval"]): string {
  return approval && approval.required > 1 ? `, ${approval.approvals.length} of ${text(approval.required)}` : "";
}

/** `1st`, `2nd`, `11th`. */
function ordinal(position: number): string {
  const ending = new Map([
    ["one", "st"],
    ["two", "nd"],
    ["few", "rd"],
  ]).get(ORDER.select(position));
  return `${text(position)}${ending ?? "th"}`;
}

const ORDER = new Intl.PluralRules("en", { type: "ordinal" });

/** `2026-11-30 06:00 +01:00`: the machine's time, to the minute, with its offset. */
export function localText(iso: string): string {
  const at = new Date(iso);
  if (Number.isNaN(at.getTime())) return text(iso);
  const offset = -at.getTimezoneOffset();
  const local = new Date(at.getTime() + offset * 60_000).toISOString();
  const sign = offset < 0 ? "-" : "+";
  const zone = `${two(Math.floor(Math.abs(offset) / 60))}:${two(Math.abs(offset) % 60)}`;
  return `${local.slice(0, 10)} ${local.slice(11, 16)} ${sign}${zone}`;
}

function two(value: number): string {
  return String(value).padStart(2, "0");
}
