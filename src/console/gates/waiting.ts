/** What a run waits for before its webhook is sent, in words. PURE, apart from the time zone of this machine. */

import type { Schemas } from "../../client/index.ts";
import { formatAge } from "../ui/durations.ts";

export type Waiting = NonNullable<Schemas["ActionRunDetails"]["waiting"]>;
export type WaitsFor = Waiting["for"];

/** For what a filter can ask. */
export const WAITING_FILTERS = ["any", "time", "approval", "concurrency", "pause"] as const;

/** After a verb: "waits for approval". */
export const WAITED_FOR: Readonly<Record<WaitsFor, string>> = {
  time: "its time",
  approval: "approval",
  concurrency: "a slot",
  pause: "the end of a pause",
};

/** So far ahead, the name of a day means one day only. */
const WEEK_MS = 6 * 86_400_000;
const CLOCK = { hour: "2-digit", minute: "2-digit", timeZoneName: "shortOffset" } as const;
const THIS_WEEK = new Intl.DateTimeFormat("en-GB", { weekday: "short", ...CLOCK });
const LATER = new Intl.DateTimeFormat("en-GB", { weekday: "short", day: "numeric", month: "short", ...CLOCK });

/** `Tue 06:00 GMT+1`. Both in ms. */
export function whenText(at: number, now: number): string {
  // Only the day of the month needs a comma before the time.
  return Math.abs(at - now) < WEEK_MS ? THIS_WEEK.format(at).replace(",", "") : LATER.format(at);
}

/** `starts Tue 06:00 GMT+1, in 9h`, `waits for approval`, `3rd in line for group shop`. `now` in ms. */
export function waitingText(waiting: Waiting, now: number): string {
  const { for: gate, notBefore, reason, position } = waiting;
  const shown = groupText(waiting);
  switch (gate) {
    case "time": {
      const at = Date.parse(notBefore ?? "");
      // The service opens the gate a moment after its time.
      if (!(at > now)) return "starts now";
      return `starts ${whenText(at, now)}, ${formatAge(now - at)}`;
    }
    case "approval":
      return "waits for approval";
    case "concurrency":
      if (shown === null) return "starts now";
      return position == null
        ? `waits for a slot of group ${shown}`
        : `${ordinal(position)} in line for group ${shown}`;
    case "pause":
      return `waits for the end of a pause${reason === null ? "" : `: ${reason}`}`;
  }
}

/** `shop`, or `shop (eu-west)` with the key; null without a group. */
export function groupText({ group, key }: { readonly group: string | null; readonly key: string | null }) {
  if (group === null) return null;
  return key === null || key === "" ? group : `${group} (${key})`;
}

const PLURALS = new Intl.PluralRules("en", { type: "ordinal" });
const ENDINGS: Readonly<Record<string, string>> = { one: "st", two: "nd", few: "rd" };

/** `1st`, `22nd`, `113th`. */
export function ordinal(count: number): string {
  return `${count}${ENDINGS[PLURALS.select(count)] ?? "th"}`;
}
