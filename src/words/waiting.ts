/** What a run waits for before its webhook is sent, in words. PURE, apart from the time zone of this machine. */
import type { components } from "../client/openapi.ts";
import { formatAge, formatDuration } from "./durations.ts";

type Details = components["schemas"]["ActionRunDetails"];
export type Waiting = NonNullable<Details["waiting"]>;
type WaitsFor = Waiting["for"];

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
const DAY = { day: "numeric", month: "short" } as const;

/** `Tue 06:00 GMT+1`. Both in ms. `timeZone`: undefined for that of this machine. */
export function whenText(at: number, now: number, timeZone?: string): string {
  const isThisWeek = Math.abs(at - now) < WEEK_MS;
  const options = { weekday: "short", ...CLOCK, ...(isThisWeek ? {} : DAY), timeZone } as const;
  const text = new Intl.DateTimeFormat("en-GB", options).format(at);
  // Only the day of the month needs a comma before the time.
  return isThisWeek ? text.replace(",", "") : text;
}

/** `fails in 6d 23h`: when a run fails if it still waits. `until`: RFC 3339. `now` in ms. */
export function failsText(until: string, now: number): string {
  const leftMs = Date.parse(until) - now;
  return leftMs < 1000 ? "fails now" : `fails in ${formatDuration(leftMs, { isRunning: true })}`;
}

/**
 * `starts Tue 06:00 GMT+1, in 9h`, `waits for approval, 1 of 2`, `3rd in line for group shop`. `now` in ms. `told`: how
 * an instant is written, and the approval, to say how many the run has.
 */
export function waitingText(
  waiting: Waiting,
  now: number,
  told: { readonly when?: (at: number) => string; readonly approval?: Details["approval"] } = {},
): string {
  const { when = (at) => whenText(at, now), approval = null } = told;
  const { for: gate, notBefore, reason, position } = waiting;
  const shown = groupText(waiting);
  switch (gate) {
    case "time": {
      if (notBefore === null) return "waits for its time";
      const at = Date.parse(notBefore);
      // The service opens the gate a moment after its time.
      if (!(at > now)) return "starts now";
      const isLacking = approval !== null && approval.approvals.length < approval.required;
      return `starts ${when(at)}, ${formatAge(now - at)}${isLacking ? ", if it is approved" : ""}`;
    }
    case "approval": {
      const isOfMany = approval !== null && approval.required > 1;
      return `waits for approval${isOfMany ? `, ${approval.approvals.length} of ${approval.required}` : ""}`;
    }
    case "concurrency":
      if (shown === null) return "starts now";
      return position == null
        ? `waits for a slot of group ${shown}`
        : `${ordinal(position)} in line for group ${shown}`;
    case "pause":
      return `waits for the end of a pause${reason === null ? "" : `: ${reason}`}`;
    default:
      // A newer service may know more gates.
      return `waits for ${gate}`;
  }
}

/** `shop`, or `shop (eu-west)` with the key; null without a group. */
export function groupText({ group, key }: { readonly group: string | null; readonly key?: string | null }) {
  if (group === null) return null;
  return key == null || key === "" ? group : `${group} (${key})`;
}

const PLURALS = new Intl.PluralRules("en", { type: "ordinal" });
const ENDINGS: Readonly<Record<string, string>> = { one: "st", two: "nd", few: "rd" };

export function ordinal(count: number): string {
  return `${count}${ENDINGS[PLURALS.select(count)] ?? "th"}`;
}

type Pause = components["schemas"]["Pause"];

/** In the place of a group: the whole environment. */
const WHOLE_ENVIRONMENT = "-environment";

/** The next planned pause of a group, or of its environment; null if there is none. `group`: null for no group. */
export function nextPause(pauses: readonly Pause[], group: string | null): Pause | null {
  const planned = pauses.filter((one) => !one.active && (one.group === group || one.group === WHOLE_ENVIRONMENT));
  return planned.reduce<Pause | null>((first, one) => (first !== null && first.from <= one.from ? first : one), null);
}

/** Whether a run waits for the end of a pause, or will when its other gates are open, and nobody has let it through. */
export function isHeldBy(pauses: readonly Pause[], { for: gate, group, throughPause }: Waiting): boolean {
  if (gate === "pause") return true;
  const holds = ({ active, from, group: paused }: Pause) =>
    active &&
    (paused === group || paused === WHOLE_ENVIRONMENT) &&
    (throughPause === undefined || Date.parse(from) > Date.parse(throughPause.at));
  return pauses.some(holds);
}

/** `A pause begins Fri 18:00 GMT+1 and ends Mon 06:00 GMT+1: the weekend`. `now` in ms. `timeZone`: as `whenText` has. */
export function plannedText({ from, until, reason }: Pause, now: number, timeZone?: string): string {
  const when = (at: string) => whenText(Date.parse(at), now, timeZone);
  return `A pause begins ${when(from)}${until === null ? "" : ` and ends ${when(until)}`}: ${reason}`;
}
